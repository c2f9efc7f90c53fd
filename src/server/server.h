/*
 * server/server.h - `vitrine server`: controller, API, webhooks, dashboard, events, metrics in one process.
 *
 * API (JSON; a token off loopback). Applications as Argo CD serves them:
 *   GET    /api/v1/applications                    {items: [...]}
 *   GET    /api/v1/applications/NAME[?refresh=normal|hard]
 *   POST   /api/v1/applications/NAME/sync          {revision, prune, dryRun, force, resources}
 *   DELETE /api/v1/applications/NAME[?cascade=false]
 *   DELETE /api/v1/applications/NAME/operation     terminate the running operation
 *   DELETE /api/v1/applications/NAME/resource?kind=&resourceName=[&group=&namespace=]
 *   GET    /api/v1/applications/NAME/managed-resources   wanted and live objects
 *   GET    /api/v1/applications/NAME/logs?podName=&container=&tailLines=&follow=&previous=
 *   GET    /api/v1/applicationsets, POST /api/v1/applicationsets/refresh
 * Vitrine's own:
 *   GET    /api/v1/environments    a row per preview: pull request, revision, sync, health, address
 *   GET    /api/v1/events?app=&after=      GET /api/v1/notifications?app=
 *   GET    /api/v1/problems        what is wrong with the configuration
 *   GET    /api/v1/stream          server-sent events: `change` with the store's version
 *   POST   /api/webhook            GitHub deliveries, signature required
 *   GET    /metrics /healthz /version and the page at /
 */
#pragma once
#include "base/base.h"

struct server_options {
    const char *config_dir, *data_dir;
    const char *address;        /* NULL: 127.0.0.1 */
    uint16_t port;              /* 0: any free one */
    const char *token;          /* required off loopback; NULL: none */
    uint16_t ingress_port;      /* 0: any free one */
    bool registry;              /* serve the embedded registry and chart repository */
    uint16_t registry_port;     /* 0: any free one */
    const char *webhook_secret; /* NULL: from Secret argocd-secret, key webhook.github.secret */
    const char *external_url;   /* for links in statuses; NULL: http://ADDRESS:PORT */
    const char *status_context; /* "": post no status of our own; NULL: the default */
    const char *launcher;       /* NULL: `vitrine` beside the running program */
    bool keep_running;          /* environments outlive the server */
    unsigned workers;           /* 0: the default */
    /* As the controller's; 0: the defaults. */
    int64_t image_timeout_ms, unreachable_timeout_ms;
};
struct server;
MUST_CHECK bool server_open(const struct server_options *o, struct server **out, struct err *e);
uint16_t server_port(const struct server *s);
uint16_t server_ingress_port(const struct server *s);
uint16_t server_registry_port(const struct server *s); /* 0 without a registry */
/* Load the configuration again; a folder that cannot be read changes nothing. */
MUST_CHECK bool server_reload(struct server *s, struct err *e);
void server_close(struct server *s);
