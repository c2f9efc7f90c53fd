/*
 * oci/registry.h - the embedded registry (distribution API: pull, push, mount, tags, delete) and chart repository.
 *
 * Routes /v2/... (registry) and /charts/... (a Helm repository: index.yaml, NAME-VERSION.tgz; POST or PUT /api/charts uploads a
 * package, as ChartMuseum takes it). Files live below `dir`: blobs by digest, written once, renamed into place.
 */
#pragma once
#include "net/http.h"

struct oci_registry;
MUST_CHECK bool oci_registry_open(const char *dir, struct oci_registry **out, struct err *e);
void oci_registry_close(struct oci_registry *r);
/* Whether a path is one of ours. */
bool oci_registry_owns(struct str path);
/* For http_server_options.spool: uploads go to files. */
bool oci_registry_spools(struct str method, struct str path);
void oci_registry_handle(struct oci_registry *r, struct http_server_request *q, struct http_exchange *x);
