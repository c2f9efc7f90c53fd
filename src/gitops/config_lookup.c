/* Finding things in a loaded configuration: documents, secrets, credentials, destinations. */
#include "gitops/config_internal.h"

size_t config_problems(const struct config *c, const struct config_problem **out)
{
    *out = c->problems.v;
    return c->problems.n;
}

bool config_complete(const struct config *c)
{
    return c->complete;
}

const struct value *config_documents(const struct config *c, enum config_kind kind)
{
    return &c->documents[kind];
}

const struct value *config_document(const struct config *c, enum config_kind kind, struct str name)
{
    const struct list *list = c->documents[kind].list;
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(value_str_at(&list->v[i], "metadata.name"), name))
            return &list->v[i];
    return &value_nil;
}

const struct value *config_map_data(const struct config *c, const char *name)
{
    return value_get(config_document(c, CONFIG_CONFIGMAP, str_c(name)), "data");
}

const struct value *config_secret_data(const struct config *c, struct str name)
{
    const struct value *entries = map_get(c->secrets.map, name);
    return entries != NULL ? entries : &value_nil;
}

bool config_secret(const struct config *c, struct str ns, struct str name, struct str key, struct str *out,
                   struct err *e)
{
    const struct value *entries = config_secret_data(c, name);
    if (!value_is(entries, VALUE_MAP))
        return err_set(e, ERR_NOT_FOUND, "error fetching secret %.*s/%.*s: secrets \"%.*s\" not found", STR(ns),
                       STR(name), STR(name));
    const struct value *entry = map_get(entries->map, key);
    if (entry == NULL)
        return err_set(e, ERR_NOT_FOUND, "key \"%.*s\" in secret %.*s/%.*s not found", STR(key), STR(ns), STR(name));
    *out = str_trim(value_as_str(entry));
    return true;
}

/* ---- secrets ------------------------------------------------------------------------------ */

bool config_secret_decode(struct arena *a, const struct value *doc, struct value *out, struct err *e)
{
    const struct value *data = value_get(doc, "data"), *plain = value_get(doc, "stringData");
    *out = value_map(a);
    for (size_t i = 0; value_is(data, VALUE_MAP) && i < data->map->n; i++) {
        const struct map_entry *entry = &data->map->v[i];
        struct str text = { 0 };
        if (!str_unbase64(a, value_as_str(&entry->value), &text))
            return err_set(e, ERR_INVALID, "data.%.*s is not base64 (use stringData for plain text)", STR(entry->key));
        map_put(a, out->map, entry->key, value_str(text));
    }
    for (size_t i = 0; value_is(plain, VALUE_MAP) && i < plain->map->n; i++) {
        const struct map_entry *entry = &plain->map->v[i];
        if (!value_is(&entry->value, VALUE_STRING))
            return err_set(e, ERR_INVALID, "stringData.%.*s must be text, not %s (put it in quotes)", STR(entry->key),
                           value_kind_name(entry->value.kind));
        map_put(a, out->map, entry->key, entry->value);
    }
    return true;
}

/* ---- what secrets stand for --------------------------------------------------------------- */

static struct str secret_type(const struct value *secret)
{
    return value_as_str(value_get(value_at(secret, "metadata.labels"), "argocd.argoproj.io/secret-type"));
}

static const struct value *entries_of(const struct config *c, const struct value *secret)
{
    return config_secret_data(c, value_str_at(secret, "metadata.name"));
}

/* A client may take dot segments out of a path before it asks, and with them what the prefix promised. */
static bool may_climb(struct str url)
{
    return str_find(url, S("..")) >= 0 || str_find(url, S("%2e")) >= 0 || str_find(url, S("%2E")) >= 0;
}

/* `prefix` ends where a part of the path ends: https://host/o does not stand for https://host/other. */
static bool is_below(struct str url, struct str prefix)
{
    return str_starts(url, prefix) && !may_climb(url)
           && (url.n == prefix.n || str_ends(prefix, S("/")) || url.p[prefix.n] == '/');
}

/* The entries of the Secret that stands for a URL best; NULL: none does. */
static const struct value *repo_secret(const struct config *c, struct str url)
{
    const struct list *secrets = c->documents[CONFIG_SECRET].list;
    const struct value *best = NULL;
    size_t best_n = 0;
    for (size_t i = 0; i < secrets->n; i++) {
        const struct value *entries = entries_of(c, &secrets->v[i]);
        struct str said = value_as_str(value_get(entries, "url")), type = secret_type(&secrets->v[i]);
        bool repository = str_is(type, "repository");
        if (said.n == 0 || !(repository || str_is(type, "repo-creds")))
            continue;
        bool exact = repository && git_same_repository(said, url); /* the very repository beats every prefix */
        if (exact || (is_below(url, said) && said.n > best_n)) {
            best = entries;
            best_n = exact ? SIZE_MAX : said.n;
        }
    }
    return best;
}

bool config_names_repo(const struct config *c, struct str url)
{
    return repo_secret(c, url) != NULL;
}

struct git_credentials config_repo_credentials(const struct config *c, struct str url)
{
    const struct value *best = repo_secret(c, url);
    if (best == NULL)
        return (struct git_credentials){ 0 };
    return (struct git_credentials){ value_as_str(value_get(best, "username")),
                                     value_as_str(value_get(best, "password")) };
}

static bool is_local(struct str name, struct str server)
{
    return str_is(name, "in-cluster") || str_is(server, "https://kubernetes.default.svc");
}

bool config_destination(const struct config *c, const struct value *destination, struct err *e)
{
    struct str name = value_as_str(value_get(destination, "name"));
    struct str server = value_as_str(value_get(destination, "server"));
    const struct list *secrets = c->documents[CONFIG_SECRET].list;
    bool declared = false;
    if (name.n > 0 && server.n > 0)
        return err_set(e, ERR_INVALID, "application destination can't have both name and server defined: %.*s %.*s",
                       STR(name), STR(server));
    if (name.n == 0 && server.n == 0)
        return err_set(e, ERR_INVALID, "destination server missing from app spec");
    for (size_t i = 0; i < secrets->n; i++) {
        if (!str_is(secret_type(&secrets->v[i]), "cluster"))
            continue;
        declared = true;
        const struct value *entries = entries_of(c, &secrets->v[i]);
        if (name.n > 0 ? str_eq(name, value_as_str(value_get(entries, "name")))
                       : str_eq(server, value_as_str(value_get(entries, "server"))))
            return true;
    }
    if (!declared || is_local(name, server))
        return true;
    if (name.n > 0)
        return err_set(e, ERR_INVALID, "there are no clusters with this name: %.*s", STR(name));
    return err_set(e, ERR_INVALID, "cluster %.*s is not configured", STR(server));
}
