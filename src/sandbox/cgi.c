/*
 * git over smart HTTP: a bridge to `git http-backend`, a CGI program.
 *
 * Fetches are streamed as they come. A push is answered whole, after what it means was worked out: when `git push`
 * returns, the pull request has its new head.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "net/url.h"
#include "sandbox/internal.h"

#define PUSH_ANSWER_MAX ((size_t)16 << 20)
#define HEAD_MAX ((size_t)64 << 10)

static const char *const endings[] = { "/info/refs", "/git-upload-pack", "/git-receive-pack" };

bool is_git_path(struct str path)
{
    for (size_t i = 0; i < COUNT(endings); i++)
        if (str_ends(path, str_c(endings[i])))
            return true;
    return false;
}

/* ---- who ------------------------------------------------------------------------------------------ */

bool token_login(const struct sandbox *s, struct str token, struct str *login)
{
    if (token.n > 0 && str_eq(token, s->token))
        *login = s->login;
    else if (token.n > 0 && str_eq(token, s->bot_token))
        *login = S(SANDBOX_BOT);
    else
        return token.n == 0;
    return true;
}

/* "user:password" of Basic; the token is the password, or the user name when there is no password. */
static struct str basic_token(struct arena *a, struct str encoded)
{
    unsigned char *bytes = arena_alloc(a, encoded.n + 4);
    int n = encoded.n % 4 == 0 && encoded.n < 4096
                ? EVP_DecodeBlock(bytes, (const unsigned char *)encoded.p, (int)encoded.n)
                : -1;
    struct str text = { (const char *)bytes, n > 0 ? strnlen((const char *)bytes, (size_t)n) : 0 }, user;

    str_split(&text, S(":"), &user);
    return text.n > 0 ? text : user;
}

bool authorization_login(struct arena *a, const struct sandbox *s, struct str header, struct str *login)
{
    struct str scheme, rest = str_trim(header);

    *login = S("");
    if (rest.n == 0)
        return true;
    str_split(&rest, S(" "), &scheme);
    rest = str_trim(rest);
    if (str_ieq(scheme, S("basic")))
        rest = basic_token(a, rest);
    return rest.n > 0 && token_login(s, rest, login);
}

/* ---- the request ------------------------------------------------------------------------------------ */

struct git_call {
    struct sandbox *s;
    struct http_server_request *r;
    struct http_exchange *x;
    struct str login, full_name, rest; /* rest: one of the endings */
    bool push;
};

/* "/OWNER/NAME[.git]/ENDING", the repository under its true name; empty when unknown */
static bool find_repo(struct git_call *g)
{
    struct str path = g->r->path, owner, name;

    for (size_t i = 0; i < COUNT(endings); i++)
        if (str_ends(path, str_c(endings[i]))) {
            g->rest = str_c(endings[i]);
            path.n -= g->rest.n;
        }
    str_cut(&path, 1);
    str_split(&path, S("/"), &owner);
    name = path;
    if (str_ends(name, S(".git")))
        name.n -= S(".git").n;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&g->s->lock);
    const struct value *repo = state_repo(g->s, arena_fmt(g->r->a, "%.*s/%.*s", STR(owner), STR(name)));
    if (!value_is(repo, VALUE_MAP))
        return false;
    g->full_name = repo_full_name(g->r->a, repo);
    return true;
}

static bool admit(struct git_call *g)
{
    struct str header = http_header_get(&g->r->headers, "authorization");

    g->push = str_is(g->rest, "/git-receive-pack") || str_is(http_query(g->r, "service"), "git-receive-pack");
    if (authorization_login(g->r->a, g->s, header, &g->login) && (!g->push || g->login.n > 0))
        return true;
    http_reply_header(g->x, "WWW-Authenticate", S("Basic realm=\"GitHub\""));
    http_reply(g->x, 401, "text/plain; charset=utf-8", S("a token of the sandbox is needed, as the password\n"));
    return false;
}

/* The body as a descriptor at its beginning: the spooled file, or a copy in memory. -1 for none. */
static bool open_body(struct git_call *g, int *fd, int64_t *size, struct err *e)
{
    struct stat st;

    if (g->r->body_fd >= 0) {
        if (fstat(g->r->body_fd, &st) != 0 || (*fd = dup(g->r->body_fd)) < 0)
            return err_sys(e, "read a pushed body");
        *size = st.st_size;
        return true;
    }
    *size = (int64_t)g->r->body.n;
    if (g->r->body.n == 0)
        return true;
    *fd = memfd_create("git body", MFD_CLOEXEC);
    if (*fd < 0)
        return err_sys(e, "hold a body");
    return fd_write_all(*fd, g->r->body, e) && (lseek(*fd, 0, SEEK_SET) == 0 || err_sys(e, "rewind a body"));
}

static const char *const *environment(struct git_call *g, int64_t size)
{
    struct arena *a = g->r->a;
    const char *const *base = git_environment(a, g->login.n > 0 ? g->login : S("anonymous"));
    const char **env = arena_new(a, const char *, 32);
    size_t n = 0;

    for (; base[n] != NULL; n++)
        env[n] = base[n];
    env[n++] = arena_fmt(a, "GIT_PROJECT_ROOT=%s/repositories", g->s->dir).p;
    env[n++] = "GIT_HTTP_EXPORT_ALL=1";
    env[n++] = arena_fmt(a, "PATH_INFO=/%.*s.git%.*s", STR(g->full_name), STR(g->rest)).p;
    env[n++] = arena_fmt(a, "REQUEST_METHOD=%.*s", STR(g->r->method)).p;
    env[n++] = arena_fmt(a, "QUERY_STRING=%.*s", STR(g->r->query)).p;
    env[n++] = arena_fmt(a, "CONTENT_TYPE=%.*s", STR(http_header_get(&g->r->headers, "content-type"))).p;
    if (size > 0)
        env[n++] = arena_fmt(a, "CONTENT_LENGTH=%lld", (long long)size).p;
    env[n++] = arena_fmt(a, "HTTP_CONTENT_ENCODING=%.*s", STR(http_header_get(&g->r->headers, "content-encoding"))).p;
    env[n++] = arena_fmt(a, "GIT_PROTOCOL=%.*s", STR(http_header_get(&g->r->headers, "git-protocol"))).p;
    env[n++] = arena_fmt(a, "REMOTE_ADDR=%.*s", STR(g->r->peer)).p;
    if (g->push)
        env[n++] = arena_fmt(a, "REMOTE_USER=%.*s", STR(g->login)).p;
    return env;
}

/* ---- the answer --------------------------------------------------------------------------------------- */

struct backend {
    pid_t pid;
    int out;
    char *early; /* body bytes that came with the head; malloc'd */
    size_t early_n;
};

static ssize_t read_some(int fd, char *p, size_t n)
{
    ssize_t got;

    while ((got = read(fd, p, n)) < 0 && errno == EINTR)
        ;
    return got;
}

/* Read until the head is whole: lines, then an empty one. */
static bool read_head(struct arena *a, int fd, struct str *head, struct str *body)
{
    struct buf b = { .a = a };

    while (b.n < HEAD_MAX) {
        buf_reserve(&b, 4096);
        ssize_t n = read_some(fd, b.p + b.n, 4096);
        if (n <= 0)
            return false;
        b.n += (size_t)n;
        struct str text = { b.p, b.n };
        if (str_find(text, S("\r\n\r\n")) >= 0) {
            str_split(&text, S("\r\n\r\n"), head);
            *body = text;
            return true;
        }
    }
    return false;
}

static int reply_head(struct git_call *g, struct str head, struct str *type)
{
    struct str line, name;
    int64_t status = 200;

    while (head.n > 0) {
        str_split(&head, S("\r\n"), &line);
        str_split(&line, S(":"), &name);
        line = str_trim(line);
        if (str_ieq(name, S("status")))
            str_to_int(str_slice(line, 0, 3), &status);
        else if (str_ieq(name, S("content-type")))
            *type = line;
        else if (!str_ieq(name, S("content-length")))
            http_reply_header(g->x, arena_c(g->r->a, name), line);
    }
    return (int)status;
}

static void stream_out(struct http_stream *out, void *arg)
{
    struct backend *b = arg;
    char block[32768];
    ssize_t n;

    if (b->early_n > 0 && !http_stream_write(out, (struct str){ b->early, b->early_n }))
        return;
    while ((n = read_some(b->out, block, sizeof block)) > 0)
        if (!http_stream_write(out, (struct str){ block, (size_t)n }))
            return;
}

static void stream_done(void *arg)
{
    struct backend *b = arg;

    fd_close(&b->out);
    child_end(b->pid, true);
    free(b->early);
    free(b);
}

static void reply_fetch(struct git_call *g, struct backend b, int status, struct str type, struct str early)
{
    struct backend *kept = malloc(sizeof *kept);

    if (kept == NULL || (b.early = malloc(early.n + 1)) == NULL)
        abort();
    memcpy(b.early, early.p, early.n);
    b.early_n = early.n;
    *kept = b;
    http_reply_stream(g->x, status, arena_c(g->r->a, type), stream_out, stream_done, kept);
}

static void after_push(struct git_call *g)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&g->s->lock);
    const struct value *repo = state_repo(g->s, g->full_name);
    struct err e = { 0 };

    if (value_is(repo, VALUE_MAP))
        refs_refresh(g->s, repo, g->login);
    if (!state_save(g->s, &e))
        log_error("sandbox: %s", e.text);
}

static void reply_push(struct git_call *g, struct backend b, int status, struct str type, struct str early)
{
    struct buf body = { .a = g->r->a };
    ssize_t n = 1;

    buf_add(&body, early);
    while (n > 0 && body.n < PUSH_ANSWER_MAX) {
        buf_reserve(&body, 32768);
        n = read_some(b.out, body.p + body.n, 32768);
        body.n += n > 0 ? (size_t)n : 0;
    }
    fd_close(&b.out);
    child_end(b.pid, false);
    if (str_is(g->rest, "/git-receive-pack"))
        after_push(g);
    http_reply(g->x, status, arena_c(g->r->a, type), buf_str(&body));
}

static bool start(struct git_call *g, struct backend *b, struct err *e)
{
    CLEANUP(fd_close) int body = -1, write_end = -1, read_end = -1;
    int64_t size = 0;
    int ends[2];

    if (!open_body(g, &body, &size, e))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_sys(e, "create a pipe");
    read_end = ends[0];
    write_end = ends[1];
    const char *const argv[] = { "git", "http-backend", NULL };
    struct child o = { .argv = argv, .env = environment(g, size), .in = body, .out = write_end, .err = -1 };
    if (!child_start(&o, &b->pid, e))
        return false;
    b->out = fd_take(&read_end);
    return true;
}

void git_http(struct sandbox *s, struct http_server_request *r, struct http_exchange *x)
{
    struct git_call g = { .s = s, .r = r, .x = x };
    struct backend b = { .out = -1 };
    struct str head, early, type = S("application/octet-stream");
    struct err e = { 0 };

    if (!find_repo(&g)) {
        http_reply(x, 404, "text/plain; charset=utf-8", S("Repository not found.\n"));
        return;
    }
    if (!admit(&g))
        return;
    if (!start(&g, &b, &e)) {
        http_reply(x, 500, "text/plain; charset=utf-8", arena_fmt(r->a, "%s\n", e.text));
        return;
    }
    if (!read_head(r->a, b.out, &head, &early)) {
        fd_close(&b.out);
        int status = child_end(b.pid, true);
        http_reply(x, 500, "text/plain; charset=utf-8",
                   arena_fmt(r->a, "git http-backend ended with status %d\n", status));
        return;
    }
    int status = reply_head(&g, head, &type);
    if (g.push)
        reply_push(&g, b, status, type, early);
    else
        reply_fetch(&g, b, status, type, early);
}
