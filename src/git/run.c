/* Runs the git program with an environment of our own and tells its failures apart. */
#include <stdlib.h>

#include "git/internal.h"

enum { ENV_MAX = 40, TIMEOUT_MS = 120000 };

struct git_env {
    const char *v[ENV_MAX];
    size_t n, config; /* variables; GIT_CONFIG_KEY_n pairs among them */
};

static void env_put(struct git_env *env, const char *variable)
{
    if (env->n < ENV_MAX - 1)
        env->v[env->n++] = variable;
}

static void env_pass(struct arena *a, struct git_env *env, const char *name)
{
    const char *value = getenv(name);
    if (value != NULL)
        env_put(env, arena_fmt(a, "%s=%s", name, value).p);
}

static void env_config(struct arena *a, struct git_env *env, const char *key, const char *value)
{
    env_put(env, arena_fmt(a, "GIT_CONFIG_KEY_%zu=%s", env->config, key).p);
    env_put(env, arena_fmt(a, "GIT_CONFIG_VALUE_%zu=%s", env->config, value).p);
    env->config++;
}

/* The header goes to the origin of the URL alone, so that a redirect elsewhere does not carry it along. */
static void env_credentials(struct arena *a, struct git_env *env, const struct git_source *s)
{
    if (s->credentials.password.n == 0 || !str_starts(s->url, S("http")))
        return;
    struct str user = s->credentials.username.n > 0 ? s->credentials.username : S("x-access-token");
    struct str pair = arena_fmt(a, "%.*s:%.*s", STR(user), STR(s->credentials.password));
    struct str rest = s->url, scheme, origin;
    str_split(&rest, S("://"), &scheme);
    str_split(&rest, S("/"), &origin);
    ptrdiff_t at = str_rfind(origin, S("@"));
    if (at >= 0)
        str_cut(&origin, (size_t)at + 1);
    env_config(a, env, arena_fmt(a, "http.%.*s://%.*s/.extraHeader", STR(scheme), STR(origin)).p,
               arena_fmt(a, "Authorization: Basic %.*s", STR(str_base64(a, pair))).p);
}

static const char *const *environment(struct arena *a, const struct git_source *s, const char *index)
{
    static const char *const passed[] = { "PATH",         "TMPDIR",     "SSH_AUTH_SOCK",  "SSL_CERT_FILE",
                                          "SSL_CERT_DIR", "http_proxy", "https_proxy",    "HTTPS_PROXY",
                                          "no_proxy",     "NO_PROXY",   "GIT_SSH_COMMAND" };
    struct git_env *env = arena_new(a, struct git_env, 1);
    for (size_t i = 0; i < COUNT(passed); i++)
        env_pass(a, env, passed[i]);
    env_put(env, "LC_ALL=C");
    env_put(env, "HOME=/nonexistent");
    env_put(env, "GIT_CONFIG_NOSYSTEM=1");
    env_put(env, "GIT_CONFIG_GLOBAL=/dev/null");
    env_put(env, "GIT_TERMINAL_PROMPT=0");
    env_put(env, "GIT_ASKPASS=true");
    env_put(env, "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh");
    if (index != NULL)
        env_put(env, arena_fmt(a, "GIT_INDEX_FILE=%s", index).p);
    env_config(a, env, "protocol.version", "2");
    env_config(a, env, "http.lowSpeedLimit", "1");
    env_config(a, env, "http.lowSpeedTime", "30");
    env_config(a, env, "core.hooksPath", "/dev/null");
    env_config(a, env, "gc.autoDetach", "false");
    env_config(a, env, "safe.directory", "*"); /* a file:// repository may belong to somebody else */
    if (s != NULL)
        env_credentials(a, env, s);
    env_put(env, arena_fmt(a, "GIT_CONFIG_COUNT=%zu", env->config).p);
    return env->v;
}

bool git_run(struct arena *a, const struct git_source *s, const char *index, const char *const *args,
             struct proc_result *out, struct err *e)
{
    VEC(const char *) argv = { 0 };
    *vec_push(a, &argv) = "git";
    for (size_t i = 0; args[i] != NULL; i++)
        *vec_push(a, &argv) = args[i];
    *vec_push(a, &argv) = NULL;
    struct proc_options o = { .argv = argv.v, .env = environment(a, s, index), .timeout_ms = TIMEOUT_MS };
    return proc_run(a, &o, out, e);
}

/* git has one exit status (128) for everything: its words are the only interface. */
static enum err_kind kind_of_words(struct str words)
{
    static const struct {
        const char *words;
        enum err_kind kind;
    } rows[] = {
        { "Authentication failed", ERR_DENIED },
        { "could not read Username", ERR_DENIED },
        { "could not read Password", ERR_DENIED },
        { "returned error: 401", ERR_DENIED },
        { "returned error: 403", ERR_DENIED },
        { "Permission denied", ERR_DENIED },
        { "not allowed", ERR_DENIED },
        { "returned error: 404", ERR_NOT_FOUND },
        { "' not found", ERR_NOT_FOUND },
        { "does not appear to be a git repository", ERR_NOT_FOUND },
        { "does not exist", ERR_NOT_FOUND },
        { "not our ref", ERR_NOT_FOUND },
        { "unadvertised object", ERR_NOT_FOUND },
        { "couldn't find remote ref", ERR_NOT_FOUND },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_find(words, str_c(rows[i].words)) >= 0)
            return rows[i].kind;
    return ERR_UNAVAILABLE;
}

/* The line that says why: the first that starts with "fatal:", "error:" or "remote:", else the first. */
static struct str telling_line(struct str words)
{
    struct str rest = words, line, first = { "", 0 };
    while (rest.n > 0) {
        str_split(&rest, S("\n"), &line);
        line = str_trim(line);
        if (first.n == 0)
            first = line;
        if (str_starts(line, S("fatal: ")))
            return str_slice(line, 7, line.n);
        if (str_starts(line, S("error: ")))
            return str_slice(line, 7, line.n);
    }
    return first;
}

/* `text` without the user and password of URLs in it ("https://user:secret@host"). */
static struct str without_userinfo(struct arena *a, struct str text)
{
    struct buf out = { .a = a };
    struct str head;
    while (str_split(&text, S("://"), &head)) {
        buf_fmt(&out, "%.*s://", STR(head));
        size_t end = 0, at = 0;
        while (end < text.n && strchr("/ '\"", text.p[end]) == NULL) {
            if (text.p[end] == '@')
                at = end + 1;
            end++;
        }
        str_cut(&text, at);
    }
    buf_add(&out, head);
    return buf_str(&out);
}

bool git_failed(struct arena *a, const struct git_source *s, const struct proc_result *r, struct err *e)
{
    struct str why = without_userinfo(a, telling_line(r->err));
    struct str url = s != NULL ? without_userinfo(a, s->url) : (struct str){ "", 0 };
    if (why.n == 0)
        why = arena_fmt(a, "git ended with status %d", r->status);
    if (url.n == 0 || str_find(why, url) >= 0)
        return err_set(e, kind_of_words(r->err), "git: %.*s", STR(why));
    return err_set(e, kind_of_words(r->err), "git: %.*s: %.*s", STR(url), STR(why));
}

bool git_must(struct arena *a, const struct git_source *s, const char *index, const char *const *args, struct str *out,
              struct err *e)
{
    struct proc_result r = { 0 };
    if (!git_run(a, s, index, args, &r, e))
        return false;
    if (r.status != 0)
        return git_failed(a, s, &r, e);
    if (out != NULL)
        *out = r.out;
    return true;
}

bool git_url_check(struct str url, struct err *e)
{
    if (url.n == 0)
        return err_set(e, ERR_INVALID, "repository URL is empty");
    if (url.p[0] == '-' || str_find(url, S("::")) >= 0 || memchr(url.p, '\n', url.n) != NULL)
        return err_set(e, ERR_INVALID, "repository URL %.*s: not allowed", STR(url));
    return true;
}

bool git_is_sha(struct str s)
{
    if (s.n != 40)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (memchr("0123456789abcdefABCDEF", s.p[i], 22) == NULL)
            return false;
    return true;
}
