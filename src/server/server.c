/* Opening in the order of the data's way, closing in the opposite one. */
#include <fcntl.h>
#include <stdlib.h>

#include "server/internal.h"

/* ---- configuration ------------------------------------------------------------------------ */

struct settings server_settings(struct server *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    return s->n_settings > 0 ? s->all[s->n_settings - 1] : (struct settings){ 0 };
}

struct str server_webhook_secret(struct server *s)
{
    if (s->o.webhook_secret != NULL)
        return str_c(s->o.webhook_secret);
    const struct value *data = config_secret_data(server_settings(s).config, S("argocd-secret"));
    return str_trim(value_as_str(value_get(data, "webhook.github.secret")));
}

static void tell_problems(struct server *s, const struct settings *g)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct config_problem *config;
    const struct str *notify;
    struct str *lint;
    size_t n = config_problems(g->config, &config);
    for (size_t i = 0; i < n; i++)
        log_warn("configuration: %.*s: %.*s", STR(config[i].where), STR(config[i].text));
    n = notify_problems(g->notify, &notify);
    for (size_t i = 0; i < n; i++)
        log_warn("notifications: %.*s", STR(notify[i]));
    n = notify_lint(g->notify, &a, &lint);
    for (size_t i = 0; i < n; i++)
        log_warn("notifications: %.*s", STR(lint[i]));
}

static bool load_settings(struct server *s, struct err *e)
{
    struct settings g = { 0 };
    if (s->n_settings == CONFIGS_MAX)
        return err_set(e, ERR_LIMIT, "the configuration was reloaded %d times: restart to load it again", CONFIGS_MAX);
    if (!config_load(s->o.config_dir, &g.config, e))
        return false;
    struct notify_options o = {
        .config = g.config,
        .cache_dir = fs_join(&s->a, s->o.data_dir, "cache"),
        .external_url = s->external_url,
        .status_context = s->o.status_context != NULL ? str_c(s->o.status_context) : S(NOTIFY_CONTEXT_DEFAULT),
    };
    if (!notify_load(&o, &g.notify, e)) {
        config_close(g.config);
        return false;
    }
    tell_problems(s, &g);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    s->all[s->n_settings++] = g;
    return true;
}

bool server_reload(struct server *s, struct err *e)
{
    if (!load_settings(s, e))
        return err_wrap(e, "reload the configuration");
    struct settings g = server_settings(s);
    notify_courier_configure(s->courier, g.config, g.notify);
    return controller_configure(s->controller, g.config, e);
}

/* ---- what the controller tells ------------------------------------------------------------ */

static void on_app(void *user, const struct value *app, bool deleted)
{
    struct server *s = user;
    size_t added = 0;
    struct err e;
    if (deleted)
        return;
    if (!notify_application(server_settings(s).notify, s->store, app, &added, &e))
        log_error("notifications: %s", e.text);
    if (added > 0)
        notify_courier_wake(s->courier);
}

static void on_preview_state(void *user, const struct value *app, const struct preview_state *p)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct server *s = user;
    struct err e;
    struct str url = arena_fmt(&a, "%.*s/applications/%.*s", STR(s->external_url), STR(p->app));
    if (!notify_preview_state(server_settings(s).notify, s->store, p, url, &e))
        log_error("status of %.*s: %s", STR(p->app), e.text);
    notify_courier_wake(s->courier);
}

/* ---- opening ------------------------------------------------------------------------------ */

static bool is_loopback(const char *address)
{
    return address == NULL || strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0
           || strcmp(address, "localhost") == 0;
}

static bool spools(void *user, struct str method, struct str path)
{
    return oci_registry_spools(method, path);
}

static void handle_registry(void *user, struct http_server_request *r, struct http_exchange *x)
{
    struct server *s = user;
    if (http_is_foreign(r) || http_host_is_rebound(r, s->external_url))
        http_reply(x, 403, "text/plain",
                   S("requests from other sites are refused; the registry's name is 127.0.0.1\n"));
    else if (oci_registry_owns(r->path))
        oci_registry_handle(s->registry, r, x);
    else
        http_reply(x, 404, "text/plain", S("the registry is at /v2/, the chart repository at /charts/\n"));
}

static bool open_registry(struct server *s, struct err *e)
{
    if (!s->o.registry)
        return true;
    struct http_server_options o = {
        .address = "127.0.0.1", .port = s->o.registry_port, .spool = spools, .handle = handle_registry, .user = s
    };
    return (oci_registry_open(fs_join(&s->a, s->o.data_dir, "registry"), &s->registry, e)
            && http_server_open(&o, &s->registry_http, e))
           || err_wrap(e, "embedded registry (--registry-port)");
}

static bool open_cluster(struct server *s, struct err *e)
{
    struct oci_client_options images = { 0 };
    if (!oci_client_open(&images, &s->images, e))
        return false;
    struct local_options o = { .data_dir = fs_join(&s->a, s->o.data_dir, "local"),
                               .store = s->store,
                               .images = s->images,
                               .launcher = s->o.launcher != NULL ? s->o.launcher
                                                                 : proc_sibling(&s->a, "vitrine", "../../bin/vitrine"),
                               .ingress_port = s->o.ingress_port,
                               .keep_running = s->o.keep_running };
    return local_open(&o, &s->cluster, e) || err_wrap(e, "local engine");
}

static bool open_controller(struct server *s, struct err *e)
{
    struct settings g = server_settings(s);
    struct notify_courier_options courier = { .store = s->store, .config = g.config };
    struct controller_options o = { .store = s->store,
                                    .cluster = s->cluster,
                                    .config = g.config,
                                    .images = s->images,
                                    .forge = s->forge,
                                    .cache_dir = fs_join(&s->a, s->o.data_dir, "cache"),
                                    .workers = s->o.workers,
                                    .image_timeout_ms = s->o.image_timeout_ms,
                                    .unreachable_timeout_ms = s->o.unreachable_timeout_ms,
                                    .on_app = on_app,
                                    .on_preview_state = on_preview_state,
                                    .user = s };
    return notify_courier_open(&courier, g.notify, &s->courier, e) && controller_open(&o, &s->controller, e);
}

static bool open_http(struct server *s, struct err *e)
{
    struct http_server_options o = { .address = s->o.address != NULL ? s->o.address : "127.0.0.1",
                                     .port = s->o.port,
                                     .handle = server_handle,
                                     .user = s,
                                     .threads = 16 };
    if (!is_loopback(s->o.address) && s->token.n == 0)
        return err_set(e, ERR_DENIED, "listening on %s needs a token: set --token-file or $VITRINE_TOKEN",
                       s->o.address);
    return http_server_open(&o, &s->http, e) || err_wrap(e, "page and API (--port)");
}

static bool open_all(struct server *s, struct err *e)
{
    /* the port is bound before the configuration is read: links in statuses need its number */
    if (!fs_mkdirs(s->o.data_dir, 0700, e) || !store_open(s->o.data_dir, &s->store, e))
        return false;
    s->forge = forge_cache_open();
    if (!open_http(s, e))
        return false;
    s->external_url = s->o.external_url != NULL
                          ? str_c(s->o.external_url)
                          : arena_fmt(&s->a, "http://%s:%d", s->o.address != NULL ? s->o.address : "127.0.0.1",
                                      http_server_port(s->http));
    return load_settings(s, e) && open_registry(s, e) && open_cluster(s, e) && open_controller(s, e);
}

bool server_open(const struct server_options *o, struct server **out, struct err *e)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    s->o = *o;
    s->token = str_c(o->token);
    s->started_ms = clock_wall_ms();
    pthread_mutex_init(&s->lock, NULL);
    if (!open_all(s, e)) {
        server_close(s);
        return false;
    }
    s->serving = true;
    *out = s;
    return true;
}

uint16_t server_port(const struct server *s)
{
    return http_server_port(s->http);
}

uint16_t server_ingress_port(const struct server *s)
{
    return local_ingress_port(s->cluster);
}

uint16_t server_registry_port(const struct server *s)
{
    return s->registry_http != NULL ? http_server_port(s->registry_http) : 0;
}

void server_close(struct server *s)
{
    if (s == NULL)
        return;
    s->closing = true;
    http_server_close(s->http);
    controller_close(s->controller);
    notify_courier_close(s->courier);
    if (s->cluster != NULL)
        cluster_close(s->cluster);
    http_server_close(s->registry_http);
    if (s->registry != NULL)
        oci_registry_close(s->registry);
    if (s->images != NULL)
        oci_client_close(s->images);
    if (s->forge != NULL)
        forge_cache_close(s->forge);
    for (size_t i = 0; i < s->n_settings; i++) {
        notify_free(s->all[i].notify);
        config_close(s->all[i].config);
    }
    store_close(s->store);
    pthread_mutex_destroy(&s->lock);
    arena_close(&s->a);
    free(s);
}
