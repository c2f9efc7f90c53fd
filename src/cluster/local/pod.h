/*
 * cluster/local/pod.h - planning what the containers of a pod do next. Pure: facts in, decisions out. Private to the
 * room.
 */
#pragma once
#include "cluster/local/probe.h"

#define POD_CONTAINERS_MAX 32 /* init and main containers of one pod */

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };
enum image_phase { IMAGE_NONE, IMAGE_PULLING, IMAGE_READY };
enum run_phase { RUN_WAITING, RUN_RUNNING, RUN_ENDED };

struct container_facts {
    bool init, sidecar; /* a sidecar is an init container with restartPolicy Always */
    enum image_phase image;
    enum run_phase phase;
    int exit_code;       /* RUN_ENDED */
    int64_t retry_at_ms; /* RUN_WAITING: not before (a pull or a start failed); 0: now */
    struct probe_verdict probe;
    bool stopping; /* its end was asked for */
    bool term_sent;
    int64_t term_at_ms, kill_at_ms; /* stopping: when SIGTERM and SIGKILL are due */
};
struct pod_facts {
    enum restart_policy restart;
    bool deleting, past_deadline; /* all must end */
    struct container_facts c[POD_CONTAINERS_MAX];
    size_t n; /* init containers first, in order */
    int64_t now_ms;
};

enum container_act {
    ACT_NONE,
    ACT_PULL, /* get the image */
    ACT_START,
    ACT_RESTART, /* it ended and shall run again: count, then wait for retry_at */
    ACT_STOP,    /* begin to stop it: preStop hook, then SIGTERM */
    ACT_TERM,    /* SIGTERM */
    ACT_KILL,    /* SIGKILL */
};
enum pod_end { POD_GOES_ON, POD_SUCCEEDED, POD_FAILED };
struct pod_plan {
    enum container_act act[POD_CONTAINERS_MAX];
    bool initialized; /* every init container did its work */
    bool all_ended;   /* nothing runs */
    enum pod_end end; /* the pod is over; never while something runs */
    int64_t due_ms;   /* wall clock; INT64_MAX: when something changes */
};
void pod_plan(const struct pod_facts *f, struct pod_plan *out);
/* The pause before restart number `crashes` (0: at once): base, doubling, at most `most`. */
int64_t crash_pause_ms(int crashes, int64_t base, int64_t most);
