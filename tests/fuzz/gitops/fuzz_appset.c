/* What people write in branch names and templates: first line a pattern, the rest a text. */
#include <assert.h>

#include "gitops/appset.h"
#include "gitops/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 16 << 20 };
    struct str text = { (const char *)data, size < 4096 ? size : 4096 }, first, out = { 0 };
    struct value params = value_map(&a);
    struct err e = { 0 };

    str_split(&text, S("\n"), &first);
    value_set_str(&a, &params, "branch", first);
    struct str slug = slug_branch(&a, text);
    assert(slug.n <= 50);
    for (size_t i = 0; i < slug.n; i++)
        assert(memchr("abcdefghijklmnopqrstuvwxyz0123456789-_", slug.p[i], 38) != NULL);
    assert(slug_normalize(&a, text).n <= 253);
    slug_slugify(&a, (int64_t)first.n, size % 2 == 0, text);
    glob_matches(first, text, '/');
    if (!appset_substitute(&a, text, &params, &out, &e))
        assert(e.kind == ERR_INVALID);
    return 0;
}
