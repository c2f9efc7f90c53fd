/* oci/image.c - the image of this machine's platform behind a reference. */
#include <sys/utsname.h>

#include "data/json.h"
#include "oci/digest.h"
#include "oci/internal.h"

enum { LAYERS_MAX = 1000, INDEX_DEPTH_MAX = 3 };

struct str oci_platform_architecture(void)
{
    static const char *const names[][2] = {
        { "x86_64", "amd64" }, { "aarch64", "arm64" },   { "armv7l", "arm" },
        { "armv6l", "arm" },   { "i686", "386" },        { "ppc64le", "ppc64le" },
        { "s390x", "s390x" },  { "riscv64", "riscv64" }, { "loongarch64", "loong64" },
    };
    struct utsname machine;
    if (uname(&machine) != 0)
        return S("amd64");
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(machine.machine, names[i][0]) == 0)
            return str_c(names[i][1]);
    return S("unknown");
}

static bool choose(struct arena *a, const struct value *index, struct str *out, struct err *e)
{
    const struct value *list = value_get(index, "manifests");
    struct str architecture = oci_platform_architecture();
    struct buf offered = { .a = a };
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *m = value_item(list, i), *platform = value_get(m, "platform");
        struct str os = value_as_str(value_get(platform, "os"));
        struct str arch = value_as_str(value_get(platform, "architecture"));
        if (str_is(os, "linux") && str_eq(arch, architecture)) {
            *out = value_as_str(value_get(m, "digest"));
            return true;
        }
        if (!str_is(arch, "unknown")) /* attestations */
            buf_fmt(&offered, "%s%.*s/%.*s", offered.n > 0 ? ", " : "", STR(os), STR(arch));
    }
    return err_set(e, ERR_NOT_FOUND, "no image for linux/%.*s (it offers: %.*s)", STR(architecture),
                   STR(buf_str(&offered)));
}

/* The image manifest's bytes, through at most INDEX_DEPTH_MAX indexes. */
static bool find_manifest(struct arena *a, struct oci_client *c, struct oci_reference r, struct oci_descriptor *out,
                          struct value *manifest, struct err *e)
{
    for (int depth = 0; depth <= INDEX_DEPTH_MAX; depth++) {
        struct str bytes = { 0 }, digest = { 0 };
        if (!oci_manifest_get(a, c, &r, out, &bytes, e) || !json_parse(a, bytes, manifest, e))
            return false;
        if (!oci_is_index(out->media_type))
            return true;
        if (!choose(a, manifest, &digest, e))
            return err_wrap(e, "%.*s", STR(oci_reference_str(a, &r)));
        if (!oci_digest_valid(digest))
            return err_set(e, ERR_INVALID, "index names a bad digest");
        r = oci_reference_at(&r, digest);
    }
    return err_set(e, ERR_LIMIT, "indexes are nested deeper than %d", INDEX_DEPTH_MAX);
}

static bool read_layers(struct arena *a, const struct value *manifest, struct oci_image *image, struct err *e)
{
    const struct value *layers = value_get(manifest, "layers");
    const struct value *ids = value_at(&image->config_json, "rootfs.diff_ids");
    size_t n = value_len(layers);
    if (n > LAYERS_MAX)
        return err_set(e, ERR_LIMIT, "image has more than %d layers", LAYERS_MAX);
    if (value_len(ids) != n)
        return err_set(e, ERR_INVALID, "image has %zu layers but %zu diff ids", n, value_len(ids));
    image->layers = arena_new(a, struct oci_descriptor, n);
    image->diff_ids = arena_new(a, struct str, n);
    image->n_layers = n;
    for (size_t i = 0; i < n; i++) {
        image->layers[i] = oci_descriptor_of(value_item(layers, i));
        image->diff_ids[i] = value_as_str(value_item(ids, i));
        if (!oci_digest_valid(image->layers[i].digest) || !oci_digest_valid(image->diff_ids[i]))
            return err_set(e, ERR_INVALID, "layer %zu has a bad digest", i + 1);
    }
    return true;
}

static bool read_image(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct oci_image *image,
                       struct err *e)
{
    struct value manifest = { 0 };
    struct str config = { 0 };
    if (!find_manifest(a, c, *r, &image->manifest, &manifest, e))
        return false;
    if (!oci_is_image(image->manifest.media_type))
        return err_set(e, ERR_INVALID, "%.*s is no image but %.*s", STR(oci_reference_str(a, r)),
                       STR(image->manifest.media_type));
    image->config = oci_descriptor_of(value_get(&manifest, "config"));
    if (!oci_blob_read(a, c, r, &image->config, OCI_CONFIG_MAX, &config, e)
        || !json_parse(a, config, &image->config_json, e) || !read_layers(a, &manifest, image, e))
        return err_wrap(e, "%.*s", STR(oci_reference_str(a, r)));
    return true;
}

bool oci_image_get(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct oci_image *out,
                   struct err *e)
{
    struct oci_image image = { 0 };
    if (!read_image(a, c, r, &image, e))
        return false;
    *out = image;
    return true;
}
