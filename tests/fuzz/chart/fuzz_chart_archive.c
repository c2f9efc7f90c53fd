/*
 * A packaged chart, or the description of one (pack.h): whatever is in it, it is refused with a message, or it is
 * loaded and rendered, in bounded memory. The limits of the render are small, so that a run stays short.
 */
#include <assert.h>

#include "chart/internal.h"
#include "pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct chart_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        struct str name = files->v[i].name;
        assert(name.n > 0 && name.p[0] != '/' && !str_starts(name, S("..")) && str_find(name, S("/../")) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    const struct chart_render o = { .release_name = S("fuzz"), .memory_max = 32 << 20, .steps_max = 20000 };
    struct str bytes = { (const char *)data, size < 65536 ? size : 65536 };
    struct chart_files files = { 0 };
    struct chart_rendered rendered;
    struct chart *c;
    struct err e = { 0 };

    if (!str_starts(bytes, S("\x1f\x8b")))
        bytes = pack(&a, bytes, 0);
    bool ok = chart_read_archive(&a, bytes, &files, &e);
    check_names(&files);
    ok = ok && chart_from_files(&a, &files, 0, &c, &e) && chart_render(&a, c, &o, &rendered, &e);
    assert(ok || e.text[0] != '\0');
    return 0;
}
