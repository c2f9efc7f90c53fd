/*
 * cluster/local/holder.h - inside the holder, the process that keeps one environment alive. Private to the holder_*.c
 * files.
 *
 * One thread, one epoll loop, plain malloc for what lives long and an arena for each request. The working directory is
 * the "stage", a small tmpfs that only this process and its containers see: layers/ (read-only), env/ (pods' files),
 * root (where a container mounts its overlay), empty.
 */
#pragma once
#include <sys/types.h>

#include "cluster/local/agent.h"
#include "cluster/local/crilog.h"
#include "cluster/local/forward.h"
#include "cluster/local/wire.h"

enum { NAME_MAX_BYTES = 63, ID_MAX_BYTES = 63, PEERS_MAX = 256, STATUS_LINE_MAX = 2048 };

struct holder;

struct peer { /* a connection of the runtime */
    struct peer *next;
    struct holder *h;
    struct watch watch;
    uint64_t id;
    bool subscribed; /* gets {"event":...} messages */
};

struct container {
    struct container *next;
    struct pod *pod;
    char name[NAME_MAX_BYTES + 1];
    int attempt;
    pid_t pid; /* of its init; 0 once reaped */
    int pidfd;
    struct watch status, output[2];
    struct crilog log;
    struct crilog_stream stream[2];
    char line[STATUS_LINE_MAX]; /* a status line that is not complete yet */
    size_t line_n;
    bool started, oom_killed;
    int exit_code, signal;
    int64_t started_ms, finished_ms;
    struct err start_error;
    uint64_t waiter; /* peer that waits for the start; 0: none */
    char *spec;      /* JSON text: exec needs user, environment, limits */
    size_t spec_n;
};

struct pod {
    struct pod *next;
    struct holder *h;
    char id[ID_MAX_BYTES + 1];
    int netns;
    unsigned index; /* of its address and its link */
    struct container *containers;
    bool removing;
    uint64_t waiter; /* peer that waits for the removal */
};

struct task { /* a forked child of the holder: exec, or the removal of files */
    struct task *next;
    struct holder *h;
    pid_t pid;
    struct pod *pod; /* removal of a pod's files: the pod to free; exec: the pod it runs in */
    bool is_exec;
    uint64_t peer; /* who waits */
};

struct holder {
    struct loop loop;
    struct watch listen, signals, lock, dns_udp, dns_tcp;
    int launcher, netns, netlink, filters;
    bool fake_ids;
    const char *name;
    struct pod *pods;
    unsigned last_index; /* where the search for a free address begins */
    struct peer *peers;
    struct task *tasks;
    uint64_t last_peer;
    size_t n_peers, n_dns_clients;
    struct forwarder forwarder;
    struct services services;
    struct arena services_arena;
    bool stopping;
    uint64_t stop_waiter;
};

/* holder.c: talking */
void holder_reply(struct holder *h, uint64_t peer, struct arena *a, const struct value *body, const int *fds,
                  int n_fds);
void holder_reply_error(struct holder *h, uint64_t peer, const struct err *e);
void holder_reply_ok(struct holder *h, uint64_t peer);
void holder_event(struct holder *h, const char *event, const struct container *c);

/* One path component: letters, digits, '.', '-', '_', not starting with '.'. */
MUST_CHECK bool holder_name_check(struct str name, struct err *e);

/* What a request may see: its arena dies with it. Handlers reply themselves, at once or later. */
struct request {
    struct arena *a;
    struct peer *peer;
    struct wire_message *m;
};

/* holder_pod.c */
struct pod *pod_find(struct holder *h, struct str id);
MUST_CHECK bool pod_of(struct holder *h, struct request *r, struct pod **out, struct err *e); /* ERR_NOT_FOUND */
MUST_CHECK bool pod_create(struct holder *h, struct request *r, struct err *e);
MUST_CHECK bool pod_remove(struct holder *h, struct request *r, struct err *e);
void pod_begin_removal(struct pod *p);
void pod_ended(struct pod *p); /* something in it ended: removal may go on */
void pod_files_removed(struct pod *p);
/* /etc/resolv.conf of its containers, from the next one on. */
MUST_CHECK bool pod_resolv_conf(struct arena *a, const struct pod *p, struct str search, struct err *e);
MUST_CHECK bool pod_volume(struct holder *h, struct request *r, struct err *e);
MUST_CHECK bool pod_write(struct holder *h, struct request *r, struct err *e);

/* holder_container.c */
MUST_CHECK bool container_start(struct holder *h, struct request *r, struct err *e);
MUST_CHECK bool container_signal(struct holder *h, struct request *r, struct err *e);
MUST_CHECK bool container_state(struct holder *h, struct request *r, struct err *e);
struct container *container_find(struct pod *p, struct str name);
MUST_CHECK bool container_of(struct holder *h, struct request *r, struct container **out, struct err *e);
void container_reaped(struct container *c, int status);
void container_kill(struct container *c, int sig);
void container_free(struct container *c);

/* holder_task.c */
MUST_CHECK bool task_remove_files(struct holder *h, const char *path, struct pod *p, struct err *e);
MUST_CHECK bool task_exec(struct holder *h, struct request *r, struct err *e);
void task_reaped(struct task *t, int status);
void task_peer_gone(struct holder *h, uint64_t peer);

/* holder_network.c */
MUST_CHECK bool network_open(struct holder *h, struct err *e);
MUST_CHECK bool network_pod(struct holder *h, unsigned index, int *out_netns, struct err *e);
void network_pod_close(struct holder *h, struct pod *p);
/* Run on in the pod's network namespace, and come back. Failing to come back ends the holder. */
MUST_CHECK bool network_enter(struct holder *h, int netns, struct err *e);
void network_leave(struct holder *h);
MUST_CHECK bool network_services(struct holder *h, struct request *r, struct err *e);
MUST_CHECK bool network_sockets(struct holder *h, struct request *r, struct err *e);

/* holder_setup.c */
struct holder_setup {
    const char *data_dir, *name;
    bool range; /* the maker writes a map of many ids; else one id is mapped, by ourselves */
};
MUST_CHECK bool setup_namespaces(struct holder *h, const struct holder_setup *s, struct err *e);
/* For the agent that changes owners: only the ids, itself as 0. */
MUST_CHECK bool setup_files_namespace(struct err *e);
