/*
 * cluster/local/local.h - the local engine: Kubernetes manifests on this machine, no daemon, no root needed.
 *
 * See reference docs in docs/architecture.md. One holder process per namespace ("environment"), one network namespace
 * per pod.
 */
#pragma once
#include "cluster/cluster.h"
#include "oci/oci.h"
#include "store/store.h"

struct local_options {
    const char *data_dir;      /* images, environments, logs live below it */
    struct store *store;       /* scope "local" */
    struct oci_client *images; /* where images are pulled from */
    const char *launcher;  /* path of the program whose hidden subcommands `__holder` and `__container` are ours; NULL:
                              /proc/self/exe */
    uint16_t ingress_port; /* 0: any free one; *.localhost and every Ingress host on 127.0.0.1:PORT */
    const char *ingress_address; /* NULL: 127.0.0.1 */
    int64_t restart_backoff_ms;  /* first pause before a crashed container starts again and a pull is repeated; 0: 10 s;
                                    doubles to 5 min */
    bool keep_running;           /* close() leaves environments running (reattach at the next open); false: stop them */
};
MUST_CHECK bool local_open(const struct local_options *o, struct cluster **out, struct err *e);
uint16_t local_ingress_port(struct cluster *c);
/* "http://demo-web-pr-5.localhost:8088/" of the first Ingress rule in a namespace; empty when there is none. */
struct str local_ingress_url(struct arena *a, struct cluster *c, struct str ns);

/* The fallback ladder (docs/operations.md): probes in a forked child. */
struct local_level {
    int level; /* 5 (everything) .. 1 (refused); 0: nothing works */
    bool root, userns, subuid, overlay, veth, cgroup2;
    char why[512]; /* one line: what is missing for the next step, and the mend */
};
void local_probe(struct local_level *out);

/* Hidden subcommands, single-threaded: called by main() before anything else. Return the exit status. */
int local_holder_main(int argc, char **argv);
int local_container_main(int argc, char **argv);
