/*
 * oci/registry_internal.h - the parts of the embedded registry.
 *
 * Below the registry's folder:
 *     blobs/sha256/ab/abcd...                  content, written once
 *     repos/NAME/_blobs/sha256/abcd...         the repository has this blob (empty file)
 *     repos/NAME/_manifests/sha256/abcd...     ... this manifest (its media type)
 *     repos/NAME/_tags/TAG                     the digest a tag points to
 *     repos/NAME/_referrers/sha256-SUBJECT/sha256-abcd...   the descriptor of a manifest with that subject
 *     repos/NAME/_uploads/UUID                 bytes of an unfinished upload
 *     charts/NAME-VERSION.tgz                  the chart repository
 *     tmp/                                     unfinished small files, emptied at start
 * No component of a repository name starts with '_'. Every file appears by rename, so a crash leaves whole files only,
 * and content always exists before what names it.
 */
#pragma once
#include "base/sys.h"
#include "oci/internal.h"
#include "oci/registry.h"

struct chart_shelf { /* the chart repository's index, made again when the folder changed */
    pthread_mutex_t lock;
    struct arena arena;
    uint64_t fingerprint;
    struct value index;
    struct str text; /* index.yaml */
};

struct oci_registry {
    char *dir;
    pthread_mutex_t lock;   /* held while names change and while the sweep runs */
    pthread_cond_t closing; /* wakes the sweeper */
    bool closed;            /* under `lock` */
    pthread_t sweeper;
    struct chart_shelf charts;
};

struct visit { /* one request */
    struct oci_registry *reg;
    struct arena *a;
    struct http_server_request *q;
    struct http_exchange *x;
    struct str repo;
    struct str name; /* what follows in the path: a tag, a digest, a session */
};

/* ---- answers (registry.c) ----------------------------------------------------------------- */

/* {"errors":[{"code","message","detail"}]}; `detail` may be empty. */
void reg_refuse(struct visit *v, int status, const char *code, const char *message, struct str detail);
/* 500, or 507 when the disk is full; the text goes to the log as well. */
void reg_broken(struct visit *v, const struct err *e);
void reg_header(struct visit *v, const char *name, struct str value);

/* ---- files (registry_files.c) ------------------------------------------------------------- */

/* Paths in the folder of the registry: of a blob ... */
const char *reg_blob_path(struct visit *v, struct str digest);
/* ... repos/NAME/KIND/..., KIND one of "_blobs", "_manifests" with a digest ... */
const char *reg_link_path(struct visit *v, struct str repo, const char *kind, struct str digest);
/* ... and of anything else in the repository that was asked for, such as a tag ("_tags"). */
const char *reg_repo_path(struct visit *v, const char *kind, struct str name);
/* A whole small file, by rename, with the folders made on the way. */
MUST_CHECK bool reg_write(struct visit *v, const char *path, struct str content, struct err *e);
/* The whole of a small file; false when it is not there. */
bool reg_read(struct visit *v, const char *path, struct str *out);
/* Note that a link was looked at, so that the sweep takes it for young: who finds a blob does not send it again. */
void reg_touch(const char *path);
/* Whether a repository links to that digest. */
bool reg_has(struct visit *v, struct str repo, const char *kind, struct str digest);
/* Rename a finished file to its place among the blobs. */
MUST_CHECK bool reg_publish(struct visit *v, const char *path, struct str digest, struct err *e);
/* The digest that a tag points to, or empty. */
struct str reg_tag(struct visit *v, struct str tag);
/* Append `size` bytes of `from` (from its start) to `to`. */
MUST_CHECK bool reg_append(int to, int from, int64_t size, struct err *e);

/* ---- what the routes do ------------------------------------------------------------------- */

void reg_blob(struct visit *v);     /* /v2/NAME/blobs/DIGEST */
void reg_uploads(struct visit *v);  /* /v2/NAME/blobs/uploads/ */
void reg_upload(struct visit *v);   /* /v2/NAME/blobs/uploads/UUID */
void reg_manifest(struct visit *v); /* /v2/NAME/manifests/REFERENCE */
void reg_tags(struct visit *v);     /* /v2/NAME/tags/list */
/* A manifest that goes is no referrer any more. */
void reg_drop_referrer(struct visit *v, struct str digest);
void reg_referrers(struct visit *v); /* /v2/NAME/referrers/DIGEST */

/* oci_registry_sweep for a caller that holds the lock. */
void reg_sweep(struct oci_registry *r, int64_t grace_ms, struct oci_swept *out);

/* ---- charts ------------------------------------------------------------------------------- */

/* Paths of the chart repository: /charts/ and /api/charts. */
bool charts_own(struct str path);
void charts_handle(struct visit *v);
void charts_close(struct chart_shelf *s);

/* Chart.yaml of a package. errors: ERR_INVALID, ERR_LIMIT. */
MUST_CHECK bool chart_package_read(struct arena *a, struct str package, struct value *out, struct err *e);

/* The body of the form field `name` in a multipart/form-data body; false when it is not there. */
bool multipart_field(struct str content_type, struct str body, const char *name, struct str *out);
