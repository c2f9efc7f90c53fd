/* The linter's readers: the text is Chart.yaml, a rendered template and a file of crds/ at once. */
#include "chart/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    const struct str text = { (const char *)data, size < 65536 ? size : 65536 };
    struct linter l = { .a = &a, .dir = "/x", .kube = { .major = 1, .minor = 35 }, .w = { .a = &a } };

    lint_chart_yaml(&l, text);
    if (!lint_objects(&l, S("templates/a.yaml"), text, false) || !lint_objects(&l, S("crds/a.yaml"), text, true))
        return 0;
    return 0;
}
