#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/local/environment_spawn.h"
#include "local_fixture.h"

enum { SKIPPED = 77, POLL_MS = 20, NOBODY = 65534 };

struct err err_of_test;

void must_(bool ok, const struct err *e, const char *what)
{
    if (!ok)
        fail_msg("%s: %s", what, e->text);
}

static void wake(void *user)
{
    struct fixture *f = user;
    pthread_mutex_lock(&f->lock);
    f->wakes++;
    pthread_cond_broadcast(&f->woken);
    pthread_mutex_unlock(&f->lock);
}

/* To the containers' ids, as the puller gives what it unpacks. */
static void give(struct fixture *f, struct buf *orders, const char *path)
{
    const struct ids *ids = &f->r->ids;
    if (ids->by_agent)
        ids_order_own(orders, path);
    else if (ids->range && lchown(path, ids->first_uid, ids->first_gid) != 0)
        perror(path);
}

static void put(struct fixture *f, struct buf *orders, const char *layer, const char *name, struct str content,
                mode_t mode)
{
    const char *path = arena_fmt(&f->a, "%s/images/layers/%s/%s", f->dir, layer, name).p;
    must(fs_write(path, content, mode, &err_of_test));
    give(f, orders, path);
}

static void folder(struct fixture *f, struct buf *orders, const char *layer, const char *name)
{
    const char *path = arena_fmt(&f->a, "%s/images/layers/%s/%s", f->dir, layer, name).p;
    must(fs_mkdirs(path, 0755, &err_of_test));
    give(f, orders, path);
}

static void make_image(struct fixture *f)
{
    struct str program;
    struct buf orders = { .a = &f->a };
    must(fs_read(&f->a, AT_FDCWD, f->app, 64 << 20, &program, &err_of_test));
    folder(f, &orders, "base", "");
    folder(f, &orders, "base", "etc");
    folder(f, &orders, "base", "tmp");
    folder(f, &orders, "top", "");
    put(f, &orders, "base", "app", program, 0755);
    put(f, &orders, "base", "lower", S("from below\n"), 0644);
    put(f, &orders, "base", "etc/passwd", S("root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/home/web:/bin/sh\n"),
        0644);
    put(f, &orders, "base", "etc/group", S("root:x:0:\nwww:x:44:\nextra:x:55:web\n"), 0644);
    put(f, &orders, "top", "lower", S("from above\n"), 0644);
    if (f->r->ids.by_agent)
        must(agent_orders(f->r, buf_str(&orders), &err_of_test));
    f->image.layer_dirs = arena_new(&f->a, struct str, 2);
    f->image.layer_dirs[0] = arena_fmt(&f->a, "%s/images/layers/base", f->dir);
    f->image.layer_dirs[1] = arena_fmt(&f->a, "%s/images/layers/top", f->dir);
    f->image.n_layers = 2;
    f->image.config = value_map(&f->a);
}

static void open_runtime(struct fixture *f)
{
    struct runtime_options o = {
        .data_dir = f->dir, .launcher = f->launcher, .images = f->images, .wake = wake, .user = f
    };
    must(runtime_open(&o, &f->r, &err_of_test));
}

/* The same tests without any right on the host. */
static void become_ordinary(void)
{
    if (geteuid() != 0) {
        printf("skipped: only root can become another user\n");
        exit(SKIPPED);
    }
    if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        perror("become an ordinary user");
        exit(1);
    }
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* our own /proc files would be root's otherwise */
}

void fixture_open(struct fixture *f, int argc, char **argv, struct oci_client *images)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s LAUNCHER APP [ordinary]\n", argv[0]);
        exit(2);
    }
    if (argc > 3)
        become_ordinary();
    *f = (struct fixture){ .launcher = argv[1], .app = argv[2], .images = images };
    pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->woken);
    must(fs_temp_dir(&f->a, "vitrine-local", &f->dir, &err_of_test));
    open_runtime(f);
    make_image(f);
    if (!runtime_env_start(f->r, S("probe"), &err_of_test)) {
        printf("skipped: no containers on this machine: %s\n", err_of_test.text);
        fixture_close(f);
        exit(SKIPPED);
    }
    must(runtime_env_stop(f->r, S("probe"), &err_of_test));
}

void fixture_close(struct fixture *f)
{
    must(runtime_remove_tree(f->r, fs_join(&f->a, f->dir, "images"), &err_of_test));
    runtime_close(f->r, true);
    must(fs_remove_tree(f->dir, &err_of_test));
    arena_close(&f->a);
}

void fixture_open_again(struct fixture *f)
{
    open_runtime(f);
}

struct str pod(struct fixture *f, const char *env, const char *id)
{
    struct str ip;
    must(runtime_env_start(f->r, str_c(env), &err_of_test));
    must(runtime_pod_create(&f->a, f->r, str_c(env), str_c(id), arena_fmt(&f->a, "host-%s", id), &ip, &err_of_test));
    return ip;
}

struct runtime_container command(struct fixture *f, const char *id, const char *name, const char *const *argv)
{
    struct runtime_container c = { .pod_id = str_c(id),
                                   .name = str_c(name),
                                   .image = &f->image,
                                   .uid = -1,
                                   .gid = -1,
                                   .hostname = arena_fmt(&f->a, "host-%s", id) };
    while (argv[c.n_argv] != NULL)
        c.n_argv++;
    c.argv = arena_new(&f->a, struct str, c.n_argv);
    for (size_t i = 0; i < c.n_argv; i++)
        c.argv[i] = str_c(argv[i]);
    return c;
}

void start(struct fixture *f, const char *env, const struct runtime_container *c)
{
    must(runtime_container_start(f->r, str_c(env), c, &err_of_test));
}

struct runtime_state state(struct fixture *f, const char *env, const char *id, const char *name)
{
    struct runtime_state s;
    must(runtime_container_state(&f->a, f->r, str_c(env), str_c(id), str_c(name), &s, &err_of_test));
    return s;
}

struct runtime_state await_end(struct fixture *f, const char *env, const char *id, const char *name)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        int seen = f->wakes;
        pthread_mutex_unlock(&f->lock);
        struct runtime_state s = state(f, env, id, name);
        if (s.exists && !s.running)
            return s;
        pthread_mutex_lock(&f->lock);
        while (f->wakes == seen)
            if (!cond_wait_until(&f->woken, &f->lock, deadline)) {
                pthread_mutex_unlock(&f->lock);
                fail_msg("container %s/%s does not end", id, name);
            }
    }
}

/* Cut the time off every line. */
static struct str without_times(struct arena *a, struct str text)
{
    struct buf b = { .a = a };
    while (text.n > 0) {
        struct str line, time;
        str_split(&text, S("\n"), &line);
        str_split(&line, S(" "), &time);
        buf_fmt(&b, "%.*s\n", STR(line));
    }
    return buf_str(&b);
}

struct str log_text(struct fixture *f, const char *env, const char *id, const char *name)
{
    struct str text, path = runtime_log_path(&f->a, f->r, str_c(env), str_c(id), str_c(name), 0);
    must(fs_read(&f->a, AT_FDCWD, path.p, 64 << 20, &text, &err_of_test));
    return without_times(&f->a, text);
}

void await_log(struct fixture *f, const char *env, const char *id, const char *name, const char *text)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (str_find(log_text(f, env, id, name), str_c(text)) < 0) {
        if (clock_mono_ms() > deadline)
            fail_msg("log of %s/%s never said \"%s\": %s", id, name, text, log_text(f, env, id, name).p);
        poll(NULL, 0, POLL_MS);
    }
}

struct str run(struct fixture *f, const char *env, const char *id, const char *name, const char *const *argv,
               int *exit_code)
{
    struct runtime_container c = command(f, id, name, argv);
    start(f, env, &c);
    *exit_code = await_end(f, env, id, name).exit_code;
    struct str text = log_text(f, env, id, name), line;
    struct buf b = { .a = &f->a };
    buf_c(&b, "");
    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        buf_fmt(&b, "%.*s\n", STR(str_slice(line, 9, line.n))); /* "stdout F " */
    }
    return buf_str(&b);
}

struct str fetch(struct fixture *f, const char *env, struct str ip, int port)
{
    CLEANUP(fd_close) int fd = -1;
    struct err e;
    struct buf b = { .a = &f->a };
    if (!runtime_dial(f->r, str_c(env), ip, port, WAIT_MS, &fd, &e))
        return S("");
    for (;;) {
        struct pollfd p = { fd, POLLIN, 0 };
        char bytes[1024];
        if (poll(&p, 1, WAIT_MS) != 1)
            return S("");
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n <= 0)
            return buf_str(&b);
        buf_add(&b, (struct str){ bytes, (size_t)n });
    }
}
