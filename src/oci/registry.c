/* oci/registry.c - the embedded registry: opening, routes, errors. */
#include <errno.h>
#include <stdlib.h>

#include "oci/registry_internal.h"

static bool prepare(const char *dir, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *unfinished = fs_join(&a, dir, "tmp");
    return fs_remove_tree(unfinished, e) && fs_mkdirs(unfinished, 0755, e);
}

static void *sweep_now_and_then(void *arg)
{
    struct oci_registry *r = arg;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    while (!r->closed) {
        struct oci_swept swept = { 0 };
        int64_t next = clock_mono_ms() + OCI_SWEEP_EVERY_MS;
        reg_sweep(r, OCI_SWEEP_GRACE_MS, &swept);
        if (swept.bytes > 0)
            log_info("registry: gave back %lld bytes of %lld blobs and %lld manifests", (long long)swept.bytes,
                     (long long)swept.blobs, (long long)swept.manifests);
        while (!r->closed && cond_wait_until(&r->closing, &r->lock, next))
            ;
    }
    return NULL;
}

static void registry_free(struct oci_registry *r)
{
    charts_close(&r->charts);
    pthread_cond_destroy(&r->closing);
    pthread_mutex_destroy(&r->lock);
    free(r->dir);
    free(r);
}

bool oci_registry_open(const char *dir, struct oci_registry **out, struct err *e)
{
    struct oci_registry *r = calloc(1, sizeof *r);
    if (r == NULL)
        return err_set(e, ERR_LIMIT, "out of memory for a registry");
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->charts.lock, NULL);
    cond_init(&r->closing);
    r->dir = strdup(dir);
    if (r->dir == NULL || !prepare(dir, e) || !thread_start(&r->sweeper, "registry sweep", sweep_now_and_then, r, e)) {
        registry_free(r);
        return err_wrap(e, "open registry in %s", dir);
    }
    *out = r;
    return true;
}

void oci_registry_close(struct oci_registry *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->closed = true;
    pthread_cond_broadcast(&r->closing);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->sweeper, NULL);
    registry_free(r);
}

/* ---- answers ------------------------------------------------------------------------------ */

void reg_header(struct visit *v, const char *name, struct str value)
{
    http_reply_header(v->x, name, value);
}

void reg_refuse(struct visit *v, int status, const char *code, const char *message, struct str detail)
{
    struct value doc = value_map(v->a), list = value_list(v->a), one = value_map(v->a);
    value_set_str(v->a, &one, "code", str_c(code));
    value_set_str(v->a, &one, "message", str_c(message));
    if (detail.n > 0)
        value_set_str(v->a, &one, "detail", detail);
    list_push(v->a, list.list, one);
    value_set(v->a, &doc, "errors", list);
    http_reply_json(v->x, status, &doc);
}

void reg_broken(struct visit *v, const struct err *e)
{
    bool full = e->os == ENOSPC || e->os == EDQUOT;
    log_error("registry: %s", e->text);
    reg_refuse(v, full ? 507 : 500, "UNKNOWN", full ? "the registry's disk is full" : "the registry failed", S(""));
}

/* ---- routes ------------------------------------------------------------------------------- */

static const struct route {
    const char *marker; /* "/v2/NAME" + marker + the rest */
    bool exact;         /* nothing may follow */
    void (*run)(struct visit *v);
} routes[] = {
    { "/blobs/uploads/", true, reg_uploads }, { "/blobs/uploads", true, reg_uploads }, { "/tags/list", true, reg_tags },
    { "/blobs/uploads/", false, reg_upload }, { "/manifests/", false, reg_manifest },  { "/blobs/", false, reg_blob },
    { "/referrers/", false, reg_referrers },
};

/* Names hold slashes themselves, so the marker is searched from the right. */
static bool match(const struct route *r, struct visit *v, struct str rest)
{
    struct str marker = str_c(r->marker);
    ptrdiff_t at = r->exact ? (str_ends(rest, marker) ? (ptrdiff_t)(rest.n - marker.n) : -1) : str_rfind(rest, marker);
    if (at <= 0)
        return false;
    v->repo = str_slice(rest, 0, (size_t)at);
    v->name = str_slice(rest, (size_t)at + marker.n, rest.n);
    return r->exact || (v->name.n > 0 && str_find(v->name, S("/")) < 0);
}

static void answer_base(struct visit *v)
{
    http_reply(v->x, 200, "application/json", S("{}"));
}

static void run_route(struct visit *v)
{
    struct str rest = v->q->path;
    str_cut(&rest, sizeof "/v2" - 1);
    if (rest.n <= 1) {
        answer_base(v);
        return;
    }
    str_cut(&rest, 1);
    for (size_t i = 0; i < COUNT(routes); i++) {
        if (!match(&routes[i], v, rest))
            continue;
        if (!oci_repository_valid(v->repo)) {
            reg_refuse(v, 400, "NAME_INVALID", "invalid repository name", v->repo);
            return;
        }
        {
            routes[i].run(v);
            return;
        }
    }
    reg_refuse(v, 404, "NAME_UNKNOWN", "no such route", v->q->path);
}

static bool is_v2(struct str path)
{
    return str_is(path, "/v2") || str_starts(path, S("/v2/"));
}

bool oci_registry_owns(struct str path)
{
    return is_v2(path) || charts_own(path);
}

bool oci_registry_spools(struct str method, struct str path)
{
    bool sends = str_is(method, "PATCH") || str_is(method, "PUT") || str_is(method, "POST");
    return sends && is_v2(path) && str_find(path, S("/blobs/uploads")) >= 0;
}

void oci_registry_handle(struct oci_registry *r, struct http_server_request *q, struct http_exchange *x)
{
    struct visit v = { .reg = r, .a = q->a, .q = q, .x = x };
    if (!is_v2(q->path)) {
        charts_handle(&v);
        return;
    }
    reg_header(&v, "Docker-Distribution-Api-Version", S("registry/2.0"));
    run_route(&v);
}
