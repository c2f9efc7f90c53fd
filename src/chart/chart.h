/*
 * chart/chart.h - Helm charts: load, dependencies, values, render, repositories, package. The oracle is Helm v4.1.4.
 */
#pragma once
#include "chart/mistake.h"

struct chart; /* parsed and read-only; lives in its arena; several threads may render it */

/* A folder or a .tgz. Limits on size, count and depth; nothing outside the chart is read.
 * errors: in Helm's words, with the file and line of the user's input. */
MUST_CHECK bool chart_load(struct arena *a, const char *path, struct chart **out, struct err *e);
/* The same; symbolic links may lead anywhere below the folder `links_within`, in which the chart lies. NULL: nowhere
 * outside of the chart. */
MUST_CHECK bool chart_load_within(struct arena *a, const char *path, const char *links_within, struct chart **out,
                                  struct err *e);
struct str chart_name(const struct chart *c);
struct str chart_version(const struct chart *c);
const struct value *chart_metadata(const struct chart *c); /* Chart.yaml as a value */
const struct value *chart_values(const struct chart *c);   /* values.yaml, uncoalesced */

/* Unpack a .tgz below the folder `dir`, as `helm pull --untar`: *out is dir/NAME. Nothing outside is written.
 * errors: ERR_CONFLICT when that exists. */
MUST_CHECK bool chart_unpack(struct arena *a, const char *path, const char *dir, const char **out, struct err *e);

/* Dependencies named in Chart.yaml that are not in charts/: names joined by ", "; .p is NULL when complete. */
struct str chart_missing_dependencies(struct arena *a, const struct chart *c);

/* Where dependencies come from. Chart stays free of the network: the caller fetches. */
struct chart_fetcher {
    /* GET a URL (http, https) wholly. */
    bool (*get)(void *user, struct arena *a, struct str url, struct str *out, struct err *e);
    /* These may be NULL. index.yaml of a repository: then `get` is not asked for it. */
    bool (*index)(void *user, struct arena *a, struct str repository, struct str *out, struct err *e);
    /* A package that this repository lists, with its digest (hex, or empty): likewise. */
    bool (*package)(void *user, struct arena *a, struct str repository, struct str url, struct str digest,
                    struct str *out, struct err *e);
    /* What a chart in a registry ("oci://HOST/PATH/NAME") has: its versions, newest first; one of them as a package. */
    bool (*versions)(void *user, struct arena *a, struct str chart, struct str **out, size_t *n, struct err *e);
    bool (*pull)(void *user, struct arena *a, struct str chart, struct str version, struct str *out, struct err *e);
    /* The URL of the repository that the user calls by that name. ERR_NOT_FOUND: there is none. */
    bool (*named)(void *user, struct arena *a, struct str name, struct str *out, struct err *e);
    void *user;
    const char *root; /* file:// repositories must lie below this folder; NULL: anywhere */
};
/* Resolve constraints, verify digests, write charts/NAME-VERSION.tgz below `dir` (and Chart.lock if write_lock). With a
 * Chart.lock that is in sync its versions are used (`dependency build`), unless `update`.
 * out_resolved: list of maps {name, version, repository, digest}. */
MUST_CHECK bool chart_dependencies_build(struct arena *a, const char *dir, const struct chart_fetcher *f, bool update,
                                         bool write_lock, struct value *out_resolved, struct err *e);

/* What `dependency list` says of entry `i` of the Chart.yaml in the folder `dir`: "ok", "unpacked", "missing", "wrong
 * version", "invalid version", "too many matches", "corrupt", "misnamed". */
struct str chart_dependency_status(struct arena *a, const struct chart *c, const char *dir, size_t i);

/* Values: the whole --set grammar into `values` (a map). */
enum chart_set_kind { CHART_SET, CHART_SET_STRING, CHART_SET_JSON, CHART_SET_FILE, CHART_SET_LITERAL };
MUST_CHECK bool chart_set(struct arena *a, const struct value *values, enum chart_set_kind kind, struct str text,
                          struct err *e);
/* The text of a values file (-f): YAML documents merged in order; numbers become floats, as in Helm. `out`: a map. */
MUST_CHECK bool chart_values_parse(struct arena *a, struct str text, struct value *out, struct err *e);
/* What -f and --set-file name: a path, or "-" for standard input. errors: "open x: no such file or directory". */
MUST_CHECK bool chart_read_value_file(struct arena *a, struct str path, struct str *out, struct err *e);
/* Merge as Helm merges -f files: maps deeply, right wins. */
struct value chart_merge_values(struct arena *a, const struct value *base, const struct value *over);

/* The largest public charts take a few hundred thousand steps and some megabytes. */
#define CHART_RENDER_MEMORY_MAX ((size_t)512 << 20)
#define CHART_RENDER_STEPS_MAX ((int64_t)50000000)

struct chart_render {
    struct str release_name, namespace; /* namespace empty: "default" */
    struct value values;                /* user-supplied (from -f and --set); null: none. Whole numbers that do not
                                           come from chart_set count as floats, as everything from YAML does */
    struct str kube_version;            /* "v1.35.0"; empty: Helm's default */
    struct str *api_versions;           /* added to Helm's default set */
    size_t n_api_versions;
    bool is_upgrade, include_crds, skip_tests, no_hooks, skip_schema;
    bool debug; /* keep text that is not YAML */
    bool lint;  /* `required` and `fail` warn instead of failing */
    struct str *show_only;
    size_t n_show_only;
    const struct chart_value_source *sources; /* where `values` come from, as they were taken; only for messages */
    size_t n_sources;
    size_t memory_max; /* that the templates of all charts may take together; 0: CHART_RENDER_MEMORY_MAX */
    int64_t steps_max; /* statements and what calls cost (template.h), all together; 0: CHART_RENDER_STEPS_MAX */
};
struct chart_manifest {
    struct str source; /* "demo-web/templates/deployment.yaml" */
    struct str text;   /* one document, without the "---" and "# Source:" lines */
    bool hook, crd;
};
/* "1.25" and the like; empty is fine. errors: "invalid kube version 'x': ..." */
MUST_CHECK bool chart_check_kube_version(struct arena *a, struct str version, struct err *e);
struct chart_pieces { /* of one text, in order */
    struct str *v;
    size_t n, cap;
};
struct chart_rendered {
    struct chart_manifest *v; /* in Helm's order: CRDs, then by install order, then hooks */
    size_t n;
    struct str notes;
    struct str *warnings; /* what Helm writes to standard error although it succeeds */
    size_t n_warnings;
    struct chart_pieces output; /* of `helm template`, byte for byte */
    struct str
        message; /* of a failed template: the whole text, of which the err keeps the first kilobyte; else empty */
    struct chart_mistakes mistakes; /* of a failure: where it stands in the user's files, and what to do */
    bool began;                     /* templates were reached: Helm then ends an error with a hint at --debug */
};
/* errors: in Helm's words. On failure warnings and `began` are set, and with debug out->output holds what Helm prints
 * all the same. */
MUST_CHECK bool chart_render(struct arena *a, const struct chart *c, const struct chart_render *o,
                             struct chart_rendered *out, struct err *e);

/* The output as one text. */
struct str chart_output_text(struct arena *a, const struct chart_rendered *r);

/* `helm lint`: rules over a chart folder or package, in Helm's words. */
enum chart_lint_severity { CHART_LINT_INFO = 1, CHART_LINT_WARNING, CHART_LINT_ERROR };
struct chart_lint_message {
    enum chart_lint_severity severity;
    struct str path; /* "Chart.yaml", "templates/x.yaml", the folder itself, or empty */
    struct str text;
};
struct chart_lint {
    struct chart_lint_message *v; /* in the order of the rules */
    size_t n;
    struct str *warnings; /* what rendering and loading logged */
    size_t n_warnings;
};
/* o: values, namespace, kube_version and skip_schema count. errors: there is no chart at `path`. */
MUST_CHECK bool chart_lint(struct arena *a, const char *path, const struct chart_render *o, struct chart_lint *out,
                           struct err *e);

/* `helm package`: a reproducible NAME-VERSION.tgz in `dest_dir`. */
MUST_CHECK bool chart_package(struct arena *a, const char *dir, const char *dest_dir, const char **out_path,
                              struct err *e);
/* The same with another version or appVersion than Chart.yaml's; empty: as it is. */
struct chart_package_as {
    struct str version, app_version;
};
MUST_CHECK bool chart_package_with(struct arena *a, const char *dir, const char *dest_dir,
                                   const struct chart_package_as *as, const char **out_path, struct err *e);
/* `helm show`: parts of a chart, in Helm's layout. */
enum chart_show { CHART_SHOW_CHART = 1, CHART_SHOW_VALUES = 2, CHART_SHOW_README = 4, CHART_SHOW_CRDS = 8 };
#define CHART_SHOW_ALL 15
void chart_show_parts(const struct chart *c, int parts, struct buf *out);
/* One package that a repository's index.yaml lists. */
struct chart_listed {
    struct str version;
    struct str url;    /* absolute */
    struct str digest; /* hex SHA-256, or empty */
};
/*
 * The version of a chart that is asked for: the very text, else the newest that satisfies it as a constraint; the
 * newest that is no pre-release for an empty one. index: the text of index.yaml; base: the repository's URL. errors:
 * ERR_INVALID for no index, ERR_NOT_FOUND.
 */
MUST_CHECK bool chart_index_find(struct arena *a, struct str index, struct str base, struct str chart,
                                 struct str version, struct chart_listed *out, struct err *e);
/* index.yaml for packages in a folder and in the folders right below it; url_prefix is put before the file names (may
 * be empty). */
MUST_CHECK bool chart_repo_index(struct arena *a, const char *dir, struct str url_prefix, struct str *out,
                                 struct err *e);
/* Both indexes in one; of a version that both have, the first one's entry stays. */
MUST_CHECK bool chart_repo_index_merge(struct arena *a, struct str index, struct str other, struct str *out,
                                       struct err *e);
