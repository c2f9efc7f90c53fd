/*
 * POST /api/webhook: a delivery is a hint. It is checked, remembered, and makes the ApplicationSets of its repository
 * look at once; what they do then depends on the forge's answer alone, so a forged or repeated delivery can change
 * nothing.
 */
#include "server/internal.h"

static bool check_signature(struct call *c)
{
    struct str secret = server_webhook_secret(c->s);
    struct str signature = http_header_get(&c->r->headers, "X-Hub-Signature-256");
    if (secret.n == 0)
        server_reply_text(c, 403,
                          "no webhook secret is configured: set webhook.github.secret in Secret argocd-secret, or "
                          "--webhook-secret-file");
    else if (signature.n == 0)
        server_reply_text(c, 401, "the delivery is not signed: X-Hub-Signature-256 is missing");
    else if (!webhook_verify(secret, c->r->body, signature))
        server_reply_text(c, 400, "the signature does not match");
    else
        return true;
    c->s->webhooks_refused++;
    return false;
}

static bool is_ours(struct str event)
{
    return str_is(event, "pull_request") || str_is(event, "push") || str_is(event, "ping");
}

static void act(struct call *c, const struct webhook_event *event)
{
    struct value v = value_map(c->r->a);
    size_t woken = 0;
    if (!str_is(event->event, "ping"))
        woken = controller_refresh_appset(c->s->controller, event->owner, event->repo);
    value_set(c->r->a, &v, "refreshed", value_int((int64_t)woken));
    c->s->webhooks_ok++;
    http_reply_json(c->x, 202, &v);
}

void api_webhook(struct call *c)
{
    struct str kind = http_header_get(&c->r->headers, "X-GitHub-Event");
    struct str guid = http_header_get(&c->r->headers, "X-GitHub-Delivery");
    struct webhook_event event;
    struct err e;
    bool seen = false;
    if (!str_is(c->r->method, "POST")) {
        server_reply_text(c, 405, "POST was expected");
    } else if (kind.n == 0) {
        server_reply_text(c, 400, "Unknown webhook event");
    } else if (!check_signature(c)) {
        return;
    } else if (!is_ours(kind)) {
        server_reply_text(c, 202, "event %.*s is of no use here", STR(kind));
    } else if (!webhook_parse(c->r->a, kind, guid, c->r->body, &event, &e)) {
        server_reply_error(c, &e);
    } else if (guid.n > 0 && store_delivery_seen(c->s->store, guid, &seen, &e) && seen) {
        c->s->webhooks_repeated++;
        server_reply_text(c, 202, "delivery %.*s was handled before", STR(guid));
    } else {
        act(c, &event);
        if (guid.n > 0 && !store_delivery_mark(c->s->store, guid, &e))
            log_warn("webhook: %s", e.text);
    }
}
