/* GET /metrics: Prometheus text, names as Argo CD has them where it has them. */
#include "server/internal.h"

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buf *b, const char *name, const char *type, const char *help, int64_t value)
{
    head(b, name, type, help);
    buf_fmt(b, "%s %lld\n", name, (long long)value);
}

static void applications(struct call *c, struct buf *b)
{
    struct value apps;
    struct err e;
    struct store_key k = { .scope = "vitrine", .group = S("argoproj.io"), .kind = S("Application") };
    if (!store_list(c->r->a, c->s->store, &k, &apps, &e))
        return;
    head(b, "argocd_app_info", "gauge", "Applications with their sync and health status.");
    for (size_t i = 0; i < value_len(&apps); i++) {
        const struct value *app = value_item(&apps, i);
        struct str name = application_name(app), sync = value_str_at(app, "status.sync.status"),
                   health = value_str_at(app, "status.health.status");
        buf_fmt(b, "argocd_app_info{name=\"%.*s\",sync_status=\"%.*s\",health_status=\"%.*s\"} 1\n", STR(name),
                STR(sync), STR(health));
    }
}

static void outbox(struct call *c, struct buf *b)
{
    int64_t pending;
    struct err e;
    if (store_outbox_waiting(c->s->store, &pending, &e))
        one(b, "vitrine_notifications_pending", "gauge", "Deliveries that wait.", pending);
}

void api_metrics(struct call *c)
{
    struct buf b = { .a = c->r->a };
    struct forge_counters f = forge_cache_counters(c->s->forge);
    struct chart_cache_counters charts = controller_charts(c->s->controller);
    applications(c, &b);
    outbox(c, &b);
    one(&b, "vitrine_forge_requests_total", "counter", "Requests to forges.", f.requests);
    one(&b, "vitrine_forge_requests_counted_total", "counter", "Requests to forges that cost quota.", f.counted);
    one(&b, "vitrine_forge_not_modified_total", "counter", "Answers 304 of forges.", f.not_modified);
    one(&b, "vitrine_forge_errors_total", "counter", "Requests to forges that failed.", f.errors);
    one(&b, "vitrine_registry_requests_total", "counter", "Requests to registries.", oci_client_requests(c->s->images));
    one(&b, "vitrine_chart_cache_hits_total", "counter", "Charts that were parsed before.", charts.hits);
    one(&b, "vitrine_chart_cache_misses_total", "counter", "Charts that had to be parsed.", charts.misses);
    one(&b, "vitrine_chart_cache_charts", "gauge", "Parsed charts in memory.", charts.charts);
    one(&b, "vitrine_chart_cache_bytes", "gauge", "Memory of the parsed charts.", charts.bytes);
    one(&b, "vitrine_webhooks_accepted_total", "counter", "Webhook deliveries acted on.", c->s->webhooks_ok);
    one(&b, "vitrine_webhooks_refused_total", "counter", "Webhook deliveries without a valid signature.",
        c->s->webhooks_refused);
    one(&b, "vitrine_webhooks_repeated_total", "counter", "Webhook deliveries seen before.", c->s->webhooks_repeated);
    one(&b, "vitrine_store_version", "gauge", "Changes of objects so far.", store_version(c->s->store));
    one(&b, "process_start_time_seconds", "gauge", "Start of the process since the epoch.", c->s->started_ms / 1000);
    http_reply(c->x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&b));
}
