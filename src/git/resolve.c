/* Revisions to commits, by Argo CD's order: sha, HEAD, version constraint over tags, advertised references, abbreviated
 * sha. */
#include <ctype.h>

#include "data/semver.h"
#include "git/internal.h"

struct git_advertised {
    struct str sha, name;
    struct str symref; /* "refs/heads/main" for a symbolic reference, else empty */
};
typedef VEC(struct git_advertised) advertised_list;

/* ls-remote prints "<sha>\t<name>", and "ref: <target>\t<name>" before it for symbolic references. A peeled "<name>^{}"
 * replaces the tag object by its commit. */
static advertised_list parse_advertisement(struct arena *a, struct str text)
{
    advertised_list list = { 0 };
    struct str line, symref = { "", 0 };
    while (text.n > 0) {
        struct str sha;
        str_split(&text, S("\n"), &line);
        if (!str_split(&line, S("\t"), &sha))
            continue;
        if (str_starts(sha, S("ref: "))) {
            symref = str_slice(sha, 5, sha.n);
            continue;
        }
        if (str_ends(line, S("^{}"))) {
            if (list.n > 0)
                list.v[list.n - 1].sha = sha;
            continue;
        }
        *vec_push(a, &list) = (struct git_advertised){ sha, line, symref };
        symref = (struct str){ "", 0 };
    }
    return list;
}

/* What people call a reference: without refs/heads/, refs/tags/, refs/remotes/ or refs/. */
static struct str short_name(struct str name)
{
    static const char *const prefixes[] = { "refs/heads/", "refs/tags/", "refs/remotes/", "refs/" };
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (str_starts(name, str_c(prefixes[i])))
            return str_slice(name, strlen(prefixes[i]), name.n);
    return name;
}

static bool named(const struct git_advertised *r, struct str revision)
{
    return str_eq(r->name, revision) || str_eq(short_name(r->name), revision);
}

/* The highest tag that satisfies `revision` when it is a constraint and no version by itself; else `revision`. */
static struct str apply_constraint(struct arena *a, const advertised_list *list, struct str revision)
{
    struct semver version, best = { 0 };
    struct semver_constraint *constraint = NULL;
    struct err ignored = { 0 };
    struct str best_name = revision;
    bool found = false;
    if (semver_parse(revision, &version, &ignored) || !semver_constraint_parse(a, revision, &constraint, &ignored))
        return revision;
    for (size_t i = 0; i < list->n; i++) {
        struct str tag = short_name(list->v[i].name);
        if (!str_starts(list->v[i].name, S("refs/tags/")) || !semver_parse(tag, &version, &ignored)
            || !semver_constraint_check(constraint, &version))
            continue;
        if (!found || semver_compare(&version, &best) > 0) {
            best = version;
            best_name = tag;
            found = true;
        }
    }
    return best_name;
}

static bool looks_abbreviated(struct str s)
{
    if (s.n < 7 || s.n > 39)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isxdigit((unsigned char)s.p[i]))
            return false;
    return true;
}

/* Servers answer only for whole shas: look among the advertised ones, then in a history fetched without files. */
static bool expand_abbreviated(struct arena *a, const struct git_source *s, const advertised_list *list,
                               struct str revision, struct str *out, struct err *e)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_ieq(str_slice(list->v[i].sha, 0, revision.n), revision)) {
            *out = list->v[i].sha;
            return true;
        }
    const char *dir = NULL, *url = arena_c(a, s->url);
    if (!fs_temp_dir(a, "vitrine-git-", &dir, e))
        return false;
    struct str sha = { 0 };
    const char *git_dir = arena_fmt(a, "--git-dir=%s", dir).p;
    bool ok = git_must(a, NULL, NULL, (const char *[]){ "init", "-q", "--bare", dir, NULL }, NULL, e)
              && git_must(
                  a, s, NULL,
                  (const char *[]){ git_dir, "fetch", "-q", "--filter=tree:0", "--", url, "+refs/*:refs/all/*", NULL },
                  NULL, e)
              && git_must(a, NULL, NULL,
                          (const char *[]){ git_dir, "rev-parse", "--verify", "-q",
                                            arena_fmt(a, "%.*s^{commit}", STR(revision)).p, NULL },
                          &sha, e);
    struct err ignored;
    if (!fs_remove_tree(dir, &ignored) && ok)
        *e = ignored;
    *out = str_trim(sha);
    return ok;
}

static bool pick(const advertised_list *list, struct str revision, struct str *out)
{
    for (size_t i = 0; i < list->n; i++)
        if (named(&list->v[i], revision)) {
            *out = list->v[i].sha;
            return true;
        }
    return false;
}

bool git_resolve(struct arena *a, const struct git_source *s, struct str revision, struct str *out_sha, struct err *e)
{
    if (git_is_sha(revision)) {
        *out_sha = revision;
        return true;
    }
    struct str text = { 0 };
    const char *args[] = { "ls-remote", "--symref", "--", arena_c(a, s->url), NULL };
    if (!git_url_check(s->url, e) || !git_must(a, s, NULL, args, &text, e))
        return false;
    advertised_list list = parse_advertisement(a, text);
    struct str wanted = revision.n == 0 ? S("HEAD") : apply_constraint(a, &list, revision);
    if (pick(&list, wanted, out_sha))
        return true;
    if (looks_abbreviated(wanted) && expand_abbreviated(a, s, &list, wanted, out_sha, e))
        return true;
    return err_set(e, ERR_NOT_FOUND, "unable to resolve '%.*s' to a commit SHA", STR(wanted));
}
