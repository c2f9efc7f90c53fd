/* Bare repositories through the git program: short questions with a deadline, and the few writes that merging needs. */
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/internal.h"

#define GIT_TIMEOUT_MS 60000
#define GIT_ARGS_MAX 32

const char *repo_dir(struct arena *a, const struct sandbox *s, const struct value *repo)
{
    return arena_fmt(a, "%s/repositories/%.*s.git", s->dir, STR(repo_full_name(a, repo))).p;
}

/* A clean environment: nothing of the user's configuration may change what the stand-in does. */
const char *const *git_environment(struct arena *a, struct str login)
{
    const char *path = getenv("PATH");
    const char **env = arena_new(a, const char *, 12);
    size_t n = 0;

    env[n++] = arena_fmt(a, "PATH=%s", path != NULL ? path : "/usr/local/bin:/usr/bin:/bin").p;
    env[n++] = "LC_ALL=C";
    env[n++] = "HOME=/nonexistent";
    env[n++] = "GIT_CONFIG_NOSYSTEM=1";
    env[n++] = "GIT_TERMINAL_PROMPT=0";
    env[n++] = arena_fmt(a, "GIT_AUTHOR_NAME=%.*s", STR(login)).p;
    env[n++] = arena_fmt(a, "GIT_AUTHOR_EMAIL=%.*s@users.noreply.sandbox.invalid", STR(login)).p;
    env[n++] = arena_fmt(a, "GIT_COMMITTER_NAME=%.*s", STR(login)).p;
    env[n++] = arena_fmt(a, "GIT_COMMITTER_EMAIL=%.*s@users.noreply.sandbox.invalid", STR(login)).p;
    return env;
}

static struct str last_line(struct str text)
{
    text = str_trim(text);
    ptrdiff_t at = str_rfind(text, S("\n"));
    return at < 0 ? text : str_slice(text, (size_t)at + 1, text.n);
}

static bool run(struct arena *a, const char *const *argv, struct str login, struct str input, struct str *out,
                struct err *e)
{
    struct proc_options o = {
        .argv = argv, .env = git_environment(a, login), .stdin_bytes = input, .timeout_ms = GIT_TIMEOUT_MS
    };
    struct proc_result r = { 0 };

    if (!proc_run(a, &o, &r, e))
        return err_wrap(e, "git");
    if (r.status != 0) {
        struct str why = last_line(r.err.n > 0 ? r.err : r.out);
        return err_set(e, ERR_CONFLICT, "git %s: %.*s", argv[3], STR(utf8_prefix(why, 200)));
    }
    if (out != NULL)
        *out = str_trim_set(r.out, "\n");
    return true;
}

static void collect(const char **argv, const char *dir, va_list args)
{
    size_t n = 0;

    argv[n++] = "git";
    argv[n++] = "--git-dir";
    argv[n++] = dir;
    while (n < GIT_ARGS_MAX && (argv[n] = va_arg(args, const char *)) != NULL)
        n++;
    argv[n] = NULL;
}

bool sandbox_git(struct arena *a, const char *dir, struct str *out, struct err *e, ...)
{
    const char *argv[GIT_ARGS_MAX + 1];
    va_list args;

    va_start(args, e);
    collect(argv, dir, args);
    va_end(args);
    return run(a, argv, S("sandbox"), S(""), out, e);
}

struct str git_line(struct arena *a, const char *dir, ...)
{
    const char *argv[GIT_ARGS_MAX + 1];
    struct str out = { 0 };
    struct err ignored = { 0 };
    va_list args;

    va_start(args, dir);
    collect(argv, dir, args);
    va_end(args);
    return run(a, argv, S("sandbox"), S(""), &out, &ignored) ? out : S("");
}

bool repo_init(struct arena *a, const char *dir, struct str branch, struct err *e)
{
    return fs_mkdirs(dir, 0755, e)
           && sandbox_git(a, dir, NULL, e, "init", "-q", "--bare", arena_fmt(a, "--initial-branch=%.*s", STR(branch)).p,
                          dir, NULL)
           /* As on GitHub: pushes to refs/pull fail, fetches see it. */
           && sandbox_git(a, dir, NULL, e, "config", "receive.hideRefs", "refs/pull", NULL)
           && sandbox_git(a, dir, NULL, e, "config", "uploadpack.allowAnySHA1InWant", "true", NULL)
           && sandbox_git(a, dir, NULL, e, "config", "uploadpack.allowFilter", "true", NULL)
           /* An old head must stay fetchable by its sha, as on GitHub, so nothing is ever pruned behind our back. */
           && sandbox_git(a, dir, NULL, e, "config", "gc.auto", "0", NULL);
}

bool git_commit_tree(struct arena *a, const char *dir, struct str tree, struct str login, struct str message,
                     const struct str *parents, size_t n_parents, struct str *out, struct err *e)
{
    const char *argv[GIT_ARGS_MAX + 1];
    size_t n = 0;

    argv[n++] = "git";
    argv[n++] = "--git-dir";
    argv[n++] = dir;
    argv[n++] = "commit-tree";
    argv[n++] = arena_c(a, tree);
    for (size_t i = 0; i < n_parents && n < GIT_ARGS_MAX - 3; i++) {
        argv[n++] = "-p";
        argv[n++] = arena_c(a, parents[i]);
    }
    argv[n] = NULL;
    return run(a, argv, login, message.n > 0 ? message : S("\n"), out, e);
}

bool is_sha(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr("0123456789abcdefABCDEF", s.p[i]) == NULL || s.p[i] == '\0')
            return false;
    return s.n == 40;
}

/* A revision must not read as an option, nor as one of git's expressions. */
static bool is_plain_revision(struct str r)
{
    for (size_t i = 0; i < r.n; i++)
        if ((unsigned char)r.p[i] <= ' ' || strchr("~^:?*[\\{", r.p[i]) != NULL)
            return false;
    return r.n > 0 && r.n < 256 && r.p[0] != '-' && str_find(r, S("..")) < 0;
}

struct str git_commit_of(struct arena *a, const char *dir, struct str revision)
{
    static const char *const places[] = { "refs/heads/%.*s", "refs/tags/%.*s", "%.*s", "refs/%.*s" };

    if (!is_plain_revision(revision))
        return S("");
    for (size_t i = is_sha(revision) ? 2 : 0; i < COUNT(places); i++) { /* a full sha needs no look at names */
        struct str name = arena_fmt(a, places[i], STR(revision));
        struct str sha = git_line(a, dir, "rev-parse", "--verify", "-q", "--end-of-options",
                                  arena_fmt(a, "%.*s^{commit}", STR(name)).p, NULL);
        if (is_sha(sha))
            return sha;
    }
    return S("");
}

/* One field per line, the message last: nothing before it can hold a newline. */
bool git_commit_info(struct arena *a, const char *dir, struct str sha, struct commit_info *out)
{
    struct str text = git_line(a, dir, "log", "-1", "--format=%H%n%T%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%P%n%B",
                               "--end-of-options", arena_c(a, sha), NULL);
    struct str parents, parent;
    struct str *fields[] = { &out->sha,         &out->tree,      &out->author,          &out->author_email,
                             &out->author_date, &out->committer, &out->committer_email, &out->committer_date,
                             &parents };

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < COUNT(fields); i++)
        str_split(&text, S("\n"), fields[i]);
    out->message = str_trim_set(text, "\n");
    out->parents = arena_new(a, struct str, 16);
    out->n_parents = 0;
    while (parents.n > 0 && out->n_parents < 16) {
        str_split(&parents, S(" "), &parent);
        out->parents[out->n_parents++] = parent;
    }
    return true;
}
