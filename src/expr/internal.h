/*
 * expr/internal.h - the syntax tree and what its evaluator's files share. Inside src/expr only.
 */
#pragma once
#include "data/gotime.h"
#include "data/regex.h"
#include "expr/expr.h"

#define EXPR_TEXT_MAX ((size_t)64 << 10)
#define EXPR_NODES_MAX 10000
#define EXPR_DEPTH_MAX 400       /* of nested expressions */
#define EXPR_EVAL_DEPTH_MAX 1000 /* of operands of operands: a + b + c + ... */
#define EXPR_STEPS_MAX 1000000
#define EXPR_MEMORY_MAX ((size_t)16 << 20)
#define EXPR_REGEX_MS 100
#define EXPR_RANGE_MAX 1000000 /* elements that `a..b` may have */

/* ---- tokens --------------------------------------------------------------------------------------- */

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OPERATOR, TOKEN_BRACKET };

struct token {
    enum token_kind kind;
    uint32_t at;     /* byte offset */
    struct str text; /* as written; a string's content */
    struct value number;
};

struct lexer {
    struct arena *a;
    struct str text;
    size_t at;
    struct err *e;
};

/* Read the next token. errors: ERR_INVALID. */
MUST_CHECK bool expr_lex_next(struct lexer *l, struct token *out);
/* err_set with " (LINE:COLUMN)" behind the text. */
bool expr_fail(struct err *e, enum err_kind kind, struct str text, uint32_t at, const char *fmt, ...) PRINTF(5, 6);

/* ---- the tree ------------------------------------------------------------------------------------- */

enum node_kind {
    NODE_LITERAL,     /* value */
    NODE_NAME,        /* text: a variable or a name of the environment */
    NODE_POINTER,     /* text: "" is #, else #acc, #index */
    NODE_UNARY,       /* op, left */
    NODE_BINARY,      /* op, left, right */
    NODE_CONDITIONAL, /* left ? args[0] : args[1] */
    NODE_MEMBER,      /* left[right]; optional: nil for nil */
    NODE_CHAIN,       /* left: its optional members may end it with nil */
    NODE_SLICE,       /* left[right:args[0]], either NULL when absent */
    NODE_CALL,        /* left(args) */
    NODE_BUILTIN,     /* builtin(args) */
    NODE_PREDICATE,   /* collection builtin: args[0] is the list, the others closures or values */
    NODE_LIST,        /* args */
    NODE_MAP,         /* args: key, value, ... */
    NODE_LET,         /* let text = left; right */
    NODE_SEQUENCE,    /* left; right */
};

enum op {
    OP_NONE,
    OP_NOT,
    OP_MINUS, /* also unary */
    OP_PLUS,  /* also unary */
    OP_PIPE,
    OP_OR,
    OP_AND,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_LESS_EQUAL,
    OP_IN,
    OP_MATCHES,
    OP_CONTAINS,
    OP_STARTS_WITH,
    OP_ENDS_WITH,
    OP_RANGE,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MODULO,
    OP_POWER,
    OP_COALESCE,
};

struct node {
    enum node_kind kind;
    enum op op;
    bool optional;
    uint32_t at;
    struct str text;
    struct value value;
    struct node *left, *right;
    struct node **args;
    size_t n;
    const struct builtin *builtin;
    const struct predicate *predicate;
};

struct expr {
    struct str text; /* for positions in messages */
    struct node *root;
};

/* ---- evaluation ----------------------------------------------------------------------------------- */

struct variable { /* of `let`, innermost first */
    struct str name;
    struct value value;
    const struct variable *outer;
};

struct scope { /* one round of a closure, innermost first */
    struct value element, accumulator;
    int64_t index;
    const struct scope *outer;
};

struct run {
    struct arena *a;
    const struct expr *x;
    const struct value *env;
    struct err *e;
    size_t steps;
    unsigned depth;
    size_t memory_start;
    const struct variable *variables;
    const struct scope *scope;
    uint32_t at;        /* where the innermost operation stands, for messages */
    struct str pattern; /* the last regular expression: loops use the same one again */
    struct regex *regex;
    int64_t regex_ms;
};

/* err_set with the position of the current operation. */
bool run_fail(struct run *r, const char *fmt, ...) PRINTF(2, 3);
/* Count work; false with ERR_LIMIT when the run has used up its steps or its memory. */
MUST_CHECK bool run_spend(struct run *r, size_t steps);
MUST_CHECK bool eval(struct run *r, const struct node *n, struct value *out);
MUST_CHECK bool run_match(struct run *r, struct str pattern, struct str subject, bool *found);

/* "nil", "string", "int", "map", ...: what a value is called in messages and by type(). */
const char *type_name(const struct value *v);
bool values_equal(const struct value *a, const struct value *b);
/* -1, 0, 1 for numbers, strings, times and durations. errors: different or unordered kinds. */
MUST_CHECK bool values_compare(struct run *r, const struct value *a, const struct value *b, int *out);
MUST_CHECK bool apply_binary(struct run *r, enum op op, const struct value *a, const struct value *b,
                             struct value *out);
MUST_CHECK bool apply_unary(struct run *r, enum op op, const struct value *a, struct value *out);
/* container[key]; a missing key of a map is nil. */
MUST_CHECK bool fetch_member(struct run *r, const struct value *container, const struct value *key, struct value *out);
MUST_CHECK bool want_int(struct run *r, const struct value *v, const char *what, int64_t *out);
MUST_CHECK bool want_string(struct run *r, const struct value *v, const char *what, struct str *out);
MUST_CHECK bool want_list(struct run *r, const struct value *v, const char *what);
bool expr_as_number(const struct value *v, double *out); /* int or float */

/* ---- builtins ------------------------------------------------------------------------------------- */

struct builtin { /* a function of its arguments' values */
    const char *name;
    int min, max; /* arguments; max -1: any number */
    bool (*call)(struct run *r, const struct value *args, size_t n, struct value *out);
};
const struct builtin *builtin_find(struct str name);

struct predicate { /* a function of a list and a closure */
    const char *name;
    int min, max; /* arguments, the list included */
    bool (*call)(struct run *r, const struct node *n, const struct value *list, struct value *out);
};
const struct predicate *predicate_find(struct str name);

extern const struct builtin builtins_text[], builtins_list[], builtins_number[]; /* each ends with a NULL name */

/* "asc" or "desc". */
MUST_CHECK bool want_direction(struct run *r, const struct value *v, bool *descending);
/* Sort `items` by `keys`, both of `n`, keeping the order of equal ones. errors: keys that cannot be compared. */
MUST_CHECK bool sort_by_keys(struct run *r, struct value *keys, struct value *items, size_t n, bool descending);

/* ---- objects -------------------------------------------------------------------------------------- */

struct time_object {
    const struct expr_class *class;
    struct gotime time;
};
struct duration_object {
    const struct expr_class *class;
    int64_t ns;
};
struct named_object { /* a number with a name: months and weekdays */
    const struct expr_class *class;
    int64_t number;
    const char *name;
};
extern const struct expr_class time_class, duration_class, named_class;

/* Objects of those classes, in `a`. */
struct value expr_time_value(struct arena *a, struct gotime t);
struct value duration_value(struct arena *a, int64_t ns);
/* The object of that class, or NULL. */
const void *object_of(const struct value *v, const struct expr_class *class);
int time_compare(const struct gotime *a, const struct gotime *b);
/* a - b in nanoseconds, at most what a duration holds. */
int64_t time_subtract(const struct gotime *a, const struct gotime *b);
struct gotime expr_time_add(const struct gotime *t, int64_t ns);
