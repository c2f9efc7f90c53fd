/*
 * expr/expr.h - the expression language of notification triggers (github.com/expr-lang/expr 1.17 as Argo CD uses it).
 */
#pragma once
#include "data/value.h"

struct expr;
/* errors: ERR_INVALID with the position and a caret-free one-line reason. The tree lives in `a`. */
MUST_CHECK bool expr_compile(struct arena *a, struct str text, struct expr **out, struct err *e);

/* A function in the environment: an opaque value pointing to this struct. */
struct expr_function {
    const struct expr_class *class; /* == &expr_function_class */
    bool (*call)(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                 struct value *out, struct err *e);
    void *user;
};
/* Objects with members (Go times, durations). */
struct expr_class {
    const char *name;
    bool (*member)(struct arena *a, const void *self, struct str name, struct value *out, struct err *e);
    struct str (*print)(struct arena *a, const void *self); /* Go's %v */
};
extern const struct expr_class expr_function_class;
struct value expr_function_value(struct arena *a,
                                 bool (*call)(struct arena *a, const struct expr_function *self,
                                              const struct value *args, size_t n, struct value *out, struct err *e),
                                 void *user);
/* `env` is a map of names (app, time, repo, strings ...). Bounded: 1 million steps, 16 MiB, 100 ms of regex. */
MUST_CHECK bool expr_run(struct arena *a, const struct expr *x, const struct value *env, struct value *out,
                         struct err *e);
/* Go's fmt %v of a result ("<nil>" for null): what oncePer keys are made of. */
struct str expr_print(struct arena *a, const struct value *v);
/* time.Now(), time.Parse(...) with methods and constants, strings.*: the parts of the notification environment that
 * need no application. Adds "time" and "strings" to `env`. */
void expr_add_std(struct arena *a, const struct value *env);
