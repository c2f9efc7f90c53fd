/*
 * cluster/local/ids.h - whose files and processes a container's are, on the host.
 *
 * root holds a range of ids by itself; an ordinary user does when /etc/subuid and /etc/subgid grant one and
 * newuidmap(1) is there; else a container has one id, the user's own. Files of the range are out of an ordinary user's
 * reach: a short-lived agent, which maps the user as 0 and the range from 1 on, changes owners and removes.
 */
#pragma once
#include <sys/types.h>

#include "base/base.h"

struct ids {
    bool range;    /* else only our own id is mapped */
    bool by_agent; /* an ordinary user's range: owners are changed by the agent */
    uint32_t first_uid, first_gid;
};
/* What this process holds. */
struct ids ids_held(void);
/* Write the maps of a process that made a user namespace: 0.. is the range; with `beside` 0 is ourselves and 1.. the
 * range. */
MUST_CHECK bool ids_map(const struct ids *ids, pid_t pid, bool beside, struct err *e);

/* Orders for the agent, each ended by a zero byte: "R PATH" remove a tree, "C UID GID PATH" change an owner, "L PATH"
 * go to a layer, and below it "O UID GID MODE PATH". Ids count from 0 = first of the range. */
void ids_order_remove(struct buf *orders, const char *path);
void ids_order_own(struct buf *orders, const char *path);
void ids_order_layer(struct buf *orders, const char *path);
void ids_order_entry(struct buf *orders, int64_t uid, int64_t gid, mode_t mode, struct str path);
/* The agent's side: carry them out. */
MUST_CHECK bool ids_carry_out(struct str orders, struct err *e);
