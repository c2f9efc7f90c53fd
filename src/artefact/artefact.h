/*
 * artefact/artefact.h - the life of an image: published for a pull request, tested, promoted on merge.
 *
 *     publish   pushes the image, names it sha-<sha>, moves pr-<n> to it
 *     promote   names the image that was tested in a pull request sha-<merge sha>, without moving a layer
 *     tags      what every tag points to
 *
 * All three may be run again at any time: what is already so is left alone and reported as unchanged. A tag is moved by
 * putting the manifest's own bytes under the new name, so a multi-platform index keeps every platform and its digest.
 */
#pragma once
#include "forge/forge.h"
#include "oci/oci.h"

/* The repository of an image: a reference without tag and digest. ERR_INVALID. */
MUST_CHECK bool artefact_image_parse(struct arena *a, struct str text, struct oci_reference *out, struct err *e);

enum artefact_change { ARTEFACT_UNCHANGED, ARTEFACT_NEW, ARTEFACT_MOVED };
struct artefact_tag {
    struct str tag, digest;
    struct str before; /* the digest it pointed to before; empty when new */
    enum artefact_change change;
};

/* ---- publish ------------------------------------------------------------------------------ */

struct artefact_publish {
    struct oci_reference image; /* tag and digest are ignored */
    struct str sha;             /* full commit sha: names sha-<sha> */
    int64_t pull;               /* pull request number: names pr-<n>; 0: none */
    bool force;                 /* move sha-<sha> although it names another image */
    /* Exactly one source. */
    const struct oci_assemble *assemble; /* a program or a folder; a revision label is added */
    const char *layout;                  /* an OCI layout folder */
    const char *dockerfile;              /* built with buildah in `context` */
    const char *context;                 /* NULL: the Dockerfile's folder */
};
struct artefact_published {
    struct oci_descriptor manifest;
    struct artefact_tag tags[2]; /* sha-<sha>, then pr-<n> */
    size_t n_tags;
};
/* errors: ERR_CONFLICT when sha-<sha> names another image and force is not set; ERR_NOT_FOUND for the source or when
 * buildah is not installed; those of the registry. Nothing is tagged on failure of the push. */
MUST_CHECK bool artefact_publish(struct arena *a, struct oci_client *c, const struct artefact_publish *p,
                                 struct artefact_published *out, struct err *e);

/* ---- promote ------------------------------------------------------------------------------ */

enum artefact_refusal { /* why a promotion did not happen; the caller's business is another one each time */
                        ARTEFACT_FAILED,  /* something broke: see the error */
                        ARTEFACT_NO_PULL, /* the forge positively knows no merged pull request of the commit: build
                                             there */
                        ARTEFACT_DIFFERS, /* pr-<n> is not what was tested, or sha-<merge sha> is already another image
                                           */
                        ARTEFACT_NO_TAG,  /* pr-<n> or sha-<head> does not exist */
};
struct artefact_promote {
    struct oci_reference image; /* tag and digest are ignored */
    struct str sha;             /* the merge commit: names sha-<sha> */
    struct forge_repo repo;     /* where the pull request is looked up; not asked when pull and head are given */
    int64_t pull;               /* 0: ask the forge */
    struct str head;            /* the commit that was tested; empty: ask the forge */
    int64_t lookup_ms;          /* forges learn of a merge late: ask again for so long before "no pull request" */
    const struct str *tags;     /* more names for the image, such as "main" */
    size_t n_tags;
};
struct artefact_promoted {
    int64_t pull;
    struct str head;
    struct oci_descriptor manifest;
    struct artefact_tag *tags; /* sha-<sha>, then the others in order */
    size_t n_tags;
};
MUST_CHECK bool artefact_promote(struct arena *a, struct oci_client *c, const struct artefact_promote *p,
                                 struct artefact_promoted *out, enum artefact_refusal *why, struct err *e);

/* ---- tags --------------------------------------------------------------------------------- */

struct artefact_listed {
    struct str tag;
    struct oci_descriptor manifest;
};
/* Every tag in byte order. A tag that goes away meanwhile is left out. */
MUST_CHECK bool artefact_tags(struct arena *a, struct oci_client *c, const struct oci_reference *image,
                              struct artefact_listed **out, size_t *out_n, struct err *e);
