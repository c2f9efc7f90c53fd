/*
 * cli/chart_source.h - where charts come from for a user at the command line: repositories over HTTP, registries, with
 * the user's credentials and the cache.
 *
 * Credentials of repositories.yaml go with requests to the host of their repository, and to other hosts that its index
 * names only when the entry says so (--pass-credentials). Those of the command line go to one host.
 */
#pragma once
#include "chart/chart.h"
#include "cli/cli.h"
#include "oci/oci.h"

/* The flags of Helm's commands that fetch charts. */
struct chart_access {
    const char *username, *password;
    const char *ca_file, *cert_file, *key_file;
    const char *repository_config;
    bool password_stdin, insecure_tls, plain_http, pass_credentials;
    bool skip_refresh; /* a cached index will do */
    bool quiet;
};
#define CHART_ACCESS_FLAGS(f)                                                                                          \
    { "username", 0, NULL, &(f)->username, NULL, "user of the chart's repository or registry" },                       \
        { "password", 0, NULL, &(f)->password, NULL, "that user's password" },                                         \
        { "password-stdin", 0, &(f)->password_stdin, NULL, NULL, "read the password from standard input" },            \
        { "ca-file", 0, NULL, &(f)->ca_file, NULL, "trust the certificates in this file" },                            \
        { "cert-file", 0, NULL, &(f)->cert_file, NULL, "identify with this certificate" },                             \
        { "key-file", 0, NULL, &(f)->key_file, NULL, "the certificate's key" },                                        \
        { "insecure-skip-tls-verify", 0, &(f)->insecure_tls, NULL, NULL, "do not check the server's certificate" },    \
        { "plain-http", 0, &(f)->plain_http, NULL, NULL, "speak to registries over plain HTTP" },                      \
        { "pass-credentials", 0, &(f)->pass_credentials, NULL, NULL, "pass the credentials to other hosts too" },      \
    {                                                                                                                  \
        "repository-config", 0, NULL, &(f)->repository_config, NULL, "file of named repositories"                      \
    }

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
/* The reference of "oci://HOST/PATH" with this tag (empty: none). */
MUST_CHECK bool chart_source_reference(struct arena *a, struct str url, struct str tag, struct oci_reference *out,
                                       struct err *e);
struct oci_client *chart_source_registry(struct chart_source *s);
