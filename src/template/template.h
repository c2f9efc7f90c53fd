/*
 * template/template.h - the Go text/template language with sprig, as Helm, Argo CD and its notifications use it.
 *
 * A `template_set` holds named templates parsed from many texts (as one Go template tree) and is read-only once parsed:
 * several threads may execute it at the same time, each with its own arena. Function sets differ per user of the
 * language: they are tables of {name, function}.
 * Source: Go text/template and html-free fmt printing rules; reference: github.com/Masterminds/sprig/v3; Helm engine.
 */
#pragma once
#include "data/value.h"

struct template_call; /* one execution: arena, error position, the set, user data */

/*
 * A template function. args[0..n) are evaluated; the result goes to *out. On failure return false with the
 * message in *e ("error calling NAME: " is added by the executor).
 */
typedef bool template_fn(struct template_call *call, const struct value *args, size_t n, struct value *out,
                         struct err *e);

struct template_func {
    const char *name;
    template_fn *fn;
    int least, most; /* number of arguments; most -1: any */
    /* Go types of the parameters, one letter each, which decide what a template may pass and what the messages say:
     * v any, s string, i int, I int64, u uint32, f float64, b bool, m map[string]interface {}, l []interface {},
     * n map[string]string, t time.Time, d time.Duration, c sprig.certificate, r reflect.Value (the language's own
     * functions). A '+' at the end repeats the last one. NULL: all any. */
    const char *params;
};

/*
 * The Go static type of a value where its kind does not tell: struct value's `tag`. Go code sees the difference
 * (typeOf, eq, has, printf, parameters), so templates do.
 */
enum template_type {
    TEMPLATE_PLAIN, /* bool, int, float64, string, []interface {}, map[string]interface {} */
    TEMPLATE_INT64, /* VALUE_INT: integers of --set, of arithmetic functions */
    TEMPLATE_UINT64,
    TEMPLATE_UINT8,
    TEMPLATE_BYTES,          /* VALUE_STRING: []uint8 */
    TEMPLATE_STRINGS,        /* VALUE_LIST: []string */
    TEMPLATE_INTS,           /* []int */
    TEMPLATE_LISTS,          /* [][]interface {} */
    TEMPLATE_NIL,            /* a nil []interface {} or map: empty, but null in JSON */
    TEMPLATE_NIL_STRINGS,    /* a nil []string */
    TEMPLATE_NIL_STRING_MAP, /* VALUE_MAP: a nil map[string]string */
    TEMPLATE_STRING_MAP,     /* VALUE_MAP: map[string]string */
    TEMPLATE_VALUES,         /* Helm's common.Values: top level of the data, and .Values */
    TEMPLATE_COPY,           /* VALUE_OPAQUE: what a function gave back; Go finds no methods of the pointer any more */
};
/* The Go name of a value's type, "<nil>" for null. */
struct str template_type_name(const struct value *v);
/* A copy of a tree in which every number is a float64, as Go's JSON decoder makes them. Strings and objects are shared.
 */
struct value template_floats(struct arena *a, const struct value *v);

/* Objects with methods and fields (Helm's .Files, .Capabilities.APIVersions; notification's repo, time): the `opaque`
 * member of a VALUE_OPAQUE value points to a struct that starts with this. */
struct template_object {
    const struct template_class *class;
};
struct template_class {
    const char *go_type; /* for printing and messages, e.g. "engine.files" */
    /* A field or a method called with arguments (n = 0 for a field). Return false with ERR_NOT_FOUND when there is
     * none. Other failures: ERR_DENIED is a refusal of the call itself (count or type of the arguments), whose text
     * stands as it is; every other kind becomes "error calling NAME: text". */
    bool (*member)(struct template_call *call, const struct template_object *self, struct str name,
                   const struct value *args, size_t n, struct value *out, struct err *e);
    /* What its String method says; NULL: it has none, and fmt prints its fields, or what it is as a map or list. */
    struct str (*print)(struct arena *a, const struct template_object *self);
    /* When the object is ranged over or indexed as a map; NULL: it is not. */
    const struct map *(*as_map)(struct arena *a, const struct template_object *self);
    /* The same for an object that is a list (Helm's .Capabilities.APIVersions). */
    const struct list *(*as_list)(struct arena *a, const struct template_object *self);
    /* What JSON and YAML write: a map, its entries in the order of Go's struct. NULL: the printed text. */
    struct value (*plain)(struct arena *a, const struct template_object *self);
    /* The parameters of method `name` in the letters of template_func, NULL when it is a field or nothing; the executor
     * then checks count and types before it calls `member`. NULL instead of a function: nothing is checked. */
    const char *(*params)(const struct template_object *self, struct str name);
    /* As {{ }} alone prints it, when that differs: Go finds a String method of the pointer there. NULL: as `print`. */
    struct str (*shown)(struct arena *a, const struct template_object *self);
    /* The int or int64 that a number with methods of its own (time.Month) is. NULL: it is none. */
    struct value (*number)(const struct template_object *self);
    /* The fields of Go's struct in their order, for want of a String method and for verbs that are not meant for text;
     * a pointer's type begins with '*'. NULL: nobody sees them. */
    const struct map *(*fields)(struct arena *a, const struct template_object *self);
};
/* A bare callable value, what Go's `call` builtin takes: class with `member` for the empty name. */

/* How an execution failed, for callers that word the message anew (Helm does). */
struct template_level {
    struct str location; /* "FILE:LINE:COLUMN" */
    struct str name;     /* of the executing template */
    struct str node;     /* the expression, "include \"x\" ." */
    struct str message;  /* "error calling include:" without what follows, for all but the innermost */
};
struct template_failure {
    struct str text;               /* the whole chain on one line, however long; the err keeps its first kilobyte */
    struct str cause;              /* its innermost text: what a function said, or the engine's own words */
    bool by_function;              /* the cause came from a function */
    struct template_level *levels; /* innermost first; one per nested execution */
    size_t n_levels;
};

/* Which bytes of a template made which output, for messages about the output: asked for only once it is known to be
 * wrong. */
struct template_mark {
    size_t out;            /* offset in the output where this piece begins */
    struct str file, text; /* the file the piece stands in, and all of it */
    size_t at;             /* offset in `text` of the literal text or of the action's expression */
    bool literal;          /* text copied as it is: output and template advance together */
};
struct template_trace {
    struct template_mark *v; /* in the order of the output; what `include` makes belongs to the action that prints it */
    size_t n, cap;
    struct str output; /* all of it, once the execution is over */
};

/*
 * What executions that make one thing (the templates of a chart) may take together: the memory of the arena they share,
 * steps, and a minute of processor time. It is asked between two steps: one call may add a few hundred megabytes more.
 */
struct template_budget {
    size_t memory_max, memory_end; /* as given; the arena's total that must not be passed */
    int64_t steps_max, steps_left; /* as given; nodes executed and what calls cost are taken off */
    int64_t look_at, cpu_end_ns;   /* the steps left at which the clock is asked; of the thread's clock */
};
/* A full one, from now on; 0: 1 GiB, 500 million steps. */
struct template_budget template_budget(const struct arena *a, size_t memory_max, int64_t steps_max);

struct template_options {
    enum { TEMPLATE_MISSING_DEFAULT, TEMPLATE_MISSING_ZERO, TEMPLATE_MISSING_ERROR } missing;
    size_t output_max;                /* bytes; 0: 256 MiB */
    size_t memory_max;                /* bytes an execution may add to its arena; 0: 1 GiB */
    int64_t steps_max;                /* nodes executed and what calls cost; 0: 500 million */
    struct template_budget *budget;   /* shared by several executions; takes the place of the two limits above */
    int depth_max;                    /* nested template/include/tpl calls; 0: 1000 (Helm) */
    void *user;                       /* for the functions: template_call_user */
    struct template_failure *failure; /* filled when the execution fails; may be NULL */
    bool *changed; /* set when a function puts something into a map that it was given: the data may then lead to what
                      lies in the execution's arena; may be NULL */
    struct template_trace *trace; /* filled on the way; NULL as a rule */
};

struct template_set;
/* `tables` are searched last to first; each ends with a row whose name is NULL. The tables must outlive the set. */
MUST_CHECK bool template_set_new(struct arena *a, const struct template_func *const *tables, size_t n_tables,
                                 struct template_set **out, struct err *e);
/* A set that sees everything in `below`, to which templates can be added without touching it (tpl). */
MUST_CHECK bool template_set_over(struct arena *a, const struct template_set *below, struct template_set **out,
                                  struct err *e);
/* Parse `text` as template `name` (as Go's New(name).Parse(text)); {{define}}s join the set, later ones win unless they
 * are empty. The bytes of both must live as long as the set.
 * errors: ERR_INVALID "template: NAME:LINE: ..." in Go's words. */
MUST_CHECK bool template_parse(struct template_set *set, struct str name, struct str text, struct err *e);
/* What one text defines, parsed apart from any set and then read-only: sets of several threads may have it added. */
struct template_definitions;
/* Parse as template_parse does, with the functions of `set`; nothing joins it. All of it lies in `a`, which must
 * outlive every set that has it added, as must the bytes of `text` and the tables of functions. */
MUST_CHECK bool template_parse_apart(const struct template_set *set, struct arena *a, struct str name, struct str text,
                                     const struct template_definitions **out, struct err *e);
/* The definitions join the set as those of template_parse do. */
void template_add(struct template_set *set, const struct template_definitions *d);
/* After a failed template_parse: the offset in the text of what it stumbled over, and its length (0: unknown). */
size_t template_stumbled_at(const struct template_set *set, size_t *n);
/* The text that a template's name stands for; false when there is none of that name. */
bool template_text(const struct template_set *set, struct str name, struct str *out);
/* The names of all templates, those of the sets below included. */
void template_names(const struct template_set *set, struct arena *a, struct str **out, size_t *n);
/* The names of all functions of a set. */
void template_func_names(const struct template_set *set, struct arena *a, struct str **out, size_t *n);
/* The innermost {{if}}, {{range}}, {{with}}, {{define}} or {{block}} of a text without its {{end}}: the offset of its
 * delimiter. False when every one is closed. */
bool template_unclosed(struct arena *a, struct str text, size_t *at);
bool template_has(const struct template_set *set, struct str name);
/* Execute `name` with `dot`; output is appended to `out`. `a` takes everything made on the way.
 * errors: ERR_INVALID "template: NAME:LINE:COL: executing \"NAME\" at <EXPR>: ..." in Go's words. */
MUST_CHECK bool template_execute(const struct template_set *set, struct arena *a, struct str name,
                                 const struct value *dot, const struct template_options *o, struct buf *out,
                                 struct err *e);

/* For functions. */
struct arena *template_call_arena(struct template_call *call);
void *template_call_user(struct template_call *call);
const struct template_set *template_call_set(struct template_call *call);
/* Nested execution with the depth counted (include, tpl). */
MUST_CHECK bool template_call_execute(struct template_call *call, const struct template_set *set, struct str name,
                                      const struct value *dot, struct buf *out, struct err *e);
/* For a function whose work is not bounded by the size of its arguments: take `steps` (about a tenth of a microsecond
 * each) off the budget. errors: ERR_LIMIT when memory, steps or time are used up. */
MUST_CHECK bool template_call_spend(struct template_call *call, int64_t steps, struct err *e);
/* For a function whose message may be longer than an err: sets *e and keeps the whole text. Always false. */
bool template_call_fail(struct template_call *call, struct str text, struct err *e);
/* The whole text of the failure that a nested execution left in *e. */
struct str template_call_failure(struct template_call *call, const struct err *e);
/* fmt.Sprint(v) / %v of one value by Go's rules (maps sorted, nil "<nil>"). */
void template_print(struct buf *out, const struct value *v);
bool template_truth(const struct value *v); /* Go's IsTrue */

/* The function tables. */
extern const struct template_func
    template_builtins[]; /* and or not len index slice print printf ... (always included) */
extern const struct template_func template_funcs_sprig[]; /* sprig's GenericFuncMap, `env` and `expandenv` left out */
extern const struct template_func
    template_funcs_data[]; /* toYaml fromYaml toJson fromJson toToml ... Helm's errors-as-text forms */
/* include, tpl, required, fail, lookup live in chart/: they need the chart's state. */
