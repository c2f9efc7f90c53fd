/* oci/layout.c - pushing an OCI layout folder: index.json and blobs/ALGORITHM/HEX. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/json.h"
#include "oci/digest.h"
#include "oci/internal.h"

enum { DEPTH_MAX = 4 };

struct pusher {
    struct arena *a;
    struct oci_client *client;
    const char *folder;
    struct oci_reference target;
};

/* Digests are checked before they become path names. */
static bool blob_path(struct pusher *p, struct str digest, const char **out, struct err *e)
{
    if (!oci_digest_valid(digest))
        return err_set(e, ERR_INVALID, "%s names a bad digest \"%.*s\"", p->folder, STR(utf8_prefix(digest, 100)));
    *out =
        arena_fmt(p->a, "%s/blobs/%.*s/%.*s", p->folder, STR(oci_digest_algorithm(digest)), STR(oci_digest_hex(digest)))
            .p;
    return true;
}

static bool push_blob(struct pusher *p, const struct value *v, struct err *e)
{
    struct oci_descriptor d = oci_descriptor_of(v);
    const char *path = NULL;
    struct str digest = { 0 };
    if (!blob_path(p, d.digest, &path, e))
        return false;
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "read blob %s", path);
    if (!oci_digest_of_fd(p->a, fd, 0, d.size, d.digest, &digest, e))
        return err_wrap(e, "%s", path);
    if (!str_eq(digest, d.digest))
        return err_set(e, ERR_INVALID, "%s: content has digest %.*s", path, STR(digest));
    return oci_blob_put(p->a, p->client, &p->target, &d, S(""), fd, e);
}

static bool read_manifest(struct pusher *p, const struct oci_descriptor *d, struct str *bytes, struct value *v,
                          struct err *e)
{
    const char *path = NULL;
    if (!blob_path(p, d->digest, &path, e) || !fs_read(p->a, AT_FDCWD, path, OCI_MANIFEST_MAX, bytes, e))
        return false;
    struct str digest = oci_digest_of(p->a, *bytes, d->digest);
    if (!str_eq(digest, d->digest))
        return err_set(e, ERR_INVALID, "%s: content has digest %.*s", path, STR(digest));
    return json_parse(p->a, *bytes, v, e) || err_wrap(e, "%s", path);
}

static bool push_image_blobs(struct pusher *p, const struct value *manifest, struct err *e)
{
    const struct value *layers = value_get(manifest, "layers");
    for (size_t i = 0; i < value_len(layers); i++)
        if (!push_blob(p, value_item(layers, i), e))
            return false;
    return push_blob(p, value_get(manifest, "config"), e);
}

static bool push_children(struct pusher *p, const struct value *index, int depth, struct err *e);

/* Content first, then the manifest itself under `to`. */
static bool push_manifest(struct pusher *p, struct oci_descriptor *d, const struct oci_reference *to, int depth,
                          struct err *e)
{
    struct str bytes = { 0 };
    struct value v = { 0 };
    if (!read_manifest(p, d, &bytes, &v, e))
        return false;
    if (d->media_type.n == 0)
        d->media_type = value_as_str(value_get(&v, "mediaType"));
    bool ok = oci_is_index(d->media_type) ? push_children(p, &v, depth + 1, e) : push_image_blobs(p, &v, e);
    d->size = (int64_t)bytes.n;
    return ok && oci_manifest_put(p->a, p->client, to, d->media_type, bytes, &d->digest, e);
}

static bool push_children(struct pusher *p, const struct value *index, int depth, struct err *e)
{
    const struct value *list = value_get(index, "manifests");
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "%s: indexes are nested deeper than %d", p->folder, DEPTH_MAX);
    for (size_t i = 0; i < value_len(list); i++) {
        struct oci_descriptor d = oci_descriptor_of(value_item(list, i));
        struct oci_reference to = oci_reference_at(&p->target, d.digest);
        if (!push_manifest(p, &d, &to, depth, e))
            return false;
    }
    return true;
}

/* Several images in index.json are one multi-platform image when each names its platform: then the file itself is the
 * index. */
static bool push_index_file(struct pusher *p, struct str bytes, const struct value *index, struct oci_descriptor *out,
                            struct err *e)
{
    const struct value *list = value_get(index, "manifests");
    for (size_t i = 0; i < value_len(list); i++)
        if (value_get(value_item(list, i), "platform")->kind != VALUE_MAP)
            return err_set(e, ERR_INVALID, "%s holds %zu images without platforms; leave one in index.json", p->folder,
                           value_len(list));
    if (!push_children(p, index, 1, e))
        return false;
    *out = (struct oci_descriptor){ .media_type = S(OCI_INDEX), .size = (int64_t)bytes.n };
    return oci_manifest_put(p->a, p->client, &p->target, S(OCI_INDEX), bytes, &out->digest, e);
}

bool oci_layout_push(struct arena *a, struct oci_client *c, const char *layout, const struct oci_reference *r,
                     struct oci_descriptor *out, struct err *e)
{
    struct pusher p = { .a = a, .client = c, .folder = layout, .target = *r };
    const char *path = fs_join(a, layout, "index.json");
    struct str bytes = { 0 };
    struct value index = { 0 };
    if (!fs_read(a, AT_FDCWD, path, OCI_MANIFEST_MAX, &bytes, e))
        return err_wrap(e, "%s is no OCI layout", layout);
    if (!json_parse(a, bytes, &index, e))
        return err_wrap(e, "%s", path);
    const struct value *list = value_get(&index, "manifests");
    if (value_len(list) == 0)
        return err_set(e, ERR_INVALID, "%s: no image in index.json", layout);
    if (value_len(list) > 1)
        return push_index_file(&p, bytes, &index, out, e);
    struct oci_descriptor d = oci_descriptor_of(value_item(list, 0));
    if (!push_manifest(&p, &d, r, 1, e))
        return false;
    *out = d;
    return true;
}
