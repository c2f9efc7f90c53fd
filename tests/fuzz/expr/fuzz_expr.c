/* An expression, compiled and run on a small application. */
#include <assert.h>

#include "data/json.h"
#include "expr/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char application[] = "{\"app\":{\"status\":{\"phase\":\"Failed\",\"at\":\"2024-05-06T07:08:09Z\",\"n\":3}}"
                                  ",\"l\":[3,1.5,\"a\",null],\"s\":\"text\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 256 << 20 };
    struct str text = { (const char *)data, size < 4096 ? size : 4096 };
    struct value env = { 0 }, out = { 0 };
    struct expr *x = NULL;
    struct err e = { 0 };

    if (!expr_compile(&a, text, &x, &e))
        return 0;
    bool ok = json_parse(&a, str_c(application), &env, &e);
    assert(ok);
    expr_add_std(&a, &env);
    if (expr_run(&a, x, &env, &out, &e))
        expr_print(&a, &out);
    return 0;
}
