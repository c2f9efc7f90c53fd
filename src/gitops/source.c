/*
 * From an Application to manifests: which commit, is it rendered already, else check out, render, remember.
 *
 * The cache key is everything the result depends on: the tree of the commit (not the commit: equal trees share), the
 * source with its variables expanded, names and the destination's version. The key stands whole in the file, so a hash
 * collision is only a miss.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "data/patch.h"
#include "data/yaml.h"
#include "gitops/source_internal.h"

#define CACHE_FILE_MAX ((size_t)64 << 20)
#define OVERRIDE_MAX ((size_t)1 << 20)

/* ---- revision ----------------------------------------------------------------------------- */

/* The pull request's own repository and branch: then the event's head sha is the commit. */
static bool is_pull_revision(const struct value *app, struct str asked)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str branch = application_annotation(app, APP_ANNOTATION_BRANCH), name = { 0 };
    struct err ignored = { 0 };
    return branch.n > 0 && str_eq(asked, branch)
           && git_full_name(&a, value_as_str(value_get(application_source(app), "repoURL")), &name, &ignored)
           && str_ieq(name, application_annotation(app, APP_ANNOTATION_REPOSITORY));
}

bool source_follows_pull(const struct value *app)
{
    return is_pull_revision(app, value_as_str(value_get(application_source(app), "targetRevision")));
}

static struct git_source git_source_of(const struct source_options *o, const struct value *app)
{
    struct str url = value_as_str(value_get(application_source(app), "repoURL"));
    return (struct git_source){ url, config_repo_credentials(o->config, url) };
}

bool source_revision(struct arena *a, const struct source_options *o, const struct value *app, struct str asked,
                     struct str *out, struct err *e)
{
    struct git_source git = git_source_of(o, app);
    struct str head = application_annotation(app, APP_ANNOTATION_HEAD_SHA);
    if (head.n == 40 && is_pull_revision(app, asked)) {
        *out = head;
        return true;
    }
    return git_resolve(a, &git, asked, out, e);
}

/* ---- cache -------------------------------------------------------------------------------- */

static struct str cache_key(struct arena *a, const struct source_options *o, const struct rendering_job *job,
                            struct str tree)
{
    struct value key = value_map(a), source = value_clone(a, &job->source);
    value_del(&source, "repoURL");
    value_del(&source, "targetRevision");
    value_set_str(a, &key, "tree", tree);
    value_set_str(a, &key, "app", application_name(job->app));
    value_set_str(a, &key, "namespace", application_namespace(job->app));
    value_set_str(a, &key, "kubeVersion", o->kube_version);
    value_set(a, &key, "source", source);
    return json_str(a, &key, JSON_SORT_KEYS);
}

static const char *cache_path(struct arena *a, const struct source_options *o, struct str key)
{
    return arena_fmt(a, "%s/manifests/%016llx.json", o->cache_dir, (unsigned long long)str_hash(key)).p;
}

static bool cache_read(struct arena *a, const char *path, struct str key, struct source_manifests *out)
{
    struct str text = { 0 };
    struct value doc;
    struct err ignored = { 0 };
    if (!fs_read(a, AT_FDCWD, path, CACHE_FILE_MAX, &text, &ignored) || !json_parse(a, text, &doc, &ignored)
        || !str_eq(value_as_str(value_get(&doc, "key")), key))
        return false;
    const struct value *warnings = value_get(&doc, "warnings");
    out->type = value_as_str(value_get(&doc, "type"));
    out->objects = *value_get(&doc, "objects");
    out->n_warnings = value_len(warnings);
    out->warnings = arena_new(a, struct str, out->n_warnings + 1);
    for (size_t i = 0; i < out->n_warnings; i++)
        out->warnings[i] = value_as_str(value_item(warnings, i));
    out->cached = true;
    utimensat(AT_FDCWD, path, NULL, 0); /* used now: trimming goes by this time */
    return value_is(&out->objects, VALUE_LIST);
}

static bool cache_write(struct arena *a, const struct source_options *o, const char *path, struct str key,
                        const struct source_manifests *m, struct err *e)
{
    struct value doc = value_map(a), warnings = value_list(a);
    for (size_t i = 0; i < m->n_warnings; i++)
        list_push(a, warnings.list, value_str(m->warnings[i]));
    value_set_str(a, &doc, "key", key);
    value_set_str(a, &doc, "type", m->type);
    value_set(a, &doc, "warnings", warnings);
    value_set(a, &doc, "objects", m->objects);
    return fs_mkdirs(arena_fmt(a, "%s/manifests", o->cache_dir).p, 0700, e)
           && fs_write(path, json_str(a, &doc, 0), 0600, e);
}

struct cache_file {
    const char *path;
    int64_t used_ns;
};

static int newest_first(const void *x, const void *y)
{
    const struct cache_file *p = x, *q = y;
    return (p->used_ns < q->used_ns) - (p->used_ns > q->used_ns);
}

static void trim_folder(struct arena *a, const char *dir, size_t keep)
{
    VEC(struct cache_file) files = { 0 };
    struct fs_names names = { 0 };
    struct err ignored = { 0 };
    if (!fs_list(a, dir, &names, &ignored) || names.n <= keep)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        const char *path = fs_join(a, dir, arena_c(a, names.v[i]));
        if (stat(path, &st) == 0)
            *vec_push(a, &files) = (struct cache_file){ path, st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec };
    }
    if (files.n == 0)
        return;
    qsort(files.v, files.n, sizeof *files.v, newest_first);
    for (size_t i = keep; i < files.n; i++)
        unlink(files.v[i].path);
}

void source_cache_trim(const char *cache_dir, size_t keep)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    trim_folder(&a, fs_join(&a, cache_dir, "manifests"), keep);
    trim_folder(&a, fs_join(&a, cache_dir, "trees"), keep * 4);
}

/* ---- rendering ---------------------------------------------------------------------------- */

bool source_path(struct arena *a, const struct rendering_job *job, struct str path, const char **out, struct err *e)
{
    char real[PATH_MAX];
    bool rooted = str_starts(path, S("/"));
    const char *joined =
        fs_join(a, rooted ? job->root : job->dir, arena_c(a, rooted ? str_slice(path, 1, path.n) : path));
    size_t n = strlen(job->root);
    if (realpath(joined, real) == NULL)
        return err_set(e, ERR_NOT_FOUND, "open %.*s: no such file or directory", STR(path));
    if (strncmp(real, job->root, n) != 0 || (real[n] != '/' && real[n] != '\0'))
        return err_set(e, ERR_DENIED, "%.*s: the path leads out of the repository", STR(path));
    *out = arena_c(a, str_c(real));
    return true;
}

static bool is_resource_list(const struct value *doc)
{
    return str_ends(value_as_str(value_get(doc, "kind")), S("List")) && value_is(value_get(doc, "items"), VALUE_LIST);
}

static bool is_crd(const struct value *doc)
{
    return str_is(value_as_str(value_get(doc, "kind")), "CustomResourceDefinition");
}

static void track(struct arena *a, const struct rendering_job *job, const struct value *doc)
{
    struct str api = value_as_str(value_get(doc, "apiVersion")), group = { "", 0 }, ns;
    const struct value *metadata = value_get(doc, "metadata");
    struct str rest = api, head;
    if (str_split(&rest, S("/"), &head))
        group = head;
    ns = value_as_str(value_get(metadata, "namespace"));
    struct cluster_key k = { group,
                             { "", 0 },
                             value_as_str(value_get(doc, "kind")),
                             ns.n > 0 ? ns : application_namespace(job->app),
                             value_as_str(value_get(metadata, "name")) };
    if (!value_is(value_get(metadata, "annotations"), VALUE_MAP))
        value_set(a, metadata, "annotations", value_map(a));
    value_set_str(a, value_get(metadata, "annotations"), "argocd.argoproj.io/tracking-id",
                  tracking_id(a, application_name(job->app), &k));
}

static bool take_object(struct arena *a, struct rendering_job *job, const struct value *doc, const char *where,
                        struct err *e)
{
    if (value_is(doc, VALUE_NULL))
        return true;
    if (!value_is(doc, VALUE_MAP) || value_as_str(value_get(doc, "kind")).n == 0
        || value_as_str(value_get(doc, "apiVersion")).n == 0)
        return err_set(e, ERR_INVALID, "%s: a document has no apiVersion or kind", where);
    if (is_resource_list(doc)) {
        for (size_t i = 0; i < value_len(value_get(doc, "items")); i++)
            if (!take_object(a, job, value_item(value_get(doc, "items"), i), where, e))
                return false;
        return true;
    }
    if (!value_is(value_get(doc, "metadata"), VALUE_MAP))
        return err_set(e, ERR_INVALID, "%s: %.*s has no metadata", where, STR(value_as_str(value_get(doc, "kind"))));
    if (!is_crd(doc))
        track(a, job, doc);
    list_push(a, job->objects.list, *doc);
    return true;
}

bool source_take_documents(struct arena *a, struct rendering_job *job, struct str text, const char *where,
                           struct err *e)
{
    struct value docs;
    if (!yaml_parse_all(a, text, where, &docs, e))
        return false;
    for (size_t i = 0; i < value_len(&docs); i++)
        if (!take_object(a, job, value_item(&docs, i), where, e))
            return false;
    return true;
}

/* .argocd-source.yaml and .argocd-source-<app>.yaml change parameters, never where the source is. */
static bool apply_override(struct arena *a, struct rendering_job *job, struct str name, struct err *e)
{
    static const char *const fixed[] = { "path", "chart", "repoURL", "targetRevision" };
    struct str text = { 0 };
    struct value patch, before = job->source;
    const char *path = NULL;
    struct err absent = { 0 };
    if (!source_path(a, job, name, &path, &absent))
        return true;
    if (!fs_read(a, AT_FDCWD, path, OVERRIDE_MAX, &text, e) || !yaml_parse(a, text, arena_c(a, name), &patch, e))
        return err_wrap(e, "read %.*s", STR(name));
    job->source = merge_patch(a, &before, &patch);
    if (!value_is(&job->source, VALUE_MAP))
        return err_set(e, ERR_INVALID, "%.*s: must be a map", STR(name));
    for (size_t i = 0; i < COUNT(fixed); i++) {
        const struct value *old = value_get(&before, fixed[i]);
        if (value_is(old, VALUE_NULL))
            value_del(&job->source, fixed[i]);
        else
            value_set(a, &job->source, fixed[i], *old);
    }
    return true;
}

static bool render_checked_out(struct arena *a, struct rendering_job *job, struct source_manifests *out, struct err *e)
{
    char root[PATH_MAX];
    const char *chart = NULL;
    struct err absent = { 0 };
    if (realpath(job->root, root) == NULL)
        return err_sys(e, "open %s", job->root);
    job->root = arena_c(a, str_c(root));
    job->dir = job->root;
    struct str path = str_trim_set(value_as_str(value_get(&job->source, "path")), "/");
    if (!source_path(a, job, path, &job->dir, e))
        return err_set(e, e->kind, "%.*s: app path does not exist", STR(path));
    if (!apply_override(a, job, S(".argocd-source.yaml"), e)
        || !apply_override(a, job, arena_fmt(a, ".argocd-source-%.*s.yaml", STR(application_name(job->app))), e))
        return false;
    bool helm = value_is(value_get(&job->source, "helm"), VALUE_MAP)
                || (!value_is(value_get(&job->source, "directory"), VALUE_MAP)
                    && source_path(a, job, S("Chart.yaml"), &chart, &absent));
    out->type = helm ? S("Helm") : S("Directory");
    return helm ? source_render_helm(a, job, e) : source_render_directory(a, job, e);
}

/* Messages name files as the user knows them: without the folder of the check-out. */
static void forget_root(struct err *e, const char *root)
{
    size_t n = strlen(root);
    for (char *at = strstr(e->text, root); n > 0 && at != NULL; at = strstr(at, root)) {
        char *rest = at + n + (at[n] == '/');
        memmove(at, rest, strlen(rest) + 1);
    }
}

static bool render_anew(struct arena *a, struct rendering_job *job, const char *mirror, struct str revision,
                        struct source_manifests *out, struct err *e)
{
    const char *parent = fs_join(a, job->o->cache_dir, "checkouts");
    const char *dir = fs_join(a, parent, arena_c(a, random_uuid(a)));
    struct err ignored = { 0 };
    job->root = dir;
    job->objects = value_list(a);
    bool ok = fs_mkdirs(parent, 0700, e) && git_export(a, mirror, revision, (struct str){ "", 0 }, dir, e)
              && render_checked_out(a, job, out, e);
    if (!ok) {
        forget_root(e, job->root);
        forget_root(e, dir);
    }
    if (!fs_remove_tree(dir, &ignored))
        log_warn("%s", ignored.text);
    out->objects = job->objects;
    out->warnings = job->warnings.v;
    out->n_warnings = job->warnings.n;
    return ok;
}

/* Which tree a commit has never changes: remembered, a known rendering needs no git at all. */
static bool known_tree(struct arena *a, const char *path, struct str *out)
{
    struct err ignored = { 0 };
    return fs_read(a, AT_FDCWD, path, 64, out, &ignored) && out->n == 40;
}

static bool fetch_tree(struct arena *a, const struct source_options *o, const struct git_source *git,
                       struct str revision, const char *path, const char **mirror, struct str *tree, struct err *e)
{
    return git_fetch(a, arena_fmt(a, "%s/git", o->cache_dir).p, git, revision, mirror, e)
           && git_tree_id(a, *mirror, revision, (struct str){ "", 0 }, tree, e)
           && fs_mkdirs(arena_fmt(a, "%s/trees", o->cache_dir).p, 0700, e) && fs_write(path, *tree, 0600, e);
}

bool source_generate(struct arena *a, const struct source_options *o, const struct value *app, struct str revision,
                     bool hard, struct source_manifests *out, struct err *e)
{
    struct git_source git = git_source_of(o, app);
    struct source_manifests made = { .revision = arena_str(a, revision) };
    struct rendering_job job = { .o = o,
                                 .app = app,
                                 .source = source_expand(a, app, application_source(app), revision) };
    const char *mirror = NULL;
    struct str tree = { 0 };
    int64_t start = clock_mono_ms();
    const char *remembered =
        arena_fmt(a, "%s/trees/%.*s-%016llx", o->cache_dir, STR(revision), (unsigned long long)str_hash(git.url)).p;
    if (!hard && known_tree(a, remembered, &tree)) {
        struct str known = cache_key(a, o, &job, tree);
        if (cache_read(a, cache_path(a, o, known), known, &made)) {
            *out = made;
            return true;
        }
    }
    if (!fetch_tree(a, o, &git, revision, remembered, &mirror, &tree, e))
        return false;
    made.fetch_ms = clock_mono_ms() - start;
    struct str key = cache_key(a, o, &job, tree);
    const char *path = cache_path(a, o, key);
    if (!hard && cache_read(a, path, key, &made)) {
        *out = made;
        return true;
    }
    start = clock_mono_ms();
    if (!render_anew(a, &job, mirror, revision, &made, e) || !cache_write(a, o, path, key, &made, e))
        return false;
    made.render_ms = clock_mono_ms() - start;
    *out = made;
    return true;
}
