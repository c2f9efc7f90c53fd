/*
 * cli/chart_access.h - how a user says who he is to chart repositories and registries: Helm's flags.
 */
#pragma once
#include "cli/cli.h"

struct chart_access {
    const char *username, *password;
    const char *ca_file, *cert_file, *key_file;
    const char *repository_config;
    bool password_stdin, insecure_tls, plain_http, pass_credentials;
    bool skip_refresh; /* a cached index will do */
    bool quiet;
};

/* Rows for a table of flags. */
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
