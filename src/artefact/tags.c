/* artefact/tags.c - names: sha-<sha>, pr-<n>, what they point to, moving them. */
#include "artefact/internal.h"

bool artefact_image_parse(struct arena *a, struct str text, struct oci_reference *out, struct err *e)
{
    struct oci_reference r = { 0 };
    if (!oci_reference_parse(a, text, &r, e))
        return false;
    struct str tag = arena_fmt(a, ":%.*s", STR(r.tag));
    if (r.digest.n > 0 || str_ends(text, tag))
        return err_set(e, ERR_INVALID, "\"%.*s\" names one image; give the repository without tag and digest",
                       STR(text));
    r.tag = S("");
    *out = r;
    return true;
}

bool artefact_check_sha(struct str sha, struct err *e)
{
    bool ok = sha.n == 40 || sha.n == 64;
    for (size_t i = 0; ok && i < sha.n; i++)
        ok = (sha.p[i] >= '0' && sha.p[i] <= '9') || (sha.p[i] >= 'a' && sha.p[i] <= 'f');
    return ok
           || err_set(e, ERR_INVALID, "\"%.*s\" is not a full commit sha (40 lower-case hex digits)",
                      STR(utf8_prefix(sha, 80)));
}

struct oci_reference artefact_named(const struct oci_reference *image, struct str tag)
{
    return (struct oci_reference){ .registry = image->registry, .repository = image->repository, .tag = tag };
}

struct str artefact_sha_tag(struct arena *a, struct str sha)
{
    return arena_fmt(a, "sha-%.*s", STR(sha));
}

struct str artefact_pull_tag(struct arena *a, int64_t number)
{
    return arena_fmt(a, "pr-%lld", (long long)number);
}

bool artefact_look(struct arena *a, struct oci_client *c, const struct oci_reference *image, struct str tag,
                   struct oci_descriptor *out, struct err *e)
{
    struct oci_reference r = artefact_named(image, tag);
    struct err seen = { 0 };
    *out = (struct oci_descriptor){ 0 };
    if (oci_resolve(a, c, &r, out, &seen) || seen.kind == ERR_NOT_FOUND)
        return true;
    *e = seen;
    return false;
}

bool artefact_name(struct arena *a, struct oci_client *c, const struct oci_reference *image, struct str tag,
                   const struct oci_descriptor *now, const struct artefact_bytes *manifest, struct artefact_tag *out,
                   struct err *e)
{
    struct oci_reference r = artefact_named(image, tag);
    struct artefact_tag done = { .tag = tag, .digest = manifest->manifest.digest };
    struct str digest = { 0 };
    if (!str_eq(now->digest, done.digest)) {
        done.before = now->digest;
        done.change = now->digest.n > 0 ? ARTEFACT_MOVED : ARTEFACT_NEW;
        if (!oci_manifest_put(a, c, &r, manifest->manifest.media_type, manifest->bytes, &digest, e))
            return false;
    }
    *out = done;
    return true;
}

bool artefact_tags(struct arena *a, struct oci_client *c, const struct oci_reference *image,
                   struct artefact_listed **out, size_t *out_n, struct err *e)
{
    struct str *names = NULL;
    size_t n = 0, kept = 0;
    if (!oci_tags(a, c, image, &names, &n, e))
        return false;
    struct artefact_listed *list = arena_new(a, struct artefact_listed, n);
    for (size_t i = 0; i < n; i++) {
        struct oci_descriptor d = { 0 };
        if (!artefact_look(a, c, image, names[i], &d, e))
            return false;
        if (d.digest.n > 0)
            list[kept++] = (struct artefact_listed){ .tag = names[i], .manifest = d };
    }
    *out = list;
    *out_n = kept;
    return true;
}
