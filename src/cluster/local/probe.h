/*
 * cluster/local/probe.h - startup, liveness and readiness probes. Private to the room.
 *
 * The prober keeps its own clock: a container is registered once when it starts and asked about afterwards. Only a
 * verdict that changes makes the environment dirty. Until a startup or readiness probe succeeds for the first time it
 * is repeated quickly (failures in between do not count), so that a pod serves as soon as it can and not at the next
 * full period.
 */
#pragma once
#include "data/value.h"

struct local;
struct prober;
/* Starts its thread; prober_close ends it. */
MUST_CHECK bool prober_open(struct local *l, struct prober **out, struct err *e);
void prober_close(struct prober *p); /* NULL is fine */

/* Watch container `c` (its document) of a pod from now on; replaces an earlier registration of the same container.
 * served_before: it was ready when vitrine last looked, and stays so until a probe fails. */
void prober_watch(struct prober *p, struct str env, struct str pod_uid, struct str ip, const struct value *c,
                  bool served_before);
void prober_forget(struct prober *p, struct str pod_uid, struct str container); /* container empty: all of the pod */

struct probe_verdict {
    bool started;      /* the startup probe succeeded, or there is none */
    bool ready;        /* started, and the readiness probe says yes, or there is none */
    bool failed;       /* the startup or liveness probe gave up: the container must be restarted */
    char message[200]; /* the last failure: "Readiness probe failed: HTTP probe failed with statuscode: 503" */
};
/* A container that is not watched is not started. */
void prober_read(struct prober *p, struct str pod_uid, struct str container, struct probe_verdict *out);
