/*
 * cli/chart_source.h - where charts come from for a user at the command line: repositories over HTTP, registries, with
 * the user's credentials and the cache.
 *
 * Credentials of repositories.yaml go with requests to the host of their repository, and to other hosts that its index
 * names only when the entry says so (--pass-credentials). Those of the command line go to one host.
 */
#pragma once
#include "chart/chart.h"
#include "cli/chart_access.h"
#include "oci/oci.h"

/* --password-stdin: read it into `password`, once. */
MUST_CHECK bool chart_read_password(struct arena *a, struct chart_access *access, struct err *e);

struct chart_source;
/* The arena must live as long. */
MUST_CHECK bool chart_source_open(struct arena *a, const struct chart_access *access, struct chart_source **out,
                                  struct err *e);
void chart_source_close(struct chart_source **s); /* for CLEANUP */
/* The credentials of the command line belong to the host of this URL (http, https, oci). */
void chart_source_trust(struct chart_source *s, struct str url);
struct chart_fetcher chart_source_fetcher(struct chart_source *s);
/* index.yaml of a repository, asked of the server whatever the cache has. */
MUST_CHECK bool chart_source_refresh(struct chart_source *s, struct str repository, struct err *e);

/* A chart as `helm pull` and `helm template` name it. */
struct chart_wanted {
    struct str name;       /* REPOSITORY/NAME, oci://..., the URL of a package; NAME with `repository` */
    struct str repository; /* a URL, or empty */
    struct str version;    /* a version or a constraint; empty: the newest that is no pre-release */
};
struct chart_found {
    struct str bytes;     /* the package */
    struct str file_name; /* "NAME-VERSION.tgz" */
    struct str reference; /* of a registry: "HOST/PATH/NAME:TAG"; else empty */
    struct str digest;    /* of the manifest there */
};
/* Whether a name means a package far away: oci://, http://, https://. */
bool chart_is_remote(struct str name);
MUST_CHECK bool chart_source_find(struct arena *a, struct chart_source *s, const struct chart_wanted *w,
                                  struct chart_found *out, struct err *e);
struct oci_client *chart_source_registry(struct chart_source *s);
