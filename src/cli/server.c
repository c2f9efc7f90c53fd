/* vitrine server: runs until it is told to stop; SIGHUP and a changed configuration folder load the configuration
 * again. */
#include "server/server.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/full.h"

enum { LOOK_MS = 2000 };

struct server_call {
    const char *config, *data, *address, *port, *ingress_port, *registry_port, *webhook_secret_file, *token_file,
        *external_url, *status_context, *workers, *image_timeout, *unreachable_timeout, *ready_file;
    bool registry, keep_running, debug;
};

/* Names, sizes and times of a folder's files, as one number: equal numbers mean that nothing changed. */
static uint64_t fingerprint(const char *dir, int depth)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct fs_names names;
    struct err e;
    uint64_t sum = 0;
    if (depth > 8 || !fs_list(&a, dir, &names, &e))
        return 0;
    for (size_t i = 0; i < names.n; i++) {
        const char *path = fs_join(&a, dir, names.v[i].p);
        struct stat st;
        if (stat(path, &st) != 0)
            continue;
        struct str text = arena_fmt(&a, "%s %lld %lld.%09ld", path, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                                    st.st_mtim.tv_nsec);
        sum = sum * 31 + (S_ISDIR(st.st_mode) ? fingerprint(path, depth + 1) : str_hash(text));
    }
    return sum;
}

static void reload(struct server *s)
{
    struct err e;
    if (server_reload(s, &e))
        log_info("configuration loaded again");
    else
        log_error("%s", e.text);
}

static void run_until_told(struct server *s, const char *config_dir, int signals)
{
    uint64_t seen = fingerprint(config_dir, 0);
    for (;;) {
        struct pollfd p = { signals, POLLIN, 0 };
        struct signalfd_siginfo info;
        if (poll(&p, 1, LOOK_MS) > 0 && read(signals, &info, sizeof info) == sizeof info) {
            if (info.ssi_signo != SIGHUP)
                return;
            seen = 0;
        }
        uint64_t now = fingerprint(config_dir, 0);
        if (now == seen)
            continue;
        seen = now;
        reload(s);
    }
}

static bool read_port(const char *text, uint16_t otherwise, uint16_t *out, struct err *e)
{
    int64_t n = otherwise;
    if (text != NULL && (!str_to_int(str_c(text), &n) || n < 0 || n > 65535))
        return err_set(e, ERR_INVALID, "port \"%s\": a number from 0 to 65535 was expected", text);
    *out = (uint16_t)n;
    return true;
}

static bool read_timeout(const char *flag, const char *text, int64_t *out_ms, struct err *e)
{
    int64_t ns = 0;
    if (text != NULL && (!duration_parse(str_c(text), &ns) || ns < 1000000))
        return err_set(e, ERR_INVALID, "--%s %s: a duration such as 90s or 1h30m was expected", flag, text);
    *out_ms = ns / 1000000;
    return true;
}

/* A secret from a file (its last newline is not part of it), else from the environment. */
static bool read_secret(struct arena *a, const char *flag, const char *file, const char *variable, const char **out,
                        struct err *e)
{
    struct str text;
    if (file == NULL) {
        *out = getenv(variable);
        return true;
    }
    if (!fs_read(a, AT_FDCWD, file, 65536, &text, e))
        return err_wrap(e, "--%s", flag);
    *out = arena_c(a, str_trim(text));
    return **out != '\0' || err_set(e, ERR_NOT_FOUND, "--%s: %s is empty", flag, file);
}

static bool fill_options(struct arena *a, const struct server_call *c, struct server_options *o, struct err *e)
{
    int64_t workers = 0;
    o->config_dir = c->config;
    o->data_dir = c->data;
    o->address = c->address;
    o->registry = c->registry;
    o->external_url = c->external_url;
    o->status_context = c->status_context;
    o->keep_running = c->keep_running;
    if (c->workers != NULL && (!str_to_int(str_c(c->workers), &workers) || workers < 1 || workers > 64))
        return err_set(e, ERR_INVALID, "--workers %s: a number from 1 to 64 was expected", c->workers);
    o->workers = (unsigned)workers;
    return read_port(c->port, 8090, &o->port, e) && read_port(c->ingress_port, 8088, &o->ingress_port, e)
           && read_port(c->registry_port, 8082, &o->registry_port, e)
           && read_timeout("image-timeout", c->image_timeout, &o->image_timeout_ms, e)
           && read_timeout("unreachable-timeout", c->unreachable_timeout, &o->unreachable_timeout_ms, e)
           && read_secret(a, "webhook-secret-file", c->webhook_secret_file, "VITRINE_WEBHOOK_SECRET",
                          &o->webhook_secret, e)
           && read_secret(a, "token-file", c->token_file, "VITRINE_TOKEN", &o->token, e);
}

/* For programs that start the server: the ports it got, in a file that appears when it is ready. */
static bool write_ready(struct arena *a, const char *path, const struct server *s, struct err *e)
{
    struct str text = arena_fmt(a, "{\"port\":%d,\"ingressPort\":%d,\"registryPort\":%d}\n", server_port(s),
                                server_ingress_port(s), server_registry_port(s));
    return path == NULL || fs_write(path, text, 0644, e);
}

static int run(struct arena *a, const struct server_call *c)
{
    struct server_options o = { 0 };
    struct server *s;
    struct err e;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CLEANUP(fd_close) int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (!fill_options(a, c, &o, &e))
        return e.kind == ERR_INVALID ? cli_usage("server", "%s", e.text) : cli_fail(&e);
    if (signals < 0 || !server_open(&o, &s, &e))
        return cli_fail(&e);
    log_info("the page is at http://%s:%d/, previews at http://NAME.localhost:%d/",
             c->address != NULL ? c->address : "127.0.0.1", server_port(s), server_ingress_port(s));
    if (!write_ready(a, c->ready_file, s, &e))
        log_error("%s", e.text);
    run_until_told(s, c->config, signals);
    log_info("stopping%s", c->keep_running ? "; environments go on running" : ", environments too");
    server_close(s);
    return CLI_OK;
}

int cmd_server(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct server_call c = { .data = "/var/lib/vitrine" };
    const struct cli_flag flags[] = {
        { "config", 'c', NULL, &c.config, NULL, "folder with the manifests" },
        { "data", 0, NULL, &c.data, NULL, "folder for the store, images and logs (default /var/lib/vitrine)" },
        { "address", 0, NULL, &c.address, NULL, "where to listen (default 127.0.0.1; elsewhere a token is needed)" },
        { "port", 0, NULL, &c.port, NULL, "page, API and webhooks (default 8090)" },
        { "ingress-port", 0, NULL, &c.ingress_port, NULL, "previews (default 8088)" },
        { "registry", 0, &c.registry, NULL, NULL, "serve an OCI registry and chart repository too" },
        { "registry-port", 0, NULL, &c.registry_port, NULL, "its port (default 8082)" },
        { "webhook-secret-file", 0, NULL, &c.webhook_secret_file, NULL,
          "else $VITRINE_WEBHOOK_SECRET or Secret argocd-secret" },
        { "token-file", 0, NULL, &c.token_file, NULL, "the API's token; else $VITRINE_TOKEN" },
        { "external-url", 0, NULL, &c.external_url, NULL, "how others reach the page, for links in statuses" },
        { "status-context", 0, NULL, &c.status_context, NULL,
          "of the commit status (default vitrine/preview; empty: none)" },
        { "workers", 0, NULL, &c.workers, NULL, "threads that reconcile (default 4)" },
        { "image-timeout", 0, NULL, &c.image_timeout, NULL,
          "a commit fails whose image has not come by then (default 1h); a later one is deployed all the same" },
        { "unreachable-timeout", 0, NULL, &c.unreachable_timeout, NULL,
          "how long a registry or repository may not answer before that is a failure (default 10m)" },
        { "keep-running", 0, &c.keep_running, NULL, NULL, "leave the environments running when stopped" },
        { "ready-file", 0, NULL, &c.ready_file, NULL, "write the ports here when ready" },
        { "debug", 0, &c.debug, NULL, NULL, "log more" },
        { NULL },
    };
    struct cli_words rest = { 0 };
    int status;
    if (!cli_start(argc, argv, "server --config DIR [--data DIR] [flags]", flags, &rest, &status))
        return status;
    if (c.config == NULL || rest.n > 0)
        return cli_usage("server", rest.n > 0 ? "no other words were expected"
                                              : "--config is missing: the folder with the manifests");
    if (c.debug)
        log_set_level(LOG_DEBUG);
    return run(&a, &c);
}
