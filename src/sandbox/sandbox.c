/* Opening and closing the stand-in, and its calls without HTTP. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "data/json.h"
#include "sandbox/internal.h"

#define SERVER_THREADS 24 /* a hanging answer (a fault) holds one */
#define TOKEN_MAX 4096

/* ---- opening ------------------------------------------------------------------------------------------ */

static bool take_folder(struct sandbox *s, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    if (!fs_mkdirs(fs_join(&a, s->dir, "repositories"), 0755, e) || !fs_mkdirs(fs_join(&a, s->dir, "runs"), 0755, e))
        return false;
    char *absolute = realpath(s->dir, NULL); /* children run elsewhere */
    if (absolute == NULL)
        return err_sys(e, "find %s", s->dir);
    s->dir = arena_c(&s->own, str_c(absolute));
    free(absolute);
    CLEANUP(fd_close) int fd = open(fs_join(&a, s->dir, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "open %s/lock", s->dir);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? err_set(e, ERR_CONFLICT, "%s is in use by another sandbox", s->dir)
                                    : err_sys(e, "lock %s", s->dir);
    s->dir_lock = fd_take(&fd);
    return true;
}

static bool check_git(struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *const argv[] = { "git", "http-backend", NULL };
    struct proc_result r = { 0 };

    /* Without its CGI variables it complains and fails: enough to know that it is there. */
    if (!proc_run(&a, &(struct proc_options){ .argv = argv, .env = git_environment(&a, S("sandbox")) }, &r, e))
        return err_wrap(e, "the sandbox needs git");
    if (str_find(r.err, S("is not a git command")) >= 0)
        return err_set(e, ERR_NOT_FOUND, "the sandbox needs `git http-backend`, which this git does not have");
    return true;
}

/* The token of the options, or the one that the folder keeps, or a new one. */
static bool find_token(struct sandbox *s, const struct sandbox_options *o, struct err *e)
{
    const char *path = fs_join(&s->own, s->dir, "token");
    struct str kept = { 0 };

    if (o->token.n > 0) {
        s->token = arena_str(&s->own, o->token);
        return true;
    }
    if (fs_read(&s->own, AT_FDCWD, path, TOKEN_MAX, &kept, e) && str_trim(kept).n > 0) {
        s->token = str_trim(kept);
        return true;
    }
    s->token = arena_fmt(&s->own, "sandbox_%.*s", STR(random_suffix(&s->own, 32)));
    *e = (struct err){ 0 };
    return fs_write(path, arena_fmt(&s->own, "%.*s\n", STR(s->token)), 0600, e);
}

/* The hook of the options is brought up to date on every repository of an earlier run. */
static void update_option_hooks(struct sandbox *s)
{
    const struct map *all = value_get(&s->state, "repositories")->map;

    for (size_t r = 0; r < all->n; r++) {
        const struct value *hooks = value_get(&all->v[r].value, "hooks");
        for (size_t i = 0; i < value_len(hooks); i++) {
            const struct value *hook = value_item(hooks, i);
            if (!value_bool_at(hook, "from_options", false))
                continue;
            state_set_bool(s, hook, "active", s->webhook_url.n > 0);
            if (s->webhook_url.n > 0)
                state_set_str(s, hook, "url", s->webhook_url);
            state_set_str(s, hook, "secret", s->webhook_secret);
        }
    }
}

static void take_options(struct sandbox *s, const struct sandbox_options *o)
{
    s->dir = arena_c(&s->own, str_c(o->dir));
    s->login = arena_str(&s->own, o->login.n > 0 ? o->login : S("octo"));
    s->webhook_url = arena_str(&s->own, o->webhook_url);
    s->webhook_secret = arena_str(&s->own, o->webhook_secret);
    s->secrets = value_is(&o->secrets, VALUE_MAP) ? value_clone(&s->own, &o->secrets) : value_map(&s->own);
    s->path_first = o->path_first != NULL ? arena_c(&s->own, str_c(o->path_first)) : NULL;
    s->job_timeout_ms = o->job_timeout_ms > 0 ? o->job_timeout_ms : 600000;
    s->no_workflows = o->no_workflows;
    s->loopback = o->address == NULL || str_starts(str_c(o->address), S("127.")) || str_is(str_c(o->address), "::1");
    s->bot_token = arena_fmt(&s->own, "sandbox_run_%.*s", STR(random_suffix(&s->own, 32)));
}

/* The host of addresses that people and webhooks get: brackets for IPv6, and a name for "every interface". */
static struct str public_host(struct arena *a, const char *address)
{
    if (strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0)
        return S("localhost");
    return strchr(address, ':') != NULL ? arena_fmt(a, "[%s]", address) : str_c(address);
}

static bool open_servers(struct sandbox *s, const struct sandbox_options *o, struct err *e)
{
    struct http_server_options h = { .address = o->address != NULL ? o->address : "127.0.0.1",
                                     .port = o->port,
                                     .spool = serve_spools,
                                     .handle = serve,
                                     .user = s,
                                     .threads = SERVER_THREADS };

    if (!http_server_open(&h, &s->tcp, e))
        return err_wrap(e, "open the sandbox");
    s->url = arena_fmt(&s->own, "http://%.*s:%u", STR(public_host(&s->own, h.address)), http_server_port(s->tcp));
    if (o->unix_socket == NULL)
        return true;
    h.unix_socket = o->unix_socket;
    return http_server_open(&h, &s->socket, e) || err_wrap(e, "open the sandbox");
}

/* The address is known only when the server listens, and a request may come before the rest is ready: it waits. */
static bool start(struct sandbox *s, const struct sandbox_options *o, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);

    if (!take_folder(s, e) || !find_token(s, o, e) || !state_load(s, e) || !open_servers(s, o, e)
        || !deliveries_open(s, e) || !runner_open(s, e))
        return false;
    update_option_hooks(s);
    const struct map *all = value_get(&s->state, "repositories")->map;
    for (size_t i = 0; i < all->n; i++)
        refs_refresh(s, &all->v[i].value, s->login);
    return state_save(s, e);
}

bool sandbox_open(const struct sandbox_options *o, struct sandbox **out, struct err *e)
{
    struct sandbox *s = calloc(1, sizeof *s);

    if (s == NULL)
        return err_set(e, ERR_LIMIT, "out of memory for a sandbox");
    s->dir_lock = -1;
    pthread_mutex_init(&s->lock, NULL);
    s->faults = faults_open();
    take_options(s, o);
    if (!check_git(e) || !start(s, o, e)) {
        sandbox_close(s);
        return false;
    }
    *out = s;
    return true;
}

void sandbox_close(struct sandbox *s)
{
    if (s == NULL)
        return;
    faults_clear(s->faults); /* frees hanging answers */
    runner_close(s);
    http_server_close(s->socket);
    http_server_close(s->tcp);
    deliveries_close(s);
    runner_free(s);
    faults_close(s->faults);
    fd_close(&s->dir_lock);
    arena_close(&s->state_arena);
    arena_close(&s->own);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct str sandbox_url(const struct sandbox *s)
{
    return s->url;
}

uint16_t sandbox_port(const struct sandbox *s)
{
    return http_server_port(s->tcp);
}

struct str sandbox_token(const struct sandbox *s)
{
    return s->token;
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

static enum err_kind kind_of(int status)
{
    if (status == 404)
        return ERR_NOT_FOUND;
    if (status == 405 || status == 409)
        return ERR_CONFLICT;
    return status >= 500 ? ERR_IO : ERR_INVALID;
}

static bool judge(const struct call *c, struct err *e)
{
    struct str message = value_str_at(&c->answer, "message");
    const struct value *first = value_item(value_get(&c->answer, "errors"), 0);
    struct str detail = value_str_at(first, "message"), field = value_str_at(first, "field");

    if (c->status < 300)
        return true;
    return err_set(e, kind_of(c->status), "%.*s%s%.*s%s%.*s", STR(message), field.n > 0 ? ": " : "", STR(field),
                   detail.n > 0 ? ": " : "", STR(detail));
}

bool sandbox_call(struct arena *a, struct sandbox *s, const char *method, struct str path, const struct value *body,
                  struct value *out, struct err *e)
{
    struct call c = { .s = s, .a = a, .method = str_c(method), .login = s->login };

    c.view = view_own(a, s);
    c.query = path;
    str_split(&c.query, S("?"), &c.path);
    if (body != NULL)
        c.body = *body;
    call_execute(&c, false);
    if (!judge(&c, e))
        return err_wrap(e, "sandbox: %s %.*s", method, STR(c.path));
    if (out != NULL)
        *out = c.answer;
    return true;
}

bool sandbox_create_repo(struct sandbox *s, const char *full_name, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str name = str_c(full_name), owner;
    struct value body = value_map(&a);

    if (!str_split(&name, S("/"), &owner))
        return err_set(e, ERR_INVALID, "'%s' is not a repository: expected OWNER/NAME", full_name);
    value_set_str(&a, &body, "name", name);
    return sandbox_call(&a, s, "POST", arena_fmt(&a, "/orgs/%.*s/repos", STR(owner)), &body, NULL, e);
}

bool sandbox_create_pull(struct sandbox *s, const char *full_name, struct str title, struct str head, struct str base,
                         int64_t *number, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value body = value_map(&a), out;

    value_set_str(&a, &body, "title", title);
    value_set_str(&a, &body, "head", head);
    value_set_str(&a, &body, "base", base);
    if (!sandbox_call(&a, s, "POST", arena_fmt(&a, "/repos/%s/pulls", full_name), &body, &out, e))
        return false;
    if (number != NULL)
        *number = value_int_at(&out, "number", 0);
    return true;
}

bool sandbox_merge(struct arena *a, struct sandbox *s, const char *full_name, int64_t number, const char *method,
                   struct str *sha, struct err *e)
{
    struct value body = value_map(a), out;
    struct str path = arena_fmt(a, "/repos/%s/pulls/%lld/merge", full_name, (long long)number);

    value_set(a, &body, "merge_method", value_c(method));
    if (!sandbox_call(a, s, "PUT", path, &body, &out, e))
        return false;
    if (sha != NULL)
        *sha = value_str_at(&out, "sha");
    return true;
}

bool sandbox_close_pull(struct sandbox *s, const char *full_name, int64_t number, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value body = value_map(&a);

    value_set(&a, &body, "state", value_c("closed"));
    return sandbox_call(&a, s, "PATCH", arena_fmt(&a, "/repos/%s/pulls/%lld", full_name, (long long)number), &body,
                        NULL, e);
}

/* ---- faults and waiting ----------------------------------------------------------------------------------- */

bool sandbox_fault(struct sandbox *s, const struct sandbox_fault *f, struct err *e)
{
    return faults_add(s->faults, f, e);
}

void sandbox_fault_clear(struct sandbox *s)
{
    faults_clear(s->faults);
}

/* A look every few milliseconds: what is waited for are processes and other programs' answers, far slower than that. */
bool sandbox_wait_idle(struct sandbox *s, int64_t deadline_mono_ms)
{
    while (!(runner_idle(s) && deliveries_idle(s))) {
        if (clock_mono_ms() >= deadline_mono_ms)
            return false;
        usleep(5000);
    }
    return true;
}
