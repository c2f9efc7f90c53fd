/* artefact/publish.c - an image for a commit: pushed under its digest first, named when it is whole. */
#include <unistd.h>

#include "artefact/internal.h"
#include "base/sys.h"

enum { LABELS_MAX = 64, BUILD_TIMEOUT_MS = 3600000, BUILD_OUTPUT_MAX = 16 << 20 };

/* ---- sources ------------------------------------------------------------------------------ */

static bool has_label(const char *const *labels, const char *key)
{
    for (; labels != NULL && labels[0] != NULL && labels[1] != NULL; labels += 2)
        if (strcmp(labels[0], key) == 0)
            return true;
    return false;
}

/* The image says itself which commit it was made of. */
static bool push_assembled(struct arena *a, struct oci_client *c, const struct artefact_publish *p,
                           struct oci_descriptor *out, struct err *e)
{
    static const char revision[] = "org.opencontainers.image.revision";
    struct oci_assemble spec = *p->assemble;
    const char **labels = arena_new(a, const char *, LABELS_MAX * 2 + 3);
    size_t n = 0;
    for (const char *const *l = spec.labels; l != NULL && l[0] != NULL && l[1] != NULL; l += 2) {
        if (n == LABELS_MAX * 2)
            return err_set(e, ERR_LIMIT, "an image takes at most %d labels", LABELS_MAX);
        labels[n++] = l[0];
        labels[n++] = l[1];
    }
    if (!has_label(spec.labels, revision)) {
        labels[n++] = revision;
        labels[n++] = arena_c(a, p->sha);
    }
    spec.labels = labels;
    struct oci_reference untagged = artefact_named(&p->image, S(""));
    return oci_assemble_push(a, c, &untagged, &spec, out, e);
}

static bool push_layout(struct arena *a, struct oci_client *c, const struct artefact_publish *p, const char *layout,
                        struct oci_descriptor *out, struct err *e)
{
    struct oci_reference untagged = artefact_named(&p->image, S(""));
    return oci_layout_push(a, c, layout, &untagged, out, e);
}

static bool run_buildah(struct arena *a, const char *const *argv, struct err *e)
{
    struct proc_options o = {
        .argv = argv, .timeout_ms = BUILD_TIMEOUT_MS, .output_max = BUILD_OUTPUT_MAX, .merge_stderr = true
    };
    struct proc_result r = { 0 };
    if (!proc_run(a, &o, &r, e)) {
        if (e->kind == ERR_NOT_FOUND)
            return err_set(e, ERR_NOT_FOUND,
                           "a Dockerfile is built with buildah, which is not installed: install the package buildah, "
                           "or build elsewhere and pass the image with --layout");
        return false;
    }
    struct str text = str_trim(r.out);
    if (text.n > 600)
        text = str_slice(text, text.n - 600, text.n);
    return r.status == 0 || err_set(e, ERR_INVALID, "buildah %s failed: %.*s", argv[1], STR(text));
}

static const char *folder_of(struct arena *a, const char *path)
{
    ptrdiff_t slash = str_rfind(str_c(path), S("/"));
    return slash < 0 ? "." : slash == 0 ? "/" : arena_c(a, str_slice(str_c(path), 0, (size_t)slash));
}

/* buildah bud into its own store, from there into a layout folder, from there to the registry. */
static bool build(struct arena *a, struct oci_client *c, const struct artefact_publish *p, const char *layout,
                  struct oci_descriptor *out, struct err *e)
{
    const char *context = p->context != NULL ? p->context : folder_of(a, p->dockerfile);
    const char *name = arena_fmt(a, "localhost/vitrine-build:%.*s", STR(random_suffix(a, 12))).p;
    const char *label = arena_fmt(a, "org.opencontainers.image.revision=%.*s", STR(p->sha)).p;
    const char *const bud[] = { "buildah", "bud", "--timestamp", "0",           "--label", label,
                                "--tag",   name,  "--file",      p->dockerfile, context,   NULL };
    const char *const push[] = { "buildah", "push", name, arena_fmt(a, "oci:%s", layout).p, NULL };
    const char *const remove[] = { "buildah", "rmi", name, NULL };
    struct err ignored = { 0 };
    if (!run_buildah(a, bud, e))
        return err_wrap(e, "build %s", p->dockerfile);
    bool ok = run_buildah(a, push, e);
    if (!run_buildah(a, remove, &ignored)) /* an image too many in buildah's store harms nobody */
        log_debug("remove %s: %s", name, ignored.text);
    return ok && push_layout(a, c, p, layout, out, e);
}

static bool push_built(struct arena *a, struct oci_client *c, const struct artefact_publish *p,
                       struct oci_descriptor *out, struct err *e)
{
    const char *folder = NULL;
    struct err left = { 0 };
    if (access(p->dockerfile, R_OK) != 0)
        return err_sys(e, "read %s", p->dockerfile);
    if (!fs_temp_dir(a, "vitrine-build", &folder, e))
        return false;
    bool ok = build(a, c, p, fs_join(a, folder, "image"), out, e);
    if (!fs_remove_tree(folder, &left))
        log_warn("remove %s: %s", folder, left.text);
    return ok;
}

static bool push_source(struct arena *a, struct oci_client *c, const struct artefact_publish *p,
                        struct oci_descriptor *out, struct err *e)
{
    if (p->assemble != NULL)
        return push_assembled(a, c, p, out, e);
    return p->layout != NULL ? push_layout(a, c, p, p->layout, out, e) : push_built(a, c, p, out, e);
}

/* ---- names -------------------------------------------------------------------------------- */

/* A commit's image is made once; another one under the same name is a mistake unless it is wanted. */
static bool check_free(const struct artefact_publish *p, struct str tag, const struct oci_descriptor *now,
                       const struct oci_descriptor *made, struct err *e)
{
    if (p->force || now->digest.n == 0 || str_eq(now->digest, made->digest))
        return true;
    return err_set(e, ERR_CONFLICT, "%.*s is already another image (%.*s, this one is %.*s); --force replaces it",
                   STR(tag), STR(now->digest), STR(made->digest));
}

static bool name_all(struct arena *a, struct oci_client *c, const struct artefact_publish *p,
                     const struct oci_descriptor *made, struct artefact_published *out, struct err *e)
{
    struct str names[2] = { artefact_sha_tag(a, p->sha), artefact_pull_tag(a, p->pull) };
    struct oci_descriptor now[2] = { 0 };
    struct artefact_bytes manifest = { 0 };
    struct oci_reference by_digest = artefact_named(&p->image, S(""));
    size_t n = p->pull > 0 ? 2 : 1;
    bool all_named = true;
    for (size_t i = 0; i < n; i++) {
        if (!artefact_look(a, c, &p->image, names[i], &now[i], e))
            return false;
        all_named = all_named && str_eq(now[i].digest, made->digest);
    }
    if (!check_free(p, names[0], &now[0], made, e))
        return false;
    by_digest.digest = made->digest;
    manifest.manifest = *made;
    if (!all_named && !oci_manifest_get(a, c, &by_digest, &manifest.manifest, &manifest.bytes, e))
        return false;
    out->n_tags = n;
    for (size_t i = 0; i < n; i++)
        if (!artefact_name(a, c, &p->image, names[i], &now[i], &manifest, &out->tags[i], e))
            return false;
    return true;
}

bool artefact_publish(struct arena *a, struct oci_client *c, const struct artefact_publish *p,
                      struct artefact_published *out, struct err *e)
{
    struct artefact_published done = { 0 };
    struct oci_reference image = artefact_named(&p->image, S(""));
    if (!artefact_check_sha(p->sha, e))
        return false;
    if (!push_source(a, c, p, &done.manifest, e) || !name_all(a, c, p, &done.manifest, &done, e))
        return err_wrap(e, "publish %.*s", STR(oci_reference_str(a, &image)));
    *out = done;
    return true;
}
