/* The runtime as a whole: list of environments, the thread that hears of ended containers, and the calls of runtime.h
 * that are one request. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/environment.h"
#include "cluster/local/environment_spawn.h"

enum { ENVIRONMENTS_MAX = 1024, ENDING_MS = 5000 };

bool runtime_name_check(struct str name, struct err *e)
{
    bool ok = name.n > 0 && name.n <= 63 && name.p[0] != '.';
    for (size_t i = 0; ok && i < name.n; i++) {
        char c = name.p[i];
        ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-'
             || c == '_';
    }
    return ok || err_set(e, ERR_INVALID, "bad name \"%.*s\": 1 to 63 letters, digits, '.', '-', '_'", STR(name));
}

struct value runtime_request(struct arena *a, const char *op, struct str pod, struct str name)
{
    struct value body = value_map(a);
    value_set_str(a, &body, "op", str_c(op));
    if (pod.n > 0)
        value_set_str(a, &body, "pod", pod);
    if (name.n > 0)
        value_set_str(a, &body, "name", name);
    return body;
}

/* ---- the watcher -------------------------------------------------------------------------------------- */

static void poke(struct runtime *r)
{
    uint64_t one = 1;
    (void)!write(r->poke, &one, sizeof one);
}

bool runtime_subscribe(struct environment *env, int fd, pid_t child, int pidfd, struct err *e)
{
    CLEANUP(fd_close) int events = fd;
    CLEANUP(fd_close) int process = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
    struct subscription *s = process >= 0 ? malloc(sizeof *s) : NULL;
    if (s == NULL)
        return err_set(e, ERR_LIMIT, "no room to listen to environment %s", env->name);
    struct runtime *r = env->r;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    *s = (struct subscription){ r->subscriptions, env, fd_take(&events), fd_take(&process), child };
    r->subscriptions = s;
    poke(r);
    return true;
}

/* The set to wait on: the poke and every subscription, in list order. */
static size_t collect(struct runtime *r, struct arena *a, struct pollfd **set, struct subscription ***subscriptions,
                      bool *closing)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    size_t n = 1;
    for (struct subscription *s = r->subscriptions; s != NULL; s = s->next)
        n++;
    *set = arena_new(a, struct pollfd, n);
    *subscriptions = arena_new(a, struct subscription *, n);
    (*set)[0] = (struct pollfd){ r->poke, POLLIN, 0 };
    n = 1;
    for (struct subscription *s = r->subscriptions; s != NULL; s = s->next) {
        (*subscriptions)[n] = s;
        (*set)[n++] = (struct pollfd){ s->fd, POLLIN, 0 };
    }
    *closing = r->closing;
    return n;
}

static void unsubscribe(struct runtime *r, struct subscription *gone)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    struct subscription **at = &r->subscriptions;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    close(gone->fd);
    close(gone->pidfd);
    free(gone);
}

/* Reap the holder when it has ended: its connections close a moment before. */
static bool has_ended(const struct subscription *s)
{
    struct pollfd p = { s->pidfd, POLLIN, 0 };
    if (poll(&p, 1, ENDING_MS) == 0)
        return false;
    if (s->child > 0)
        while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR)
            continue;
    return true;
}

/*
 * The content of an event does not matter: whoever wakes up looks at the states. A holder cuts off who is slow to read;
 * then we connect again, and what was missed is looked at all the same.
 */
static void hear(struct runtime *r, struct subscription *s)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct wire_message m;
    struct err e;
    if (wire_receive(&a, s->fd, 0, &m, &e)) {
        wire_close(&m);
        return;
    }
    if (!has_ended(s) && !environment_listen(s->env, s->child, s->pidfd, &e))
        log_warn("environment %s: %s", s->env->name, e.text);
    unsubscribe(r, s);
}

static void *watch(void *arg)
{
    struct runtime *r = arg;
    for (;;) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct pollfd *set;
        struct subscription **subscriptions;
        bool closing, heard = false;
        uint64_t count;
        size_t n = collect(r, &a, &set, &subscriptions, &closing);
        if (closing)
            return NULL;
        if (poll(set, n, -1) < 0 && errno != EINTR)
            return NULL;
        if (set[0].revents != 0)
            (void)!read(r->poke, &count, sizeof count);
        for (size_t i = 1; i < n; i++)
            if (set[i].revents != 0) {
                hear(r, subscriptions[i]);
                heard = true;
            }
        if (heard && r->o.wake != NULL)
            r->o.wake(r->o.user);
    }
}

/* ---- open and close ------------------------------------------------------------------------------------- */

static bool make_folders(struct runtime *r, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    static const char *const names[] = { "env", "images", "images/layers", "images/refs" };
    if (!fs_mkdirs(r->data_dir, 0700, e))
        return false;
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *path = fs_join(&a, r->data_dir, names[i]);
        if (!fs_mkdirs(path, 0755, e))
            return false;
        if (chmod(path, 0755) != 0) /* whatever the umask: containers' ids pass through */
            return err_sys(e, "set the mode of %s", path);
    }
    const char *temporary = fs_join(&a, r->data_dir, "images/tmp");
    return runtime_remove_tree(r, temporary, e)
           && fs_mkdirs(temporary, 0700, e); /* halves of layers from before a crash */
}

/* Holders change their folder: every path they are given is absolute. */
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    return real != NULL ? real : strdup(path);
}

bool runtime_open(const struct runtime_options *o, struct runtime **out, struct err *e)
{
    struct runtime *r = calloc(1, sizeof *r);
    if (r == NULL || !fs_mkdirs(o->data_dir, 0700, e)) {
        free(r);
        return r != NULL ? false : err_set(e, ERR_LIMIT, "out of memory");
    }
    r->o = *o;
    r->data_dir = absolute(o->data_dir);
    r->launcher =
        o->launcher != NULL ? absolute(o->launcher) : strdup("/proc/self/exe"); /* the latter survives an upgrade */
    r->ids = ids_held();
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->image_lock, NULL);
    cond_init(&r->image_done);
    r->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool ok = r->data_dir != NULL && r->launcher != NULL && r->poke >= 0;
    if (!ok)
        err_sys_(e, "open the local runtime in %s", o->data_dir);
    if (ok && make_folders(r, e) && thread_start(&r->watcher, "local-events", watch, r, e)) {
        *out = r;
        return true;
    }
    fd_close(&r->poke);
    free(r->data_dir);
    free(r->launcher);
    free(r);
    return false;
}

static void stop_all(struct runtime *r)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct fs_names names = { 0 };
    struct err e;
    if (!fs_list(&a, fs_join(&a, r->data_dir, "env"), &names, &e))
        return;
    for (size_t i = 0; i < names.n; i++)
        if (!runtime_env_stop(r, names.v[i], &e))
            log_warn("stop environment %.*s: %s", STR(names.v[i]), e.text);
}

void runtime_close(struct runtime *r, bool stop)
{
    if (r == NULL)
        return;
    if (stop)
        stop_all(r);
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_mutex_unlock(&r->lock);
    poke(r);
    pthread_join(r->watcher, NULL);
    while (r->subscriptions != NULL) {
        if (r->subscriptions->child > 0)
            waitpid(r->subscriptions->child, NULL, stop ? 0 : WNOHANG);
        unsubscribe(r, r->subscriptions);
    }
    while (r->environments != NULL) {
        struct environment *env = r->environments;
        r->environments = env->next;
        fd_close(&env->calls);
        fd_close(&env->pidfd);
        while (env->n_spare > 0)
            close(env->spare[--env->n_spare]);
        pthread_mutex_destroy(&env->lock);
        free(env);
    }
    fd_close(&r->poke);
    free(r->data_dir);
    free(r->launcher);
    free(r);
}

/* ---- environments ----------------------------------------------------------------------------------------- */

bool environment_of(struct runtime *r, struct str name, struct environment **out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock);
    size_t n = 0;
    if (!runtime_name_check(name, e))
        return false;
    for (struct environment *env = r->environments; env != NULL; env = env->next, n++)
        if (str_is(name, env->name)) {
            *out = env;
            return true;
        }
    struct environment *env = n < ENVIRONMENTS_MAX ? calloc(1, sizeof *env) : NULL;
    if (env == NULL)
        return err_set(e, ERR_LIMIT, "no more than %d environments on one machine", ENVIRONMENTS_MAX);
    *env = (struct environment){ .next = r->environments, .r = r, .calls = -1, .pidfd = -1 };
    snprintf(env->name, sizeof env->name, "%.*s", STR(name));
    pthread_mutex_init(&env->lock, NULL);
    r->environments = env;
    *out = env;
    return true;
}

bool runtime_env_start(struct runtime *r, struct str name, struct err *e)
{
    struct environment *env;
    return environment_of(r, name, &env, e) && environment_start(env, e);
}

bool runtime_env_stop(struct runtime *r, struct str name, struct err *e)
{
    struct environment *env;
    return environment_of(r, name, &env, e) && environment_stop(env, e);
}

bool runtime_env_alive(struct runtime *r, struct str name)
{
    struct environment *env;
    struct err ignored;
    return environment_of(r, name, &env, &ignored) && environment_alive(env);
}
