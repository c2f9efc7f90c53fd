/*
 * oci/registry_sweep.c - giving disk space back: mark what names reach, sweep the rest.
 *
 *     tags -> manifests -> the manifests of an index, configurations, layers
 *
 * A manifest that no tag reaches goes with its links, unless it says what it belongs to (`subject`) and that still
 * stands. Everything younger than the grace period stays, so that a push under way, whose blobs come before their
 * names, loses nothing. Forgetting comes before removing: a crash in between leaves bytes without a name, for the next
 * sweep.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/json.h"
#include "oci/digest.h"
#include "oci/registry_internal.h"

enum { INDEX_DEPTH_MAX = 8, REPO_DEPTH_MAX = 32 };

struct sweep {
    struct visit v;     /* `repo` is the repository at hand */
    int64_t before_s;   /* older files may go */
    struct map *marked; /* digests that the repository at hand reaches */
    struct map *linked; /* digests that any repository has */
    struct oci_swept done;
};

static bool is_old(struct sweep *s, const char *path, int64_t *size)
{
    struct stat st;
    if (lstat(path, &st) != 0 || st.st_mtim.tv_sec >= s->before_s)
        return false;
    *size = st.st_size;
    return true;
}

static void note(struct sweep *s, struct map *set, struct str digest)
{
    map_put(s->v.a, set, digest, value_bool(true));
}

/* Names in a folder of the registry; none when it is not there. */
static struct fs_names names_in(struct sweep *s, const char *path)
{
    struct fs_names names = { 0 };
    struct err none = { 0 };
    if (!fs_list(s->v.a, path, &names, &none))
        names.n = 0;
    return names;
}

/* ---- marking ------------------------------------------------------------------------------ */

static bool read_manifest(struct sweep *s, struct str digest, struct value *out)
{
    struct str bytes = { 0 };
    struct err e = { 0 };
    return fs_read(s->v.a, AT_FDCWD, reg_blob_path(&s->v, digest), OCI_MANIFEST_MAX, &bytes, &e)
           && json_parse(s->v.a, bytes, out, &e);
}

static void mark_manifest(struct sweep *s, struct str digest, int depth);

static void mark_list(struct sweep *s, const struct value *list, bool manifests, int depth)
{
    for (size_t i = 0; i < value_len(list); i++) {
        struct str digest = value_as_str(value_get(value_item(list, i), "digest"));
        if (manifests)
            mark_manifest(s, digest, depth + 1);
        else
            note(s, s->marked, digest);
    }
}

static void mark_manifest(struct sweep *s, struct str digest, int depth)
{
    struct value doc = { 0 };
    if (!oci_digest_valid(digest) || map_get(s->marked, digest) != NULL || depth > INDEX_DEPTH_MAX)
        return;
    note(s, s->marked, digest);
    if (!read_manifest(s, digest, &doc))
        return;
    note(s, s->marked, value_str_at(&doc, "config.digest"));
    mark_list(s, value_get(&doc, "layers"), false, depth);
    mark_list(s, value_get(&doc, "manifests"), true, depth);
}

/* Signatures and the like: reachable when their subject is. */
static void mark_referrers(struct sweep *s, const struct fs_names *manifests, const char *algorithm)
{
    for (bool found = true; found;) { /* a referrer may have referrers itself */
        found = false;
        for (size_t i = 0; i < manifests->n; i++) {
            struct str digest = arena_fmt(s->v.a, "%s:%.*s", algorithm, STR(manifests->v[i]));
            struct value doc = { 0 };
            if (map_get(s->marked, digest) != NULL || !read_manifest(s, digest, &doc))
                continue;
            struct str subject = value_str_at(&doc, "subject.digest");
            if (subject.n > 0 && map_get(s->marked, subject) != NULL) {
                mark_manifest(s, digest, 0);
                found = true;
            }
        }
    }
}

/* What no tag reaches but is too young to go, with all it names. */
static void mark_young(struct sweep *s, const struct fs_names *manifests, const char *algorithm)
{
    for (size_t i = 0; i < manifests->n; i++) {
        struct str digest = arena_fmt(s->v.a, "%s:%.*s", algorithm, STR(manifests->v[i]));
        int64_t size = 0;
        if (!is_old(s, reg_link_path(&s->v, s->v.repo, "_manifests", digest), &size))
            mark_manifest(s, digest, 0);
    }
}

/* ---- sweeping one repository -------------------------------------------------------------- */

static const char *const algorithms[] = { "sha256", "sha512" };

static struct fs_names links(struct sweep *s, const char *kind, const char *algorithm)
{
    return names_in(s, reg_repo_path(&s->v, kind, str_c(algorithm)));
}

static void sweep_links(struct sweep *s, const char *kind, const char *algorithm)
{
    struct fs_names names = links(s, kind, algorithm);
    bool manifests = strcmp(kind, "_manifests") == 0;
    for (size_t i = 0; i < names.n; i++) {
        struct str digest = arena_fmt(s->v.a, "%s:%.*s", algorithm, STR(names.v[i]));
        const char *path = reg_link_path(&s->v, s->v.repo, kind, digest);
        int64_t size = 0;
        if (map_get(s->marked, digest) != NULL || !is_old(s, path, &size)) {
            note(s, s->linked, digest);
            continue;
        }
        if (manifests)
            reg_drop_referrer(&s->v, digest);
        if (unlink(path) == 0 && manifests)
            s->done.manifests++;
    }
}

static void sweep_uploads(struct sweep *s)
{
    struct fs_names names = names_in(s, reg_repo_path(&s->v, "_uploads", S("")));
    for (size_t i = 0; i < names.n; i++) {
        const char *path = reg_repo_path(&s->v, "_uploads", names.v[i]);
        int64_t size = 0;
        if (is_old(s, path, &size) && unlink(path) == 0)
            s->done.bytes += size;
    }
}

static void sweep_repo(struct sweep *s)
{
    struct fs_names tags = names_in(s, reg_repo_path(&s->v, "_tags", S("")));
    struct value marked = value_map(s->v.a);
    s->marked = marked.map;
    for (size_t i = 0; i < tags.n; i++)
        mark_manifest(s, reg_tag(&s->v, tags.v[i]), 0);
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        struct fs_names manifests = links(s, "_manifests", algorithms[i]);
        mark_young(s, &manifests, algorithms[i]);
        mark_referrers(s, &manifests, algorithms[i]);
    }
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        sweep_links(s, "_manifests", algorithms[i]);
        sweep_links(s, "_blobs", algorithms[i]);
    }
    sweep_uploads(s);
}

/* Repositories are folders with a '_' folder in them; names are folders below folders. */
static void sweep_repos(struct sweep *s, struct str repo, int depth)
{
    s->v.repo = repo;
    const char *folder = arena_fmt(s->v.a, "%s/repos/%.*s", s->v.reg->dir, STR(repo)).p;
    struct fs_names names = names_in(s, folder);
    bool is_repo = false;
    for (size_t i = 0; i < names.n; i++)
        is_repo = is_repo || names.v[i].p[0] == '_';
    if (is_repo && oci_repository_valid(repo))
        sweep_repo(s);
    for (size_t i = 0; i < names.n && depth < REPO_DEPTH_MAX; i++)
        if (names.v[i].p[0] != '_')
            sweep_repos(s, arena_fmt(s->v.a, "%.*s%s%.*s", STR(repo), repo.n > 0 ? "/" : "", STR(names.v[i])),
                        depth + 1);
}

/* ---- sweeping the content ----------------------------------------------------------------- */

static void sweep_shelf(struct sweep *s, const char *algorithm, struct str shelf)
{
    struct str folder = arena_fmt(s->v.a, "%s/blobs/%s/%.*s", s->v.reg->dir, algorithm, STR(shelf));
    struct fs_names names = names_in(s, folder.p);
    for (size_t i = 0; i < names.n; i++) {
        struct str digest = arena_fmt(s->v.a, "%s:%.*s", algorithm, STR(names.v[i]));
        const char *path = fs_join(s->v.a, folder.p, arena_c(s->v.a, names.v[i]));
        int64_t size = 0;
        if (map_get(s->linked, digest) != NULL || !is_old(s, path, &size) || unlink(path) != 0)
            continue;
        s->done.blobs++;
        s->done.bytes += size;
    }
}

void reg_sweep(struct oci_registry *r, int64_t grace_ms, struct oci_swept *out)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct sweep s = { .v = { .reg = r, .a = &a }, .before_s = (clock_wall_ms() - grace_ms) / 1000 };
    struct value linked = value_map(&a);
    s.linked = linked.map;
    sweep_repos(&s, S(""), 0);
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        struct fs_names shelves = names_in(&s, arena_fmt(&a, "%s/blobs/%s", r->dir, algorithms[i]).p);
        for (size_t k = 0; k < shelves.n; k++)
            sweep_shelf(&s, algorithms[i], shelves.v[k]);
    }
    *out = s.done;
}

void oci_registry_sweep(struct oci_registry *r, int64_t grace_ms, struct oci_swept *out)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->lock); /* names stand still meanwhile */
    reg_sweep(r, grace_ms, out);
}
