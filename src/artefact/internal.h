/* artefact/internal.h - naming images. */
#pragma once
#include "artefact/artefact.h"

/* ERR_INVALID unless it is a full commit sha (40 or 64 lower-case hex digits). */
MUST_CHECK bool artefact_check_sha(struct str sha, struct err *e);
struct oci_reference artefact_named(const struct oci_reference *image, struct str tag);
struct str artefact_sha_tag(struct arena *a, struct str sha);
struct str artefact_pull_tag(struct arena *a, int64_t number);
/* What a tag points to; an empty digest when it does not exist. */
MUST_CHECK bool artefact_look(struct arena *a, struct oci_client *c, const struct oci_reference *image, struct str tag,
                              struct oci_descriptor *out, struct err *e);

struct artefact_bytes { /* a manifest as the registry has it */
    struct oci_descriptor manifest;
    struct str bytes;
};
/* Make `tag` point to the manifest, unless it does already. `now` is what it points to (from artefact_look). */
MUST_CHECK bool artefact_name(struct arena *a, struct oci_client *c, const struct oci_reference *image, struct str tag,
                              const struct oci_descriptor *now, const struct artefact_bytes *manifest,
                              struct artefact_tag *out, struct err *e);
