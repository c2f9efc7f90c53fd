/* TOML through fromToml and back through toToml. */
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct template_func *const tables[] = { template_funcs_data };
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    struct value dot = value_str((struct str){ (const char *)data, size < 4096 ? size : 4096 });
    struct template_set *set;
    struct buf out = { .a = &a };
    struct err e = { 0 };
    if (!template_set_new(&a, tables, COUNT(tables), &set, &e)
        || !template_parse(set, S("fuzz"), S("{{ fromToml . | toToml }}{{ fromJson . }}{{ fromYaml . }}"), &e))
        return 0;
    if (!template_execute(set, &a, S("fuzz"), &dot, NULL, &out, &e))
        return 0;
    return 0;
}
