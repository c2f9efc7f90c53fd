/*
 * cluster/local/environment_spawn.h - start the launcher program again, as a holder or as the agent for files, with its
 * ids mapped.
 */
#pragma once
#include "cluster/local/environment.h"

/* `lock` is the locked file, `listener` the listening socket; the holder keeps copies. Returns when it is ready for
 * requests. */
MUST_CHECK bool holder_spawn(struct environment *env, int lock, int listener, pid_t *out, struct err *e);
/* Have the agent carry out orders of ids.h. Only with ids.by_agent. */
MUST_CHECK bool agent_orders(const struct runtime *r, struct str orders, struct err *e);
/* Remove a tree that may have files of the containers' ids in it. */
MUST_CHECK bool runtime_remove_tree(const struct runtime *r, const char *path, struct err *e);
