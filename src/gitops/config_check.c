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

static const struct shape *const shapes[CONFIG_KINDS] = {
    [CONFIG_APPLICATIONSET] = set_shape, [CONFIG_APPLICATION] = app_shape, [CONFIG_PROJECT] = project_shape,
    [CONFIG_SECRET] = data_shape,        [CONFIG_CONFIGMAP] = data_shape,  [CONFIG_NOTIFICATIONS] = notifications_shape,
};

static const char *kind_word(enum value_kind k)
{
    return k == VALUE_MAP ? "a map" : k == VALUE_LIST ? "a list" : k == VALUE_BOOL ? "true or false" : "text";
}

/* "targetRevision: 1.10" is a number in YAML: the way out is worth a word. */
static bool wrong_kind(const char *title, const struct shape *s, const struct value *v, struct err *e)
{
    const char *hint =
        s->kind == VALUE_STRING && v->kind != VALUE_MAP && v->kind != VALUE_LIST ? " (put it in quotes)" : "";
    return err_set(e, ERR_INVALID, "%s: %s must be %s, not %s%s", title, s->path, kind_word(s->kind),
                   value_kind_name(v->kind), hint);
}

bool config_check(struct arena *a, enum config_kind kind, const struct value *doc, struct err *e)
{
    struct str name = value_str_at(doc, "metadata.name");
    struct str said = value_as_str(value_get(doc, "kind"));
    const char *title =
        kind == CONFIG_NOTIFICATIONS ? "notification values" : arena_fmt(a, "%.*s \"%.*s\"", STR(said), STR(name)).p;
    for (const struct shape *s = shapes[kind]; s->path != NULL; s++) {
        const struct value *v = value_at(doc, s->path);
        if (v->kind == s->kind)
            continue;
        if (v->kind != VALUE_NULL)
            return wrong_kind(title, s, v, e);
        if (s->required)
            return err_set(e, ERR_INVALID, "%s: %s is missing", title, s->path);
    }
    if (kind == CONFIG_APPLICATION && value_is(value_at(doc, "spec.source"), VALUE_NULL)
        && value_len(value_at(doc, "spec.sources")) == 0)
        return err_set(e, ERR_INVALID, "%s: spec.source is missing", title);
    return true;
}
