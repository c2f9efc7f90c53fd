/*
 * gitops/config.h - reads a directory of the Kubernetes manifests people already have.
 *
 * Files *.yaml, *.yml and *.json in name order, sub-folders included, several documents per file. Known documents:
 * ApplicationSet, Application, AppProject, Secret, ConfigMap, and a document without kind that has notifiers, triggers,
 * templates or secret at its root (the values form of the notifications chart). Other kinds are ignored with a note. A
 * wrong document gives one problem with file and line and disables only itself.
 */
#pragma once
#include "data/value.h"
#include "git/git.h"

#define CONFIG_FILES_MAX 1000
#define CONFIG_FILE_BYTES_MAX ((size_t)4 << 20)
#define CONFIG_DOCUMENTS_MAX 10000

struct config; /* read-only once loaded: any thread may look things up */

enum config_kind {
    CONFIG_APPLICATIONSET,
    CONFIG_APPLICATION,
    CONFIG_PROJECT,
    CONFIG_SECRET,
    CONFIG_CONFIGMAP,
    CONFIG_NOTIFICATIONS, /* values form: maps with notifiers, triggers, templates, secret, subscriptions, context */
    CONFIG_KINDS
};

struct config_problem {
    struct str where; /* "apps/preview.yaml:12" */
    struct str text;  /* one line: what is wrong and what to do */
    bool fatal;       /* the document was left out; false: only a note */
};

/* errors: ERR_NOT_FOUND for no such directory, ERR_LIMIT. Wrong documents are problems, not errors. */
MUST_CHECK bool config_load(const char *dir, struct config **out, struct err *e);
void config_close(struct config *c); /* NULL is fine */
size_t config_problems(const struct config *c, const struct config_problem **out);
/* Was every document good? Only then may the absence of a document mean that it was removed. */
bool config_complete(const struct config *c);

/* Is the document shaped as its kind wants? ERR_INVALID: one line that names the field. */
MUST_CHECK bool config_check(struct arena *a, enum config_kind kind, const struct value *doc, struct err *e);

/* All documents of a kind, in order: a list value that lives as long as `c`. A later document of the same name wins. */
const struct value *config_documents(const struct config *c, enum config_kind kind);
/* Document by metadata.name; value_nil when absent. Namespaces are not looked at. */
const struct value *config_document(const struct config *c, enum config_kind kind, struct str name);
/* `data` of a ConfigMap; value_nil when there is none. */
const struct value *config_map_data(const struct config *c, const char *name);
/* A Secret's decoded entries (data and stringData): a map of strings; value_nil when absent. */
const struct value *config_secret_data(const struct config *c, struct str name);
/* One entry. errors: ERR_NOT_FOUND in Argo CD's words. */
MUST_CHECK bool config_secret(const struct config *c, struct str ns, struct str name, struct str key, struct str *out,
                              struct err *e);
/* Credentials for a repository URL: a repository Secret with that very URL, else the repo-creds Secret with the longest
 * matching URL prefix, else none. */
struct git_credentials config_repo_credentials(const struct config *c, struct str url);
/* Does a repository or repo-creds Secret stand for this URL, with credentials or without? */
bool config_names_repo(const struct config *c, struct str url);
/* May this destination name or server be used? With only one destination every name maps to it, unless cluster Secrets
 * (secret-type: cluster) are declared: then the name must be among them, or be in-cluster. ERR_INVALID in Argo CD's
 * words. */
MUST_CHECK bool config_destination(const struct config *c, const struct value *destination, struct err *e);
