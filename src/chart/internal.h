/*
 * chart/internal.h - what the files of this room share; nothing outside includes it.
 *
 * A chart is parsed once into `struct chart` and never changed. A render takes a shallow copy of the tree of charts
 * (the structs, not their texts), because aliases, conditions and import-values change names, children and default
 * values.
 */
#pragma once
#include "base/base.h"
#include "chart/chart.h"
#include "data/gofmt.h"
#include "data/value.h"
#include "template/template.h"

/* Helm's own limits for archives, and ours for folders, where Helm has none. */
#define CHART_FILE_MAX ((size_t)5 << 20)
#define CHART_BYTES_MAX ((size_t)100 << 20)
#define CHART_FILES_MAX 50000
#define CHART_FOLDER_DEPTH_MAX 32
#define CHART_NESTING_MAX 16                   /* subcharts inside subcharts */
#define CHART_UNPACKED_MAX ((size_t)512 << 20) /* memory in use when one more package inside of a chart is opened */

#define CHART_VALUES_MAX ((size_t)1 << 30) /* memory in use while the values of all subcharts are merged */

/* ---- files ---------------------------------------------------------------------------------- */

struct chart_file {
    struct str name; /* relative to the chart, '/' between parts, never leading outside */
    struct str data;
};
struct chart_files {
    struct chart_file *v;
    size_t n, cap;
};

/* Add a file of the given bytes; a leading UTF-8 byte order mark is dropped, as Helm does. */
void chart_files_add(struct arena *a, struct chart_files *files, struct str name, struct str data);
/* The files of a gzipped tar; the first part of every path is cut off. */
MUST_CHECK bool chart_read_archive(struct arena *a, struct str bytes, struct chart_files *out, struct err *e);

/* .helmignore, see ignore.c. */
struct ignore_rules;
MUST_CHECK bool ignore_parse(struct arena *a, struct str text, struct ignore_rules **out, struct err *e);
bool ignore_matches(const struct ignore_rules *rules, struct str path, bool is_folder);

/* Go's path/filepath.Match: `*` and `?` never match '/'. *bad is set for a malformed pattern. */
bool path_match(struct str pattern, struct str name, bool *bad);
/* gobwas/glob with '/' as separator, which .Files.Glob uses: `**`, `{a,b}`. *bad for a malformed pattern. */
bool glob_match(struct str pattern, struct str name, bool *bad);
struct str path_base(struct str path); /* what follows the last '/' */
/* Go's path.Clean: no empty parts, "." or inner ".."; "." for nothing. */
struct str path_clean(struct arena *a, struct str path);

/* ---- charts --------------------------------------------------------------------------------- */

/* One entry of `dependencies` in Chart.yaml (or requirements.yaml, Chart.lock). */
struct chart_dependency {
    struct str name, version, repository, condition, alias;
    struct value tags;          /* list of strings, or null */
    struct value import_values; /* list of strings and {child, parent} maps, or null */
    bool enabled_as_written;    /* Helm reads the field and ignores it */
    bool enabled;
};
struct chart_dependencies {
    struct chart_dependency *v;
    size_t n;
    bool declared; /* there was a `dependencies` key with a list, even an empty one */
};

struct chart {
    struct str name; /* an alias replaces it in a render */
    struct str version, api_version, kube_version, type;
    bool deprecated;
    struct value metadata; /* known fields of Chart.yaml, cleaned; keys as in Chart.yaml */
    struct chart_dependencies wants;
    struct value values;                         /* a map; numbers are floats, as in Helm */
    struct str values_text;                      /* values.yaml as it is, for packaging */
    struct str metadata_text, dependencies_text; /* Chart.yaml, and the file that lists dependencies, for messages */
    bool has_values_text;
    struct str schema; /* values.schema.json */
    bool has_schema;
    struct chart_files templates, files;
    struct chart **charts; /* what lies in charts/ */
    size_t n_charts;
    bool packed;                /* lay in charts/ as a .tgz */
    const struct chart *parent; /* set in a render; NULL at the root */
    struct value lock;          /* Chart.lock, or null */
    struct str *warnings;       /* met while loading */
    size_t n_warnings;
    struct chart_shared *shared; /* what renders make only once (shared.h); NULL: every one for itself */
};

/* Build a chart from its files; `depth` counts the charts around it. */
MUST_CHECK bool chart_from_files(struct arena *a, const struct chart_files *files, int depth, struct chart **out,
                                 struct err *e);
/* Chart.yaml, and the `dependencies` of requirements.yaml, into `c`. `what` names the file in messages; NULL: they stay
 * bare. */
MUST_CHECK bool metadata_read(struct arena *a, struct str text, const char *what, struct chart *c, struct err *e);
MUST_CHECK bool metadata_check(struct arena *a, struct chart *c, struct err *e);
/* The first field of a Chart.yaml that Helm does not know, at any depth; empty when there is none. */
struct str metadata_unknown_field(struct arena *a, const struct value *doc);
/* Only the apiVersion, as Helm peeks at it first: errors name the type loader.chartBase. */
MUST_CHECK bool metadata_peek_version(struct arena *a, struct str text, struct str *out, struct err *e);
/* The .Chart object: Go's field names, empty fields present. */
struct value metadata_object(struct arena *a, const struct chart *c);
/* A scalar as Go's YAML-to-JSON gives it to a string field; false for lists and maps. */
bool metadata_scalar(struct arena *a, const struct value *v, struct str *out);
/* "list" and "map" in Go's JSON words: "array", "object", "number" ... */
const char *json_kind_word(const struct value *v);
/* Chart.lock: a map with digest, generated and dependencies. errors: Helm's words without the file name. */
MUST_CHECK bool lock_parse(struct arena *a, struct str text, struct value *out, struct err *e);
bool chart_is_crd(struct str file_name); /* in crds/, YAML or JSON */
/* The fields of Chart.yaml that say something, `dependencies` of a requirements.yaml among them. */
struct value metadata_filled(struct arena *a, const struct chart *c);
/* Whether a chart of that name lies in charts/. */
bool chart_has(const struct chart *c, struct str name);
/* Whether there are charts of that apiVersion. errors: Helm's words. */
MUST_CHECK bool chart_check_version(struct str version, struct err *e);
bool chart_is_library(const struct chart *c);
/* "demo/charts/sub" */
struct str chart_full_path(struct arena *a, const struct chart *c);
/* The parts of the tree that a render changes, copied into `a`. */
struct chart *chart_copy(struct arena *a, const struct chart *c, const struct chart *parent);

/* ---- warnings ------------------------------------------------------------------------------- */

struct warnings {
    struct arena *a;
    struct str *v;
    size_t n, cap;
};
/* A line as Go's slog writes it: level=INFO msg="..." key=value. `keys_and_values` are pairs, ended by NULL. */
void warn_log(struct warnings *w, const char *level, struct str message, const char *const *keys,
              const struct str *values, size_t n);
void warn_info(struct warnings *w, const char *fmt, ...) PRINTF(2, 3);

/* ---- folders -------------------------------------------------------------------------------- */

struct chart_links {
    const char *within;      /* links may lead anywhere below this folder; NULL: below the chart */
    struct warnings notices; /* a line for each link that was followed */
};
/* The files of a folder below `path`, without what its .helmignore hides. `links` may be NULL. */
MUST_CHECK bool chart_read_folder(struct arena *a, const char *path, struct chart_links *links, struct chart_files *out,
                                  struct err *e);

/* The files of a folder or of a package. errors: in Helm's words, an apiVersion that there is not among them. */
MUST_CHECK bool chart_read(struct arena *a, const char *path, struct chart_links *links, struct chart_files *out,
                           struct err *e);
/* What was said of links comes before what the chart itself gave rise to. */
void chart_add_notices(struct arena *a, const struct warnings *notices, struct chart *c);

/* ---- values --------------------------------------------------------------------------------- */

/* A values file: documents are merged in order. `out` becomes a map. errors: Helm's words without the file name. */
MUST_CHECK bool values_read(struct arena *a, struct str text, struct value *out, struct err *e);
/* YAML 1.1 text as Helm sees it: all numbers floats. errors begin with "error converting YAML to JSON: ". */
MUST_CHECK bool values_parse_yaml(struct arena *a, struct str text, struct value *out, struct err *e);
/* Helm reads JSON and YAML numbers as float64. */
void values_to_floats(struct value *v);
/* A copy of every container; strings are shared. */
struct value values_copy(struct arena *a, const struct value *v);
/* The values of `c` and of every chart below it under `user`; `merge` keeps nulls (Helm's MergeValues). */
MUST_CHECK bool values_coalesce(struct arena *a, const struct chart *c, const struct value *user, bool merge,
                                struct warnings *w, struct value *out, struct err *e);
/* Helm's MergeTables: `dst` wins, nulls are kept; dst and src are changed. */
void values_merge_tables(struct arena *a, struct map *dst, struct map *src, struct warnings *w);
/* Helm's CoalesceTables: the same, but a null of dst deletes what src has. */
void values_coalesce_tables(struct arena *a, struct map *dst, struct map *src, struct warnings *w);
/* A table at a dotted path below `v`; NULL with the missing name in *missing. */
const struct value *values_table(const struct value *v, struct str path, struct str *missing);

/* Aliases, tags, conditions, import-values: changes the copied tree. */
MUST_CHECK bool dependencies_process(struct arena *a, struct chart *c, const struct value *user, struct warnings *w,
                                     struct err *e);

/* The values of each chart against its values.schema.json. errors: Helm's report of all charts; *message has all of it,
 * however long. */
MUST_CHECK bool schema_check(struct arena *a, const struct chart *root, const struct value *values, struct str *message,
                             struct err *e);

/* What the chart's own schema says against the values, without the chart's name; empty when nothing is wrong. */
struct str schema_report(struct arena *a, const struct chart *c, const struct value *values);

/* ---- rendering ------------------------------------------------------------------------------ */

struct capabilities; /* the .Capabilities object */
MUST_CHECK bool capabilities_make(struct arena *a, const struct chart_render *o, struct capabilities **out,
                                  struct err *e);
struct value capabilities_object(const struct capabilities *c);
struct str capabilities_kube_version(const struct capabilities *c);    /* as given */
struct str capabilities_kube_normalised(const struct capabilities *c); /* for constraints */
struct value files_object(struct arena *a, const struct chart_files *files);

struct rendered_file {
    struct str name; /* "demo/templates/x.yaml" */
    struct str text;
};
struct rendered_files {
    struct rendered_file *v;
    size_t n, cap;
    struct chart_mistakes *mistakes; /* filled by a failure; may be NULL */
    struct str traced;               /* the file whose making is noted in `trace`; empty as a rule */
    struct template_trace *trace;
};
/* Parse and execute every template of the tree. errors: in Helm's words; *message has the whole text, however long. */
MUST_CHECK bool engine_render(struct arena *a, const struct chart *root, const struct chart_render *o,
                              const struct value *values, const struct capabilities *caps, struct rendered_files *out,
                              struct warnings *w, struct str *message, struct err *e);
extern const struct template_func engine_funcs[]; /* include tpl required fail lookup getHostByName */
/* What include, tpl, required and fail share during one render. */
struct engine_state {
    struct str *message; /* where the whole text of a failure goes */
    struct rendered_files *files;
    struct str failed;     /* the message of `fail` or `required` */
    struct warnings *lint; /* where those two warn instead of failing; NULL: they fail */
    bool has_failed;
    struct map *included; /* how deep each name is included, in the template that runs */
    int tpl_depth;
    struct template_budget *budget; /* of all templates together, parsing included */
};
/* Rewrite the template room's error as Helm words it: *message is the whole text, of which *e keeps the start. */
void engine_word_error(struct arena *a, const struct engine_state *state, const struct template_failure *f,
                       struct str *message, struct err *e);
void engine_word_parse_error(struct arena *a, struct str *message, struct err *e);

/* ---- documents ------------------------------------------------------------------------------ */

struct document {
    struct str path, text, kind;
    bool hook, test_hook;
};
struct documents {
    struct document *v;
    size_t n, cap;
};
struct unreadable { /* the document at which sorting failed */
    struct str path, text;
};
/* Split the files into documents and put them into install order; hooks are kept apart. */
MUST_CHECK bool documents_sort(struct arena *a, const struct rendered_files *files, struct warnings *w,
                               struct documents *manifests, struct documents *hooks, struct unreadable *unreadable,
                               struct err *e);
/* The printed output, see output.c. */
void output_manifests(struct arena *a, struct chart_rendered *out);
void output_files(struct arena *a, const struct rendered_files *files, struct chart_pieces *out);
MUST_CHECK bool output_show_only(struct arena *a, const struct chart_render *o, struct chart_rendered *out,
                                 struct err *e);
/* One text into its documents, trimmed. */
void documents_split(struct arena *a, struct str text, struct str **out, size_t *n);
/* White space as Go's strings.TrimSpace has it. */
struct str go_trim_space(struct str s);
