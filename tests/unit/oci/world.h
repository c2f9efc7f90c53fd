/* A registry on loopback with a gate before it, and a client: what the tests of this folder share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/json.h"
#include "oci/digest.h"
#include "oci/internal.h"
#include "oci/registry.h"

enum gate { GATE_OPEN, GATE_TOKEN, GATE_BASIC };

struct world {
    struct arena a;
    const char *dir;
    struct oci_registry *registry;
    struct http_server *server;
    struct oci_client *client;
    enum gate gate;
    atomic_int asked_for_tokens;
    bool read_only;       /* tokens give pull only */
    atomic_int trouble;   /* so many requests are answered 503 */
    const char *identity; /* the token server takes this refresh token by POST */
    const char *realm;    /* instead of our own token server */
    const char *corrupt;  /* answers to paths that hold this text are damaged */
};

static inline bool world_credentials(void *user, struct arena *a, struct str registry, struct str *name,
                                     struct str *password)
{
    *name = S("bob");
    *password = S("secret");
    return true;
}

static inline void world_token(struct world *w, struct http_server_request *q, struct http_exchange *x)
{
    struct value v = value_map(q->a);
    atomic_fetch_add(&w->asked_for_tokens, 1);
    if (w->identity != NULL) {
        struct str wanted = arena_fmt(q->a, "refresh_token=%s", w->identity);
        bool ok = str_is(q->method, "POST") && str_find(q->body, wanted) >= 0
                  && str_find(q->body, S("grant_type=refresh_token")) >= 0;
        value_set_str(q->a, &v, "access_token", S("may-push"));
        http_reply_json(x, ok ? 200 : 401, &v);
        return;
    }
    if (!str_is(http_header_get(&q->headers, "Authorization"), "Basic Ym9iOnNlY3JldA==")) {
        http_reply(x, 401, NULL, S(""));
        return;
    }
    bool push = str_find(http_query(q, "scope"), S("push")) >= 0;
    value_set_str(q->a, &v, "token", push && !w->read_only ? S("may-push") : S("may-pull"));
    http_reply_json(x, 200, &v);
}

/* False when the request was answered here. */
static inline bool world_gate(struct world *w, struct http_server_request *q, struct http_exchange *x)
{
    struct str authorization = http_header_get(&q->headers, "Authorization");
    bool reads = str_is(q->method, "GET");
    if (w->gate == GATE_OPEN || (w->gate == GATE_BASIC && str_is(authorization, "Basic Ym9iOnNlY3JldA=="))
        || (w->gate == GATE_TOKEN
            && (str_is(authorization, "Bearer may-push") || (reads && str_is(authorization, "Bearer may-pull")))))
        return true;
    if (w->gate == GATE_BASIC)
        http_reply_header(x, "WWW-Authenticate", S("Basic realm=\"test\""));
    else if (w->realm != NULL)
        http_reply_header(x, "WWW-Authenticate", arena_fmt(q->a, "Bearer realm=\"%s\"", w->realm));
    else
        http_reply_header(x, "WWW-Authenticate",
                          arena_fmt(q->a,
                                    "Bearer realm=\"http://%.*s/token\",service=\"test\",scope=\"repository:x:%s\"",
                                    STR(q->host), reads ? "pull" : "pull,push"));
    http_reply(x, 401, "application/json", S("{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"log in\"}]}"));
    return false;
}

static inline void world_handle(void *user, struct http_server_request *q, struct http_exchange *x)
{
    struct world *w = user;
    if (atomic_fetch_sub(&w->trouble, 1) > 0) {
        http_reply_header(x, "Retry-After", S("0"));
        http_reply(x, 503, "text/plain", S("tired"));
    } else if (str_is(q->path, "/token"))
        world_token(w, q, x);
    else if (!world_gate(w, q, x))
        return;
    else if (w->corrupt != NULL && str_is(q->method, "GET") && str_find(q->path, str_c(w->corrupt)) >= 0)
        http_reply(x, 200, OCI_IMAGE, S("{\"schemaVersion\":2}"));
    else if (oci_registry_owns(q->path))
        oci_registry_handle(w->registry, q, x);
    else
        http_reply(x, 404, NULL, S(""));
}

static inline bool world_spools(void *user, struct str method, struct str path)
{
    return oci_registry_spools(method, path);
}

static inline int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e = { 0 };
    struct oci_client_options client = { .credentials = world_credentials };
    bool ok = fs_temp_dir(&w->a, "oci", &w->dir, &e) && oci_registry_open(w->dir, &w->registry, &e)
              && oci_client_open(&client, &w->client, &e);
    struct http_server_options o = {
        .handle = world_handle, .spool = world_spools, .spool_dir = w->dir, .user = w, .threads = 4
    };
    if (!ok || !http_server_open(&o, &w->server, &e))
        fail_msg("%s", e.text);
    *state = w;
    return 0;
}

static inline int world_close(void **state)
{
    struct world *w = *state;
    struct err e = { 0 };
    oci_client_close(w->client);
    http_server_close(w->server);
    oci_registry_close(w->registry);
    if (!fs_remove_tree(w->dir, &e))
        fail_msg("%s", e.text);
    arena_close(&w->a);
    free(w);
    return 0;
}

static inline struct oci_reference world_ref(struct world *w, const char *name)
{
    struct oci_reference r = { 0 };
    struct err e = { 0 };
    struct str text = arena_fmt(&w->a, "127.0.0.1:%u/%s", http_server_port(w->server), name);
    if (!oci_reference_parse(&w->a, text, &r, &e))
        fail_msg("%s", e.text);
    return r;
}

/* One raw request; path from /v2 on. */
static inline struct http_response world_ask(struct world *w, const char *method, struct str path, const char *header,
                                             struct str value, struct str body)
{
    struct http_header h = { str_c(header), value };
    struct http_request r = { .method = method,
                              .url =
                                  arena_fmt(&w->a, "http://127.0.0.1:%u%.*s", http_server_port(w->server), STR(path)),
                              .headers = { &h, header != NULL ? 1 : 0 },
                              .body = body };
    struct http_response out = { 0 };
    struct err e = { 0 };
    if (!http_do(&w->a, &r, &out, &e))
        fail_msg("%s", e.text);
    return out;
}
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        struct err e = { 0 };                                                                                          \
        if (!(call))                                                                                                   \
            fail_msg("%s", e.text);                                                                                    \
    } while (0)
