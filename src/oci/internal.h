/* oci/internal.h - what the files of this room share. */
#pragma once
#include <stdatomic.h>

#include "base/sys.h"
#include "net/http.h"
#include "oci/oci.h"

#define OCI_IMAGE "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define DOCKER_IMAGE "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"

#define OCI_MANIFEST_MAX ((size_t)4 << 20)
#define OCI_CONFIG_MAX ((size_t)8 << 20)

/* The grammar of the distribution specification: <name> with its limit of length, and <reference> as a tag. */
bool oci_repository_valid(struct str name);
bool oci_tag_valid(struct str tag);
struct str oci_next_link(struct str link); /* the URL with rel="next" of a Link header, or empty */
bool oci_is_index(struct str media_type);  /* OCI index or Docker list */
bool oci_is_image(struct str media_type);
/* A descriptor object of a manifest; a missing size is -1. */
struct oci_descriptor oci_descriptor_of(const struct value *v);
/* The same repository by digest. */
struct oci_reference oci_reference_at(const struct oci_reference *r, struct str digest);

/* ---- credentials -------------------------------------------------------------------------- */

struct oci_credentials {
    struct str username, password;
    struct str identity_token; /* a refresh token: OAuth2 POST */
    struct str registry_token; /* a ready Bearer token */
};
/* What the machine's files and helpers know about a registry; all empty when nothing. helm_first: Helm's file before
 * the others. errors: a file that is not JSON, a helper that cannot run. */
MUST_CHECK bool oci_credentials_find(struct arena *a, struct str registry, bool helm_first, struct oci_credentials *out,
                                     struct err *e);

/* ---- calls -------------------------------------------------------------------------------- */

struct oci_client {
    struct oci_client_options options;
    atomic_int_fast64_t requests;
    pthread_mutex_t lock;     /* for what follows */
    struct oci_login *logins; /* newest first, at most LOGINS_MAX */
    struct oci_seen *seen;    /* blobs known to be in a repository, newest first, at most SEEN_MAX */
};

struct oci_call {
    const char *method;
    struct str path; /* below /v2/REPOSITORY/, or an absolute URL */
    struct http_headers headers;
    struct str body;
    int body_fd, sink_fd;
    size_t response_max;
    int64_t bytes;         /* about how many travel: decides the time limit */
    bool push;             /* needs pull,push instead of pull */
    bool remove;           /* needs delete */
    bool also_404;         /* absence is an answer, not an error */
    struct str mount_from; /* another repository that must be readable */
};
/* One request to the registry of `r`, logged in as it asks. True for 2xx, and for 404 when the call expects it. errors:
 * everything else, with the registry's own code and message. */
MUST_CHECK bool oci_send(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                         const struct oci_call *call, struct http_response *out, struct err *e);
/* Turn an unwelcome status into an error. Always false. */
bool oci_fail(struct arena *a, const struct http_response *response, struct err *e);
struct str oci_base_url(struct arena *a, const struct oci_client *c, struct str registry); /* "https://ghcr.io" */
bool oci_is_plain(const struct oci_client *c, struct str registry);                        /* spoken to over HTTP */
MUST_CHECK bool oci_http(struct arena *a, struct oci_client *c, const struct http_request *request,
                         struct http_response *out, struct err *e); /* http_do, counted, retried on 429 and 5xx */

/* ---- logins (login.c) --------------------------------------------------------------------- */

/* The Authorization header to send without being asked, or empty: from an earlier login, or (when the registry's token
 * server is known) from a new one. */
MUST_CHECK bool oci_login_known(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                const struct oci_call *call, struct str *out, struct err *e);
/* Answer a 401: log in and give the header to repeat the request with. ERR_DENIED when there is no way in. */
MUST_CHECK bool oci_login_answer(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                 const struct oci_call *call, const struct http_response *refused, struct str *out,
                                 struct err *e);
void oci_logins_free(struct oci_client *c);

/* ---- blobs -------------------------------------------------------------------------------- */

/* A small blob in memory, digest verified. */
MUST_CHECK bool oci_blob_read(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                              const struct oci_descriptor *d, size_t max, struct str *out, struct err *e);
void oci_seen_free(struct oci_client *c);

/* ---- layers ------------------------------------------------------------------------------- */

struct oci_layer {
    int fd; /* gzip of the tar, unlinked */
    struct oci_descriptor descriptor;
    struct str diff_id;
};
/* A reproducible layer: `path` is a file (placed at /name) or a folder (its content at /). */
MUST_CHECK bool oci_layer_make(struct arena *a, const char *path, struct str name, int64_t time_s,
                               struct oci_layer *out, struct err *e);
/* GOARCH word of an ELF program, or this machine's for anything else. */
struct str oci_architecture_of(const char *path);
