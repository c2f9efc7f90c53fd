/*
 * data/value.h - the one dynamic tree: JSON, YAML, manifests, template data, expr values.
 *
 * A `struct value` is 16 bytes and is passed by value or by const pointer. Lists and maps are
 * references (as in Go): copying the value shares the container. Everything lives in the arena that
 * made it; value_clone copies a tree into another arena. Maps keep insertion order and look up by
 * hash once they are larger than a few entries; the hash is keyed by a secret of the process, so that
 * no choice of keys makes it slow. Strings need not be UTF-8.
 */
#pragma once
#include "base/base.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
    VALUE_OPAQUE, /* an object of another room (template methods, times); JSON writes it as null */
};

struct list;
struct map;

struct value {
    uint8_t kind; /* enum value_kind */
    uint8_t tag;  /* 0, or a Go static type that a room attaches; ignored by equality and writers */
    uint32_t n;   /* bytes of a string */
    union {
        bool b;
        int64_t i;
        double f;
        const char *s;
        struct list *list;
        struct map *map;
        const void *opaque;
    };
};

struct list {
    struct value *v;
    size_t n, cap;
};

struct map_entry {
    struct str key;
    struct value value;
};

struct map {
    struct map_entry *v; /* insertion order */
    size_t n;
    uint32_t *index; /* open addressing, 0 = free, else position + 1; NULL while small */
    uint32_t cap, index_cap;
};

extern const struct value value_nil; /* VALUE_NULL, for returning a pointer to "nothing" */

static inline struct value value_null(void)
{
    return (struct value){ .kind = VALUE_NULL };
}
static inline struct value value_bool(bool b)
{
    return (struct value){ .kind = VALUE_BOOL, .b = b };
}
static inline struct value value_int(int64_t i)
{
    return (struct value){ .kind = VALUE_INT, .i = i };
}
static inline struct value value_float(double f)
{
    return (struct value){ .kind = VALUE_FLOAT, .f = f };
}
/* Shares the bytes; they must live as long as the value. At most 4 GiB. */
static inline struct value value_str(struct str s)
{
    return (struct value){ .kind = VALUE_STRING, .n = (uint32_t)s.n, .s = s.p };
}
struct value value_c(const char *text); /* shares a C string */
struct value value_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
struct value value_list(struct arena *a);
struct value value_map(struct arena *a);

/* The slice of a string value; the empty slice for any other kind. */
static inline struct str value_as_str(const struct value *v)
{
    return v->kind == VALUE_STRING ? (struct str){ v->s, v->n } : (struct str){ "", 0 };
}
static inline bool value_is(const struct value *v, enum value_kind k)
{
    return v->kind == k;
}
const char *value_kind_name(enum value_kind k); /* "null", "bool", "int", "float", "string", "list", "map" */

/* ---- lists -------------------------------------------------------------------------------- */
void list_push(struct arena *a, struct list *l, struct value v);
/* Room for `n` items in all: an exact size instead of doubling. */
void list_reserve(struct arena *a, struct list *l, size_t n);
/* Length of a list value, 0 for another kind; item i or value_nil. */
size_t value_len(const struct value *v);
const struct value *value_item(const struct value *v, size_t i);

/* ---- maps --------------------------------------------------------------------------------- */
struct value *map_get(const struct map *m, struct str key);                   /* NULL when absent */
void map_put(struct arena *a, struct map *m, struct str key, struct value v); /* replaces in place */
void map_reserve(struct arena *a, struct map *m, size_t n);                   /* room for `n` entries in all */
bool map_del(struct map *m, struct str key);                                  /* keeps the order of the others */
/* Positions of the entries ordered by key bytes (as Go prints and ranges over maps). */
const struct map_entry **map_sorted(struct arena *a, const struct map *m);
/* Sorts pointers to entries by merging, so that even an order that is none gives one result everywhere. */
void map_order(struct arena *a, const struct map_entry **v, size_t n, int (*compare)(const void *a, const void *b));

/* ---- convenience for documents (keys are C strings) --------------------------------------- */
/* Member of a map; value_nil when `v` is no map or has no such key. Never NULL. */
const struct value *value_get(const struct value *v, const char *key);
/* Dotted path, "status.operationState.phase"; list indexes as numbers. Never NULL. A key that has
 * a dot itself needs value_get. */
const struct value *value_at(const struct value *v, const char *path);
struct str value_str_at(const struct value *v, const char *path); /* empty when absent */
int64_t value_int_at(const struct value *v, const char *path, int64_t otherwise);
bool value_bool_at(const struct value *v, const char *path, bool otherwise);
/* Set a member; `v` must be a map. The key is copied. */
void value_set(struct arena *a, const struct value *v, const char *key, struct value member);
void value_set_str(struct arena *a, const struct value *v, const char *key, struct str text);
/* Set at a dotted path, making maps on the way; the root must be a map. */
void value_put_at(struct arena *a, const struct value *v, const char *path, struct value member);
void value_del(const struct value *v, const char *key);

/* ---- whole trees -------------------------------------------------------------------------- */
struct value value_clone(struct arena *a, const struct value *v); /* deep, strings too */
/* Deep equality; 1 == 1.0; map order does not matter. */
bool value_equal(const struct value *a, const struct value *b);
