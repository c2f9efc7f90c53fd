/*
 * cli/repositories.h - the chart repositories that a user has named: Helm's repositories.yaml, which both programs read
 * and write.
 *
 * The file is $HELM_REPOSITORY_CONFIG, else repositories.yaml in $HELM_CONFIG_HOME, $XDG_CONFIG_HOME/helm or
 * ~/.config/helm.
 */
#pragma once
#include "data/value.h"

struct repository {
    struct str name, url, username, password;
    struct str ca_file, cert_file, key_file;
    bool insecure_tls;
    bool pass_credentials; /* to other hosts too, when the index names them */
};

struct repositories {
    const char *path; /* NULL: there is no place for such a file */
    struct value doc; /* a map */
};

/* path NULL: the usual place. A file that is not there is an empty one. */
MUST_CHECK bool repositories_read(struct arena *a, const char *path, struct repositories *out, struct err *e);
/* Until the descriptor is closed nobody else changes the file at `path`, Helm neither; what was read before may be old.
 */
MUST_CHECK bool repositories_lock(struct arena *a, const char *path, int *fd, struct err *e);
/* With mode 0600, for it may hold passwords. */
MUST_CHECK bool repositories_write(struct arena *a, struct repositories *r, struct err *e);
size_t repositories_count(const struct repositories *r);
struct repository repositories_at(const struct repositories *r, size_t i);
/* Position of a name, or of a URL (a slash at the end does not count); -1: none. */
ptrdiff_t repositories_find(const struct repositories *r, struct str name);
ptrdiff_t repositories_find_url(const struct repositories *r, struct str url);
/* Add, or replace the one of the same name. */
void repositories_put(struct arena *a, struct repositories *r, const struct repository *one);
void repositories_remove(struct arena *a, struct repositories *r, size_t i);
