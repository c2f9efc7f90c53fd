/*
 * oci/oci.h - OCI references, the registry client, reading images, assembling images.
 * Source: OCI distribution, image and artifact specifications; Docker token flow.
 */
#pragma once
#include "data/value.h"

struct oci_reference {      /* [host[:port]/]repository[:tag][@digest] */
    struct str registry;    /* "docker.io" when left out */
    struct str repository;  /* "library/alpine" when left out */
    struct str tag, digest; /* tag is "latest" when both are left out */
};
MUST_CHECK bool oci_reference_parse(struct arena *a, struct str text, struct oci_reference *out, struct err *e);
struct str oci_reference_str(struct arena *a, const struct oci_reference *r);

struct oci_client; /* thread-safe; keeps tokens and plain-HTTP decisions */
struct oci_client_options {
    /* Credentials for a registry, false: none; NULL: from ~/.docker/config.json, $REGISTRY_AUTH_FILE, Helm's file. */
    bool (*credentials)(void *user, struct arena *a, struct str registry, struct str *username, struct str *password);
    void *user;
    /* Names that resolve elsewhere: "registry.example" -> "127.0.0.1:5000" (plain HTTP). NULL-terminated pairs, or
     * NULL. */
    const char *const *aliases;
    bool plain_http;   /* every registry over plain HTTP */
    bool outside_only; /* ERR_DENIED for addresses of this machine and its networks, as in net/http.h */
    bool insecure_tls; /* certificates are not looked at */
    const char *ca_file, *cert_file, *key_file; /* as in net/http.h */
    bool files_too;                             /* the machine's files are asked when `credentials` says false */
    bool helm_first; /* Helm's registry/config.json is asked before docker's files, not after them */
};
/* Registries on loopback ("localhost", "*.localhost", 127.0.0.0/8, ::1) are spoken to over plain HTTP, all others over
 * HTTPS. */
MUST_CHECK bool oci_client_open(const struct oci_client_options *o, struct oci_client **out, struct err *e);
void oci_client_close(struct oci_client *c);
int64_t oci_client_requests(const struct oci_client *c); /* HTTP requests so far, for measuring */

struct oci_descriptor {
    struct str media_type, digest;
    int64_t size;
};
/* HEAD (or GET) of a manifest: what a tag points to now. ERR_NOT_FOUND, ERR_DENIED, ERR_UNAVAILABLE. */
MUST_CHECK bool oci_resolve(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                            struct oci_descriptor *out, struct err *e);
/* Manifest bytes as the registry has them, digest verified. */
MUST_CHECK bool oci_manifest_get(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                 struct oci_descriptor *out, struct str *bytes, struct err *e);
/* PUT under the reference's tag, else under its digest, else (with neither) under the bytes' own digest. */
MUST_CHECK bool oci_manifest_put(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                 struct str media_type, struct str bytes, struct str *out_digest, struct err *e);
MUST_CHECK bool oci_manifest_delete(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                    struct err *e);
/* Blob to a file descriptor, digest and size verified; on failure nothing of use is in the file. */
MUST_CHECK bool oci_blob_get(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                             const struct oci_descriptor *d, int fd, struct err *e);
MUST_CHECK bool oci_blob_exists(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str digest,
                                bool *out, struct err *e);
/* Push from memory or from a file; a blob that is already there is not sent. */
MUST_CHECK bool oci_blob_put(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                             const struct oci_descriptor *d, struct str bytes, int fd, struct err *e);
MUST_CHECK bool oci_tags(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str **out,
                         size_t *out_n, struct err *e); /* every page, sorted */

/* The platform's image behind a reference (an index is followed to os/architecture). */
struct oci_image {
    struct oci_descriptor manifest, config;
    struct value config_json; /* the image configuration document */
    struct oci_descriptor *layers;
    struct str *diff_ids;
    size_t n_layers;
};
MUST_CHECK bool oci_image_get(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                              struct oci_image *out, struct err *e);
struct str oci_platform_architecture(void); /* "amd64", "arm64" of this machine */

/* Assemble an image reproducibly (fixed times, sorted entries, uid 0): a static binary or a folder as one gzip layer.
 */
struct oci_assemble {
    const char *path; /* a file (becomes /NAME) or a folder (becomes /) */
    struct str name;  /* file name inside the image when path is a file; empty: its base name */
    const char *const *entrypoint, *const *cmd, *const *env; /* NULL-terminated, or NULL */
    struct str user, working_dir;
    const char *const *labels;        /* key, value, ..., NULL */
    const char *const *exposed_ports; /* "8080/tcp" */
};
/* Pushes blobs and manifest under the reference's tag, or (without one) under its digest only; out: the manifest. */
MUST_CHECK bool oci_assemble_push(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                  const struct oci_assemble *spec, struct oci_descriptor *out, struct err *e);
/* Push everything of an OCI layout folder (index.json) under the reference. */
MUST_CHECK bool oci_layout_push(struct arena *a, struct oci_client *c, const char *layout,
                                const struct oci_reference *r, struct oci_descriptor *out, struct err *e);

/* ---- Helm charts in a registry (chart_artifact.c) ------------------------------------------ */

/* The reference of "oci://HOST/PATH", with or without ":TAG"; `tag`, when not empty, is put behind it. The first part
 * is a host even when it has no dot. */
MUST_CHECK bool oci_chart_reference(struct arena *a, struct str url, struct str tag, struct oci_reference *out,
                                    struct err *e);
/* What a tag or digest holds: its manifest, and the layer that is the .tgz. ERR_INVALID when it is no chart. */
MUST_CHECK bool oci_chart_find(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                               struct oci_descriptor *manifest, struct oci_descriptor *package, struct err *e);
/* The bytes of that layer, verified. */
MUST_CHECK bool oci_chart_get(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                              const struct oci_descriptor *package, struct str *out, struct err *e);
/* Push a package under the reference's tag, as `helm push` does; metadata: Chart.yaml as a map. */
MUST_CHECK bool oci_chart_push(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str package,
                               const struct value *metadata, struct oci_descriptor *out, struct err *e);
/* A version as a tag has it, `_` for `+`, and back. */
struct str oci_chart_tag(struct arena *a, struct str version);
struct str oci_chart_version(struct arena *a, struct str tag);
/* The versions that a chart's repository has: tags that are whole semantic versions, newest first. */
MUST_CHECK bool oci_chart_versions(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                                   struct str **out, size_t *out_n, struct err *e);
