#include "fake_runtime.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

#define CONTAINERS 512
#define PODS 256
#define FILES 256

struct container {
    char env[64], pod[64], name[64];
    bool running, ended;
    int exit_code, starts;
    int64_t started_ms, finished_ms;
    struct str *argv, *vars;
    size_t n_argv, n_vars;
};

static struct {
    pthread_mutex_t lock;
    struct arena a;
    void (*wake)(void *user);
    void *user;
    struct container c[CONTAINERS];
    size_t n;
    struct {
        char env[64], id[64];
        size_t host;
    } pods[PODS];
    size_t n_pods, pods_made;
    char alive[512][64];
    size_t n_alive;
    struct {
        struct str path, content;
    } files[FILES];
    size_t n_files;
    struct {
        char env[64];
        struct str text;
    } services[256];
    bool ignore_term;
    int exec_exit, dial_port;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

static pthread_mutex_t *hold(void)
{
    return mutex_hold(&fake.lock);
}
#define HOLD CLEANUP(mutex_release) pthread_mutex_t *held = hold()

static void text(char *out, size_t size, struct str s)
{
    snprintf(out, size, "%.*s", STR(s));
}

void fake_reset(void)
{
    HOLD;
    arena_close(&fake.a);
    fake.n = fake.n_pods = fake.n_alive = fake.n_files = fake.pods_made = 0;
    memset(fake.services, 0, sizeof fake.services);
    fake.ignore_term = false;
    fake.exec_exit = fake.dial_port = 0;
}

bool runtime_open(const struct runtime_options *o, struct runtime **out, struct err *e)
{
    HOLD;
    fake.wake = o->wake;
    fake.user = o->user;
    *out = (struct runtime *)(void *)&fake;
    return true;
}

void runtime_close(struct runtime *r, bool stop)
{
    HOLD;
    fake.wake = NULL;
    if (stop)
        fake.n_alive = fake.n = fake.n_pods = 0;
}

bool runtime_image_ensure(struct arena *a, struct runtime *r, struct str reference, bool always_resolve,
                          struct runtime_image *out, struct err *e)
{
    if (str_find(reference, S("missing")) >= 0)
        return err_set(e, ERR_NOT_FOUND, "%.*s: no such tag", STR(reference));
    struct value entrypoint = value_list(a), config = value_map(a);
    list_push(a, entrypoint.list, value_c("/app"));
    value_put_at(a, &config, "config.Entrypoint", entrypoint);
    *out = (struct runtime_image){ .digest = S("sha256:0123"), .config = config };
    return true;
}

bool runtime_env_start(struct runtime *r, struct str name, struct err *e)
{
    HOLD;
    for (size_t i = 0; i < fake.n_alive; i++)
        if (str_is(name, fake.alive[i]))
            return true;
    text(fake.alive[fake.n_alive++], 64, name);
    return true;
}

static void forget_env(struct str name)
{
    for (size_t i = 0; i < fake.n_alive; i++)
        if (str_is(name, fake.alive[i]))
            memcpy(fake.alive[i], fake.alive[--fake.n_alive], 64);
    for (size_t i = 0; i < fake.n; i++)
        if (str_is(name, fake.c[i].env))
            fake.c[i].env[0] = '\0';
    for (size_t i = 0; i < fake.n_pods; i++)
        if (str_is(name, fake.pods[i].env))
            fake.pods[i].env[0] = '\0';
}

bool runtime_env_stop(struct runtime *r, struct str name, struct err *e)
{
    HOLD;
    forget_env(name);
    return true;
}

bool runtime_env_alive(struct runtime *r, struct str name)
{
    HOLD;
    for (size_t i = 0; i < fake.n_alive; i++)
        if (str_is(name, fake.alive[i]))
            return true;
    return false;
}

bool runtime_pod_create(struct arena *a, struct runtime *r, struct str env, struct str id, struct str hostname,
                        struct str *out_ip, struct err *e)
{
    HOLD;
    for (size_t i = 0; i < fake.n_pods; i++)
        if (str_is(id, fake.pods[i].id) && str_is(env, fake.pods[i].env)) { /* asked again: the same one */
            *out_ip = arena_fmt(a, "198.18.0.%zu", fake.pods[i].host);
            return true;
        }
    if (fake.n_pods == PODS)
        return err_set(e, ERR_LIMIT, "too many pods");
    text(fake.pods[fake.n_pods].env, 64, env);
    text(fake.pods[fake.n_pods].id, 64, id);
    fake.pods[fake.n_pods].host = 2 + fake.pods_made++;
    *out_ip = arena_fmt(a, "198.18.0.%zu", fake.pods[fake.n_pods++].host);
    return true;
}

bool runtime_pod_remove(struct runtime *r, struct str env, struct str id, struct err *e)
{
    HOLD;
    for (size_t i = 0; i < fake.n_pods; i++)
        if (str_is(id, fake.pods[i].id))
            fake.pods[i].env[0] = fake.pods[i].id[0] = '\0';
    for (size_t i = 0; i < fake.n; i++)
        if (str_is(id, fake.c[i].pod))
            fake.c[i].env[0] = fake.c[i].pod[0] = '\0';
    return true;
}

bool runtime_volume_dir(struct arena *a, struct runtime *r, struct str env, struct str pod_id, struct str name,
                        struct str *out, struct err *e)
{
    *out = arena_fmt(a, "/fake/%.*s/%.*s/%.*s", STR(env), STR(pod_id), STR(name));
    return true;
}

bool runtime_volume_write(struct runtime *r, struct str dir, struct str path, struct str content, unsigned mode,
                          struct err *e)
{
    HOLD;
    if (fake.n_files == FILES)
        return err_set(e, ERR_LIMIT, "too many files");
    fake.files[fake.n_files].path = arena_fmt(&fake.a, "%.*s/%.*s", STR(dir), STR(path));
    fake.files[fake.n_files++].content = arena_str(&fake.a, content);
    return true;
}

static struct container *find(struct str pod, struct str name)
{
    for (size_t i = 0; i < fake.n; i++)
        if (str_is(pod, fake.c[i].pod) && str_is(name, fake.c[i].name))
            return &fake.c[i];
    return NULL;
}

static struct str *copy_texts(const struct str *v, size_t n)
{
    struct str *out = arena_new(&fake.a, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = arena_str(&fake.a, v[i]);
    return out;
}

bool runtime_container_start(struct runtime *r, struct str env, const struct runtime_container *c, struct err *e)
{
    HOLD;
    if (str_is(c->argv[0], "/absent"))
        return err_set(e, ERR_NOT_FOUND, "/absent: no such program in the image");
    struct container *slot = find(c->pod_id, c->name);
    if (slot == NULL) {
        if (fake.n == CONTAINERS)
            return err_set(e, ERR_LIMIT, "too many containers");
        slot = &fake.c[fake.n++];
        *slot = (struct container){ 0 };
    }
    text(slot->env, 64, env);
    text(slot->pod, 64, c->pod_id);
    text(slot->name, 64, c->name);
    slot->running = true;
    slot->ended = false;
    slot->starts++;
    slot->started_ms = clock_wall_ms();
    slot->argv = copy_texts(c->argv, c->n_argv);
    slot->n_argv = c->n_argv;
    slot->vars = copy_texts(c->env, c->n_env);
    slot->n_vars = c->n_env;
    return true;
}

static void end_container(struct container *c, int exit_code)
{
    c->running = false;
    c->ended = true;
    c->exit_code = exit_code;
    c->finished_ms = clock_wall_ms();
}

static void wake(void)
{
    if (fake.wake != NULL)
        fake.wake(fake.user);
}

bool runtime_container_signal(struct runtime *r, struct str env, struct str pod_id, struct str name, int sig,
                              struct err *e)
{
    HOLD;
    struct container *c = find(pod_id, name);
    if (c == NULL || !c->running)
        return err_set(e, ERR_NOT_FOUND, "no such container runs");
    if (sig == SIGKILL || !fake.ignore_term)
        end_container(c, 128 + sig);
    wake();
    return true;
}

bool runtime_container_state(struct arena *a, struct runtime *r, struct str env, struct str pod_id, struct str name,
                             struct runtime_state *out, struct err *e)
{
    HOLD;
    struct container *c = find(pod_id, name);
    *out = (struct runtime_state){ 0 };
    if (c == NULL)
        return true;
    *out = (struct runtime_state){ .exists = true,
                                   .running = c->running,
                                   .exit_code = c->exit_code,
                                   .started_ms = c->started_ms,
                                   .finished_ms = c->finished_ms,
                                   .start_error = S("") };
    return true;
}

bool runtime_exec(struct arena *a, struct runtime *r, struct str env, struct str pod_id, struct str name,
                  const struct str *argv, size_t n_argv, int64_t timeout_ms, int *exit_code, struct str *output,
                  struct err *e)
{
    HOLD;
    *exit_code = fake.exec_exit;
    *output = S("fake output");
    return true;
}

struct str runtime_log_path(struct arena *a, struct runtime *r, struct str env, struct str pod_id, struct str name,
                            int attempt)
{
    return arena_fmt(a, "/nonexistent/%.*s/%d.log", STR(name), attempt);
}

bool runtime_services_set(struct runtime *r, struct str env, const struct runtime_service *v, size_t n, struct err *e)
{
    HOLD;
    struct buf b = { .a = &fake.a };
    for (size_t i = 0; i < n; i++) {
        buf_fmt(&b, "%.*s %.*s", STR(v[i].name), STR(v[i].ip));
        for (size_t p = 0; p < v[i].n_ports; p++) {
            buf_fmt(&b, " %d>", v[i].ports[p].port);
            for (size_t k = 0; k < v[i].ports[p].n_endpoints; k++)
                buf_fmt(&b, "%s%.*s:%d", k > 0 ? "," : "", STR(v[i].ports[p].endpoints[k].ip),
                        v[i].ports[p].endpoints[k].port);
        }
        buf_c(&b, ";");
    }
    for (size_t i = 0; i < COUNT(fake.services); i++)
        if (fake.services[i].env[0] == '\0' || str_is(env, fake.services[i].env)) {
            text(fake.services[i].env, 64, env);
            fake.services[i].text = arena_str(&fake.a, buf_str(&b));
            return true;
        }
    return true;
}

bool runtime_dial(struct runtime *r, struct str env, struct str ip, int port, int64_t timeout_ms, int *out_fd,
                  struct err *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    pthread_mutex_lock(&fake.lock);
    at.sin_port = htons((uint16_t)fake.dial_port);
    pthread_mutex_unlock(&fake.lock);
    CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (at.sin_port == 0 || fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return err_set(e, ERR_UNAVAILABLE, "connection refused");
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return err_sys(e, "fcntl");
    *out_fd = fd_take(&fd);
    return true;
}

/* ---- what tests do and see ----------------------------------------------------------------- */

void fake_end(const char *env, const char *container, int exit_code)
{
    HOLD;
    for (size_t i = 0; i < fake.n; i++)
        if (strcmp(fake.c[i].env, env) == 0 && strcmp(fake.c[i].name, container) == 0 && fake.c[i].running)
            end_container(&fake.c[i], exit_code);
    wake();
}

size_t fake_running(const char *env)
{
    HOLD;
    size_t n = 0;
    for (size_t i = 0; i < fake.n; i++)
        n += strcmp(fake.c[i].env, env) == 0 && fake.c[i].running;
    return n;
}

size_t fake_started(const char *env, const char *container)
{
    HOLD;
    size_t n = 0;
    for (size_t i = 0; i < fake.n; i++)
        if (strcmp(fake.c[i].env, env) == 0 && strcmp(fake.c[i].name, container) == 0)
            n += (size_t)fake.c[i].starts;
    return n;
}

size_t fake_pods(const char *env)
{
    HOLD;
    size_t n = 0;
    for (size_t i = 0; i < fake.n_pods; i++)
        n += strcmp(fake.pods[i].env, env) == 0;
    return n;
}

void fake_kill_environment(const char *env)
{
    HOLD;
    forget_env(str_c(env));
    wake();
}

void fake_ignore_term(bool ignore)
{
    HOLD;
    fake.ignore_term = ignore;
}

void fake_exec_exit(int exit_code)
{
    HOLD;
    fake.exec_exit = exit_code;
}

void fake_dial_port(int port)
{
    HOLD;
    fake.dial_port = port;
}

static struct container *last_of(const char *name)
{
    for (size_t i = fake.n; i-- > 0;)
        if (strcmp(fake.c[i].name, name) == 0)
            return &fake.c[i];
    return NULL;
}

bool fake_env_var(struct arena *a, const char *container, const char *name, struct str *out)
{
    HOLD;
    struct container *c = last_of(container);
    struct str prefix = arena_fmt(a, "%s=", name);
    for (size_t i = 0; c != NULL && i < c->n_vars; i++)
        if (str_starts(c->vars[i], prefix)) {
            *out = arena_str(a, str_slice(c->vars[i], prefix.n, c->vars[i].n));
            return true;
        }
    return false;
}

struct str fake_argv(struct arena *a, const char *container)
{
    HOLD;
    struct container *c = last_of(container);
    struct buf b = { .a = a };
    for (size_t i = 0; c != NULL && i < c->n_argv; i++)
        buf_fmt(&b, "%s%.*s", i > 0 ? " " : "", STR(c->argv[i]));
    return buf_str(&b);
}

struct str fake_file(struct arena *a, const char *path_end)
{
    HOLD;
    for (size_t i = fake.n_files; i-- > 0;)
        if (str_ends(fake.files[i].path, str_c(path_end)))
            return arena_str(a, fake.files[i].content);
    return S("");
}

struct str fake_services(struct arena *a, const char *env)
{
    HOLD;
    for (size_t i = 0; i < COUNT(fake.services); i++)
        if (strcmp(fake.services[i].env, env) == 0)
            return arena_str(a, fake.services[i].text);
    return S("");
}
