/* Template source: parse, and execute what parses on a small piece of data, with tight limits. */
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct value some_data(struct arena *a)
{
    struct value dot = value_map(a), values = value_map(a), list = value_list(a);
    list_push(a, list.list, value_float(1));
    list_push(a, list.list, value_c("b"));
    list_push(a, list.list, value_null());
    value_set(a, &values, "l", list);
    value_set(a, &values, "s", value_c("text, more"));
    value_set(a, &values, "n", value_float(3));
    value_set(a, &dot, "Values", values);
    return dot;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct template_func *const tables[] = { template_funcs_sprig, template_funcs_data };
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)2 << 30 };
    struct template_options o = {
        .missing = TEMPLATE_MISSING_ZERO, .output_max = 1 << 20, .depth_max = 20, .steps_max = 10000
    };
    struct str text = { (const char *)data, size < 2048 ? size : 2048 };
    struct value dot = some_data(&a);
    struct template_set *set;
    struct buf out = { .a = &a };
    struct err e = { 0 };
    if (!template_set_new(&a, tables, COUNT(tables), &set, &e) || !template_parse(set, S("fuzz"), text, &e))
        return 0;
    if (!template_execute(set, &a, S("fuzz"), &dot, &o, &out, &e))
        return 0;
    return 0;
}
