/* The calls of runtime.h about pods, volumes and containers: each is one request to the environment's holder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/environment.h"
#include "cluster/local/spec.h"

enum { OUTPUT_MAX = 64 << 10, EXEC_GRACE_MS = 1000, LAYER_NAME_MAX = 160 };

/* One quick request whose answer says only "done". */
static bool ask(struct environment *env, struct arena *a, const struct value *body, const int *fds, int n_fds,
                struct err *e)
{
    struct wire_message m;
    if (!environment_call(a, env, body, fds, n_fds, &m, e))
        return false;
    wire_close(&m);
    return true;
}

/* One that may take long, on a connection of its own, so that others need not wait behind it. */
static bool ask_slowly(struct environment *env, struct arena *a, const struct value *body, struct err *e)
{
    struct wire_message m;
    CLEANUP(fd_close) int fd = -1;
    int64_t deadline = clock_mono_ms() + SLOW_CALL_MS;
    if (!environment_connect(env, &fd, e) || !wire_send(a, fd, body, NULL, 0, deadline, e)
        || !wire_receive(a, fd, deadline, &m, e))
        return false;
    wire_close(&m);
    return wire_take_error(&m.body, e);
}

/* ---- pods ------------------------------------------------------------------------------------------------ */

bool runtime_pod_create(struct arena *a, struct runtime *r, struct str env_name, struct str id, struct str hostname,
                        struct str *out_ip, struct err *e)
{
    struct environment *env;
    struct wire_message m;
    if (!environment_of(r, env_name, &env, e))
        return false;
    struct value body = runtime_request(a, "pod", id, S(""));
    value_set_str(a, &body, "hostname", hostname);
    value_set_str(a, &body, "search",
                  arena_fmt(a, "%.*s.svc.cluster.local svc.cluster.local cluster.local", STR(env_name)));
    if (!environment_call(a, env, &body, NULL, 0, &m, e))
        return err_wrap(e, "create pod %.*s", STR(hostname));
    wire_close(&m);
    *out_ip = arena_str(a, value_str_at(&m.body, "ip"));
    return true;
}

bool runtime_pod_remove(struct runtime *r, struct str env_name, struct str id, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct environment *env;
    if (!environment_of(r, env_name, &env, e))
        return false;
    if (!environment_alive(env))
        return true; /* the next start removes the files */
    struct value body = runtime_request(&a, "pod-remove", id, S(""));
    return ask_slowly(env, &a, &body, e);
}

/* ---- volumes ----------------------------------------------------------------------------------------------- */

static struct str work_folder(struct arena *a, struct runtime *r, struct str env_name)
{
    return arena_fmt(a, "%s/env/%.*s/work/", r->data_dir, STR(env_name));
}

bool runtime_volume_dir(struct arena *a, struct runtime *r, struct str env_name, struct str pod_id, struct str name,
                        struct str *out, struct err *e)
{
    struct environment *env;
    if (!environment_of(r, env_name, &env, e))
        return false;
    struct value body = runtime_request(a, "volume", pod_id, name);
    if (!ask(env, a, &body, NULL, 0, e))
        return err_wrap(e, "create volume %.*s", STR(name));
    *out = arena_fmt(a, "%.*spods/%.*s/volumes/%.*s", STR(work_folder(a, r, env_name)), STR(pod_id), STR(name));
    return true;
}

/* <data>/env/ENV/work/pods/ID/volumes/NAME, as runtime_volume_dir gave it. */
static bool parse_volume(struct runtime *r, struct str dir, struct str *env, struct str *pod, struct str *volume)
{
    struct str word;
    if (!str_starts(dir, str_c(r->data_dir)))
        return false;
    str_cut(&dir, strlen(r->data_dir));
    return str_starts(dir, S("/env/")) && (str_cut(&dir, 5), str_split(&dir, S("/"), env))
           && str_split(&dir, S("/"), &word) && str_is(word, "work") && str_split(&dir, S("/"), &word)
           && str_is(word, "pods") && str_split(&dir, S("/"), pod) && str_split(&dir, S("/"), &word)
           && str_is(word, "volumes") && (*volume = dir, dir.n > 0);
}

bool runtime_volume_write(struct runtime *r, struct str dir, struct str path, struct str content, unsigned mode,
                          struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str env_name, pod, volume;
    struct environment *env;
    if (!parse_volume(r, dir, &env_name, &pod, &volume))
        return err_set(e, ERR_INVALID, "%.*s is no folder of a volume", STR(dir));
    if (!environment_of(r, env_name, &env, e))
        return false;
    CLEANUP(fd_close) int file = wire_memory_file(content, e);
    if (file < 0)
        return false;
    struct value body = runtime_request(&a, "write", pod, S(""));
    value_set_str(&a, &body, "volume", volume);
    value_set_str(&a, &body, "path", path);
    value_set(&a, &body, "mode", value_int(mode));
    return ask(env, &a, &body, &file, 1, e);
}

/* ---- containers ---------------------------------------------------------------------------------------------- */

static struct str base_name(struct str path)
{
    ptrdiff_t slash = str_rfind(path, S("/"));
    return str_slice(path, slash < 0 ? 0 : (size_t)slash + 1, path.n);
}

/* Layer names stand in the overlay's options, where ':' and ',' separate. */
static bool is_layer_name(struct str name)
{
    bool ok = name.n > 0 && name.n <= LAYER_NAME_MAX && name.p[0] != '.';
    for (size_t i = 0; ok && i < name.n; i++)
        ok = strchr("/:,\\", name.p[i]) == NULL;
    return ok;
}

static bool stage_layers(struct arena *a, const struct runtime_container *c, struct spec *s, struct err *e)
{
    s->n_layers = c->image->n_layers;
    s->layers = arena_new(a, struct str, s->n_layers + 1);
    for (size_t i = 0; i < s->n_layers; i++) {
        s->layers[i] = base_name(c->image->layer_dirs[i]);
        if (!is_layer_name(s->layers[i]))
            return err_set(e, ERR_INVALID, "layer %zu of the image has the bad name \"%.*s\"", i, STR(s->layers[i]));
    }
    return true;
}

static bool stage_mounts(struct arena *a, struct runtime *r, struct str env_name, const struct runtime_container *c,
                         struct spec *s, struct err *e)
{
    struct str work = work_folder(a, r, env_name);
    s->n_mounts = c->n_mounts;
    s->mounts = arena_new(a, struct spec_mount, s->n_mounts + 1);
    for (size_t i = 0; i < s->n_mounts; i++) {
        const struct runtime_mount *m = &c->mounts[i];
        if (!str_starts(m->source, work))
            return err_set(e, ERR_DENIED, "volume for %.*s: %.*s is not a volume of environment %.*s", STR(m->target),
                           STR(m->source), STR(env_name));
        struct str below = str_slice(m->source, work.n, m->source.n);
        s->mounts[i] = (struct spec_mount){ arena_fmt(a, "env/%.*s", STR(below)), m->target, m->read_only };
    }
    return true;
}

bool runtime_container_start(struct runtime *r, struct str env_name, const struct runtime_container *c, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct environment *env;
    struct spec s = {
        .argv = c->argv,
        .n_argv = c->n_argv,
        .env = c->env,
        .n_env = c->n_env,
        .cwd = c->working_dir,
        .user = value_str_at(&c->image->config, "config.User"),
        .hostname = c->hostname,
        .uid = c->uid,
        .gid = c->gid,
        .read_only_root = c->read_only_root,
        .memory_max = c->memory_max,
        .pids_max = c->pids_max,
    };
    if (!environment_of(r, env_name, &env, e) || !stage_layers(&a, c, &s, e)
        || !stage_mounts(&a, r, env_name, c, &s, e))
        return false;
    struct value body = runtime_request(&a, "start", c->pod_id, c->name);
    value_set(&a, &body, "attempt", value_int(c->attempt));
    value_set_str(&a, &body, "search", c->dns_search);
    value_set(&a, &body, "spec", spec_to_value(&a, &s));
    return ask_slowly(env, &a, &body, e);
}

bool runtime_container_signal(struct runtime *r, struct str env_name, struct str pod_id, struct str name, int sig,
                              struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct environment *env;
    if (!environment_of(r, env_name, &env, e))
        return false;
    struct value body = runtime_request(&a, "signal", pod_id, name);
    value_set(&a, &body, "signal", value_int(sig));
    return ask(env, &a, &body, NULL, 0, e);
}

bool runtime_container_state(struct arena *a, struct runtime *r, struct str env_name, struct str pod_id,
                             struct str name, struct runtime_state *out, struct err *e)
{
    struct environment *env;
    struct wire_message m;
    if (!environment_of(r, env_name, &env, e))
        return false;
    struct value body = runtime_request(a, "state", pod_id, name);
    if (!environment_call(a, env, &body, NULL, 0, &m, e))
        return false;
    wire_close(&m);
    *out = (struct runtime_state){
        .exists = value_bool_at(&m.body, "exists", false),
        .running = value_bool_at(&m.body, "running", false),
        .exit_code = (int)value_int_at(&m.body, "exitCode", 0),
        .signal = (int)value_int_at(&m.body, "signal", 0),
        .oom_killed = value_bool_at(&m.body, "oomKilled", false),
        .started_ms = value_int_at(&m.body, "startedMs", 0),
        .finished_ms = value_int_at(&m.body, "finishedMs", 0),
        .start_error = arena_str(a, value_str_at(&m.body, "startError")),
    };
    return true;
}

struct str runtime_log_path(struct arena *a, struct runtime *r, struct str env_name, struct str pod_id, struct str name,
                            int attempt)
{
    return arena_fmt(a, "%.*spods/%.*s/logs/%.*s.%d.log", STR(work_folder(a, r, env_name)), STR(pod_id), STR(name),
                     attempt);
}

/* ---- exec ------------------------------------------------------------------------------------------------------ */

/* Take what is there. False at the end. What is over the limit is read and dropped: the program must not block on it.
 */
static bool drain(int fd, struct buf *out)
{
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0 && out->n < OUTPUT_MAX)
        buf_add(out, (struct str){ bytes, (size_t)n < OUTPUT_MAX - out->n ? (size_t)n : OUTPUT_MAX - out->n });
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Output until the holder says how it ended; the rest of the output after that is what is in the pipe. */
static bool follow(struct arena *a, int calls, int output, int64_t deadline, struct buf *out, struct wire_message *m,
                   struct err *e)
{
    bool open = true;
    for (;;) {
        struct pollfd set[] = { { calls, POLLIN, 0 }, { open ? output : -1, POLLIN, 0 } };
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            return err_set(e, ERR_UNAVAILABLE, "the command did not end in time and was killed");
        if (poll(set, 2, left > 1000 ? 1000 : (int)left) < 0)
            continue;
        if (set[1].revents != 0)
            open = drain(output, out);
        if (set[0].revents == 0)
            continue;
        if (!wire_receive(a, calls, clock_mono_ms(), m, e))
            return false;
        for (struct pollfd p = { output, POLLIN, 0 }; open && poll(&p, 1, 0) > 0;)
            open = drain(output, out);
        return true;
    }
}

bool runtime_exec(struct arena *a, struct runtime *r, struct str env_name, struct str pod_id, struct str name,
                  const struct str *argv, size_t n_argv, int64_t timeout_ms, int *exit_code, struct str *output,
                  struct err *e)
{
    struct environment *env;
    CLEANUP(fd_close) int calls = -1, end = -1;
    int ends[2];
    if (!environment_of(r, env_name, &env, e) || !environment_connect(env, &calls, e))
        return false;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_sys(e, "create a pipe");
    end = ends[0];
    fcntl(ends[1], F_SETFL, 0); /* the program's end waits, as programs expect */
    struct value body = runtime_request(a, "exec", pod_id, name), list = value_list(a);
    for (size_t i = 0; i < n_argv; i++)
        list_push(a, list.list, value_str(argv[i]));
    value_set(a, &body, "argv", list);
    int64_t deadline = clock_mono_ms() + timeout_ms;
    bool sent = wire_send(a, calls, &body, &ends[1], 1, deadline + EXEC_GRACE_MS, e);
    close(ends[1]);
    struct buf out = { .a = a };
    struct wire_message m;
    if (!sent || !follow(a, calls, end, deadline, &out, &m, e))
        return false;
    wire_close(&m);
    if (!wire_take_error(&m.body, e))
        return false;
    *exit_code = (int)value_int_at(&m.body, "exitCode", 0);
    *output = buf_str(&out);
    return true;
}
