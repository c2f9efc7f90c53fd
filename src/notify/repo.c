/* The functions of `repo`: repository names, commits, and the details of an Application's source. */
#include "base/sys.h"
#include "chart/chart.h"
#include "data/json.h"
#include "git/git.h"
#include "gitops/application.h"
#include "net/url.h"
#include "notify/internal.h"

struct repo {
    const struct notify *n;
    const struct value *app;
};

static const struct repo *repo_of(const struct expr_function *self)
{
    return self->user;
}

static bool one_string(const char *name, const struct value *args, size_t n, struct str *out, struct err *e)
{
    if (n != 1 || args[0].kind != VALUE_STRING)
        return err_set(e, ERR_INVALID, "%s: one string was expected", name);
    *out = value_as_str(&args[0]);
    return true;
}

static bool full_name(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                      struct value *out, struct err *e)
{
    struct str url, name;
    if (!one_string("FullNameByRepoURL", args, n, &url, e) || !git_full_name(a, url, &name, e))
        return false;
    *out = value_str(name);
    return true;
}

/* Scheme https, the user removed, an scp form rewritten; ".git" stays. */
static bool to_https(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                     struct value *out, struct err *e)
{
    struct str url, host;
    if (!one_string("RepoURLToHTTPS", args, n, &url, e))
        return false;
    ptrdiff_t scheme = str_find(url, S("://"));
    if (scheme < 0) {
        struct str path = url;
        str_split(&path, S(":"), &host);
        ptrdiff_t at = str_find(host, S("@"));
        host = str_slice(host, (size_t)(at + 1), host.n);
        *out = value_fmt(a, "https://%.*s/%.*s", STR(host), STR(path));
        return true;
    }
    struct url u;
    if (!url_parse(url, &u, e))
        return false;
    u.scheme = S("https");
    u.user = S("");
    *out = value_str(url_str(a, &u));
    return true;
}

static bool query_escape(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                         struct value *out, struct err *e)
{
    struct str text;
    if (!one_string("QueryEscape", args, n, &text, e))
        return false;
    *out = value_str(url_escape_query(a, text));
    return true;
}

static struct git_source source_of(const struct repo *r)
{
    struct str url = value_str_at(application_source(r->app), "repoURL");
    return (struct git_source){ url, config_repo_credentials(r->n->o.config, url) };
}

static bool commit_metadata(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                            struct value *out, struct err *e)
{
    const struct repo *r = repo_of(self);
    struct git_source source = source_of(r);
    struct git_commit c;
    const char *mirror;
    struct str sha;
    if (!one_string("GetCommitMetadata", args, n, &sha, e) || !git_fetch(a, r->n->o.cache_dir, &source, sha, &mirror, e)
        || !git_commit_read(a, mirror, sha, &c, e))
        return false;
    struct value made = value_map(a), tags = value_list(a);
    for (size_t i = 0; i < c.n_tags; i++)
        list_push(a, tags.list, value_str(c.tags[i]));
    value_set_str(a, &made, "Message", c.message);
    value_set(a, &made, "Author", value_fmt(a, "%.*s <%.*s>", STR(c.author_name), STR(c.author_email)));
    value_set_str(a, &made, "Date", clock_rfc3339(a, c.date_ms));
    value_set(a, &made, "Tags", tags);
    *out = made;
    return true;
}

/* ---- GetAppDetails ------------------------------------------------------------------------ */

struct helm {
    const struct expr_class *class;
    struct repo repo;
};

/* Chart values as "a.b[0].c" -> text, as Argo CD flattens them. */
static void flatten(struct arena *a, const struct value *flat, struct str path, const struct value *v)
{
    if (v->kind == VALUE_MAP) {
        for (size_t i = 0; i < v->map->n; i++)
            flatten(a, flat,
                    path.n > 0 ? arena_fmt(a, "%.*s.%.*s", STR(path), STR(v->map->v[i].key)) : v->map->v[i].key,
                    &v->map->v[i].value);
    } else if (v->kind == VALUE_LIST) {
        for (size_t i = 0; i < v->list->n; i++)
            flatten(a, flat, arena_fmt(a, "%.*s[%zu]", STR(path), i), &v->list->v[i]);
    } else {
        map_put(a, flat->map, path, v->kind == VALUE_STRING ? *v : value_str(json_str(a, v, 0)));
    }
}

/* Values of the chart at the Application's current revision. */
static bool chart_flat_values(struct arena *a, const struct repo *r, struct value *out, struct err *e)
{
    struct git_source source = source_of(r);
    struct str sha = value_str_at(r->app, "status.sync.revision");
    const char *mirror, *dir;
    struct chart *chart;
    if (sha.n != 40 && !git_resolve(a, &source, value_str_at(application_source(r->app), "targetRevision"), &sha, e))
        return false;
    if (!git_fetch(a, r->n->o.cache_dir, &source, sha, &mirror, e) || !fs_temp_dir(a, "vitrine-details", &dir, e))
        return false;
    const char *tree = fs_join(a, dir, "tree");
    struct err aside;
    bool ok = git_export(a, mirror, sha, value_str_at(application_source(r->app), "path"), tree, e)
              && chart_load(a, tree, &chart, e);
    if (ok) {
        *out = value_map(a);
        flatten(a, out, S(""), chart_values(chart));
    }
    if (!fs_remove_tree(dir, &aside))
        log_warn("%s", aside.text); /* a leftover below the temporary folder spoils nothing */
    return ok;
}

static bool helm_parameter(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                           struct value *out, struct err *e)
{
    const struct helm *h = self->user;
    const struct value *set = value_at(application_source(h->repo.app), "helm.parameters");
    struct value flat;
    struct str name;
    if (!one_string("GetParameterValueByName", args, n, &name, e))
        return false;
    for (size_t i = 0; i < value_len(set); i++)
        if (str_eq(value_str_at(value_item(set, i), "name"), name)) {
            *out = value_str(value_str_at(value_item(set, i), "value"));
            return true;
        }
    if (!chart_flat_values(a, &h->repo, &flat, e))
        return err_wrap(e, "GetParameterValueByName");
    const struct value *found = map_get(flat.map, name);
    *out = found != NULL ? *found : value_c("");
    return true;
}

static bool helm_file_parameter(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                                struct value *out, struct err *e)
{
    const struct helm *h = self->user;
    const struct value *set = value_at(application_source(h->repo.app), "helm.fileParameters");
    struct str name;
    if (!one_string("GetFileParameterPathByName", args, n, &name, e))
        return false;
    *out = value_c("");
    for (size_t i = 0; i < value_len(set); i++)
        if (str_eq(value_str_at(value_item(set, i), "name"), name))
            *out = value_str(value_str_at(value_item(set, i), "path"));
    return true;
}

/* Go's field names for a list of {name, value|path} maps. */
static struct value named_pairs(struct arena *a, const struct value *list, const char *second)
{
    struct value made = value_list(a);
    for (size_t i = 0; i < value_len(list); i++) {
        struct value pair = value_map(a);
        value_set_str(a, &pair, "Name", value_str_at(value_item(list, i), "name"));
        value_set_str(a, &pair, second[0] == 'v' ? "Value" : "Path", value_str_at(value_item(list, i), second));
        list_push(a, made.list, pair);
    }
    return made;
}

static bool helm_parameters(struct arena *a, const struct helm *h, struct value *out, struct err *e)
{
    struct value flat;
    if (!chart_flat_values(a, &h->repo, &flat, e))
        return false;
    *out = value_list(a);
    for (size_t i = 0; i < flat.map->n; i++) {
        struct value pair = value_map(a);
        value_set_str(a, &pair, "Name", flat.map->v[i].key);
        value_set(a, &pair, "Value", flat.map->v[i].value);
        list_push(a, out->list, pair);
    }
    return true;
}

static bool helm_member(struct arena *a, const void *self, struct str name, struct value *out, struct err *e)
{
    const struct helm *h = self;
    const struct value *helm = value_get(application_source(h->repo.app), "helm");
    void *user = (void *)(uintptr_t)h;
    if (str_is(name, "GetParameterValueByName"))
        *out = expr_function_value(a, helm_parameter, user);
    else if (str_is(name, "GetFileParameterPathByName"))
        *out = expr_function_value(a, helm_file_parameter, user);
    else if (str_is(name, "Name"))
        *out = value_str(value_str_at(helm, "releaseName"));
    else if (str_is(name, "ValueFiles"))
        *out = *value_get(helm, "valueFiles");
    else if (str_is(name, "Values"))
        *out = value_str(value_str_at(helm, "values"));
    else if (str_is(name, "FileParameters"))
        *out = named_pairs(a, value_get(helm, "fileParameters"), "path");
    else if (str_is(name, "Parameters"))
        return helm_parameters(a, h, out, e);
    else
        return err_set(e, ERR_NOT_FOUND, "Helm has no field or method %.*s", STR(name));
    return true;
}

static const struct expr_class helm_class = { "Helm", helm_member, NULL };

static bool details_member(struct arena *a, const void *self, struct str name, struct value *out, struct err *e)
{
    const struct helm *h = self;
    const struct value *source = application_source(h->repo.app);
    bool helm = value_get(source, "helm")->kind == VALUE_MAP;
    if (str_is(name, "Type")) {
        struct str type = value_str_at(h->repo.app, "status.sourceType");
        *out = type.n > 0 ? value_str(type) : value_c(helm ? "Helm" : "Directory");
        return true;
    }
    if (!str_is(name, "Helm") && !str_is(name, "Kustomize") && !str_is(name, "Directory"))
        return err_set(e, ERR_NOT_FOUND, "the details have no field %.*s", STR(name));
    *out = value_null();
    if (str_is(name, "Helm") && helm) {
        struct helm *made = arena_new(a, struct helm, 1);
        *made = (struct helm){ &helm_class, h->repo };
        *out = (struct value){ .kind = VALUE_OPAQUE, .opaque = made };
    }
    return true;
}

static const struct expr_class details_class = { "AppDetails", details_member, NULL };

static bool app_details(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                        struct value *out, struct err *e)
{
    if (n != 0)
        return err_set(e, ERR_INVALID, "GetAppDetails: no argument was expected");
    struct helm *made = arena_new(a, struct helm, 1);
    *made = (struct helm){ &details_class, *repo_of(self) };
    *out = (struct value){ .kind = VALUE_OPAQUE, .opaque = made };
    return true;
}

struct value notify_repo(const struct notify *n, struct arena *a, const struct value *app)
{
    static const struct {
        const char *name;
        bool (*call)(struct arena *, const struct expr_function *, const struct value *, size_t, struct value *,
                     struct err *);
    } functions[] = { { "FullNameByRepoURL", full_name },
                      { "RepoURLToHTTPS", to_https },
                      { "QueryEscape", query_escape },
                      { "GetCommitMetadata", commit_metadata },
                      { "GetAppDetails", app_details } };
    struct repo *r = arena_new(a, struct repo, 1);
    *r = (struct repo){ n, app };
    struct value made = value_map(a);
    for (size_t i = 0; i < COUNT(functions); i++)
        value_set(a, &made, functions[i].name, expr_function_value(a, functions[i].call, r));
    return made;
}
