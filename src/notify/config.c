/* Reads the notification configuration, entry by entry: a wrong one is named and left out. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "data/yaml.h"
#include "notify/internal.h"

static void problem(struct notify *n, const char *kind, struct str name, const char *text)
{
    *vec_push(&n->a, &n->problems) = arena_fmt(&n->a, "%s %.*s: %s", kind, STR(name), text);
}

/* Argo CD: base64 URL alphabet without padding of the SHA-1 of the text of `when`. */
static struct str condition_key(struct arena *a, size_t i, struct str when)
{
    unsigned char sum[EVP_MAX_MD_SIZE], text[64];
    unsigned size = 0;
    EVP_Digest(when.p, when.n, sum, &size, EVP_sha1(), NULL);
    int length = EVP_EncodeBlock(text, sum, (int)size);
    while (length > 0 && text[length - 1] == '=')
        length--;
    for (int c = 0; c < length; c++)
        text[c] = text[c] == '+' ? '-' : text[c] == '/' ? '_' : text[c];
    return arena_fmt(a, "[%zu].%.*s", i, length, (const char *)text);
}

/* `when: true` and numbers are accepted where Argo CD expects a string. */
static struct str scalar_text(struct arena *a, const struct value *v)
{
    return v->kind == VALUE_NULL ? S("") : v->kind == VALUE_STRING ? value_as_str(v) : expr_print(a, v);
}

/* A field by its name in any case, as Go's decoder takes it. */
static const struct value *field(const struct value *v, const char *name)
{
    if (v->kind == VALUE_MAP)
        for (size_t i = 0; i < v->map->n; i++)
            if (str_ieq(v->map->v[i].key, str_c(name)))
                return &v->map->v[i].value;
    return &value_nil;
}

static void read_strings(struct arena *a, const struct value *list, struct str **out, size_t *out_n)
{
    *out_n = value_len(list);
    *out = arena_new(a, struct str, *out_n + 1);
    for (size_t i = 0; i < *out_n; i++)
        (*out)[i] = scalar_text(a, value_item(list, i));
}

static bool read_condition(struct arena *a, size_t i, const struct value *v, struct notify_condition *out,
                           struct err *e)
{
    struct notify_condition c = {
        .when = scalar_text(a, field(v, "when")),
        .once_per = scalar_text(a, field(v, "oncePer")),
        .description = scalar_text(a, field(v, "description")),
    };
    if (c.when.n > 0 && !expr_compile(a, c.when, &c.when_expr, e))
        return err_wrap(e, "condition %zu: when", i);
    if (c.once_per.n > 0 && !expr_compile(a, c.once_per, &c.once_expr, e))
        return err_wrap(e, "condition %zu: oncePer", i);
    read_strings(a, field(v, "send"), &c.send, &c.n_send);
    c.key = condition_key(a, i, c.when);
    *out = c;
    return true;
}

static bool read_trigger(struct arena *a, struct str name, struct str text, struct notify_trigger *out, struct err *e)
{
    struct value v;
    if (!yaml_parse(a, text, NULL, &v, e))
        return false;
    if (v.kind != VALUE_LIST)
        return err_set(e, ERR_INVALID, "a list of conditions was expected");
    struct notify_trigger t = { .name = name, .n = value_len(&v) };
    t.conditions = arena_new(a, struct notify_condition, t.n + 1);
    for (size_t i = 0; i < t.n; i++)
        if (!read_condition(a, i, value_item(&v, i), &t.conditions[i], e))
            return false;
    *out = t;
    return true;
}

static void add_trigger(struct notify *n, struct str name, struct str text)
{
    struct notify_trigger t;
    struct err e;
    if (read_trigger(&n->a, name, text, &t, &e))
        *vec_push(&n->a, &n->triggers) = t;
    else
        problem(n, "trigger", name, e.text);
}

static void add_template(struct notify *n, struct str name, struct str text)
{
    struct notify_template t;
    struct err e;
    if (notify_template_parse(&n->a, name, text, &t, &e))
        *vec_push(&n->a, &n->templates) = t;
    else
        problem(n, "template", name, e.text);
}

static bool check_webhook(const struct value *options, struct err *e)
{
    static const char *const numbers[] = { "retryWaitMin", "retryWaitMax", "retryMax" };
    if (value_str_at(options, "url").n == 0)
        return err_set(e, ERR_INVALID, "`url` is missing");
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const struct value *v = value_get(options, numbers[i]);
        if (v->kind != VALUE_NULL && v->kind != VALUE_INT && v->kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "`%s` must be a number or a duration", numbers[i]);
    }
    return true;
}

/* rest: what follows "service.": "<type>" or "<type>.<name>" */
static void add_service(struct notify *n, struct str rest, struct str text)
{
    struct notify_service s = { 0 };
    struct str name = rest;
    struct err e;
    bool named = str_split(&name, S("."), &s.type);
    s.name = named ? name : s.type;
    if (str_find(s.name, S(".")) >= 0)
        problem(n, "service", rest, "a name with more dots is not possible");
    else if (!str_is(s.type, "webhook"))
        problem(n, "service", rest, "this type is not supported: only `webhook` is");
    else if (!yaml_parse(&n->a, text, NULL, &s.options, &e) || !check_webhook(&s.options, &e))
        problem(n, "service", rest, e.text);
    else
        *vec_push(&n->a, &n->services) = s;
}

static void add_subscriptions(struct notify *n, const struct value *list)
{
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *v = value_item(list, i);
        struct notify_subscription s = { .selector = *value_get(v, "selector") };
        read_strings(&n->a, value_get(v, "recipients"), &s.recipients, &s.n_recipients);
        read_strings(&n->a, value_get(v, "triggers"), &s.triggers, &s.n_triggers);
        *vec_push(&n->a, &n->subscriptions) = s;
    }
}

static void merge_context(struct notify *n, const struct value *v)
{
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n; i++)
        map_put(&n->a, n->context.map, v->map->v[i].key, value_str(scalar_text(&n->a, &v->map->v[i].value)));
}

/* subscriptions, context, defaultTriggers[.service]: text of YAML in the ConfigMap form, YAML itself in the values form
 */
static void add_other(struct notify *n, struct str key, const struct value *v)
{
    struct value parsed = *v;
    struct err e;
    if (v->kind == VALUE_STRING && !yaml_parse(&n->a, value_as_str(v), NULL, &parsed, &e)) {
        problem(n, "entry", key, e.text);
        return;
    }
    if (str_is(key, "subscriptions"))
        add_subscriptions(n, &parsed);
    else if (str_is(key, "context"))
        merge_context(n, &parsed);
    else if (str_is(key, "defaultTriggers"))
        value_set(&n->a, &n->default_triggers, "", parsed);
    else if (str_starts(key, S("defaultTriggers.")))
        map_put(&n->a, n->default_triggers.map, str_slice(key, strlen("defaultTriggers."), key.n), parsed);
}

static bool cut_prefix(struct str key, const char *prefix, struct str *rest)
{
    if (!str_starts(key, str_c(prefix)))
        return false;
    *rest = str_slice(key, strlen(prefix), key.n);
    return true;
}

/* One key of the ConfigMap, or of the values form's maps, which carry the same keys. */
static void add_entry(struct notify *n, struct str key, const struct value *v)
{
    struct str rest, text = value_as_str(v);
    if (cut_prefix(key, "service.", &rest))
        add_service(n, rest, text);
    else if (cut_prefix(key, "trigger.", &rest))
        add_trigger(n, rest, text);
    else if (cut_prefix(key, "template.", &rest))
        add_template(n, rest, text);
    else
        add_other(n, key, v);
}

static void add_map(struct notify *n, const struct value *m)
{
    for (size_t i = 0; m->kind == VALUE_MAP && i < m->map->n; i++)
        add_entry(n, m->map->v[i].key, &m->map->v[i].value);
}

static void add_secrets(struct notify *n, const struct value *data)
{
    for (size_t i = 0; data->kind == VALUE_MAP && i < data->map->n; i++)
        if (data->map->v[i].value.kind == VALUE_STRING)
            map_put(&n->a, n->secrets.map, data->map->v[i].key, data->map->v[i].value);
}

static void add_values_form(struct notify *n, const struct value *doc)
{
    static const char *const maps[] = { "notifiers", "triggers", "templates" };
    static const char *const others[] = { "subscriptions", "context", "defaultTriggers" };
    for (size_t i = 0; i < COUNT(maps); i++)
        add_map(n, value_get(doc, maps[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        if (value_get(doc, others[i])->kind != VALUE_NULL)
            add_other(n, str_c(others[i]), value_get(doc, others[i]));
    struct str url = value_str_at(doc, "argocdUrl"), secret = value_str_at(doc, "secret.name");
    if (url.n > 0)
        value_set_str(&n->a, &n->context, "argocdUrl", url);
    if (secret.n > 0 && config_secret_data(n->o.config, secret)->kind == VALUE_NULL
        && value_at(doc, "secret.items")->kind != VALUE_MAP)
        problem(n, "secret", secret,
                "there is no Secret of this name in the configuration: `$password` and the like stay as written");
    add_secrets(n, config_secret_data(n->o.config, secret));
    add_secrets(n, value_at(doc, "secret.items"));
}

static bool is_known_template(const struct notify *n, struct str name)
{
    return notify_template_find(n, name) != NULL;
}

static void check_sends(struct notify *n)
{
    for (size_t t = 0; t < n->triggers.n; t++)
        for (size_t c = 0; c < n->triggers.v[t].n; c++)
            for (size_t s = 0; s < n->triggers.v[t].conditions[c].n_send; s++) {
                struct str name = n->triggers.v[t].conditions[c].send[s];
                if (!is_known_template(n, name))
                    problem(n, "trigger", n->triggers.v[t].name,
                            arena_fmt(&n->a, "template '%.*s' is not supported", STR(name)).p);
            }
}

bool notify_load(const struct notify_options *o, struct notify **out, struct err *e)
{
    struct notify *n = calloc(1, sizeof *n);
    if (n == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    n->o = *o;
    n->context = value_map(&n->a);
    n->default_triggers = value_map(&n->a);
    n->secrets = value_map(&n->a);
    if (o->external_url.n > 0)
        value_set_str(&n->a, &n->context, "argocdUrl", o->external_url);
    add_secrets(n, config_secret_data(o->config, S("argocd-notifications-secret")));
    add_map(n, config_map_data(o->config, "argocd-notifications-cm"));
    const struct value *docs = config_documents(o->config, CONFIG_NOTIFICATIONS);
    for (size_t i = 0; i < value_len(docs); i++)
        add_values_form(n, value_item(docs, i));
    check_sends(n);
    *out = n;
    return true;
}

void notify_free(struct notify *n)
{
    if (n == NULL)
        return;
    arena_close(&n->a);
    free(n);
}

size_t notify_problems(const struct notify *n, const struct str **out)
{
    *out = n->problems.v;
    return n->problems.n;
}

/* Later entries of the same name win. */
#define FIND_LAST(vec, wanted)                                                                                         \
    for (size_t i = (vec).n; i-- > 0;)                                                                                 \
        if (str_eq((vec).v[i].name, wanted))                                                                           \
            return &(vec).v[i];                                                                                        \
    return NULL

const struct notify_trigger *notify_trigger_find(const struct notify *n, struct str name)
{
    FIND_LAST(n->triggers, name);
}

const struct notify_template *notify_template_find(const struct notify *n, struct str name)
{
    FIND_LAST(n->templates, name);
}

const struct notify_service *notify_service_find(const struct notify *n, struct str name)
{
    FIND_LAST(n->services, name);
}

struct value notify_names(const struct notify *n, struct arena *a, const char *kind)
{
    struct value names = value_list(a);
    if (strcmp(kind, "trigger") == 0)
        for (size_t i = 0; i < n->triggers.n; i++)
            list_push(a, names.list, value_str(n->triggers.v[i].name));
    else if (strcmp(kind, "template") == 0)
        for (size_t i = 0; i < n->templates.n; i++)
            list_push(a, names.list, value_str(n->templates.v[i].name));
    else
        for (size_t i = 0; i < n->services.n; i++)
            list_push(a, names.list, value_str(n->services.v[i].name));
    return names;
}
