/*
 * Webhook deliveries: one thread, one queue, in order; ten seconds each and no second try, as GitHub does it.
 *
 * A payload is rendered when the event happens, under the state lock, and travels as plain bytes from then on. The last
 * DELIVERIES_KEPT deliveries can be listed and sent again; a repeat carries the same GUID.
 */
#include <stdlib.h>

#include "data/json.h"
#include "forge/forge.h"
#include "net/url.h"
#include "sandbox/internal.h"

#define TIMEOUT_MS 10000
#define QUEUE_MAX 10000
#define DELIVERIES_KEPT 300
#define RESPONSE_KEPT 4096 /* bytes of a receiver's answer */

struct delivery {
    struct arena a; /* everything below lives in it */
    struct delivery *next;
    int64_t id, hook, repository, at_ms, duration_ms;
    struct str guid, event, action, url, secret, body, content_type;
    bool redelivery;
    int status_code;
    struct str status, response;
};
struct deliveries {
    struct sandbox *sandbox;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct delivery *first, **last;
    size_t waiting; /* queued or under way */
    bool closing;
    int64_t next_id;
    struct delivery *kept[DELIVERIES_KEPT]; /* a ring, newest at kept_n - 1 */
    size_t kept_n;
};

static void delivery_free(struct delivery *d)
{
    if (d == NULL)
        return;
    struct arena a = d->a;
    arena_close(&a);
}

static struct delivery *delivery_new(void)
{
    struct arena a = { 0 };
    struct delivery *d = arena_new(&a, struct delivery, 1);

    d->a = a;
    return d;
}

/* ---- queueing ------------------------------------------------------------------------------------ */

static void enqueue(struct deliveries *q, struct delivery *d)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&q->lock);

    if (q->waiting >= QUEUE_MAX) {
        log_warn("sandbox: %d webhook deliveries wait already; %.*s is dropped", QUEUE_MAX, STR(d->event));
        delivery_free(d);
        return;
    }
    d->id = q->next_id++;
    *q->last = d;
    q->last = &d->next;
    q->waiting++;
    pthread_cond_signal(&q->wake);
}

static bool wants(const struct value *hook, const char *event)
{
    const struct value *events = value_get(hook, "events");

    for (size_t i = 0; i < value_len(events); i++) {
        struct str name = value_as_str(value_item(events, i));
        if (str_is(name, "*") || str_is(name, event))
            return value_bool_at(hook, "active", true);
    }
    return false;
}

/* As GitHub: the times of the repository in a push are numbers. */
static void number_time(struct arena *a, const struct value *repository, const char *key)
{
    int64_t ms = 0;

    if (clock_parse_rfc3339(value_str_at(repository, key), &ms))
        value_set(a, repository, key, value_int(ms / 1000));
}

void hook_complete(struct view *v, const struct value *repo, const char *event, struct str sender,
                   struct value *payload)
{
    struct value repository = view_repo(v, repo);

    if (strcmp(event, "push") == 0) {
        number_time(v->a, &repository, "created_at");
        number_time(v->a, &repository, "pushed_at");
    }
    value_set(v->a, payload, "repository", repository);
    value_set(v->a, payload, "sender", view_user(v, sender));
}

static struct str encode(struct arena *a, struct str type, const struct value *payload)
{
    struct str json = json_str(a, payload, 0);

    return str_is(type, "form") ? arena_fmt(a, "payload=%.*s", STR(url_escape_query(a, json))) : json;
}

static void send_to(struct sandbox *s, const struct value *repo, const struct value *hook, const char *event,
                    struct value *payload)
{
    struct delivery *d = delivery_new();

    d->hook = value_int_at(hook, "id", 0);
    d->repository = value_int_at(repo, "id", 0);
    d->guid = random_uuid(&d->a);
    d->event = arena_str(&d->a, str_c(event));
    d->action = arena_str(&d->a, value_str_at(payload, "action"));
    d->url = arena_str(&d->a, value_str_at(hook, "url"));
    d->secret = arena_str(&d->a, value_str_at(hook, "secret"));
    d->content_type = arena_str(&d->a, value_str_at(hook, "content_type"));
    d->body = encode(&d->a, d->content_type, payload);
    enqueue(s->deliveries, d);
}

void hook_emit_to(struct sandbox *s, const struct value *repo, const struct value *hook, const char *event,
                  struct str sender, struct value payload)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct view v = view_own(&a, s);
    struct value whole = value_clone(&a, &payload);

    hook_complete(&v, repo, event, sender, &whole);
    send_to(s, repo, hook, event, &whole);
}

void hook_emit(struct sandbox *s, const struct value *repo, const char *event, struct str sender, struct value payload)
{
    const struct value *hooks = value_get(repo, "hooks");

    for (size_t i = 0; i < value_len(hooks); i++)
        if (wants(value_item(hooks, i), event))
            hook_emit_to(s, repo, value_item(hooks, i), event, sender, payload);
}

/* ---- sending ------------------------------------------------------------------------------------- */

static void request_headers(struct arena *a, const struct delivery *d, struct http_headers *out)
{
    const char *type = str_is(d->content_type, "form") ? "application/x-www-form-urlencoded" : "application/json";
    struct http_header list[] = {
        { S("Content-Type"), str_c(type) },
        { S("User-Agent"), S("GitHub-Hookshot/sandbox") },
        { S("X-GitHub-Hook-ID"), arena_fmt(a, "%lld", (long long)d->hook) },
        { S("X-GitHub-Event"), d->event },
        { S("X-GitHub-Delivery"), d->guid },
        { S("X-GitHub-Hook-Installation-Target-Type"), S("repository") },
        { S("X-GitHub-Hook-Installation-Target-ID"), arena_fmt(a, "%lld", (long long)d->repository) },
        { S("X-Hub-Signature-256"), d->secret.n > 0 ? webhook_sign(a, d->secret, d->body) : S("") },
    };

    out->n = COUNT(list) - (d->secret.n == 0);
    out->v = arena_new(a, struct http_header, COUNT(list));
    memcpy(out->v, list, sizeof list);
}

static void post(struct delivery *d)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct http_request q = { .method = "POST", .url = d->url, .body = d->body, .timeout_ms = TIMEOUT_MS };
    struct http_response got = { 0 };
    struct err e = { 0 };

    request_headers(&a, d, &q.headers);
    d->at_ms = clock_wall_ms();
    int64_t begin = clock_mono_ms();
    bool ok = http_do(&a, &q, &got, &e);
    d->duration_ms = clock_mono_ms() - begin;
    d->status_code = ok ? got.status : 0;
    d->status = ok ? S("OK") : arena_str(&d->a, str_c(e.text));
    d->response = arena_str(&d->a, str_slice(got.body, 0, RESPONSE_KEPT));
    if (!ok)
        log_warn("sandbox: webhook %.*s: %s", STR(d->event), e.text);
}

/* What the hook's page shows; the hook may have gone meanwhile. */
static void note_response(struct sandbox *s, const struct delivery *d)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    const struct map *repos = value_get(&s->state, "repositories")->map;
    struct value vars = value_map(&a);
    bool ok = d->status_code >= 200 && d->status_code < 300, changed = s->changed;

    value_set(&a, &vars, "code", value_int(d->status_code));
    value_set(&a, &vars, "status", value_c(ok ? "active" : "failed"));
    value_set_str(&a, &vars, "message", d->status);
    for (size_t i = 0; i < repos->n; i++) {
        const struct value *hook = state_by_int(value_get(&repos->v[i].value, "hooks"), "id", d->hook);
        if (value_is(hook, VALUE_MAP))
            state_set(s, hook, "last_response", shape(&a, &vars, "{'code':$code,'status':$status,'message':$message}"));
    }
    s->changed = changed; /* not worth a write of its own: the next change carries it */
}

static void keep(struct deliveries *q, struct delivery *d)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&q->lock);

    if (q->kept_n == DELIVERIES_KEPT) {
        delivery_free(q->kept[0]);
        memmove(q->kept, q->kept + 1, (DELIVERIES_KEPT - 1) * sizeof *q->kept);
        q->kept_n--;
    }
    q->kept[q->kept_n++] = d;
    q->waiting--;
}

static struct delivery *take(struct deliveries *q)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&q->lock);

    while (q->first == NULL && !q->closing)
        pthread_cond_wait(&q->wake, &q->lock);
    if (q->closing)
        return NULL;
    struct delivery *d = q->first;
    q->first = d->next;
    if (q->first == NULL)
        q->last = &q->first;
    d->next = NULL;
    return d;
}

static void *deliver(void *arg)
{
    struct deliveries *q = arg;

    for (struct delivery *d = take(q); d != NULL; d = take(q)) {
        struct fault_hit fault = faults_match(q->sandbox->faults, S("POST"), S("webhook"), true);
        if (fault.kind == FAULT_DROP)
            d->status = S("dropped by a fault of the sandbox");
        else
            post(d);
        if (fault.kind == FAULT_DUPLICATE)
            post(d);
        note_response(q->sandbox, d);
        keep(q, d);
    }
    return NULL;
}

/* ---- asking -------------------------------------------------------------------------------------- */

static struct value describe(struct arena *a, const struct delivery *d, bool whole)
{
    struct value vars = value_map(a), payload;
    struct err ignored = { 0 };

    value_set(a, &vars, "id", value_int(d->id));
    value_set_str(a, &vars, "guid", arena_str(a, d->guid));
    value_set_str(a, &vars, "at", clock_rfc3339(a, d->at_ms));
    value_set(a, &vars, "redelivery", value_bool(d->redelivery));
    value_set(a, &vars, "duration", value_float((double)d->duration_ms / 1000));
    value_set_str(a, &vars, "status", arena_str(a, d->status));
    value_set(a, &vars, "code", value_int(d->status_code));
    value_set_str(a, &vars, "event", arena_str(a, d->event));
    value_set(a, &vars, "action", view_or_null(arena_str(a, d->action)));
    value_set(a, &vars, "repository", value_int(d->repository));
    struct value out = shape(a, &vars,
                             "{'id':$id,'guid':$guid,'delivered_at':$at,'redelivery':$redelivery,'duration':$duration,"
                             "'status':$status,'status_code':$code,'event':$event,'action':$action,"
                             "'installation_id':null,'repository_id':$repository,'throttled_at':null}");
    if (!whole)
        return out;
    if (!json_parse(a, arena_str(a, d->body), &payload, &ignored))
        payload = value_null();
    value_set(a, &vars, "payload", payload);
    value_set_str(a, &vars, "response", arena_str(a, d->response));
    value_set_str(a, &out, "url", arena_str(a, d->url));
    value_set(a, &out, "request",
              shape(a, &vars, "{'headers':{'X-GitHub-Event':$event,'X-GitHub-Delivery':$guid},'payload':$payload}"));
    value_set(a, &out, "response", shape(a, &vars, "{'headers':{},'payload':$response}"));
    return out;
}

struct value deliveries_list(struct arena *a, struct sandbox *s, int64_t hook)
{
    struct deliveries *q = s->deliveries;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&q->lock);
    struct value out = value_list(a);

    for (size_t i = q->kept_n; i-- > 0;)
        if (q->kept[i]->hook == hook)
            list_push(a, out.list, describe(a, q->kept[i], false));
    return out;
}

static struct delivery *find(struct deliveries *q, int64_t id)
{
    for (size_t i = 0; i < q->kept_n; i++)
        if (q->kept[i]->id == id)
            return q->kept[i];
    return NULL;
}

struct value deliveries_get(struct arena *a, struct sandbox *s, int64_t id)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->deliveries->lock);
    struct delivery *d = find(s->deliveries, id);

    return d != NULL ? describe(a, d, true) : value_null();
}

bool deliveries_again(struct sandbox *s, int64_t id)
{
    struct delivery *again = delivery_new();

    pthread_mutex_lock(&s->deliveries->lock);
    const struct delivery *old = find(s->deliveries, id);
    if (old != NULL) {
        again->hook = old->hook;
        again->repository = old->repository;
        again->guid = arena_str(&again->a, old->guid);
        again->event = arena_str(&again->a, old->event);
        again->action = arena_str(&again->a, old->action);
        again->url = arena_str(&again->a, old->url);
        again->secret = arena_str(&again->a, old->secret);
        again->content_type = arena_str(&again->a, old->content_type);
        again->body = arena_str(&again->a, old->body);
        again->redelivery = true;
    }
    pthread_mutex_unlock(&s->deliveries->lock);
    if (old != NULL)
        enqueue(s->deliveries, again);
    else
        delivery_free(again);
    return old != NULL;
}

bool deliveries_idle(struct sandbox *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->deliveries->lock);
    return s->deliveries->waiting == 0;
}

/* ---- life ---------------------------------------------------------------------------------------- */

bool deliveries_open(struct sandbox *s, struct err *e)
{
    struct deliveries *q = calloc(1, sizeof *q);

    if (q == NULL)
        abort();
    q->sandbox = s;
    q->last = &q->first;
    q->next_id = clock_wall_ms(); /* the list does not survive a restart, but its ids stay unique */
    pthread_mutex_init(&q->lock, NULL);
    cond_init(&q->wake);
    s->deliveries = q;
    if (thread_start(&q->thread, "webhooks", deliver, q, e))
        return true;
    s->deliveries = NULL;
    free(q);
    return false;
}

void deliveries_close(struct sandbox *s)
{
    struct deliveries *q = s->deliveries;

    if (q == NULL)
        return;
    pthread_mutex_lock(&q->lock);
    q->closing = true;
    pthread_cond_signal(&q->wake);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    for (struct delivery *d = q->first; d != NULL;) {
        struct delivery *next = d->next;
        delivery_free(d);
        d = next;
    }
    for (size_t i = 0; i < q->kept_n; i++)
        delivery_free(q->kept[i]);
    pthread_cond_destroy(&q->wake);
    pthread_mutex_destroy(&q->lock);
    free(q);
    s->deliveries = NULL;
}
