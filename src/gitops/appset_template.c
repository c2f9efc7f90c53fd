/* One parameter set becomes one Application; an update keeps what is not the template's. */
#include "data/json.h"
#include "data/patch.h"
#include "data/yaml.h"
#include "gitops/appset_internal.h"
#include "template/template.h"

/* Non-empty fields of `over` win, empty ones keep the base. */
static struct value merge_template(struct arena *a, const struct value *base, const struct value *over)
{
    if (!template_truth(over))
        return *base;
    if (!value_is(base, VALUE_MAP) || !value_is(over, VALUE_MAP))
        return *over;
    struct value merged = value_map(a);
    for (size_t i = 0; i < base->map->n; i++)
        map_put(a, merged.map, base->map->v[i].key, base->map->v[i].value);
    for (size_t i = 0; i < over->map->n; i++) {
        const struct map_entry *entry = &over->map->v[i];
        const struct value *old = map_get(base->map, entry->key);
        map_put(a, merged.map, entry->key, merge_template(a, old != NULL ? old : &value_nil, &entry->value));
    }
    return merged;
}

/* Only these parts of a template are copied; namespace is forced to the set's. */
static struct value template_parts(struct arena *a, const struct value *template)
{
    static const char *const kept[] = { "name", "labels", "annotations", "finalizers" };
    struct value parts = value_map(a), metadata = value_map(a);
    for (size_t i = 0; i < COUNT(kept); i++) {
        const struct value *v = value_get(value_get(template, "metadata"), kept[i]);
        if (!value_is(v, VALUE_NULL))
            value_set(a, &metadata, kept[i], *v);
    }
    value_set(a, &parts, "metadata", metadata);
    value_set(a, &parts, "spec", *value_get(template, "spec"));
    return parts;
}

/* The rendered text in quotes, on one line. */
static bool invalid_patch(struct arena *a, const struct value *rendered, struct err *e)
{
    return err_wrap(e, "invalid templatePatch %.*s", STR(json_str(a, rendered, 0)));
}

static bool apply_patch(struct arena *a, const struct value *set, const struct appset_params *p, struct value *app,
                        struct err *e)
{
    struct value text = *value_at(set, "spec.templatePatch"), rendered, patch;
    struct value project = *value_at(app, "spec.project");
    if (!value_is(&text, VALUE_STRING) || text.n == 0)
        return true;
    if (!appset_render(a, &text, &p->params, appset_is_go(set), value_at(set, "spec.goTemplateOptions"), &rendered, e))
        return err_wrap(e, "templatePatch");
    if (!yaml_parse(a, value_as_str(&rendered), "templatePatch", &patch, e))
        return invalid_patch(a, &rendered, e);
    if (value_is(&patch, VALUE_NULL))
        return true;
    if (!value_is(&patch, VALUE_MAP)) {
        (void)err_set(e, ERR_INVALID, "not a map");
        return invalid_patch(a, &rendered, e);
    }
    *app = merge_patch(a, app, &patch);
    if (!value_is(value_get(app, "spec"), VALUE_MAP) || !value_is(value_get(app, "metadata"), VALUE_MAP))
        return err_set(e, ERR_INVALID, "invalid templatePatch: metadata and spec must be maps");
    struct value spec = value_clone(a, value_get(app, "spec")); /* merge_patch shares: never write into the template */
    value_set(a, &spec, "project", project);                    /* a patch cannot change the project */
    value_set(a, app, "spec", spec);
    return true;
}

static void own_annotations(struct arena *a, const struct value *metadata, const struct value *set,
                            const struct appset_params *p)
{
    struct value made = value_map(a);
    const struct value *given = value_get(metadata, "annotations");
    for (size_t i = 0; value_is(given, VALUE_MAP) && i < given->map->n; i++)
        map_put(a, made.map, given->map->v[i].key, given->map->v[i].value);
    value_set_str(a, &made, APP_ANNOTATION_SET, value_str_at(set, "metadata.name"));
    if (p->pull != NULL) {
        value_set_str(a, &made, APP_ANNOTATION_HEAD_SHA, p->pull->head_sha);
        value_set_str(a, &made, APP_ANNOTATION_BRANCH, p->pull->branch);
        value_set(a, &made, APP_ANNOTATION_PULL, value_fmt(a, "%lld", (long long)p->pull->number));
        value_set_str(a, &made, APP_ANNOTATION_PULL_URL, p->pull->url);
        value_set_str(a, &made, APP_ANNOTATION_TITLE, p->pull->title);
        value_set(a, &made, APP_ANNOTATION_REPOSITORY,
                  value_fmt(a, "%.*s/%.*s", STR(p->repo.owner), STR(p->repo.name)));
        value_set_str(a, &made, APP_ANNOTATION_API, p->repo.api);
    }
    value_set(a, metadata, "annotations", made);
}

static void own_finalizer(struct arena *a, const struct value *metadata, const struct value *set)
{
    struct value finalizers = value_list(a);
    if (value_len(value_get(metadata, "finalizers")) > 0
        || value_bool_at(set, "spec.syncPolicy.preserveResourcesOnDeletion", false))
        return;
    list_push(a, finalizers.list, value_c(APP_FINALIZER));
    value_set(a, metadata, "finalizers", finalizers);
}

static struct value owner_references(struct arena *a, const struct value *set)
{
    struct value owner = value_map(a), list = value_list(a);
    value_set_str(a, &owner, "apiVersion", S("argoproj.io/v1alpha1"));
    value_set_str(a, &owner, "kind", S("ApplicationSet"));
    value_set_str(a, &owner, "name", value_str_at(set, "metadata.name"));
    value_set_str(a, &owner, "uid", value_str_at(set, "metadata.uid"));
    value_set(a, &owner, "controller", value_bool(true));
    value_set(a, &owner, "blockOwnerDeletion", value_bool(true));
    list_push(a, list.list, owner);
    return list;
}

static void finish_metadata(struct arena *a, const struct value *app, const struct value *set,
                            const struct appset_params *p)
{
    struct value metadata = value_clone(a, value_get(app, "metadata"));
    struct str ns = value_str_at(set, "metadata.namespace");
    value_set_str(a, &metadata, "namespace", ns.n > 0 ? ns : S(APP_NAMESPACE_DEFAULT));
    own_annotations(a, &metadata, set, p);
    if (p->params.map->n > 0)
        own_finalizer(a, &metadata, set);
    value_set(a, &metadata, "ownerReferences", owner_references(a, set));
    value_set(a, app, "metadata", metadata);
}

bool appset_application(struct arena *a, const struct value *set, const struct appset_params *p, struct value *out,
                        struct err *e)
{
    struct value template = merge_template(a, value_at(set, "spec.template"), &p->template);
    struct value parts = template_parts(a, &template), app = value_map(a);
    /* with nothing to substitute the template is taken as it stands */
    if (p->params.map->n > 0
        && !appset_render(a, &parts, &p->params, appset_is_go(set), value_at(set, "spec.goTemplateOptions"), &parts, e))
        return false;
    value_set_str(a, &app, "apiVersion", S("argoproj.io/v1alpha1"));
    value_set_str(a, &app, "kind", S("Application"));
    value_set(a, &app, "metadata", *value_get(&parts, "metadata"));
    value_set(a, &app, "spec", *value_get(&parts, "spec"));
    if (!apply_patch(a, set, p, &app, e))
        return false;
    if (!value_is(value_get(&app, "spec"), VALUE_MAP))
        return err_set(e, ERR_INVALID, "spec.template.spec must be a map");
    finish_metadata(a, &app, set, p);
    *out = app;
    return true;
}

/* ---- updates ------------------------------------------------------------------------------ */

static void keep_keys(struct arena *a, const struct value *from, const struct value *into, const struct value *keys)
{
    for (size_t i = 0; value_is(from, VALUE_MAP) && i < value_len(keys); i++) {
        struct str key = value_as_str(value_item(keys, i));
        const struct value *v = map_get(from->map, key);
        if (v != NULL)
            map_put(a, into->map, key, *v);
    }
}

static const struct value *member_map(struct arena *a, const struct value *owner, const char *key)
{
    if (!value_is(value_get(owner, key), VALUE_MAP))
        value_set(a, owner, key, value_map(a));
    return value_get(owner, key);
}

struct value appset_merge_live(struct arena *a, const struct value *set, const struct value *generated,
                               const struct value *live)
{
    static const char *const annotations[] = { "notified.notifications.argoproj.io", APP_REFRESH,
                                               "argocd.argoproj.io/hydrate" };
    static const char *const metadata_kept[] = { "uid", "creationTimestamp", "generation", "resourceVersion",
                                                 "deletionTimestamp" };
    struct value merged = value_clone(a, generated);
    const struct value *metadata = value_get(&merged, "metadata"), *live_metadata = value_get(live, "metadata");
    struct value always = value_list(a);
    for (size_t i = 0; i < COUNT(annotations); i++)
        list_push(a, always.list, value_c(annotations[i]));
    const struct value *from = value_get(live_metadata, "annotations");
    keep_keys(a, from, member_map(a, metadata, "annotations"), &always);
    keep_keys(a, from, member_map(a, metadata, "annotations"), value_at(set, "spec.preservedFields.annotations"));
    const struct value *labels = value_at(set, "spec.preservedFields.labels");
    if (value_len(labels) > 0)
        keep_keys(a, value_get(live_metadata, "labels"), member_map(a, metadata, "labels"), labels);
    for (size_t i = 0; i < COUNT(metadata_kept); i++)
        if (!value_is(value_get(live_metadata, metadata_kept[i]), VALUE_NULL))
            value_set(a, metadata, metadata_kept[i], *value_get(live_metadata, metadata_kept[i]));
    if (!value_is(value_get(live, "operation"), VALUE_NULL))
        value_set(a, &merged, "operation", *value_get(live, "operation"));
    if (!value_is(value_get(live, "status"), VALUE_NULL))
        value_set(a, &merged, "status", *value_get(live, "status"));
    return merged;
}
