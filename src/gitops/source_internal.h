/* gitops/source_internal.h - one rendering. */
#pragma once
#include "gitops/source.h"

struct rendering_job {
    const struct source_options *o;
    const struct value *app;
    struct value source;  /* variables expanded, in-repository overrides applied */
    const char *root;     /* the checked-out repository, an absolute path */
    const char *dir;      /* the source's folder below it */
    struct value objects; /* list to fill */
    VEC(struct str) warnings;
};

/* Parse the documents of one text, expand lists, append them. where: for messages. */
MUST_CHECK bool source_take_documents(struct arena *a, struct rendering_job *job, struct str text, const char *where,
                                      struct err *e);
MUST_CHECK bool source_render_helm(struct arena *a, struct rendering_job *job, struct err *e);
MUST_CHECK bool source_render_directory(struct arena *a, struct rendering_job *job, struct err *e);
/* A chart in a registry ("oci://HOST/PATH/NAME"), for struct chart_fetcher; user: the configuration. As with
 * repositories, addresses inside our networks are reached only when a Secret names them, and only that Secret's
 * credentials are sent. */
MUST_CHECK bool source_registry_versions(void *user, struct arena *a, struct str chart, struct str **out, size_t *n,
                                         struct err *e);
MUST_CHECK bool source_registry_pull(void *user, struct arena *a, struct str chart, struct str version, struct str *out,
                                     struct err *e);
/* A path of the user's inside the check-out: relative to the source's folder, or to the root when it starts with '/'.
 * errors: ERR_DENIED when it leads out, ERR_NOT_FOUND. */
MUST_CHECK bool source_path(struct arena *a, const struct rendering_job *job, struct str path, const char **out,
                            struct err *e);
/* $NAME and ${NAME} of ARGOCD_APP_... in helm parameters, values and file names. */
struct value source_expand(struct arena *a, const struct value *app, const struct value *source, struct str revision);
