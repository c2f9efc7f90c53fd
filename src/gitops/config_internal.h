/* gitops/config_internal.h - the parts of a loaded configuration. */
#pragma once
#include "gitops/config.h"

struct config {
    struct arena a;
    struct value documents[CONFIG_KINDS]; /* lists */
    struct value secrets;                 /* name -> map of decoded entries */
    VEC(struct config_problem) problems;
    bool complete;
    size_t files, count; /* read so far, for the limits */
};

/* What the document asks for and will not get, in one line; NULL: nothing. */
const char *config_unsupported(enum config_kind kind, const struct value *doc);
/* A Secret's entries decoded: stringData over base64 data. */
MUST_CHECK bool config_secret_decode(struct arena *a, const struct value *doc, struct value *out, struct err *e);
