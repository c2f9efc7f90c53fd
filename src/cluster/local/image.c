/*
 * Images on disk, below <data>/images:
 *     refs/HEX.json    what a reference is: manifest digest, configuration, layer folders
 *     layers/HEX       a layer by diff ID, or HEX.CHAIN when it could only be unpacked over the layers below it
 *     tmp/             blobs and halves of layers; emptied at every start
 * A folder appears in layers/ by rename, whole and synced; a reference is written after its layers. So whatever is
 * there is right.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/environment.h"
#include "cluster/local/environment_spawn.h"
#include "cluster/local/layer_path.h"
#include "cluster/local/unpack.h"
#include "data/json.h"
#include "oci/digest.h"

enum { LAYERS_MAX = 500, REF_MAX = 16 << 20, CHAIN_HEX = 16, WAIT_STEP_MS = 60000 };

struct image_busy { /* a layer somebody is unpacking */
    struct image_busy *next;
    struct str diff_id;
};

/* ---- one at a time ----------------------------------------------------------------------------------------- */

static bool is_busy(const struct runtime *r, struct str diff_id)
{
    for (const struct image_busy *b = r->busy; b != NULL; b = b->next)
        if (str_eq(b->diff_id, diff_id))
            return true;
    return false;
}

static void claim(struct runtime *r, struct image_busy *mine)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->image_lock);
    while (is_busy(r, mine->diff_id))
        cond_wait_until(&r->image_done, &r->image_lock, clock_mono_ms() + WAIT_STEP_MS);
    mine->next = r->busy;
    r->busy = mine;
}

static void release(struct runtime *r, struct image_busy *mine)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&r->image_lock);
    struct image_busy **at = &r->busy;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    pthread_cond_broadcast(&r->image_done);
}

/* ---- what is known ------------------------------------------------------------------------------------------- */

static const char *ref_path(struct arena *a, const struct runtime *r, const struct oci_reference *ref)
{
    struct str name = oci_digest_of(a, oci_reference_str(a, ref), S(""));
    return arena_fmt(a, "%s/images/refs/%.*s.json", r->data_dir, STR(oci_digest_hex(name))).p;
}

static struct str layer_path(struct arena *a, const struct runtime *r, struct str name)
{
    return arena_fmt(a, "%s/images/layers/%.*s", r->data_dir, STR(name));
}

/* False when it is unknown, or a layer of it is gone: then it is pulled again. */
static bool load_ref(struct arena *a, struct runtime *r, const char *path, struct runtime_image *out,
                     struct str *pointed)
{
    struct str text;
    struct value v;
    struct err ignored;
    if (!fs_read(a, AT_FDCWD, path, REF_MAX, &text, &ignored) || !json_parse(a, text, &v, &ignored))
        return false;
    const struct value *layers = value_get(&v, "layers");
    struct runtime_image image = { .digest = value_str_at(&v, "digest"),
                                   .config = *value_get(&v, "config"),
                                   .n_layers = value_len(layers) };
    image.layer_dirs = arena_new(a, struct str, image.n_layers + 1);
    for (size_t i = 0; i < image.n_layers; i++) {
        image.layer_dirs[i] = layer_path(a, r, value_as_str(value_item(layers, i)));
        if (!fs_is_dir(image.layer_dirs[i].p))
            return false;
    }
    *pointed = value_str_at(&v, "pointed");
    *out = image;
    return true;
}

static bool save_ref(struct arena *a, const char *path, struct str reference, struct str pointed,
                     const struct runtime_image *image, struct err *e)
{
    struct value v = value_map(a), layers = value_list(a);
    for (size_t i = 0; i < image->n_layers; i++) {
        struct str dir = image->layer_dirs[i];
        ptrdiff_t slash = str_rfind(dir, S("/"));
        list_push(a, layers.list, value_str(str_slice(dir, (size_t)slash + 1, dir.n)));
    }
    value_set_str(a, &v, "reference", reference);
    value_set_str(a, &v, "pointed", pointed);
    value_set_str(a, &v, "digest", image->digest);
    value_set(a, &v, "config", image->config);
    value_set(a, &v, "layers", layers);
    return fs_write(path, json_str(a, &v, 0), 0600, e);
}

/* ---- one layer ------------------------------------------------------------------------------------------------- */

struct pull {
    struct runtime *r;
    struct arena *a;
    const struct oci_reference *ref;
    const struct oci_image *image;
    struct str *dirs; /* done so far, bottom first */
    int *fds;         /* the same, open */
    size_t n;
};

/* HEX of the layer, and of all diff IDs below it. */
static struct str chained(struct pull *p)
{
    struct buf b = { .a = p->a };
    for (size_t i = 0; i < p->n; i++)
        buf_fmt(&b, "%.*s\n", STR(p->image->diff_ids[i]));
    struct str chain = oci_digest_hex(oci_digest_of(p->a, p->n > 0 ? buf_str(&b) : S(""), S("")));
    return arena_fmt(p->a, "%.*s.%.*s", STR(oci_digest_hex(p->image->diff_ids[p->n])), CHAIN_HEX, chain.p);
}

static bool present(struct pull *p, struct str *out)
{
    struct str names[] = { oci_digest_hex(p->image->diff_ids[p->n]), chained(p) };
    for (size_t i = 0; i < COUNT(names); i++) {
        *out = layer_path(p->a, p->r, names[i]);
        if (fs_is_dir(out->p))
            return true;
    }
    return false;
}

static bool fetch_blob(struct pull *p, int *out, struct err *e)
{
    const struct oci_descriptor *d = &p->image->layers[p->n];
    const char *tmp = arena_fmt(p->a, "%s/images/tmp", p->r->data_dir).p;
    CLEANUP(fd_close) int fd = open(tmp, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "create a temporary file in %s", tmp);
    if (!oci_blob_get(p->a, p->r->o.images, p->ref, d, fd, e))
        return err_wrap(e, "layer %.*s", STR(d->digest));
    *out = fd_take(&fd);
    return true;
}

static bool prepare_root(struct layer *l, int root, const char *temp, struct err *e)
{
    struct layer_owner owner = { .path = S("") };
    if (fchmod(root, 0755) != 0)
        return err_sys(e, "set the mode of %s", temp);
    /* a folder of somebody else could not be renamed into its place; and a container's / is that of its upper folder */
    return l->ids.by_agent || layer_own(l, root, "", &owner, e);
}

static bool write_layer(struct pull *p, int blob, const char *temp, bool *uses_lowers, struct err *e)
{
    struct layer l;
    struct buf orders = { .a = p->a };
    CLEANUP(fd_close) int root = open(temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_sys(e, "open %s", temp);
    ids_order_layer(&orders, temp);
    layer_begin(&l, p->a, root, p->fds, p->n, &p->r->ids, &orders);
    bool ok = prepare_root(&l, root, temp, e) && unpack_layer(&l, blob, p->image->diff_ids[p->n], e)
              && (!l.ids.by_agent || agent_orders(p->r, buf_str(&orders), e));
    layer_close(&l);
    *uses_lowers = l.uses_lowers;
    return ok && (syncfs(root) == 0 || err_sys(e, "sync %s", temp));
}

static bool unpack_to(struct pull *p, int blob, const char *temp, struct str *out, struct err *e)
{
    bool uses_lowers = false;
    if (mkdir(temp, 0755) != 0)
        return err_sys(e, "create %s", temp);
    if (!write_layer(p, blob, temp, &uses_lowers, e))
        return false;
    *out = layer_path(p->a, p->r, uses_lowers ? chained(p) : oci_digest_hex(p->image->diff_ids[p->n]));
    return rename(temp, out->p) == 0 || err_sys(e, "put %s in place", out->p);
}

static bool pull_layer(struct pull *p, struct str *out, struct err *e)
{
    CLEANUP(fd_close) int blob = -1;
    struct err ignored;
    const char *temp = arena_fmt(p->a, "%s/images/tmp/%.*s", p->r->data_dir, STR(random_suffix(p->a, 16))).p;
    if (!fetch_blob(p, &blob, e))
        return false;
    if (unpack_to(p, blob, temp, out, e))
        return true;
    if (!runtime_remove_tree(p->r, temp, &ignored))
        log_warn("remove %s: %s", temp, ignored.text);
    return err_wrap(e, "layer %.*s", STR(p->image->diff_ids[p->n]));
}

static bool ensure_layer(struct pull *p, struct err *e)
{
    struct image_busy mine = { .diff_id = p->image->diff_ids[p->n] };
    struct str dir;
    claim(p->r, &mine);
    bool ok = present(p, &dir) || pull_layer(p, &dir, e);
    release(p->r, &mine);
    if (!ok)
        return false;
    int fd = open(dir.p, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %s", dir.p);
    p->fds[p->n] = fd;
    p->dirs[p->n++] = dir;
    return true;
}

/* ---- a whole image ------------------------------------------------------------------------------------------------
 */

static bool check_image(const struct oci_image *image, struct err *e)
{
    if (image->n_layers > LAYERS_MAX)
        return err_set(e, ERR_LIMIT, "%zu layers are more than %d", image->n_layers, LAYERS_MAX);
    struct str os = value_str_at(&image->config_json, "os"), arch = value_str_at(&image->config_json, "architecture");
    if ((os.n > 0 && !str_is(os, "linux")) || (arch.n > 0 && !str_eq(arch, oci_platform_architecture())))
        return err_set(e, ERR_INVALID, "the image is for %.*s/%.*s, this machine is linux/%.*s", STR(os), STR(arch),
                       STR(oci_platform_architecture()));
    for (size_t i = 0; i < image->n_layers; i++)
        if (!oci_digest_valid(image->diff_ids[i]))
            return err_set(e, ERR_INVALID, "the image has a bad diff ID \"%.*s\"", STR(image->diff_ids[i]));
    return true;
}

static bool ensure_layers(struct pull *p, struct err *e)
{
    bool ok = true;
    while (ok && p->n < p->image->n_layers)
        ok = ensure_layer(p, e);
    for (size_t i = 0; i < p->n; i++)
        close(p->fds[i]);
    return ok;
}

static bool pull_image(struct arena *a, struct runtime *r, const struct oci_reference *ref, struct runtime_image *out,
                       struct err *e)
{
    struct oci_image image;
    if (r->o.images == NULL)
        return err_set(e, ERR_UNAVAILABLE, "it is not here, and there is no registry client");
    if (!oci_image_get(a, r->o.images, ref, &image, e) || !check_image(&image, e))
        return false;
    struct pull p = {
        r, a, ref, &image, arena_new(a, struct str, image.n_layers + 1), arena_new(a, int, image.n_layers + 1), 0
    };
    if (!ensure_layers(&p, e))
        return false;
    *out = (struct runtime_image){ image.manifest.digest, image.config_json, p.dirs, p.n };
    return true;
}

/*
 * A tag is resolved once and the image is then taken by digest: the tag may move between two requests. `pointed` is
 * what the tag leads to, which for an image of many platforms is the index and not the manifest.
 */
static bool resolve(struct arena *a, struct runtime *r, struct oci_reference *ref, struct err *e)
{
    struct oci_descriptor now;
    if (ref->digest.n > 0)
        return true;
    if (r->o.images == NULL)
        return err_set(e, ERR_UNAVAILABLE, "no registry client");
    if (!oci_resolve(a, r->o.images, ref, &now, e))
        return false;
    ref->digest = now.digest;
    return true;
}

static bool ensure(struct arena *a, struct runtime *r, struct str reference, bool always_resolve,
                   struct runtime_image *out, struct err *e)
{
    struct oci_reference ref;
    struct runtime_image image;
    struct str pointed;
    if (!oci_reference_parse(a, reference, &ref, e))
        return false;
    const char *path = ref_path(a, r, &ref);
    bool known = load_ref(a, r, path, &image, &pointed);
    if (!known || always_resolve) {
        if (!resolve(a, r, &ref, e))
            return false;
        if (!known || !str_eq(pointed, ref.digest))
            if (!pull_image(a, r, &ref, &image, e) || !save_ref(a, path, reference, ref.digest, &image, e))
                return false;
    }
    *out = image;
    return true;
}

bool runtime_image_ensure(struct arena *a, struct runtime *r, struct str reference, bool always_resolve,
                          struct runtime_image *out, struct err *e)
{
    return ensure(a, r, reference, always_resolve, out, e) || err_wrap(e, "image %.*s", STR(reference));
}
