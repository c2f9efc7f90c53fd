/* server/internal.h - inside the server: its parts, and one function per group of routes. */
#pragma once
#include <stdatomic.h>

#include "base/sys.h"
#include "cluster/local/local.h"
#include "gitops/appset.h"
#include "gitops/controller.h"
#include "net/http.h"
#include "notify/notify.h"
#include "oci/registry.h"
#include "server/server.h"
#include "store/store.h"

enum { CONFIGS_MAX = 256 }; /* reloads of one process; older configurations stay readable for threads that hold them */

struct settings { /* what one load of the configuration gave */
    struct config *config;
    struct notify *notify;
};

struct server {
    struct server_options o;
    struct arena a; /* strings of the options */
    struct store *store;
    struct oci_client *images;
    struct cluster *cluster;
    struct forge_cache *forge;
    struct controller *controller;
    struct notify_courier *courier;
    struct oci_registry *registry;
    struct http_server *http, *registry_http;
    struct str external_url;
    struct str token;
    int64_t started_ms;
    pthread_mutex_t lock; /* settings */
    struct settings all[CONFIGS_MAX];
    size_t n_settings;
    atomic_long webhooks_ok, webhooks_refused, webhooks_repeated;
    atomic_bool serving; /* everything is open: before, requests are put off */
    atomic_bool closing;
};

struct settings server_settings(struct server *s); /* the newest */
struct str server_webhook_secret(struct server *s);

struct call { /* one request on its way through the routes */
    struct server *s;
    struct http_server_request *r;
    struct http_exchange *x;
    struct str rest; /* path after the matched prefix */
};
/* {"error": text} with the status that fits the error's kind. */
void server_reply_error(struct call *c, const struct err *e);
void server_reply_text(struct call *c, int status, const char *fmt, ...) PRINTF(3, 4);

/* The handler of the HTTP server: `user` is the struct server. Routes every request that the registry does not own. */
void server_handle(void *user, struct http_server_request *r, struct http_exchange *x);

/* Each handles its paths below /api/v1/ and returns false when the path is not one of its own. */
bool api_applications(struct call *c);
bool api_views(struct call *c); /* environments, events, notifications, problems, stream, applicationsets */
void api_webhook(struct call *c);
void api_metrics(struct call *c);
void api_logs(struct call *c, const struct value *app);
void server_asset(struct call *c); /* the page */

struct asset {
    const char *path, *type;
    const unsigned char *bytes;
    size_t n;
};
extern const struct asset assets[]; /* made from web/ by the build; ends with a NULL path */
