/* The cache of charts and indexes, see download_cache.h. */
#include "cli/download_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "net/url.h"
#include "oci/digest.h"

enum { INDEX_FILE_MAX = 64 << 10 };

struct download_cache download_cache_open(struct arena *a)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache != NULL && cache[0] == '/')
        return (struct download_cache){ arena_fmt(a, "%s/vitrine/charts", cache).p };
    if (home != NULL && home[0] == '/')
        return (struct download_cache){ arena_fmt(a, "%s/.cache/vitrine/charts", home).p };
    return (struct download_cache){ NULL };
}

static struct str digest_of(struct arena *a, struct str bytes)
{
    return oci_digest_hex(oci_digest_of(a, bytes, S("")));
}

static bool is_digest(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n == 64;
}

/* ---- blobs ---------------------------------------------------------------------------------- */

static const char *blob_path(struct arena *a, const struct download_cache *c, struct str digest)
{
    return arena_fmt(a, "%s/blobs/%.*s", c->dir, STR(digest)).p;
}

bool download_cache_get(struct arena *a, const struct download_cache *c, struct str digest, struct str *out)
{
    struct str bytes;
    struct err ignored;

    if (c->dir == NULL || !is_digest(digest))
        return false;
    const char *path = blob_path(a, c, digest);
    if (!fs_read(a, AT_FDCWD, path, FS_READ_MAX, &bytes, &ignored))
        return false;
    if (!str_eq(digest_of(a, bytes), digest)) {
        unlink(path);
        return false;
    }
    utimensat(AT_FDCWD, path, NULL, 0); /* used now: the last to go */
    *out = bytes;
    return true;
}

struct blob {
    const char *path;
    int64_t bytes, used_ms;
};

static int longest_unused_first(const void *left, const void *right)
{
    const struct blob *a = left, *b = right;

    return a->used_ms < b->used_ms ? -1 : a->used_ms > b->used_ms;
}

static void make_room(struct arena *a, const struct download_cache *c)
{
    const char *dir = fs_join(a, c->dir, "blobs");
    struct fs_names names;
    struct err ignored;
    int64_t total = 0;
    size_t n = 0;

    if (!fs_list(a, dir, &names, &ignored))
        return;
    struct blob *blobs = arena_new(a, struct blob, names.n + 1);
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        const char *path = fs_join(a, dir, arena_c(a, names.v[i]));
        if (lstat(path, &st) != 0)
            continue;
        blobs[n++] =
            (struct blob){ path, st.st_size, (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000 };
        total += st.st_size;
    }
    qsort(blobs, n, sizeof *blobs, longest_unused_first);
    for (size_t i = 0; i < n && total > DOWNLOAD_CACHE_MAX; i++) {
        unlink(blobs[i].path);
        total -= blobs[i].bytes;
    }
}

static bool write_file(struct arena *a, const struct download_cache *c, const char *folder, const char *path,
                       struct str bytes)
{
    struct err ignored;

    return fs_mkdirs(fs_join(a, c->dir, folder), 0700, &ignored) && fs_write(path, bytes, 0600, &ignored);
}

void download_cache_put(struct arena *a, const struct download_cache *c, struct str bytes)
{
    if (c->dir == NULL)
        return;
    const char *path = blob_path(a, c, digest_of(a, bytes));
    if (!fs_exists(path) && write_file(a, c, "blobs", path, bytes))
        make_room(a, c);
}

/* ---- indexes -------------------------------------------------------------------------------- */

static const char *index_path(struct arena *a, const struct download_cache *c, struct str url)
{
    return arena_fmt(a, "%s/index/%.*s.json", c->dir, STR(digest_of(a, url))).p;
}

bool download_cache_index(struct arena *a, const struct download_cache *c, struct str url, struct cached_index *out)
{
    struct str text;
    struct value v;
    struct cached_index found;
    struct err ignored;

    if (c->dir == NULL || !fs_read(a, AT_FDCWD, index_path(a, c, url), INDEX_FILE_MAX, &text, &ignored)
        || !json_parse(a, text, &v, &ignored))
        return false;
    found.etag = value_str_at(&v, "etag");
    found.last_modified = value_str_at(&v, "lastModified");
    found.fetched_ms = value_int_at(&v, "fetchedMs", 0);
    if (!download_cache_get(a, c, value_str_at(&v, "digest"), &found.text))
        return false;
    *out = found;
    return true;
}

void download_cache_put_index(struct arena *a, const struct download_cache *c, struct str url,
                              const struct cached_index *index)
{
    struct value v = value_map(a);

    if (c->dir == NULL)
        return;
    download_cache_put(a, c, index->text);
    value_set(a, &v, "url", value_str(url_redact(a, url))); /* for people who look */
    value_set(a, &v, "etag", value_str(index->etag));
    value_set(a, &v, "lastModified", value_str(index->last_modified));
    value_set(a, &v, "digest", value_str(digest_of(a, index->text)));
    value_set(a, &v, "fetchedMs", value_int(index->fetched_ms));
    write_file(a, c, "index", index_path(a, c, url), json_str(a, &v, JSON_INDENT));
}
