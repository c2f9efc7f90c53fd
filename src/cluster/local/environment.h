/*
 * cluster/local/environment.h - inside the runtime: one environment as the main process sees it. Private to runtime*.c,
 * environment*.c and image.c.
 */
#pragma once
#include <pthread.h>
#include <sys/types.h>

#include "cluster/local/agent.h"
#include "cluster/local/ids.h"
#include "cluster/local/runtime.h"
#include "cluster/local/wire.h"

enum { SPARE_SOCKETS = 16, CALL_MS = 30000, SLOW_CALL_MS = 120000, START_MS = 15000 };

struct subscription { /* an event connection; the watcher thread's own */
    struct subscription *next;
    struct environment *env;
    int fd, pidfd;
    pid_t child; /* holder to reap when it ends, 0 when it is not our child */
};

struct environment {
    struct environment *next;
    struct runtime *r;
    char name[64];
    pthread_mutex_t lock; /* of everything below */
    int calls;            /* connection for quick calls, -1 */
    int spare[SPARE_SOCKETS], n_spare;
    pid_t pid;
    int pidfd;   /* of the holder, -1 */
    bool looked; /* for a holder from before */
};

struct runtime {
    struct runtime_options o;
    char *data_dir, *launcher;
    struct ids ids;       /* of the containers */
    pthread_mutex_t lock; /* of the lists */
    struct environment *environments;
    struct subscription *subscriptions;
    int poke; /* wakes the watcher */
    bool closing;
    pthread_t watcher;
    /* images being pulled */
    pthread_mutex_t image_lock;
    pthread_cond_t image_done;
    struct image_busy *busy;
};

/* The environment of that name, made when it is new. */
MUST_CHECK bool environment_of(struct runtime *r, struct str name, struct environment **out, struct err *e);
/* Quick request on the kept connection. The reply lives in `a`. errors: the holder's, or ERR_UNAVAILABLE when it is
 * gone. */
MUST_CHECK bool environment_call(struct arena *a, struct environment *env, const struct value *body, const int *fds,
                                 int n_fds, struct wire_message *out, struct err *e);
/* A connection of one's own, for a request that takes its time. */
MUST_CHECK bool environment_connect(struct environment *env, int *out, struct err *e);
MUST_CHECK bool environment_start(struct environment *env, struct err *e);
MUST_CHECK bool environment_stop(struct environment *env, struct err *e);
bool environment_alive(struct environment *env);
const char *environment_path(struct arena *a, const struct environment *env,
                             const char *below); /* below: "work", ... */
/* Open an event connection and hand it to the watcher; `child` is the holder's process id when it is ours to reap. */
MUST_CHECK bool environment_listen(struct environment *env, pid_t child, int pidfd, struct err *e);
/* Hand an event connection to the watcher. */
MUST_CHECK bool runtime_subscribe(struct environment *env, int fd, pid_t child, int pidfd, struct err *e);
MUST_CHECK bool runtime_name_check(struct str name, struct err *e); /* one safe path component */
struct value runtime_request(struct arena *a, const char *op, struct str pod, struct str name);
