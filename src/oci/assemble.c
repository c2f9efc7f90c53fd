/* oci/assemble.c - an image from one program or one folder: a layer, a configuration, a manifest, all reproducible. */
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "data/json.h"
#include "oci/digest.h"
#include "oci/internal.h"

/* ---- documents ---------------------------------------------------------------------------- */

static void set_list(struct arena *a, const struct value *v, const char *key, const char *const *items)
{
    if (items == NULL)
        return;
    struct value list = value_list(a);
    for (; *items != NULL; items++)
        list_push(a, list.list, value_c(*items));
    value_set(a, v, key, list);
}

static struct value pairs(struct arena *a, const char *const *labels)
{
    struct value map = value_map(a);
    for (; labels != NULL && labels[0] != NULL && labels[1] != NULL; labels += 2)
        value_set(a, &map, labels[0], value_c(labels[1]));
    return map;
}

static struct value ports(struct arena *a, const char *const *exposed)
{
    struct value map = value_map(a);
    for (; exposed != NULL && *exposed != NULL; exposed++)
        value_set(a, &map, *exposed, value_map(a));
    return map;
}

static struct value run_config(struct arena *a, const struct oci_assemble *spec, const char *program)
{
    const char *alone[] = { program, NULL };
    struct value v = value_map(a);
    if (spec->user.n > 0)
        value_set_str(a, &v, "User", spec->user);
    if (spec->exposed_ports != NULL)
        value_set(a, &v, "ExposedPorts", ports(a, spec->exposed_ports));
    set_list(a, &v, "Env", spec->env);
    set_list(a, &v, "Entrypoint", spec->entrypoint != NULL ? spec->entrypoint : program != NULL ? alone : NULL);
    set_list(a, &v, "Cmd", spec->cmd);
    if (spec->working_dir.n > 0)
        value_set_str(a, &v, "WorkingDir", spec->working_dir);
    if (spec->labels != NULL)
        value_set(a, &v, "Labels", pairs(a, spec->labels));
    return v;
}

static struct str image_config(struct arena *a, const struct oci_assemble *spec, const struct oci_layer *layer,
                               struct str architecture, const char *program, int64_t time_s)
{
    struct value v = value_map(a), rootfs = value_map(a), ids = value_list(a);
    value_set_str(a, &v, "created", clock_rfc3339(a, time_s * 1000));
    value_set_str(a, &v, "architecture", architecture);
    value_set_str(a, &v, "os", S("linux"));
    value_set(a, &v, "config", run_config(a, spec, program));
    value_set_str(a, &rootfs, "type", S("layers"));
    list_push(a, ids.list, value_str(layer->diff_id));
    value_set(a, &rootfs, "diff_ids", ids);
    value_set(a, &v, "rootfs", rootfs);
    return json_str(a, &v, 0);
}

static struct value descriptor(struct arena *a, const struct oci_descriptor *d)
{
    struct value v = value_map(a);
    value_set_str(a, &v, "mediaType", d->media_type);
    value_set_str(a, &v, "digest", d->digest);
    value_set(a, &v, "size", value_int(d->size));
    return v;
}

static struct str image_manifest(struct arena *a, const struct oci_assemble *spec, const struct oci_descriptor *config,
                                 const struct oci_descriptor *layer)
{
    struct value v = value_map(a), layers = value_list(a);
    value_set(a, &v, "schemaVersion", value_int(2));
    value_set_str(a, &v, "mediaType", S(OCI_IMAGE));
    value_set(a, &v, "config", descriptor(a, config));
    list_push(a, layers.list, descriptor(a, layer));
    value_set(a, &v, "layers", layers);
    if (spec->labels != NULL)
        value_set(a, &v, "annotations", pairs(a, spec->labels));
    return json_str(a, &v, 0);
}

/* ---- assembling --------------------------------------------------------------------------- */

/* SOURCE_DATE_EPOCH, the convention of reproducible builds; else 1970. */
static bool image_time(int64_t *out, struct err *e)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    *out = 0;
    if (text == NULL || text[0] == 0)
        return true;
    if (str_to_int(str_c(text), out) && *out >= 0)
        return true;
    return err_set(e, ERR_INVALID, "SOURCE_DATE_EPOCH is not a number of seconds: \"%s\"", text);
}

static struct str base_name(struct arena *a, const char *path)
{
    struct str copy = arena_str(a, str_c(path));
    return str_c(basename((char *)(uintptr_t)copy.p));
}

static bool check_name(struct str name, struct err *e)
{
    bool bad = name.n == 0 || str_is(name, ".") || str_is(name, "..") || str_find(name, S("/")) >= 0;
    return !bad || err_set(e, ERR_INVALID, "\"%.*s\" is no name for a file in an image", STR(name));
}

/* The program that decides the architecture: the file itself, or the folder's entrypoint. */
static const char *main_program(struct arena *a, const struct oci_assemble *spec, bool is_folder)
{
    if (!is_folder)
        return spec->path;
    if (spec->entrypoint == NULL || spec->entrypoint[0] == NULL)
        return "";
    return fs_join(a, spec->path, spec->entrypoint[0]);
}

static void layer_close(struct oci_layer *layer)
{
    fd_close(&layer->fd);
}

static bool push(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_assemble *spec,
                 const struct oci_layer *layer, struct str config_bytes, struct oci_descriptor *out, struct err *e)
{
    struct oci_descriptor config = { .media_type = S(OCI_CONFIG),
                                     .digest = oci_digest_of(a, config_bytes, S("")),
                                     .size = (int64_t)config_bytes.n };
    struct str manifest = image_manifest(a, spec, &config, &layer->descriptor);
    if (!oci_blob_put(a, c, r, &layer->descriptor, S(""), layer->fd, e)
        || !oci_blob_put(a, c, r, &config, config_bytes, -1, e)
        || !oci_manifest_put(a, c, r, S(OCI_IMAGE), manifest, &out->digest, e))
        return false;
    out->media_type = S(OCI_IMAGE);
    out->size = (int64_t)manifest.n;
    return true;
}

bool oci_assemble_push(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                       const struct oci_assemble *spec, struct oci_descriptor *out, struct err *e)
{
    CLEANUP(layer_close) struct oci_layer layer = { .fd = -1 };
    struct stat st;
    int64_t time_s = 0;
    if (stat(spec->path, &st) != 0)
        return err_sys(e, "read %s", spec->path);
    bool is_folder = S_ISDIR(st.st_mode);
    struct str name = spec->name.n > 0 ? spec->name : base_name(a, spec->path);
    if (!image_time(&time_s, e) || (!is_folder && !check_name(name, e))
        || !oci_layer_make(a, spec->path, name, time_s, &layer, e))
        return false;
    const char *program = is_folder ? NULL : arena_fmt(a, "/%.*s", STR(name)).p;
    struct str architecture = oci_architecture_of(main_program(a, spec, is_folder));
    struct str config = image_config(a, spec, &layer, architecture, program, time_s);
    return push(a, c, r, spec, &layer, config, out, e);
}
