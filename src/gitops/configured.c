/* The configured documents go into the store; what a complete configuration no longer has goes out of it. */
#include "gitops/controller_internal.h"

/* The document as configured, with the parts that belong to the running system kept from the stored one. */
static struct value with_live_parts(struct arena *a, const struct value *doc, const struct value *live)
{
    static const char *const metadata_kept[] = { "uid", "creationTimestamp", "generation", "resourceVersion",
                                                 "deletionTimestamp" };
    static const char *const kept[] = { "status", "operation" };
    struct value merged = value_clone(a, doc);
    const struct value *metadata = value_get(&merged, "metadata"), *notified = NULL;
    if (value_str_at(metadata, "namespace").n == 0)
        value_set_str(a, metadata, "namespace", S(APP_NAMESPACE_DEFAULT));
    value_put_at(a, metadata, "annotations",
                 value_is(value_get(metadata, "annotations"), VALUE_MAP) ? *value_get(metadata, "annotations")
                                                                         : value_map(a));
    value_set_str(a, value_get(metadata, "annotations"), APP_ANNOTATION_CONFIGURED, S("true"));
    if (!value_is(live, VALUE_MAP))
        return merged;
    notified = value_get(value_at(live, "metadata.annotations"), "notified.notifications.argoproj.io");
    if (!value_is(notified, VALUE_NULL))
        value_set(a, value_get(metadata, "annotations"), "notified.notifications.argoproj.io", *notified);
    for (size_t i = 0; i < COUNT(metadata_kept); i++)
        if (!value_is(value_get(value_get(live, "metadata"), metadata_kept[i]), VALUE_NULL))
            value_set(a, metadata, metadata_kept[i], *value_get(value_get(live, "metadata"), metadata_kept[i]));
    for (size_t i = 0; i < COUNT(kept); i++)
        if (!value_is(value_get(live, kept[i]), VALUE_NULL))
            value_set(a, &merged, kept[i], *value_get(live, kept[i]));
    return merged;
}

/* Written again when somebody else wrote meanwhile. */
static bool store_document(struct arena *a, struct controller *c, const char *kind, const struct value *doc,
                           struct err *e)
{
    struct str name = value_str_at(doc, "metadata.name");
    for (int tries = 0;; tries++) {
        struct value live = value_null();
        if (!application_find(a, c->o.store, kind, name, &live, e) && e->kind != ERR_NOT_FOUND)
            return false;
        struct value merged = with_live_parts(a, doc, &live);
        struct store_key key = application_key(&merged);
        if (store_put(a, c->o.store, &key, &merged, NULL, NULL, e))
            return true;
        if (e->kind != ERR_CONFLICT || tries == 10)
            return false;
    }
}

static bool remove_applications_of(struct arena *a, struct controller *c, struct str set, struct err *e)
{
    struct store_key k = { "vitrine", S("argoproj.io"), S("Application"), { "", 0 }, { "", 0 } };
    struct value all;
    if (!store_list(a, c->o.store, &k, &all, e))
        return false;
    for (size_t i = 0; i < value_len(&all); i++) {
        const struct value *app = value_item(&all, i);
        if (!str_eq(application_annotation(app, APP_ANNOTATION_SET), set))
            continue;
        if (!deletion_begin(a, c->o.store, app, true, e))
            return false;
        queue_wake(c, application_name(app), false, WAKE_REFRESH);
    }
    return true;
}

static bool remove_document(struct arena *a, struct controller *c, const char *kind, const struct value *doc,
                            struct err *e)
{
    struct store_key key = application_key(doc);
    log_info("%s %.*s is no longer configured: it is removed", kind, STR(key.name));
    if (strcmp(kind, "Application") == 0) {
        queue_wake(c, key.name, false, WAKE_REFRESH);
        return deletion_begin(a, c->o.store, doc, true, e);
    }
    if (strcmp(kind, "ApplicationSet") == 0 && !remove_applications_of(a, c, key.name, e))
        return false;
    return store_delete(c->o.store, &key, e);
}

/* Absence is proof only when every document of the configuration was readable, and there was something at all. */
static bool remove_absent(struct arena *a, struct controller *c, const struct config *config, enum config_kind is,
                          const char *kind, struct err *e)
{
    struct store_key k = { "vitrine", S("argoproj.io"), str_c(kind), { "", 0 }, { "", 0 } };
    struct value stored;
    if (!store_list(a, c->o.store, &k, &stored, e))
        return false;
    bool empty = value_len(config_documents(config, CONFIG_APPLICATIONSET))
                     + value_len(config_documents(config, CONFIG_APPLICATION))
                 == 0;
    for (size_t i = 0; i < value_len(&stored); i++) {
        const struct value *doc = value_item(&stored, i);
        bool configured = str_is(application_annotation(doc, APP_ANNOTATION_CONFIGURED), "true");
        if (!configured || !value_is(config_document(config, is, application_name(doc)), VALUE_NULL))
            continue;
        if (!config_complete(config) || empty) {
            log_warn("%s %.*s is not in the configuration, which is empty or has mistakes: it stays", kind,
                     STR(application_name(doc)));
            continue;
        }
        if (!remove_document(a, c, kind, doc, e))
            return false;
    }
    return true;
}

bool configured_store(struct controller *c, const struct config *config, struct err *e)
{
    static const struct {
        enum config_kind is;
        const char *kind;
    } rows[] = { { CONFIG_PROJECT, "AppProject" },
                 { CONFIG_APPLICATIONSET, "ApplicationSet" },
                 { CONFIG_APPLICATION, "Application" } };
    CLEANUP(arena_close) struct arena a = { 0 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct value *docs = config_documents(config, rows[i].is);
        for (size_t k = 0; k < value_len(docs); k++)
            if (!store_document(&a, c, rows[i].kind, value_item(docs, k), e))
                return err_wrap(e, "store %s %.*s", rows[i].kind,
                                STR(value_str_at(value_item(docs, k), "metadata.name")));
        if (!remove_absent(&a, c, config, rows[i].is, rows[i].kind, e))
            return false;
    }
    return true;
}
