/* Bare mirrors: one per URL below the cache folder, locked while git writes to it, filled by sha and shallow. */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "git/internal.h"

static bool has_commit(struct arena *a, const char *git_dir, struct str sha)
{
    struct proc_result r = { 0 };
    struct err ignored;
    const char *args[] = { git_dir, "cat-file", "-e", arena_fmt(a, "%.*s^{commit}", STR(sha)).p, NULL };
    return git_run(a, NULL, NULL, args, &r, &ignored) && r.status == 0;
}

static bool lock_mirror(struct arena *a, const char *mirror, int *out, struct err *e)
{
    CLEANUP(fd_close) int fd = open(arena_fmt(a, "%s.lock", mirror).p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "open the lock of %s", mirror);
    if (flock(fd, LOCK_EX) != 0)
        return err_sys(e, "lock %s", mirror);
    *out = fd_take(&fd);
    return true;
}

static bool make_mirror(struct arena *a, const char *mirror, struct err *e)
{
    if (fs_exists(fs_join(a, mirror, "HEAD")))
        return true;
    return git_must(a, NULL, NULL, (const char *[]){ "init", "-q", "--bare", mirror, NULL }, NULL, e);
}

enum { KEPT = 16 };

/* The newest commits stay referenced, so that the next fetch brings only what is new to them; a bucket each keeps the
 * number bounded. */
static const char *kept_refspec(struct arena *a, struct str sha)
{
    return arena_fmt(a, "+%.*s:refs/kept/%u", STR(sha), (unsigned)(str_hash(sha) % KEPT)).p;
}

/* A server that refuses a bare sha (protocol version 0 without uploadpack.allowAnySHA1InWant) still sends its
 * references. */
static bool fetch_commit(struct arena *a, const char *git_dir, const struct git_source *s, struct str sha,
                         struct err *e)
{
    const char *url = arena_c(a, s->url);
    const char *one[] = {
        git_dir, "fetch", "-q", "--depth=1", "--no-tags", "--no-write-fetch-head", "--", url, kept_refspec(a, sha), NULL
    };
    if (git_must(a, s, NULL, one, NULL, e))
        return true;
    if (e->kind != ERR_NOT_FOUND)
        return false;
    struct err first = *e;
    const char *all[] = { git_dir, "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", url, "+refs/*:refs/all/*",
                          NULL };
    if (!git_must(a, s, NULL, all, NULL, e)) {
        *e = first;
        return false;
    }
    if (has_commit(a, git_dir, sha))
        return true;
    return err_set(e, ERR_NOT_FOUND, "commit %.*s: not in %.*s", STR(sha), STR(s->url));
}

bool git_fetch(struct arena *a, const char *cache_dir, const struct git_source *s, struct str sha,
               const char **out_mirror, struct err *e)
{
    if (!git_is_sha(sha))
        return err_set(e, ERR_INVALID, "%.*s: not a commit sha of 40 hex digits", STR(sha));
    if (!git_url_check(s->url, e) || !fs_mkdirs(cache_dir, 0700, e))
        return false;
    const char *mirror = arena_fmt(a, "%s/%016llx.git", cache_dir, (unsigned long long)str_hash(s->url)).p;
    const char *git_dir = arena_fmt(a, "--git-dir=%s", mirror).p;
    CLEANUP(fd_close) int lock = -1;
    if (!lock_mirror(a, mirror, &lock, e) || !make_mirror(a, mirror, e))
        return false;
    if (!has_commit(a, git_dir, sha) && !fetch_commit(a, git_dir, s, sha, e))
        return false;
    *out_mirror = mirror;
    return true;
}

/* "<sha>:<path>" without the slashes and dots around the path; the root is "<sha>:". */
static const char *tree_name(struct arena *a, struct str sha, struct str path)
{
    while (str_starts(path, S("./")))
        str_cut(&path, 2);
    path = str_trim_set(path, "/");
    if (str_is(path, "."))
        path.n = 0;
    return arena_fmt(a, "%.*s:%.*s", STR(sha), STR(path)).p;
}

bool git_tree_id(struct arena *a, const char *mirror, struct str sha, struct str path, struct str *out, struct err *e)
{
    struct proc_result r = { 0 };
    const char *args[] = {
        arena_fmt(a, "--git-dir=%s", mirror).p, "rev-parse", "--verify", "-q", tree_name(a, sha, path), NULL
    };
    if (!git_is_sha(sha))
        return err_set(e, ERR_INVALID, "%.*s: not a commit sha", STR(sha));
    if (!git_run(a, NULL, NULL, args, &r, e))
        return false;
    if (r.status != 0)
        return err_set(e, ERR_NOT_FOUND, "%.*s: app path does not exist", STR(path));
    *out = str_trim(r.out);
    return true;
}
