/*
 * template/internal.h - the tree that the parser builds and the executor walks. Inside src/template only.
 *
 * text -> lexer (lex.c) -> parser (parse.c) -> nodes in the set's arena -> executor (exec.c, eval.c) -> buf.
 * Names are resolved while parsing: functions to their table row, variables to a slot of the template's frame.
 */
#pragma once
#include "template/template.h"

/* ---- tokens ------------------------------------------------------------------------------- */

enum token_kind {
    TOKEN_ERROR,
    TOKEN_BOOL,
    TOKEN_CHAR, /* a printable ASCII character that means nothing of its own, such as a comma */
    TOKEN_CHAR_CONSTANT,
    TOKEN_COMPLEX,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_EOF,
    TOKEN_FIELD,
    TOKEN_IDENTIFIER,
    TOKEN_LEFT_DELIM,
    TOKEN_LEFT_PAREN,
    TOKEN_NUMBER,
    TOKEN_PIPE,
    TOKEN_RAW_STRING,
    TOKEN_RIGHT_DELIM,
    TOKEN_RIGHT_PAREN,
    TOKEN_SPACE,
    TOKEN_STRING,
    TOKEN_TEXT,
    TOKEN_VARIABLE,
    TOKEN_KEYWORD, /* only a border: what follows is written <word> in messages */
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DOT,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
};

struct token {
    enum token_kind kind;
    uint32_t pos;
    struct str text; /* the message for TOKEN_ERROR */
};

struct lexer {
    struct arena *a;
    struct str in;
    uint32_t pos, start;
    int parens;
    bool inside; /* between delimiters */
    bool failed; /* an error was given: only EOF follows */
};
void lex_open(struct lexer *l, struct arena *a, struct str text);
struct token lex_next(struct lexer *l);
uint32_t lex_line(const struct lexer *l, uint32_t pos); /* counted when a message asks for it */

/* ---- literals (literal.c) ----------------------------------------------------------------- */

struct number {
    bool is_int, is_uint, is_float, is_complex;
    int64_t i;
    uint64_t u;
    double f, imaginary;
    struct str text;
};
/* The value of a number or character constant; false with Go's message. */
bool number_parse(struct arena *a, struct token t, struct number *out, struct err *e);
/* strconv.ParseInt and ParseUint with base 0 (prefixes 0x 0o 0b 0, underscores), ParseFloat. False when malformed or
 * out of range. */
bool go_parse_int(struct arena *a, struct str s, int64_t *out);
bool go_parse_uint(struct arena *a, struct str s, uint64_t *out);
bool go_parse_float(struct arena *a, struct str s, double *out);
/* strconv.Unquote of "..." , `...` and '...'. */
bool go_unquote(struct arena *a, struct str quoted, struct str *out);
enum { GO_QUOTE_ASCII = 1 };
/* strconv.Quote; `q` is the quote character. */
void quote_into(struct buf *out, struct str s, char q, int flags);

/* ---- runes (rune.c): Unicode's classes and simple case mapping ----------------------------- */

bool rune_is_print(uint32_t r); /* strconv.IsPrint: of the white space only the blank */
bool rune_is_letter(uint32_t r);
bool rune_is_digit(uint32_t r);
bool rune_is_space(uint32_t r); /* unicode.IsSpace */
bool rune_is_upper(uint32_t r);
bool rune_is_lower(uint32_t r);
bool rune_is_title(uint32_t r);
uint32_t rune_to_upper(uint32_t r);
uint32_t rune_to_lower(uint32_t r);
uint32_t rune_to_title(uint32_t r);

/* ---- the tree ----------------------------------------------------------------------------- */

enum node_kind {
    /* statements */
    NODE_TEXT,
    NODE_LITERAL, /* an action that prints a string and nothing else: {{ "x" }} */
    NODE_ACTION,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
    /* expressions */
    NODE_PIPE,
    NODE_COMMAND,
    NODE_BOOL,
    NODE_NUMBER,
    NODE_STRING,
    NODE_NIL,
    NODE_DOT,
    NODE_FIELD,
    NODE_VARIABLE,
    NODE_CHAIN,
    NODE_IDENTIFIER,
    /* never stored: what ends a list of statements */
    NODE_ELSE,
    NODE_END,
};

#define SLOT_UNDEFINED UINT32_MAX

struct declaration {
    struct str name; /* "$x" */
    uint32_t slot;
};

/* Large charts have a hundred thousand: of the union only the member of the kind exists, see node_size. */
struct node {
    uint8_t kind;       /* enum node_kind */
    uint8_t n_declared; /* PIPE */
    bool assign;        /* PIPE: "=" instead of ":=" */
    uint32_t pos;       /* byte offset in the text, for messages */
    struct node *next;
    union {
        struct str text; /* TEXT LITERAL */
        struct {
            struct node *pipe, *body, *otherwise; /* IF WITH RANGE; an ACTION has only a pipe */
        } control;
        struct {
            struct str name;
            struct node *pipe; /* NULL: nil */
        } invoke;              /* TEMPLATE */
        struct {
            struct node *commands;
            struct declaration *declared; /* at most two */
        } pipe;
        struct {
            struct node *args; /* the first is what is called */
            size_t n;
        } command;
        struct {
            struct str spelling;
            union {
                struct value value;          /* BOOL STRING */
                const struct number *number; /* NUMBER */
            };
        } constant;
        struct {
            struct str *names; /* without dots */
            uint32_t n;
            uint32_t slot;         /* VARIABLE */
            union {                /* a FIELD ends before it */
                struct str name;   /* VARIABLE: "$x" */
                struct node *base; /* CHAIN */
            };
        } path; /* FIELD VARIABLE CHAIN */
        struct {
            const struct template_func *func;
            bool builtin;
        } identifier;
    };
};

/* A node in Go's spelling, as messages show it. */
void node_write(struct buf *out, const struct node *n);
struct str node_str(struct arena *a, const struct node *n);

/* One named template. */
struct tree {
    struct str name, file; /* of the define, of the text it stands in */
    struct str text;       /* the whole file, to find lines and columns */
    struct node *root;
    uint32_t slots; /* variables of one execution; slot 0 is $ */
};

struct func_table {
    const struct template_func *rows;
    size_t n;
    bool sorted;
};

struct template_set {
    struct arena *a;
    const struct template_set *below; /* searched when a name is not here */
    struct func_table *tables;
    size_t n_tables;
    struct map trees;               /* name -> VALUE_OPAQUE tree */
    size_t stumbled_at, stumbled_n; /* of the last text that could not be parsed */
};
const struct tree *set_find(const struct template_set *set, struct str name);
const struct template_func *set_func(const struct template_set *set, struct str name, bool *builtin);
/* All trees of one text, in order of their definition; the text's own one is last. */
struct template_definitions {
    struct tree **v;
    size_t n, cap;
    struct str name; /* of the text */
};
struct parsed {
    struct template_definitions trees;
    size_t stumbled_at, stumbled_n; /* the token that an error is about */
};
/* Only white space: such a definition never replaces another. */
bool node_list_is_empty(const struct node *list);
bool parse_text(const struct template_set *set, struct str name, struct str text, struct parsed *out, struct err *e);

/* ---- execution ---------------------------------------------------------------------------- */

/* In the tag of values on their way: still inside an interface, as Go's reflect.Value of kind Interface. It decides
 * what happens to nil: a wrapped one fails when a field is taken, an unwrapped ("invalid") one gives nothing. */
enum { TAG_WRAPPED = 0x80 };
static inline struct value unwrapped(struct value v)
{
    v.tag &= (uint8_t)~TAG_WRAPPED;
    return v;
}
static inline struct value wrapped(struct value v)
{
    v.tag |= TAG_WRAPPED;
    return v;
}
static inline struct value tagged(struct value v, enum template_type type)
{
    v.tag = (uint8_t)type;
    return v;
}
static inline enum template_type type_tag(const struct value *v)
{
    return (enum template_type)(v->tag & ~TAG_WRAPPED);
}

static inline bool is_nil_list(const struct value *v)
{
    return type_tag(v) == TEMPLATE_NIL || type_tag(v) == TEMPLATE_NIL_STRINGS;
}

static inline bool is_string_map(const struct value *v)
{
    return v->kind == VALUE_MAP && (type_tag(v) == TEMPLATE_STRING_MAP || type_tag(v) == TEMPLATE_NIL_STRING_MAP);
}

/* The failure of one call of template_execute, shared by its nested executions. */
struct failing {
    struct template_failure report;
    size_t cap;
    char prefix[sizeof(((struct err *)0)->text)]; /* of the text, as it stands in the err */
};

struct template_call {
    const struct template_set *set;
    const struct template_options *options;
    struct arena *a;
    struct buf *out;
    struct err *e;
    const struct tree *tree;
    const struct node *at;     /* what a message names */
    const struct node *callee; /* what the function that runs was first given, for `call` */
    struct value *vars;
    struct failing *failing;
    int depth;  /* of {{template}} */
    int nested; /* of template_call_execute */
    struct template_budget *budget;
    struct str long_key; /* the last one that dict made out of a map */
};

/* The slow half of call_spend (budget.c): false with the limit that was passed. */
bool budget_look(struct template_call *c, struct err *e);
static inline bool call_spend(struct template_call *c, int64_t steps, struct err *e)
{
    c->budget->steps_left -= steps;
    return (c->budget->steps_left >= c->budget->look_at && c->a->total <= c->budget->memory_end) || budget_look(c, e);
}

/* Statements (exec.c). */
bool execute_tree(struct template_call *c, const struct tree *t, const struct value *dot);
/* Notes where the output of `n` begins (trace.c). */
void trace_add(struct template_call *c, const struct node *n);
/* Expressions (eval.c). NULL `final`: nothing was piped. */
bool eval_pipeline(struct template_call *c, struct value dot, const struct node *pipe, struct value *out);
bool eval_command(struct template_call *c, struct value dot, const struct node *command, const struct value *final,
                  struct value *out);
/* The value of an argument for a parameter of type letter `type` (0: as it is). */
bool eval_arg(struct template_call *c, struct value dot, char type, const struct node *n, struct value *out);
bool eval_function(struct template_call *c, struct value dot, const struct node *identifier, const struct node *call,
                   const struct node *args, const struct value *final, struct value *out);
bool validate(struct template_call *c, struct value v, char type, struct value *out);
/* Message at the current node; the engine's own words. Always false. */
bool exec_fail(struct template_call *c, const char *fmt, ...) PRINTF(2, 3);
/* What a function or method said in c->e. Always false. */
bool exec_fail_call(struct template_call *c, struct str name);

/* A complex128, which only literals make. */
struct value complex_value(struct arena *a, double real, double imaginary);
bool as_complex(const struct value *v, double *real, double *imaginary); /* false when it is none */
/* The two functions that do not evaluate all of their arguments. */
template_fn builtin_and, builtin_or;

/* ---- printing (print.c, printf.c) --------------------------------------------------------- */

void print_value(struct buf *out, const struct value *v); /* %v; nil is <nil> */
void print_float(struct buf *out, double f);              /* %v */
/* The text that fmt.Sprint, toString and quote give. */
struct str text_of(struct arena *a, const struct value *v);
void go_printf(struct template_call *call, struct buf *out, struct str format, const struct value *args, size_t n);
/* Go syntax of a value, %#v. */
void print_go_syntax(struct buf *out, const struct value *v);

/* Deep equality with Go types (reflect.DeepEqual); what was compared is taken off *steps, and the answer is no when
 * they are used up. */
bool go_deep_equal(const struct value *a, const struct value *b, int64_t *steps);
const struct template_object *as_object(const struct value *v); /* NULL when it is none */
/* The integer that a number with methods (time.Month) is; every other value as it stands. */
struct value as_number(const struct value *v);
/* What answers to `name` when v is a common.Values that has such a method; NULL otherwise. */
const struct template_object *common_values_method(struct arena *a, const struct value *v, struct str name);
/* The map or list that a value is, or that an object or bytes can be taken for; NULL when it is none. */
const struct map *map_in(struct arena *a, const struct value *v);
const struct list *list_in(struct arena *a, const struct value *v);
/* reflect.Kind of a value: "int", "slice", "map", "invalid" ... */
const char *go_kind(const struct value *v);
