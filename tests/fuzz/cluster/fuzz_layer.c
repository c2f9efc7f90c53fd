/*
 * Entries of a layer: one a line, a letter for the kind, the path, and after a tab a link's target. Whatever they say,
 * the folder beside the layer's stays empty.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/sys.h"
#include "cluster/local/layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ENTRIES = 64 };
static const struct ids single;

static struct arena forever;
static const char *dir;

static void clean_up(void)
{
    struct err e;
    if (!fs_remove_tree(dir, &e))
        abort();
    arena_close(&forever);
}

static const char *place(void)
{
    struct err e;
    if (dir != NULL)
        return dir;
    if (!fs_temp_dir(&forever, "fuzz-layer", &dir, &e) || atexit(clean_up) != 0)
        abort();
    return dir;
}

static void add(struct layer *l, struct str line)
{
    static const enum layer_kind kinds[] = { LAYER_FILE,     LAYER_FOLDER, LAYER_SYMLINK,
                                             LAYER_HARDLINK, LAYER_FIFO,   LAYER_SKIPPED };
    struct layer_entry entry = { .mode = 0755 };
    struct err e;
    int fd;
    entry.kind = kinds[(unsigned char)*str_cut(&line, 1).p % COUNT(kinds)];
    str_split(&line, S("\t"), &entry.path);
    entry.target = line;
    if (layer_add(l, &entry, &fd, &e) && fd >= 0 && !layer_file_end(l, &entry, fd, &e))
        return;
}

static int folder(struct arena *a, const char *name)
{
    struct err e;
    const char *path = fs_join(a, place(), name);
    if (!fs_remove_tree(path, &e) || !fs_mkdirs(path, 0755, &e))
        abort();
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct str rest = { (const char *)data, size }, line;
    struct fs_names names;
    struct layer l;
    struct err e;
    CLEANUP(fd_close) int root = folder(&a, "root"), lower = folder(&a, "lower"), beside = folder(&a, "beside");
    struct layer below;
    layer_begin(&below, &a, lower, NULL, 0, &single, NULL);
    add(&below, S("\2bin\tusr/bin")); /* a link that the layer may go through */
    layer_close(&below);
    layer_begin(&l, &a, root, &lower, 1, &single, NULL);
    for (int i = 0; rest.n > 0 && i < ENTRIES; i++) {
        str_split(&rest, S("\n"), &line);
        if (line.n > 0)
            add(&l, line);
    }
    if (!layer_end(&l, &e))
        assert(e.kind != ERR_NONE);
    layer_close(&l);
    assert(fs_list(&a, fs_join(&a, place(), "beside"), &names, &e) && names.n == 0);
    assert(fs_list(&a, place(), &names, &e) && names.n == 3);
    return 0;
}
