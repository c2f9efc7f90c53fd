/* The shapes of configuration documents, told to the user by field. Only what would break later is looked at. */
#include "gitops/config_internal.h"

struct shape {
    const char *path; /* dotted */
    enum value_kind kind;
    bool required;
};

static const struct shape set_shape[] = {
    { "metadata.name", VALUE_STRING, true },
    { "spec", VALUE_MAP, true },
    { "spec.generators", VALUE_LIST, true },
    { "spec.template", VALUE_MAP, true },
    { "spec.template.metadata", VALUE_MAP, true },
    { "spec.template.spec", VALUE_MAP, true },
    { "spec.goTemplate", VALUE_BOOL, false },
    { "spec.goTemplateOptions", VALUE_LIST, false },
    { "spec.templatePatch", VALUE_STRING, false },
    { "spec.syncPolicy", VALUE_MAP, false },
    { "spec.preservedFields", VALUE_MAP, false },
    { "metadata.annotations", VALUE_MAP, false },
    { NULL, VALUE_NULL, false },
};
static const struct shape app_shape[] = {
    { "metadata.name", VALUE_STRING, true },
    { "spec", VALUE_MAP, true },
    { "spec.destination", VALUE_MAP, true },
    { "spec.source", VALUE_MAP, false },
    { "spec.sources", VALUE_LIST, false },
    { "spec.source.repoURL", VALUE_STRING, false },
    { "spec.source.targetRevision", VALUE_STRING, false },
    { "spec.source.helm", VALUE_MAP, false },
    { "spec.source.helm.parameters", VALUE_LIST, false },
    { "spec.syncPolicy", VALUE_MAP, false },
    { "spec.syncPolicy.automated", VALUE_MAP, false },
    { "spec.syncPolicy.syncOptions", VALUE_LIST, false },
    { "spec.ignoreDifferences", VALUE_LIST, false },
    { "metadata.annotations", VALUE_MAP, false },
    { NULL, VALUE_NULL, false },
};
static const struct shape project_shape[] = {
    { "metadata.name", VALUE_STRING, true },
    { "spec.sourceRepos", VALUE_LIST, false },
    { "spec.destinations", VALUE_LIST, false },
    { "spec.clusterResourceWhitelist", VALUE_LIST, false },
    { "spec.clusterResourceBlacklist", VALUE_LIST, false },
    { "spec.namespaceResourceWhitelist", VALUE_LIST, false },
    { "spec.namespaceResourceBlacklist", VALUE_LIST, false },
    { NULL, VALUE_NULL, false },
};
static const struct shape data_shape[] = {
    { "metadata.name", VALUE_STRING, true },
    { "data", VALUE_MAP, false },
    { "stringData", VALUE_MAP, false },
    { NULL, VALUE_NULL, false },
};
static const struct shape notifications_shape[] = {
    { "notifiers", VALUE_MAP, false }, { "triggers", VALUE_MAP, false }, { "templates", VALUE_MAP, false },
    { "secret", VALUE_MAP, false },    { "context", VALUE_MAP, false },  { "subscriptions", VALUE_LIST, false },
    { NULL, VALUE_NULL, false },
};

/* A generator that is read wrongly selects too much: a stray field or kind must never widen the choice. */
static const struct shape generator_shape[] = {
    { "pullRequest", VALUE_MAP, false },
    { "pullRequest.filters", VALUE_LIST, false },
    { "pullRequest.values", VALUE_MAP, false },
    { "pullRequest.requeueAfterSeconds", VALUE_INT, false },
    { "pullRequest.continueOnRepoNotFoundError", VALUE_BOOL, false },
    { "pullRequest.github", VALUE_MAP, false },
    { "pullRequest.github.owner", VALUE_STRING, false },
    { "pullRequest.github.repo", VALUE_STRING, false },
    { "pullRequest.github.api", VALUE_STRING, false },
    { "pullRequest.github.labels", VALUE_LIST, false },
    { "pullRequest.github.tokenRef", VALUE_MAP, false },
    { "list", VALUE_MAP, false },
    { "list.elements", VALUE_LIST, false },
    { "selector", VALUE_MAP, false },
    { NULL, VALUE_NULL, false },
};
static const struct shape filter_shape[] = {
    { "branchMatch", VALUE_STRING, false },
    { "targetBranchMatch", VALUE_STRING, false },
    { "titleMatch", VALUE_STRING, false },
    { NULL, VALUE_NULL, false },
};
static const char *const pull_fields[] = { "github",
                                           "gitlab",
                                           "gitea",
                                           "bitbucketServer",
                                           "bitbucket",
                                           "azuredevops",
                                           "filters",
                                           "requeueAfterSeconds",
                                           "template",
                                           "values",
                                           "continueOnRepoNotFoundError",
                                           NULL };
static const char *const github_fields[] = { "owner", "repo", "api", "tokenRef", "appSecretName", "labels", NULL };
static const char *const filter_fields[] = { "branchMatch", "targetBranchMatch", "titleMatch", NULL };

static const struct shape *const shapes[CONFIG_KINDS] = {
    [CONFIG_APPLICATIONSET] = set_shape, [CONFIG_APPLICATION] = app_shape, [CONFIG_PROJECT] = project_shape,
    [CONFIG_SECRET] = data_shape,        [CONFIG_CONFIGMAP] = data_shape,  [CONFIG_NOTIFICATIONS] = notifications_shape,
};

static const char *kind_word(enum value_kind k)
{
    return k == VALUE_MAP    ? "a map"
           : k == VALUE_LIST ? "a list"
           : k == VALUE_BOOL ? "true or false"
           : k == VALUE_INT  ? "a whole number"
                             : "text";
}

/* "targetRevision: 1.10" is a number in YAML: the way out is worth a word. */
static bool wrong_kind(const char *title, const struct shape *s, const struct value *v, struct err *e)
{
    const char *hint =
        s->kind == VALUE_STRING && v->kind != VALUE_MAP && v->kind != VALUE_LIST ? " (put it in quotes)" : "";
    return err_set(e, ERR_INVALID, "%s: %s must be %s, not %s%s", title, s->path, kind_word(s->kind),
                   value_kind_name(v->kind), hint);
}

static bool check_shapes(const char *title, const struct shape *s, const struct value *doc, struct err *e)
{
    for (; s->path != NULL; s++) {
        const struct value *v = value_at(doc, s->path);
        if (v->kind == s->kind)
            continue;
        if (v->kind != VALUE_NULL)
            return wrong_kind(title, s, v, e);
        if (s->required)
            return err_set(e, ERR_INVALID, "%s: %s is missing", title, s->path);
    }
    return true;
}

static bool check_fields(const char *title, const char *const *known, const struct value *map, struct err *e)
{
    for (size_t i = 0; value_is(map, VALUE_MAP) && i < map->map->n; i++) {
        const char *const *k = known;
        while (*k != NULL && !str_is(map->map->v[i].key, *k))
            k++;
        if (*k == NULL)
            return err_set(e, ERR_INVALID, "%s: unknown field \"%.*s\"", title, STR(map->map->v[i].key));
    }
    return true;
}

static bool check_filters(struct arena *a, const char *title, const struct value *filters, struct err *e)
{
    for (size_t i = 0; i < value_len(filters); i++) {
        const struct value *f = value_item(filters, i);
        const char *at = arena_fmt(a, "%s.pullRequest.filters[%zu]", title, i).p;
        if (!value_is(f, VALUE_MAP))
            return err_set(e, ERR_INVALID, "%s must be a map, not %s", at, value_kind_name(f->kind));
        if (!check_shapes(at, filter_shape, f, e) || !check_fields(at, filter_fields, f, e))
            return false;
    }
    return true;
}

static bool check_generators(struct arena *a, const char *title, const struct value *generators, struct err *e)
{
    for (size_t i = 0; i < value_len(generators); i++) {
        const struct value *g = value_item(generators, i), *pull = value_get(g, "pullRequest");
        const char *at = arena_fmt(a, "%s: spec.generators[%zu]", title, i).p;
        if (!check_shapes(at, generator_shape, g, e)
            || !check_fields(arena_fmt(a, "%s.pullRequest", at).p, pull_fields, pull, e)
            || !check_fields(arena_fmt(a, "%s.pullRequest.github", at).p, github_fields, value_get(pull, "github"), e)
            || !check_filters(a, at, value_get(pull, "filters"), e))
            return false;
    }
    return true;
}

const char *config_unsupported(enum config_kind kind, const struct value *doc)
{
    static const struct {
        enum config_kind kind;
        const char *path, *text;
    } rows[] = {
        { CONFIG_APPLICATIONSET, "spec.strategy.rollingSync",
          "spec.strategy: progressive syncs are not supported: all Applications are synced at once" },
        { CONFIG_APPLICATIONSET, "spec.ignoreApplicationDifferences",
          "spec.ignoreApplicationDifferences is not supported: an update writes these fields too" },
        { CONFIG_APPLICATION, "spec.sourceHydrator", "spec.sourceHydrator is not supported: nothing is hydrated" },
        { CONFIG_PROJECT, "spec.syncWindows", "spec.syncWindows is not supported: a window holds nothing back" },
        { CONFIG_PROJECT, "spec.signatureKeys", "spec.signatureKeys is not supported: signatures are not looked at" },
        { CONFIG_PROJECT, "spec.sourceIntegrity",
          "spec.sourceIntegrity is not supported: signatures are not looked at" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].kind == kind && !value_is(value_at(doc, rows[i].path), VALUE_NULL))
            return rows[i].text;
    const struct value *data = value_get(doc, "data");
    bool settings = kind == CONFIG_CONFIGMAP && str_is(value_str_at(doc, "metadata.name"), "argocd-cm");
    for (size_t i = 0; settings && value_is(data, VALUE_MAP) && i < data->map->n; i++)
        if (str_starts(data->map->v[i].key, S("resource.")))
            return "the settings `resource.*` are not supported: the built-in rules hold";
    return NULL;
}

bool config_check(struct arena *a, enum config_kind kind, const struct value *doc, struct err *e)
{
    struct str name = value_str_at(doc, "metadata.name");
    struct str said = value_as_str(value_get(doc, "kind"));
    const char *title =
        kind == CONFIG_NOTIFICATIONS ? "notification values" : arena_fmt(a, "%.*s \"%.*s\"", STR(said), STR(name)).p;
    if (!check_shapes(title, shapes[kind], doc, e))
        return false;
    if (kind == CONFIG_APPLICATIONSET)
        return check_generators(a, title, value_at(doc, "spec.generators"), e);
    if (kind == CONFIG_APPLICATION && value_is(value_at(doc, "spec.source"), VALUE_NULL)
        && value_len(value_at(doc, "spec.sources")) == 0)
        return err_set(e, ERR_INVALID, "%s: spec.source is missing", title);
    return true;
}
