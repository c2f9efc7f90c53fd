#include "engine_fixture.h"

#include <stdio.h>

#include "cluster/local/kinds.h"
#include "data/json.h"
#include "data/yaml.h"

#define WAIT_MS 10000
#define BACKOFF_MS 20

static void start(struct engine *x)
{
    struct err e = { 0 };
    const struct local_options o = {
        .data_dir = x->dir, .store = x->store, .restart_backoff_ms = BACKOFF_MS, .keep_running = true
    };
    if (!local_open(&o, &x->c, &e))
        fail_msg("%s", e.text);
}

int engine_open(void **state)
{
    static struct engine engine;
    struct err e = { 0 };
    struct engine *x = &engine;
    fake_reset();
    *x = (struct engine){ 0 };
    assert_true(fs_temp_dir(&x->a, "vitrine-local", &x->dir, &e));
    assert_true(store_open(x->dir, &x->store, &e));
    start(x);
    *state = x;
    return 0;
}

int engine_close(void **state)
{
    struct engine *x = *state;
    struct err e = { 0 };
    cluster_close(x->c);
    store_close(x->store);
    assert_true(fs_remove_tree(x->dir, &e));
    arena_close(&x->a);
    fake_reset();
    return 0;
}

void engine_restart(struct engine *x)
{
    cluster_close(x->c);
    start(x);
}

static bool apply_one(struct engine *x, const struct value *doc, struct err *e)
{
    struct value live;
    enum cluster_verb verb;
    const struct cluster_apply o = { .server_side = true, .validate = true };
    if (value_is(value_get(doc, "metadata"), VALUE_MAP) && value_str_at(doc, "metadata.namespace").n == 0)
        value_put_at(&x->a, doc, "metadata.namespace", value_c("x"));
    return cluster_apply(x->c, &x->a, doc, &o, &live, &verb, e);
}

static struct value parse(struct engine *x, const char *yaml)
{
    struct value docs;
    struct err e = { 0 };
    if (!yaml_parse_all(&x->a, str_c(yaml), NULL, &docs, &e))
        fail_msg("%s", e.text);
    return docs;
}

static void make_namespace(struct engine *x)
{
    struct err e = { 0 };
    struct value ns = parse(x, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n");
    if (!apply_one(x, value_item(&ns, 0), &e))
        fail_msg("%s", e.text);
}

void engine_apply(struct engine *x, const char *yaml)
{
    struct value docs = parse(x, yaml);
    make_namespace(x);
    for (size_t i = 0; i < value_len(&docs); i++) {
        struct err e = { 0 };
        if (!apply_one(x, value_item(&docs, i), &e))
            fail_msg("%s", e.text);
    }
}

const char *engine_apply_error(struct engine *x, const char *yaml)
{
    struct err e = { 0 };
    struct value docs = parse(x, yaml);
    make_namespace(x);
    return apply_one(x, value_item(&docs, 0), &e) ? "" : arena_c(&x->a, str_c(e.text));
}

static struct cluster_key key_of(const char *kind, const char *name)
{
    static const char *const groups[] = { "", "apps", "batch", "networking.k8s.io", "autoscaling" };
    for (size_t i = 0; i < COUNT(groups); i++)
        if (kind_find(str_c(groups[i]), str_c(kind)) != NULL)
            return (struct cluster_key){ str_c(groups[i]), S(""), str_c(kind), S("x"), str_c(name) };
    return (struct cluster_key){ S("example.com"), S(""), str_c(kind), S("x"), str_c(name) };
}

struct value engine_get(struct engine *x, const char *kind, const char *name)
{
    struct value out = value_null();
    struct err e = { 0 };
    const struct cluster_key k = key_of(kind, name);
    if (!cluster_get(x->c, &x->a, &k, &out, &e))
        assert_int_equal(e.kind, ERR_NOT_FOUND);
    return out;
}

struct value engine_list(struct engine *x, const char *kind)
{
    struct value out;
    struct err e = { 0 };
    const struct cluster_key k = key_of(kind, "");
    assert_true(cluster_list(x->c, &x->a, &k, &out, &e));
    return out;
}

static struct str text_at(struct engine *x, const struct value *doc, const char *path)
{
    const struct value *v = value_at(doc, path);
    if (value_is(v, VALUE_NULL))
        return S("");
    return value_is(v, VALUE_STRING) ? value_as_str(v) : json_str(&x->a, v, JSON_SORT_KEYS);
}

struct expectation {
    const char *kind, *name, *path, *wanted, *reason;
    size_t n;
};

static bool has_text(struct engine *x, const void *arg)
{
    const struct expectation *w = arg;
    struct value doc = engine_get(x, w->kind, w->name);
    return str_is(text_at(x, &doc, w->path), w->wanted);
}

static bool has_count(struct engine *x, const void *arg)
{
    const struct expectation *w = arg;
    struct value list = engine_list(x, w->kind);
    return value_len(&list) == w->n;
}

static bool has_condition(struct engine *x, const void *arg)
{
    const struct expectation *w = arg;
    struct value doc = engine_get(x, w->kind, w->name);
    const struct value *list = value_at(&doc, "status.conditions");
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *c = value_item(list, i);
        if (str_is(value_str_at(c, "type"), w->path))
            return str_is(value_str_at(c, "status"), w->wanted)
                   && (w->reason == NULL || str_is(value_str_at(c, "reason"), w->reason));
    }
    return w->wanted[0] == '\0';
}

void engine_until(struct engine *x, bool (*done)(struct engine *x, const void *arg), const void *arg, const char *what)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    for (;;) {
        int64_t version = store_version(x->store);
        if (done(x, arg))
            return;
        if (clock_mono_ms() >= deadline)
            break;
        int64_t next = clock_mono_ms() + 20; /* not everything that is waited for is in the store */
        (void)cluster_wait(x->c, version, next < deadline ? next : deadline);
    }
    struct value all;
    struct err e = { 0 };
    const struct cluster_key k = { .ns = S("x") };
    if (cluster_list(x->c, &x->a, &k, &all, &e))
        fprintf(stderr, "%s\n", json_str(&x->a, &all, JSON_INDENT).p);
    fail_msg("not in time: %s", what);
}

void engine_wait(struct engine *x, const char *kind, const char *name, const char *path, const char *wanted)
{
    const struct expectation w = { kind, name, path, wanted, NULL, 0 };
    engine_until(x, has_text, &w, arena_fmt(&x->a, "%s %s: %s = %s", kind, name, path, wanted).p);
}

void engine_wait_count(struct engine *x, const char *kind, size_t n)
{
    const struct expectation w = { kind, "", "", "", NULL, n };
    engine_until(x, has_count, &w, arena_fmt(&x->a, "%zu objects of kind %s", n, kind).p);
}

void engine_wait_condition(struct engine *x, const char *kind, const char *name, const char *type, const char *status,
                           const char *reason)
{
    const struct expectation w = { kind, name, type, status, reason, 0 };
    engine_until(x, has_condition, &w,
                 arena_fmt(&x->a, "%s %s: %s = %s (%s)", kind, name, type, status, reason != NULL ? reason : "any").p);
}

void engine_remove(struct engine *x, const char *kind, const char *name, enum cluster_propagation p)
{
    struct err e = { 0 };
    const struct cluster_key k = key_of(kind, name);
    if (!cluster_remove(x->c, &k, p, &e))
        fail_msg("%s", e.text);
}
