/*
 * chart/schema_job.h - one value against one schema: what the files of the validator share.
 */
#pragma once
#include "chart/schema.h"

struct left { /* members not evaluated yet; NULL: nobody asks */
    bool *marks;
    size_t n;
};

struct frame { /* the schemas that are being checked, innermost first */
    const struct frame *up;
    const struct value *schema, *instance;
};

struct validator {
    const struct schema_document *d;
    struct arena *a;
    struct map *patterns; /* compiled, by their text */
    int depth, steps;
    size_t memory_end; /* the arena's total that must not be passed */
    struct err *e;
    bool broken; /* *e is set */
};

struct job { /* one value against one schema */
    struct validator *v;
    struct schema_place place;
    const struct value *instance;
    struct str at;
    struct left *left;
    const struct frame *frame;
    struct findings *out;
};

static inline bool schema_is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

static inline double schema_number(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->f;
}

static inline bool schema_is_false(const struct value *schema)
{
    return schema->kind == VALUE_BOOL && !schema->b;
}

/* The whole check ends: a limit was passed, or a reference leads nowhere. Always false. */
bool schema_stop(struct validator *v, const char *why);
/* The value of a keyword of the job's schema, which is a map; NULL when absent. */
const struct value *schema_keyword(const struct job *j, const char *name);
void schema_complain(const struct job *j, const char *fmt, ...) PRINTF(2, 3);
void schema_complain_with(const struct job *j, struct str message, struct findings causes);
/* A number as golang.org/x/text prints it in English: 1,000 and 1.5×10⁰⁶. */
struct str schema_number_text(struct arena *a, double f);
bool schema_pattern_fits(struct validator *v, struct str pattern, struct str text);

/* The same value against another schema; what it says goes to `out`. True when it fits. */
bool schema_check_self(const struct job *j, struct schema_place place, struct findings *out);
/* A member of the value against a schema. */
void schema_check_member(const struct job *j, const struct value *schema, const struct value *member, struct str token,
                         struct findings *out);
/* A job as it stands; what it says goes to its own `out`. */
void schema_check_job(const struct job *j);
/* Several findings of one schema, from `from` on, count as one. */
void schema_group(const struct job *j, struct findings *list, size_t from);
struct schema_place schema_child(const struct job *j, const struct value *schema);

/* The keywords for each kind of value (schema_values.c). */
void schema_check_object(const struct job *j);
void schema_check_array(const struct job *j);
void schema_check_text(const struct job *j);
void schema_check_number(const struct job *j);
