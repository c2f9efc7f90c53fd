/* Charts written into a temporary folder, for the tests of this room. */
#pragma once
#include <stdlib.h>

#include "../cmocka_all.h"
#include "base/sys.h"
#include "chart/chart.h"

struct fixture {
    struct arena a;
    const char *dir; /* removed by fixture_close */
    struct err e;
};

static inline int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(fs_temp_dir(&f->a, "chart-test", &f->dir, &f->e));
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;
    struct err e;
    bool removed = fs_remove_tree(f->dir, &e);
    arena_close(&f->a);
    free(f);
    return removed ? 0 : -1;
}

static inline const char *fixture_path(struct fixture *f, const char *name)
{
    return fs_join(&f->a, f->dir, name);
}

/* Write a file below the fixture's folder, with the folders on the way. */
static inline void fixture_write(struct fixture *f, const char *name, const char *text)
{
    const char *path = fixture_path(f, name);
    const char *slash = strrchr(path, '/');
    assert_true(fs_mkdirs(arena_fmt(&f->a, "%.*s", (int)(slash - path), path).p, 0755, &f->e));
    assert_true(fs_write(path, str_c(text), 0644, &f->e));
}

static inline void fixture_chart(struct fixture *f, const char *folder, const char *name, const char *version,
                                 const char *more)
{
    fixture_write(f, arena_fmt(&f->a, "%s/Chart.yaml", folder).p,
                  arena_fmt(&f->a, "apiVersion: v2\nname: %s\nversion: %s\n%s", name, version, more).p);
}
