/*
 * cluster/local/runtime.h - inside the local engine: environments, pods and containers as processes. Private to the
 * room.
 *
 * The controllers of workloads decide with documents; this layer acts: holder processes, network
 * namespaces, overlays, launching, exit codes, log files, service addresses, dialling. It knows nothing of manifests.
 * Thread-safe: every call may come from any thread; per environment calls are serialised inside.
 */
#pragma once
#include "oci/oci.h"

struct runtime;
struct runtime_options {
    const char *data_dir; /* <data_dir>/images, <data_dir>/env/NAME */
    const char *launcher; /* program to re-execute; NULL: /proc/self/exe */
    struct oci_client *images;
    /* A container ended or an environment died: called on the runtime's own thread; must only wake the caller up. */
    void (*wake)(void *user);
    void *user;
};
MUST_CHECK bool runtime_open(const struct runtime_options *o, struct runtime **out, struct err *e);
/* stop: kill every environment first. */
void runtime_close(struct runtime *r, bool stop);

/* ---- images ------------------------------------------------------------------------------- */
struct runtime_image {
    struct str digest;      /* of the manifest */
    struct value config;    /* image configuration document: config.Entrypoint, Cmd, Env, User, WorkingDir ... */
    struct str *layer_dirs; /* unpacked lower directories, topmost last */
    size_t n_layers;
};
/* Pull what is missing, verify, unpack safely; idempotent, one pull at a time per digest. A digest reference that is
 * cached needs no network. errors: ERR_NOT_FOUND (no such tag), ERR_UNAVAILABLE, ERR_DENIED, ERR_INVALID (digest,
 * archive). */
MUST_CHECK bool runtime_image_ensure(struct arena *a, struct runtime *r, struct str reference, bool always_resolve,
                                     struct runtime_image *out, struct err *e);

/* ---- environments ------------------------------------------------------------------------- */
/* Start the holder of environment `name`, or reattach to a living one. */
MUST_CHECK bool runtime_env_start(struct runtime *r, struct str name, struct err *e);
/* Kill all of it: processes, mounts, files. An absent one is success. */
MUST_CHECK bool runtime_env_stop(struct runtime *r, struct str name, struct err *e);
/* Does its holder run, be it one that an earlier vitrine started? */
bool runtime_env_alive(struct runtime *r, struct str name);

/* ---- pods and containers ------------------------------------------------------------------ */
/* A network namespace with an address; out_ip: dotted IPv4. `id` is the pod's uid. */
MUST_CHECK bool runtime_pod_create(struct arena *a, struct runtime *r, struct str env, struct str id,
                                   struct str hostname, struct str *out_ip, struct err *e);
MUST_CHECK bool runtime_pod_remove(struct runtime *r, struct str env, struct str id,
                                   struct err *e); /* kills what runs in it */

struct runtime_mount {
    struct str source; /* host path below data_dir (made with runtime_volume_dir) */
    struct str target; /* absolute path in the container */
    bool read_only;
};
struct runtime_container {
    struct str pod_id, name; /* "name" is unique in the pod; `attempt` counts restarts */
    int attempt;
    const struct runtime_image *image;
    struct str *argv;
    size_t n_argv; /* whole command line, never empty */
    struct str *env;
    size_t n_env;           /* NAME=value */
    struct str working_dir; /* empty: / */
    int64_t uid, gid;       /* <0: from the image's User (resolved in the image's /etc/passwd) */
    struct runtime_mount *mounts;
    size_t n_mounts;
    bool read_only_root;
    int64_t memory_max; /* bytes; 0: none */
    int64_t pids_max;   /* 0: 1024 */
    struct str hostname;
    struct str dns_search; /* "ns.svc.cluster.local svc.cluster.local cluster.local" */
};
/* A folder for a volume of a pod, created; removed with the pod. `name` is one path component. Files in it are written
 * with runtime_volume_write (mode, owner-safe for the container). */
MUST_CHECK bool runtime_volume_dir(struct arena *a, struct runtime *r, struct str env, struct str pod_id,
                                   struct str name, struct str *out, struct err *e);
MUST_CHECK bool runtime_volume_write(struct runtime *r, struct str dir, struct str path, struct str content,
                                     unsigned mode, struct err *e);
/* An attempt that was started before, running or ended, is not started again: that is success. errors: ERR_NOT_FOUND
 * when the program is not in the image, ERR_CONFLICT while another attempt runs. */
MUST_CHECK bool runtime_container_start(struct runtime *r, struct str env, const struct runtime_container *c,
                                        struct err *e);
MUST_CHECK bool runtime_container_signal(struct runtime *r, struct str env, struct str pod_id, struct str name, int sig,
                                         struct err *e); /* SIGKILL takes the whole container */
struct runtime_state {
    bool exists, running;
    int exit_code; /* 0..255; 128 + signal */
    int signal;    /* 0, or what ended it */
    bool oom_killed;
    int64_t started_ms, finished_ms; /* wall clock */
    struct str start_error;          /* exec or set-up failed: one line */
};
MUST_CHECK bool runtime_container_state(struct arena *a, struct runtime *r, struct str env, struct str pod_id,
                                        struct str name, struct runtime_state *out, struct err *e);
/* Run argv in the container; *exit_code as a shell would say, output at most 64 KiB. ERR_UNAVAILABLE on the time-out.
 */
MUST_CHECK bool runtime_exec(struct arena *a, struct runtime *r, struct str env, struct str pod_id, struct str name,
                             const struct str *argv, size_t n_argv, int64_t timeout_ms, int *exit_code,
                             struct str *output, struct err *e);
/* The log file (CRI lines: RFC3339NANO stream F|P text), path below data_dir. At 10 MiB it becomes PATH.1 and that
 * PATH.2; logs of this attempt and of the one before survive until the pod goes. */
struct str runtime_log_path(struct arena *a, struct runtime *r, struct str env, struct str pod_id, struct str name,
                            int attempt);

/* ---- addresses ---------------------------------------------------------------------------- */
struct runtime_endpoint {
    struct str ip;
    int port;
};
struct runtime_service_port {
    int port;
    struct runtime_endpoint *endpoints;
    size_t n_endpoints; /* ready pods */
};
struct runtime_service {
    struct str name, ns;
    struct str ip; /* the VIP; empty: headless, DNS answers the endpoints */
    struct runtime_service_port *ports;
    size_t n_ports;
};
/* Replace the whole table of an environment: DNS names and forwarders follow. */
MUST_CHECK bool runtime_services_set(struct runtime *r, struct str env, const struct runtime_service *v, size_t n,
                                     struct err *e);
/* A connected TCP socket into the environment (pods, VIPs), non-blocking, close-on-exec. ERR_UNAVAILABLE: refused,
 * time-out. */
MUST_CHECK bool runtime_dial(struct runtime *r, struct str env, struct str ip, int port, int64_t timeout_ms,
                             int *out_fd, struct err *e);
