/* What people want to know about a commit, and what a repository URL says. */
#include "git/internal.h"

static void split_words(struct arena *a, struct str text, struct str **out, size_t *out_n)
{
    VEC(struct str) words = { 0 };
    while (text.n > 0) {
        struct str word;
        struct str rest = text;
        size_t n = 0;
        while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\n')
            n++;
        word = str_cut(&text, n);
        str_cut(&text, 1);
        if (word.n > 0)
            *vec_push(a, &words) = word;
    }
    *out = words.v;
    *out_n = words.n;
}

bool git_commit_read(struct arena *a, const char *mirror, struct str sha, struct git_commit *out, struct err *e)
{
    struct str text = { 0 }, tags = { 0 }, date, parents;
    const char *git_dir = arena_fmt(a, "--git-dir=%s", mirror).p;
    if (!git_is_sha(sha))
        return err_set(e, ERR_INVALID, "%.*s: not a commit sha", STR(sha));
    const char *show[] = {
        git_dir, "show", "-s", "--format=%H%x00%an%x00%ae%x00%at%x00%P%x00%B", arena_c(a, sha), NULL
    };
    const char *list[] = { git_dir, "tag", "--points-at", arena_c(a, sha), NULL };
    if (!git_must(a, NULL, NULL, show, &text, e) || !git_must(a, NULL, NULL, list, &tags, e))
        return false;
    struct git_commit c = { 0 };
    if (!str_split(&text, S("\0"), &c.sha) || !str_split(&text, S("\0"), &c.author_name)
        || !str_split(&text, S("\0"), &c.author_email) || !str_split(&text, S("\0"), &date)
        || !str_split(&text, S("\0"), &parents) || !str_to_int(date, &c.date_ms))
        return err_set(e, ERR_INVALID, "git show %.*s: unexpected answer", STR(sha));
    c.date_ms *= 1000;
    c.message = str_trim(text);
    split_words(a, parents, &c.parents, &c.n_parents);
    split_words(a, tags, &c.tags, &c.n_tags);
    *out = c;
    return true;
}

/* A URL taken apart: host and path of "scheme://[user@]host/path", "[user@]host:path" or a local path. */
struct git_place {
    struct str host, path;
};

static bool take_apart(struct str url, struct git_place *out)
{
    struct str rest = url, head;
    *out = (struct git_place){ 0 };
    if (str_find(url, S("://")) >= 0) {
        str_split(&rest, S("://"), &head);
        str_split(&rest, S("/"), &out->host);
        out->path = rest;
    } else if (str_split(&rest, S(":"), &head) && str_find(head, S("/")) < 0) {
        out->host = head;
        out->path = rest;
    } else {
        out->path = url;
    }
    ptrdiff_t at = str_rfind(out->host, S("@"));
    if (at >= 0)
        str_cut(&out->host, (size_t)at + 1);
    out->path = str_trim_set(out->path, "/");
    if (str_ends(out->path, S(".git")))
        out->path.n -= 4;
    return out->path.n > 0;
}

bool git_full_name(struct arena *a, struct str url, struct str *out, struct err *e)
{
    struct git_place place;
    struct str owner, name, rest;
    if (!take_apart(url, &place))
        return err_set(e, ERR_INVALID, "%.*s: not a repository URL", STR(url));
    rest = place.path;
    if (!str_split(&rest, S("/"), &owner) || rest.n == 0) {
        *out = arena_str(a, place.path);
        return true;
    }
    str_split(&rest, S("/"), &name);
    *out = arena_fmt(a, "%.*s/%.*s", STR(owner), STR(name));
    return true;
}

bool git_same_repository(struct str a, struct str b)
{
    struct git_place x, y;
    return take_apart(a, &x) && take_apart(b, &y) && str_ieq(x.host, y.host) && str_eq(x.path, y.path);
}
