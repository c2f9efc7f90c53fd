/*
 * oci/registry.h - the embedded registry (distribution API: pull, push, mount, tags, delete) and chart repository.
 *
 * Routes /v2/... (registry) and /charts/... (a Helm repository: index.yaml, NAME-VERSION.tgz; POST or PUT /api/charts
 * uploads a package, as ChartMuseum takes it). Files live below `dir`: blobs by digest, written once, renamed into
 * place.
 *
 * Every OCI_SWEEP_EVERY_MS a thread of the registry gives back the space of what no tag has reached for
 * OCI_SWEEP_GRACE_MS.
 */
#pragma once
#include "net/http.h"

#define OCI_SWEEP_EVERY_MS ((int64_t)3600000)
#define OCI_SWEEP_GRACE_MS ((int64_t)86400000)

struct oci_registry;
/* `dir` is made when it is not there. The caller closes. errors: ERR_IO, ERR_DENIED for a folder that cannot be used.
 */
MUST_CHECK bool oci_registry_open(const char *dir, struct oci_registry **out, struct err *e);
/* After the last request; waits for the sweeping thread. NULL is fine. */
void oci_registry_close(struct oci_registry *r);
/* Whether a path is one of ours. */
bool oci_registry_owns(struct str path);
/* For http_server_options.spool: uploads go to files. */
bool oci_registry_spools(struct str method, struct str path);
/* Answer one request whose path oci_registry_owns; from any thread. */
void oci_registry_handle(struct oci_registry *r, struct http_server_request *q, struct http_exchange *x);

struct oci_swept {
    int64_t manifests, blobs, bytes; /* removed */
};
/* Give back the space of what no tag reaches any more (directly, through an index, or as the subject of something) and
 * of uploads left behind, when it is older than the grace period: longer than any push. Safe while the registry serves;
 * writes wait. */
void oci_registry_sweep(struct oci_registry *r, int64_t grace_ms, struct oci_swept *out);
