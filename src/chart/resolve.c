/*
 * chart/resolve.c - fetches the dependencies of a chart folder into its charts/, by constraint or by Chart.lock.
 *
 * Everything is fetched and checked first and written afterwards, and a failure to write takes back what was written,
 * so that the folder is left as it was. A package must have the digest that its index states, and must hold the chart
 * and version that were asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "chart/repository.h"
#include "net/url.h"

struct fetched {
    struct str file_name; /* NAME-VERSION.tgz; empty for what lies in charts/ already */
    struct str bytes;
    struct str digest;
    bool added; /* to charts/, where it was not */
};

struct resolver {
    struct arena *a;
    const char *dir;
    const struct chart_fetcher *fetcher;
    const struct chart *chart;
    struct chart_dependencies wanted; /* of Chart.yaml, with the URLs of repositories that were named */
    struct map *indexes;              /* repository URL -> text of its index.yaml */
    struct chart_dependencies locked; /* as asked for, with exact versions */
    struct fetched *fetched;          /* one for each */
    struct buf missing;
    size_t n_missing;
    struct err *e;
};

static bool is_local(struct str repository)
{
    return str_starts(repository, S("file://"));
}

static bool is_http(struct str repository)
{
    return str_starts(repository, S("http://")) || str_starts(repository, S("https://"));
}

static bool is_registry(struct str repository)
{
    return str_starts(repository, S("oci://"));
}

/* ---- names of repositories ------------------------------------------------------------------ */

/* "@NAME" and "alias:NAME"; empty for anything else. */
static struct str name_of(struct str repository)
{
    if (str_starts(repository, S("@")))
        return str_slice(repository, 1, repository.n);
    if (str_starts(repository, S("alias:")))
        return str_slice(repository, sizeof "alias:" - 1, repository.n);
    return S("");
}

/* The URL of the repository that an entry names; a name that nobody knows joins `unknown`. */
static bool resolve_name(struct resolver *r, struct chart_dependency *d, struct buf *unknown)
{
    const struct chart_fetcher *f = r->fetcher;
    struct str name = name_of(d->repository);
    struct err none = { .kind = ERR_NOT_FOUND };

    if (name.n == 0 || (f->named != NULL && f->named(f->user, r->a, name, &d->repository, &none)))
        return true;
    if (none.kind != ERR_NOT_FOUND) {
        *r->e = none;
        return false;
    }
    buf_fmt(unknown, "%s%.*s", unknown->n > 0 ? ", " : "", STR(d->repository));
    return true;
}

/* What Chart.yaml wants, names replaced by URLs: so the lock has them, and its digest is taken over them. */
static bool resolve_names(struct resolver *r)
{
    struct buf unknown = { .a = r->a };

    r->wanted = r->chart->wants;
    r->wanted.v = arena_new(r->a, struct chart_dependency, r->wanted.n);
    for (size_t i = 0; i < r->wanted.n; i++) {
        r->wanted.v[i] = r->chart->wants.v[i];
        if (!resolve_name(r, &r->wanted.v[i], &unknown))
            return false;
    }
    return unknown.n == 0
           || err_set(r->e, ERR_NOT_FOUND, "no repository definition for %.*s. Please add them via 'helm repo add'",
                      STR(buf_str(&unknown)));
}

/* ---- folders -------------------------------------------------------------------------------- */

static bool check_below_root(struct resolver *r, const char *path)
{
    char *real = realpath(path, NULL), *root = realpath(r->fetcher->root, NULL);
    bool below = real != NULL && root != NULL && strncmp(real, root, strlen(root)) == 0
                 && (real[strlen(root)] == '/' || real[strlen(root)] == '\0');

    free(real);
    free(root);
    return below || err_set(r->e, ERR_DENIED, "dependency folder %s lies outside of the source", path);
}

/* The folder that file://PATH, or charts/NAME, means. */
static bool local_path(struct resolver *r, struct str path, const char **out)
{
    struct str joined = path.n > 0 && path.p[0] == '/' ? path : arena_fmt(r->a, "%s/%.*s", r->dir, STR(path));

    *out = arena_c(r->a, path_clean(r->a, joined));
    if (!fs_exists(*out))
        return err_set(r->e, ERR_NOT_FOUND, "directory %s not found", *out);
    return r->fetcher->root == NULL || check_below_root(r, *out);
}

static bool load_local(struct resolver *r, const struct chart_dependency *d, struct chart **out)
{
    const char *path;
    struct str relative = is_local(d->repository) ? str_slice(d->repository, sizeof "file://" - 1, d->repository.n)
                                                  : arena_fmt(r->a, "charts/%.*s", STR(d->name));

    return local_path(r, relative, &path) && chart_load_within(r->a, path, r->fetcher->root, out, r->e);
}

static bool satisfies(struct arena *a, struct str constraint, struct str version)
{
    struct semver_constraint *wanted;
    struct semver found;
    struct err ignored;

    return semver_constraint_parse(a, constraint, &wanted, &ignored) && semver_parse(version, &found, &ignored)
           && semver_constraint_check(wanted, &found);
}

static void set_fetched(struct resolver *r, struct fetched *f, const struct chart *c, struct str bytes)
{
    *f = (struct fetched){ .file_name = arena_fmt(r->a, "%.*s-%.*s.tgz", STR(c->name), STR(c->version)),
                           .bytes = bytes,
                           .digest = arena_fmt(r->a, "sha256:%.*s", STR(sha256_hex(r->a, bytes))) };
}

static bool note_missing(struct resolver *r, const struct chart_dependency *d)
{
    buf_fmt(&r->missing, "%s%.*s (repository %.*s, version %.*s)", r->n_missing++ > 0 ? ", " : "",
            STR(go_quote(r->a, d->name)), STR(go_quote(r->a, url_redact(r->a, d->repository))),
            STR(go_quote(r->a, d->version)));
    return true;
}

static bool fetch_folder(struct resolver *r, const struct chart_dependency *d, struct chart_dependency *lock,
                         struct fetched *out)
{
    struct chart *c;
    struct str bytes;

    if (!load_local(r, d, &c))
        return false;
    if (!satisfies(r->a, d->version, c->version))
        return note_missing(r, d);
    lock->version = c->version;
    if (!package_bytes(r->a, c, &bytes, r->e))
        return err_wrap(r->e, "dependency %.*s", STR(d->name));
    set_fetched(r, out, c, bytes);
    return true;
}

/* Without a repository the chart lies in charts/ already; its version must fit. */
static bool check_present(struct resolver *r, const struct chart_dependency *d)
{
    struct chart *c;

    if (!load_local(r, d, &c))
        return false;
    return satisfies(r->a, d->version, c->version)
           || err_set(r->e, ERR_NOT_FOUND, "dependency %.*s at version %.*s does not satisfy the constraint %.*s",
                      STR(d->name), STR(c->version), STR(d->version));
}

/* ---- HTTP repositories ---------------------------------------------------------------------- */

static bool fetch_index(struct resolver *r, struct str repository, struct str *out)
{
    const struct value *known = map_get(r->indexes, repository);
    bool slash = str_ends(repository, S("/"));
    struct str url = arena_fmt(r->a, "%.*s%sindex.yaml", STR(repository), slash ? "" : "/");

    if (known != NULL) {
        *out = value_as_str(known);
        return true;
    }
    bool ok = r->fetcher->index != NULL ? r->fetcher->index(r->fetcher->user, r->a, repository, out, r->e)
                                        : r->fetcher->get(r->fetcher->user, r->a, url, out, r->e);
    if (!ok)
        return err_wrap(r->e, "looks like \"%.*s\" is not a valid chart repository or cannot be reached",
                        STR(url_redact(r->a, repository)));
    map_put(r->a, r->indexes, repository, value_str(*out));
    return true;
}

static struct str without_algorithm(struct str digest)
{
    if (str_starts(digest, S("sha256:")))
        str_cut(&digest, sizeof "sha256:" - 1);
    return digest;
}

static bool check_digest(struct resolver *r, struct str stated, struct str bytes)
{
    struct str actual = sha256_hex(r->a, bytes);

    if (stated.n == 0 || str_ieq(stated, actual))
        return true;
    return err_set(r->e, ERR_INVALID, "digest is sha256:%.*s, but the repository's index states sha256:%.*s",
                   STR(actual), STR(stated));
}

static bool same_version(struct str a, struct str b)
{
    struct semver left, right;
    struct err ignored;

    return str_eq(a, b)
           || (semver_parse(a, &left, &ignored) && semver_parse(b, &right, &ignored)
               && semver_compare(&left, &right) == 0);
}

static bool check_package(struct resolver *r, const struct chart_dependency *d, struct str version, struct str bytes,
                          struct fetched *out)
{
    struct chart_files files = { 0 };
    struct chart *c;

    if (!chart_read_archive(r->a, bytes, &files, r->e) || !chart_from_files(r->a, &files, 0, &c, r->e))
        return false;
    if (!str_eq(c->name, d->name))
        return err_set(r->e, ERR_INVALID, "it holds the chart %.*s instead", STR(c->name));
    if (!same_version(c->version, version))
        return err_set(r->e, ERR_INVALID, "it holds version %.*s instead of %.*s", STR(c->version), STR(version));
    set_fetched(r, out, c, bytes);
    return true;
}

static bool fetch_package(struct resolver *r, const struct chart_dependency *d, const struct repository_entry *entry,
                          struct fetched *out)
{
    const struct chart_fetcher *f = r->fetcher;
    struct str bytes, digest = without_algorithm(entry->digest);
    bool ok = f->package != NULL ? f->package(f->user, r->a, d->repository, entry->url, digest, &bytes, r->e)
                                 : f->get(f->user, r->a, entry->url, &bytes, r->e);

    return (ok && check_digest(r, digest, bytes) && check_package(r, d, entry->version, bytes, out))
           || err_wrap(r->e, "could not download %.*s", STR(url_redact(r->a, entry->url)));
}

static bool fetch_http(struct resolver *r, const struct chart_dependency *d, struct chart_dependency *lock,
                       struct fetched *out)
{
    struct repository_entries entries;
    struct semver_constraint *wanted;
    struct str index;

    if (r->fetcher->get == NULL)
        return err_set(r->e, ERR_UNAVAILABLE, "dependency %.*s needs the network", STR(d->name));
    if (!semver_constraint_parse(r->a, d->version, &wanted, r->e) || !fetch_index(r, d->repository, &index))
        return false;
    if (!repository_find(r->a, index, d->repository, d->name, &entries, r->e))
        return r->e->kind == ERR_NOT_FOUND
                   ? false
                   : err_wrap(r->e, "index of repository %.*s", STR(url_redact(r->a, d->repository)));
    const struct repository_entry *entry = repository_pick(&entries, wanted);
    if (entry == NULL)
        return note_missing(r, d);
    lock->version = entry->version;
    return fetch_package(r, d, entry, out);
}

/* ---- registries ----------------------------------------------------------------------------- */

/* An exact version is taken as it is; for a constraint the registry's tags are listed. */
static bool pick_version(struct resolver *r, const struct chart_dependency *d, struct str chart, struct str *out)
{
    struct str *versions;
    struct semver exact;
    struct err ignored;
    size_t n;

    *out = semver_parse(d->version, &exact, &ignored) ? d->version : S("");
    if (out->n > 0)
        return true;
    if (!r->fetcher->versions(r->fetcher->user, r->a, chart, &versions, &n, r->e))
        return false;
    for (size_t i = 0; i < n && out->n == 0; i++)
        if (satisfies(r->a, d->version, versions[i]))
            *out = versions[i];
    return true;
}

static bool fetch_oci(struct resolver *r, const struct chart_dependency *d, struct chart_dependency *lock,
                      struct fetched *out)
{
    bool slash = str_ends(d->repository, S("/"));
    struct str chart = arena_fmt(r->a, "%.*s%s%.*s", STR(d->repository), slash ? "" : "/", STR(d->name));
    struct str bytes;

    if (r->fetcher->pull == NULL || r->fetcher->versions == NULL)
        return err_set(r->e, ERR_UNAVAILABLE, "dependency %.*s: registries (oci://) are not reached from here",
                       STR(d->name));
    if (!pick_version(r, d, chart, &lock->version))
        return false;
    if (lock->version.n == 0)
        return note_missing(r, d);
    return (r->fetcher->pull(r->fetcher->user, r->a, chart, lock->version, &bytes, r->e)
            && check_package(r, d, lock->version, bytes, out))
           || err_wrap(r->e, "could not download %.*s", STR(chart));
}

/* ---- resolving ------------------------------------------------------------------------------ */

static bool check_constraint(struct resolver *r, const struct chart_dependency *d)
{
    struct semver_constraint *wanted;

    return semver_constraint_parse(r->a, d->version, &wanted, r->e)
           || err_wrap(r->e, "dependency %.*s has an invalid version/constraint format", STR(go_quote(r->a, d->name)));
}

static bool fetch_one(struct resolver *r, const struct chart_dependency *d, struct chart_dependency *lock,
                      struct fetched *out)
{
    *lock = (struct chart_dependency){ .name = d->name, .repository = d->repository, .version = d->version };
    if (!check_constraint(r, d))
        return false;
    if (d->repository.n == 0)
        return check_present(r, d);
    if (is_local(d->repository))
        return fetch_folder(r, d, lock, out);
    if (is_http(d->repository))
        return fetch_http(r, d, lock, out);
    if (is_registry(d->repository))
        return fetch_oci(r, d, lock, out);
    return err_set(r->e, ERR_INVALID,
                   "dependency %.*s: repository %.*s is none of https://, http://, oci://, file://, @NAME",
                   STR(d->name), STR(go_quote(r->a, url_redact(r->a, d->repository))));
}

static bool fetch_all(struct resolver *r, const struct chart_dependencies *wanted)
{
    r->locked = (struct chart_dependencies){ arena_new(r->a, struct chart_dependency, wanted->n), wanted->n, true };
    r->fetched = arena_new(r->a, struct fetched, wanted->n);
    for (size_t i = 0; i < wanted->n; i++)
        if (!fetch_one(r, &wanted->v[i], &r->locked.v[i], &r->fetched[i]))
            return false;
    if (r->n_missing == 0)
        return true;
    return err_set(r->e, ERR_NOT_FOUND,
                   "can't get a valid version for %zu subchart(s): %.*s. Make sure a matching chart version exists in "
                   "the repo, or change the version constraint in Chart.yaml",
                   r->n_missing, STR(buf_str(&r->missing)));
}

/* The lock's entries are exact versions of what Chart.yaml wants, if its digest fits. */
static bool locked_dependencies(struct resolver *r, struct chart_dependencies *out)
{
    const struct chart *c = r->chart;
    const struct value *list = value_get(&c->lock, "dependencies");
    struct str stated = value_str_at(&c->lock, "digest");
    bool v1 = str_is(c->api_version, "v1");

    *out = (struct chart_dependencies){ arena_new(r->a, struct chart_dependency, value_len(list) + 1), value_len(list),
                                        true };
    for (size_t i = 0; i < out->n; i++) {
        const struct value *d = value_item(list, i);
        out->v[i] = (struct chart_dependency){ .name = value_str_at(d, "name"),
                                               .repository = value_str_at(d, "repository"),
                                               .version = value_str_at(d, "version") };
    }
    if (str_eq(stated, lock_digest(r->a, &r->wanted, out)) || (v1 && str_eq(stated, lock_digest_v2(r->a, &r->wanted))))
        return true;
    return err_set(r->e, ERR_CONFLICT,
                   "the lock file (%s) is out of sync with the dependencies file (%s). Please update the dependencies",
                   v1 ? "requirements.lock" : "Chart.lock", v1 ? "requirements.yaml" : "Chart.yaml");
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_kept(const struct resolver *r, struct str file_name)
{
    for (size_t i = 0; i < r->locked.n; i++)
        if (str_eq(r->fetched[i].file_name, file_name))
            return true;
    return false;
}

static bool is_present_dependency(const struct resolver *r, const struct chart *c)
{
    for (size_t i = 0; i < r->locked.n; i++)
        if (r->locked.v[i].repository.n == 0 && str_eq(r->locked.v[i].name, c->name))
            return true;
    return false;
}

static bool is_outdated(const struct resolver *r, const char *path)
{
    CLEANUP(arena_close) struct arena scratch = { 0 };
    struct chart *c;
    struct err ignored;

    return !fs_is_dir(path) && chart_load(&scratch, path, &c, &ignored) && !is_present_dependency(r, c);
}

/* Packages of charts, or of versions, that are no longer wanted. */
static bool delete_outdated(struct resolver *r, const char *charts)
{
    struct fs_names names;

    if (!fs_list(r->a, charts, &names, r->e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        const char *path = fs_join(r->a, charts, arena_c(r->a, names.v[i]));
        if (is_kept(r, names.v[i]) || !is_outdated(r, path))
            continue;
        if (unlink(path) != 0 && errno != ENOENT)
            return err_sys(r->e, "delete outdated %s", path);
    }
    return true;
}

static bool write_package(struct resolver *r, const char *charts, struct fetched *f)
{
    const char *path = fs_join(r->a, charts, arena_c(r->a, f->file_name));

    f->added = !fs_exists(path);
    return fs_write(path, f->bytes, 0644, r->e);
}

/* What was not there before goes again, as far as it can. */
static void take_back(struct resolver *r, const char *charts)
{
    for (size_t i = 0; i < r->locked.n; i++)
        if (r->fetched[i].added)
            unlink(fs_join(r->a, charts, arena_c(r->a, r->fetched[i].file_name)));
}

static bool write_charts(struct resolver *r)
{
    const char *charts = fs_join(r->a, r->dir, "charts");

    if (!fs_mkdirs(charts, 0755, r->e))
        return false;
    for (size_t i = 0; i < r->locked.n; i++) {
        if (r->fetched[i].file_name.n > 0 && !write_package(r, charts, &r->fetched[i])) {
            take_back(r, charts);
            return false;
        }
    }
    return delete_outdated(r, charts);
}

static bool write_lock(struct resolver *r)
{
    const char *name = str_is(r->chart->api_version, "v1") ? "requirements.lock" : "Chart.lock";
    const char *path = fs_join(r->a, r->dir, name);
    struct str digest = lock_digest(r->a, &r->wanted, &r->locked);
    struct stat st;

    if (str_eq(digest, value_str_at(&r->chart->lock, "digest")))
        return true;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return err_set(r->e, ERR_DENIED, "the %s file is a symlink", name);
    return fs_write(path, lock_text(r->a, &r->locked, digest), 0644, r->e);
}

static struct value report(struct resolver *r)
{
    struct value list = value_list(r->a);

    for (size_t i = 0; i < r->locked.n; i++) {
        const struct chart_dependency *d = &r->locked.v[i];
        struct value one = value_map(r->a);
        value_set(r->a, &one, "name", value_str(d->name));
        value_set(r->a, &one, "version", value_str(d->version));
        value_set(r->a, &one, "repository", value_str(url_redact(r->a, d->repository)));
        value_set(r->a, &one, "digest", value_str(r->fetched[i].digest));
        list_push(r->a, list.list, one);
    }
    return list;
}

bool chart_dependencies_build(struct arena *a, const char *dir, const struct chart_fetcher *f, bool update,
                              bool write_lock_file, struct value *out_resolved, struct err *e)
{
    struct value indexes = value_map(a);
    struct resolver r = { .a = a, .dir = dir, .fetcher = f, .indexes = indexes.map, .missing = { .a = a }, .e = e };
    struct chart_dependencies wanted;
    struct chart *c;

    if (!fs_is_dir(dir))
        return err_set(e, ERR_INVALID, "only unpacked charts can be updated, and %s is no folder", dir);
    if (!chart_load_within(a, dir, f->root, &c, e))
        return false;
    r.chart = c;
    *out_resolved = value_list(a);
    if (!c->wants.declared)
        return true;
    if (!resolve_names(&r))
        return false;
    bool locked = !update && c->lock.kind == VALUE_MAP;
    wanted = r.wanted;
    if (locked && !locked_dependencies(&r, &wanted))
        return false;
    if (!fetch_all(&r, &wanted) || !write_charts(&r))
        return false;
    if (!locked && write_lock_file && !write_lock(&r))
        return false;
    *out_resolved = report(&r);
    return true;
}
