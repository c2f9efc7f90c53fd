/* Holder, pods and containers with real processes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/local/environment_spawn.h"
#include "local_fixture.h"

static struct fixture f;

/* ---- one command, its exit code and what it prints --------------------------------------------- */

static const struct row {
    const char *name;
    const char *argv[5];
    int exit_code, signal;
    const char *log; /* NULL: not looked at */
} rows[] = {
    { "exit code 0", { "/app", "exit", "0" }, 0, 0, "" },
    { "exit code 42", { "/app", "exit", "42" }, 42, 0, "" },
    { "ended by a signal", { "/app", "abort" }, 134, SIGABRT, "" },
    { "both streams", { "/app", "echo", "hi" }, 0, 0, NULL },
    { "the upper layer wins", { "/app", "cat", "/lower" }, 0, 0, "stdout F from above\n" },
    { "host name", { "/app", "cat", "/etc/hostname" }, 0, 0, "stdout F host-rows\n" },
    { "root of its own, not pid 1", { "/app", "id" }, 0, 0, "stdout F uid=0 gid=0 pid=3 home=/root\n" },
    { "its root is writable", { "/app", "write", "/new", "x" }, 0, 0, "stdout F written\n" },
};

static void runs_row(void **at)
{
    const struct row *r = *at;
    struct runtime_container c = command(&f, "rows", "one", r->argv);
    c.attempt = (int)(r - rows);
    start(&f, "rows", &c);
    struct runtime_state s = await_end(&f, "rows", "rows", "one");
    assert_int_equal(s.exit_code, r->exit_code);
    assert_int_equal(s.signal, r->signal);
    assert_string_equal(s.start_error.p, "");
    assert_true(s.finished_ms >= s.started_ms && s.started_ms > 0);
    struct str text, path = runtime_log_path(&f.a, f.r, S("rows"), S("rows"), S("one"), c.attempt);
    must(fs_read(&f.a, AT_FDCWD, path.p, 1 << 20, &text, &err_of_test));
    if (r->log != NULL)
        assert_string_equal(text.n > 31 ? text.p + 31 : text.p, r->log);
}

/* ---- life and death ------------------------------------------------------------------------------ */

static void program_is_missing(void **at)
{
    struct runtime_container c = command(&f, "rows", "missing", (const char *const[]){ "nothing", NULL });
    struct err e = { 0 };
    assert_false(runtime_container_start(f.r, S("rows"), &c, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    struct runtime_state s = state(&f, "rows", "rows", "missing");
    assert_true(s.exists && !s.running);
    assert_non_null(strstr(s.start_error.p, "\"nothing\": not found in the image in PATH="));
}

static void users(void **at)
{
    static const struct {
        const char *spec;
        int64_t uid, gid;
        const char *expect;
    } rows_of_users[] = {
        { "web", -1, -1, "uid=33 gid=44 pid=3 home=/home/web\n" },
        { "33:www", -1, -1, "uid=33 gid=44 pid=3 home=/home/web\n" },
        { "1000", -1, -1, "uid=1000 gid=0 pid=3 home=/\n" },
        { "web", 2000, 3000, "uid=2000 gid=3000 pid=3 home=/\n" },
    };
    for (size_t i = 0; i < COUNT(rows_of_users); i++) {
        struct runtime_image image = f.image;
        image.config = value_map(&f.a);
        value_put_at(&f.a, &image.config, "config.User", value_c(rows_of_users[i].spec));
        const char *name = arena_fmt(&f.a, "user-%zu", i).p;
        struct runtime_container c = command(&f, "rows", name, ARGV("id"));
        c.image = &image;
        c.uid = rows_of_users[i].uid;
        c.gid = rows_of_users[i].gid;
        start(&f, "rows", &c);
        assert_int_equal(await_end(&f, "rows", "rows", name).exit_code, 0);
        assert_string_equal(log_text(&f, "rows", "rows", name).p,
                            arena_fmt(&f.a, "stdout F %s", rows_of_users[i].expect).p);
    }
}

static void signals(void **at)
{
    struct runtime_container c = command(&f, "rows", "trap", ARGV("trap"));
    start(&f, "rows", &c);
    await_log(&f, "rows", "rows", "trap", "trapping");
    must(runtime_container_signal(f.r, S("rows"), S("rows"), S("trap"), SIGTERM, &err_of_test));
    assert_int_equal(await_end(&f, "rows", "rows", "trap").exit_code, 7);
    /* a program without a handler dies of it as well, although it is in the place of pid 1 for its image */
    c = command(&f, "rows", "sleep", ARGV("sleep"));
    start(&f, "rows", &c);
    must(runtime_container_signal(f.r, S("rows"), S("rows"), S("sleep"), SIGTERM, &err_of_test));
    struct runtime_state s = await_end(&f, "rows", "rows", "sleep");
    assert_int_equal(s.exit_code, 143);
    assert_int_equal(s.signal, SIGTERM);
    start(&f, "rows", &c); /* the same attempt: it has run */
    assert_false(state(&f, "rows", "rows", "sleep").running);
    c.attempt = 1;
    start(&f, "rows", &c);
    start(&f, "rows", &c); /* it is running */
    must(runtime_container_signal(f.r, S("rows"), S("rows"), S("sleep"), SIGKILL, &err_of_test));
    assert_int_equal(await_end(&f, "rows", "rows", "sleep").exit_code, 137);
}

static void rights(void **at)
{
    int code;
    struct str text = run(&f, "rows", "rows", "attack", ARGV("attack"), &code);
    assert_string_equal(
        text.p, "inherited 0\nmount refused\nunshare refused\nptrace refused\nclone3 absent\n"
                "typing refused\ntyping, in other words, refused\nclone refused\nkeyctl refused\npacket refused\n"
                "vsock refused\nmknod refused\nkcore refused\nsysctl refused\ninit refused\n");
}

static void volumes(void **at)
{
    struct str dir;
    int code;
    must(runtime_volume_dir(&f.a, f.r, S("rows"), S("rows"), S("data"), &dir, &err_of_test));
    must(runtime_volume_write(f.r, dir, S("a/b.txt"), S("hello\n"), 0640, &err_of_test));
    struct runtime_mount mounts[] = { { dir, S("/data"), true }, { dir, S("/rw/deep"), false } };
    struct runtime_container c = command(&f, "rows", "read", ARGV("cat", "/data/a/b.txt"));
    c.mounts = mounts;
    c.n_mounts = 2;
    start(&f, "rows", &c);
    await_end(&f, "rows", "rows", "read");
    assert_string_equal(log_text(&f, "rows", "rows", "read").p, "stdout F hello\n");
    static const struct {
        const char *name, *path;
        int code;
    } writes[] = { { "ro", "/data/x", 1 }, { "rw", "/rw/deep/x", 0 } };
    for (size_t i = 0; i < COUNT(writes); i++) {
        c = command(&f, "rows", writes[i].name, ARGV("write", writes[i].path, "x"));
        c.mounts = mounts;
        c.n_mounts = 2;
        c.uid = 1000;
        start(&f, "rows", &c);
        assert_int_equal(await_end(&f, "rows", "rows", writes[i].name).exit_code, writes[i].code);
    }
    /* what is no volume of the environment is refused, and so is a way out of one */
    mounts[0].source = S("/etc");
    struct err e = { 0 };
    c.attempt = 1;
    assert_false(runtime_container_start(f.r, S("rows"), &c, &e));
    assert_int_equal(e.kind, ERR_DENIED);
    mounts[0].source = arena_fmt(&f.a, "%.*s/../../../../../lock", STR(dir));
    assert_false(runtime_container_start(f.r, S("rows"), &c, &e));
    assert_false(runtime_volume_write(f.r, dir, S("../../etc/hosts"), S("x"), 0644, &e));
    (void)code;
}

static void read_only_root(void **at)
{
    struct runtime_container c = command(&f, "rows", "sealed", ARGV("write", "/x", "x"));
    c.read_only_root = true;
    start(&f, "rows", &c);
    assert_int_equal(await_end(&f, "rows", "rows", "sealed").exit_code, 1);
}

static void exec_in_container(void **at)
{
    struct runtime_container c = command(&f, "rows", "host", ARGV("sleep"));
    c.uid = 1000;
    start(&f, "rows", &c);
    struct str out, id[] = { S("/app"), S("id") }, attack[] = { S("/app"), S("attack") },
                    sleep[] = { S("/app"), S("sleep") };
    struct str missing[] = { S("/none") };
    int code = -1;
    must(runtime_exec(&f.a, f.r, S("rows"), S("rows"), S("host"), id, 2, WAIT_MS, &code, &out, &err_of_test));
    assert_int_equal(code, 0);
    assert_non_null(strstr(out.p, "uid=1000 gid=0"));
    must(runtime_exec(&f.a, f.r, S("rows"), S("rows"), S("host"), attack, 2, WAIT_MS, &code, &out, &err_of_test));
    assert_non_null(strstr(out.p, "inherited 0\nmount refused\nunshare refused\nptrace refused\n"));
    must(runtime_exec(&f.a, f.r, S("rows"), S("rows"), S("host"), missing, 1, WAIT_MS, &code, &out, &err_of_test));
    assert_int_equal(code, 127);
    struct err e = { 0 };
    assert_false(runtime_exec(&f.a, f.r, S("rows"), S("rows"), S("host"), sleep, 2, 50, &code, &out, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_true(state(&f, "rows", "rows", "host").running);
    must(runtime_container_signal(f.r, S("rows"), S("rows"), S("host"), SIGKILL, &err_of_test));
    await_end(&f, "rows", "rows", "host");
    assert_false(runtime_exec(&f.a, f.r, S("rows"), S("rows"), S("host"), id, 2, WAIT_MS, &code, &out, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void limits(void **at)
{
    struct runtime_container c = command(&f, "rows", "forks", ARGV("fork"));
    c.pids_max = 20;
    start(&f, "rows", &c);
    await_end(&f, "rows", "rows", "forks");
    struct str text = log_text(&f, "rows", "rows", "forks");
    assert_true(str_starts(text, S("stdout F children 1"))); /* 18 or 19: the init may count */
    c = command(&f, "rows", "big", ARGV("memory", "64"));
    c.memory_max = 32 << 20;
    start(&f, "rows", &c);
    assert_int_equal(await_end(&f, "rows", "rows", "big").exit_code, 1); /* malloc says no */
    c = command(&f, "rows", "family", ARGV("family", "24"));
    c.memory_max = 48 << 20;
    start(&f, "rows", &c);
    struct runtime_state s = await_end(&f, "rows", "rows", "family");
    assert_int_equal(s.exit_code, 137);
    assert_true(s.oom_killed);
}

static void long_log_rotates(void **at)
{
    int code;
    struct runtime_container c = command(&f, "rows", "chatter", ARGV("lines", "200000"));
    start(&f, "rows", &c);
    code = await_end(&f, "rows", "rows", "chatter").exit_code;
    assert_int_equal(code, 0);
    struct str path = runtime_log_path(&f.a, f.r, S("rows"), S("rows"), S("chatter"), 0);
    assert_true(fs_exists(path.p) && fs_exists(arena_fmt(&f.a, "%s.1", path.p).p));
    assert_false(fs_exists(arena_fmt(&f.a, "%s.3", path.p).p));
    assert_non_null(strstr(log_text(&f, "rows", "rows", "chatter").p, "line 199999 of"));
}

/* ---- network --------------------------------------------------------------------------------------- */

static struct runtime_endpoint endpoint(struct str ip, int port)
{
    return (struct runtime_endpoint){ ip, port };
}

static void serve(const char *env, const char *id, const char *text, int64_t uid)
{
    struct runtime_container c = command(&f, id, "web", ARGV("serve", "80", text));
    c.uid = uid;
    start(&f, env, &c);
    await_log(&f, env, id, "web", "serving");
}

static void service_and_names(void **at)
{
    struct str one = pod(&f, "net", "one"), two = pod(&f, "net", "two"), client = pod(&f, "net", "client");
    int code;
    (void)client;
    serve("net", "one", "one", 1000); /* port 80 without root */
    serve("net", "two", "two", -1);
    assert_string_equal(fetch(&f, "net", one, 80).p, "one");
    struct runtime_endpoint both[] = { endpoint(one, 80), endpoint(two, 80) };
    struct runtime_service_port port = { 8080, both, 2 }, none = { 8081, NULL, 0 };
    struct runtime_service_port ports[] = { port, none };
    struct runtime_service table[] = { { S("web"), S("net"), S("198.19.0.7"), ports, 2 },
                                       { S("pods"), S("net"), S(""), &port, 1 } };
    must(runtime_services_set(f.r, S("net"), table, 2, &err_of_test));
    struct str first = fetch(&f, "net", S("198.19.0.7"), 8080), second = fetch(&f, "net", S("198.19.0.7"), 8080);
    assert_true((str_is(first, "one") && str_is(second, "two")) || (str_is(first, "two") && str_is(second, "one")));
    assert_string_equal(fetch(&f, "net", S("198.19.0.7"), 8081).p, "");
    /* from a pod, by name: short and full */
    struct str text = run(&f, "net", "client", "short", ARGV("get", "web", "8080"), &code);
    assert_true(str_is(text, "one\n") || str_is(text, "two\n"));
    text = run(&f, "net", "client", "full", ARGV("get", "web.net.svc.cluster.local", "8080"), &code);
    assert_true(str_is(text, "one\n") || str_is(text, "two\n"));
    text = run(&f, "net", "client", "headless", ARGV("get", "pods", "80"), &code);
    assert_true(str_is(text, "one\n") || str_is(text, "two\n"));
    text = run(&f, "net", "client", "unknown", ARGV("get", "nobody", "80"), &code);
    assert_int_equal(code, 1);
    /* a pod that is gone is passed over */
    must(runtime_pod_remove(f.r, S("net"), S("one"), &err_of_test));
    for (int i = 0; i < 3; i++)
        assert_string_equal(fetch(&f, "net", S("198.19.0.7"), 8080).p, "two");
    must(runtime_services_set(f.r, S("net"), table, 0, &err_of_test));
    assert_string_equal(fetch(&f, "net", S("198.19.0.7"), 8080).p, "");
    must(runtime_env_stop(f.r, S("net"), &err_of_test));
}

/* No way out: the world, the host's own addresses, another environment. At once, not after a minute. */
static void no_way_out(void **at)
{
    static const char *const hosts[] = { "93.184.216.34", "169.254.169.254", "10.0.0.1", "192.168.1.1" };
    int code;
    pod(&f, "shut", "in");
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct str text = run(&f, "shut", "in", arena_fmt(&f.a, "try-%zu", i).p, ARGV("get", hosts[i], "80"), &code);
        assert_int_equal(code, 1);
        if (!str_is(text, "connect: Network is unreachable\n"))
            fail_msg("%s: %.*s", hosts[i], STR(text));
    }
    must(runtime_env_stop(f.r, S("shut"), &err_of_test));
}

static void environments_are_apart(void **at)
{
    struct str left = pod(&f, "left", "web"), right = pod(&f, "right", "web");
    assert_string_equal(left.p, right.p);
    serve("left", "web", "left", -1);
    assert_string_equal(fetch(&f, "left", left, 80).p, "left");
    assert_string_equal(fetch(&f, "right", right, 80).p, "");
    serve("right", "web", "right", -1);
    assert_string_equal(fetch(&f, "right", right, 80).p, "right");
    must(runtime_env_stop(f.r, S("left"), &err_of_test));
    assert_string_equal(fetch(&f, "right", right, 80).p, "right");
    must(runtime_env_stop(f.r, S("right"), &err_of_test));
}

/* ---- restarts ---------------------------------------------------------------------------------------- */

/* The runtime tells of it without being asked. */
static void await_death(const char *env)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    pthread_mutex_lock(&f.lock);
    while (runtime_env_alive(f.r, str_c(env)))
        if (!cond_wait_until(&f.woken, &f.lock, deadline))
            break;
    pthread_mutex_unlock(&f.lock);
    assert_false(runtime_env_alive(f.r, str_c(env)));
}

/* A main that starts a container and is killed: everything runs on, the next main finds it. */
static void main_is_killed(void **at)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct fixture g = f; /* threads did not come along: a runtime of its own */
        g.a = (struct arena){ 0 };
        fixture_open_again(&g);
        pod(&g, "stays", "web");
        struct runtime_container c = command(&g, "web", "web", ARGV("serve", "80", "still here"));
        start(&g, "stays", &c);
        await_log(&g, "stays", "web", "web", "serving");
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_true(runtime_env_alive(f.r, S("stays")));
    struct str ip = pod(&f, "stays", "web");
    assert_true(runtime_env_alive(f.r, S("stays")));
    assert_true(state(&f, "stays", "web", "web").running);
    assert_string_equal(fetch(&f, "stays", ip, 80).p, "still here");
    must(runtime_env_stop(f.r, S("stays"), &err_of_test));
}

/* Its containers go along, and the next start begins anew. */
static void holder_is_killed(void **at)
{
    struct environment *env;
    struct str ip = pod(&f, "dies", "web");
    serve("dies", "web", "x", -1);
    assert_string_equal(fetch(&f, "dies", ip, 80).p, "x");
    must(environment_of(f.r, S("dies"), &env, &err_of_test));
    assert_int_equal(kill(env->pid, SIGKILL), 0);
    await_death("dies");
    struct err e = { 0 };
    struct str again;
    assert_false(runtime_pod_create(&f.a, f.r, S("dies"), S("web"), S("web"), &again, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    ip = pod(&f, "dies", "web");
    assert_false(state(&f, "dies", "web", "web").exists);
    serve("dies", "web", "again", -1); /* port and address are free: nothing of the old one lives */
    assert_string_equal(fetch(&f, "dies", ip, 80).p, "again");
    must(runtime_env_stop(f.r, S("dies"), &err_of_test));
}

/* Its folder is gone: nobody could ever stop it, so it stops itself. */
static void folder_is_removed(void **at)
{
    struct str ip = pod(&f, "lost", "web");
    serve("lost", "web", "x", -1);
    must(runtime_remove_tree(f.r, fs_join(&f.a, f.dir, "env/lost"), &err_of_test));
    await_death("lost");
    assert_string_equal(fetch(&f, "lost", ip, 80).p, "");
    must(runtime_env_stop(f.r, S("lost"), &err_of_test));
}

static void nothing_is_left(void **at)
{
    pod(&f, "gone", "a");
    pod(&f, "gone", "b");
    serve("gone", "a", "x", -1);
    must(runtime_env_stop(f.r, S("gone"), &err_of_test));
    assert_false(runtime_env_alive(f.r, S("gone")));
    assert_false(fs_exists(arena_fmt(&f.a, "%s/env/gone", f.dir).p));
    must(runtime_env_stop(f.r, S("gone"), &err_of_test)); /* an absent one is success */
    struct str mounts;
    must(fs_read(&f.a, AT_FDCWD, "/proc/self/mounts", 1 << 20, &mounts, &err_of_test));
    assert_true(str_find(mounts, str_c(f.dir)) < 0);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest whole[] = {
        cmocka_unit_test(program_is_missing),
        cmocka_unit_test(users),
        cmocka_unit_test(signals),
        cmocka_unit_test(rights),
        cmocka_unit_test(volumes),
        cmocka_unit_test(read_only_root),
        cmocka_unit_test(exec_in_container),
        cmocka_unit_test(limits),
        cmocka_unit_test(long_log_rotates),
        cmocka_unit_test(service_and_names),
        cmocka_unit_test(environments_are_apart),
        cmocka_unit_test(no_way_out),
        cmocka_unit_test(main_is_killed),
        cmocka_unit_test(holder_is_killed),
        cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(folder_is_removed),
    };
    struct CMUnitTest tests[COUNT(rows) + COUNT(whole)];
    size_t n = 0;
    int careless = dup2(STDERR_FILENO, 300); /* what a library may leave inheritable: no container may have it */
    if (careless < 0)
        return 1;
    fixture_open(&f, argc, argv, NULL);
    pod(&f, "rows", "rows");
    for (; n < COUNT(rows); n++)
        tests[n] = (struct CMUnitTest){ rows[n].name, runs_row, NULL, NULL, (void *)(uintptr_t)&rows[n] };
    for (size_t i = 0; i < COUNT(whole); i++)
        tests[n++] = whole[i];
    int failed = _cmocka_run_group_tests("local runtime", tests, n, NULL, NULL);
    fixture_close(&f);
    return failed;
}
