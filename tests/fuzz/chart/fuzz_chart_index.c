/* index.yaml of a chart repository: what is found has a URL, and merging an index with itself changes no versions. */
#include <assert.h>

#include "chart/chart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    const struct str text = { (const char *)data, size < 65536 ? size : 65536 };
    struct chart_listed listed;
    struct str merged;
    struct err e = { 0 };

    bool found = chart_index_find(&a, text, S("https://charts.test/x"), S("sub"), S("^1"), &listed, &e);
    assert(!found || (listed.url.n > 0 && listed.version.n > 0));
    if (chart_repo_index_merge(&a, text, text, &merged, &e) && found) {
        struct chart_listed again;
        assert(chart_index_find(&a, merged, S("https://charts.test/x"), S("sub"), S("^1"), &again, &e));
        assert(str_eq(listed.version, again.version));
    }
    return 0;
}
