/*
 * cluster/local/environment_spawn.h - start a holder: the launcher program again, in new namespaces, with its ids mapped.
 */
#pragma once
#include "cluster/local/environment.h"

/* `lock` is the locked file, `listener` the listening socket; the holder keeps copies. Returns when it is ready for
 * requests. */
MUST_CHECK bool holder_spawn(struct environment *env, int lock, int listener, pid_t *out, struct err *e);
