/* A local engine over a fresh store and the fake runtime. */
#pragma once
#include "../cmocka_all.h"

#include "base/sys.h"
#include "cluster/local/local.h"
#include "fake_runtime.h"

struct engine {
    struct arena a;
    const char *dir;
    struct store *store;
    struct cluster *c;
};
int engine_open(void **state);
int engine_close(void **state);
void engine_restart(struct engine *x); /* close and open again; the fake runtime keeps running what runs */

/* Apply every document of a YAML text into namespace "x" (made on demand); fails the test on an error. */
void engine_apply(struct engine *x, const char *yaml);
/* Apply one document; the error's text, or "" on success. */
const char *engine_apply_error(struct engine *x, const char *yaml);
struct value engine_get(struct engine *x, const char *kind, const char *name); /* null when it is not there */
struct value engine_list(struct engine *x, const char *kind);                  /* in namespace x */
/* Wait at most ten seconds until the text at a path of an object (JSON for other kinds) is `wanted`; "" waits for
 * absence. */
void engine_wait(struct engine *x, const char *kind, const char *name, const char *path, const char *wanted);
/* Wait until as many objects of a kind exist. */
void engine_wait_count(struct engine *x, const char *kind, size_t n);
/* The status of a condition, "" when it is not there. */
void engine_wait_condition(struct engine *x, const char *kind, const char *name, const char *type, const char *status,
                           const char *reason);
void engine_remove(struct engine *x, const char *kind, const char *name, enum cluster_propagation p);
/* Wait until `done` says so. */
void engine_until(struct engine *x, bool (*done)(struct engine *x, const void *arg), const void *arg, const char *what);
