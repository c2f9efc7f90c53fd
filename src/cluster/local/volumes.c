/*
 * Volumes: folders the runtime makes, filled from ConfigMaps, Secrets and the pod's own fields. A volume whose sources
 * change is written again, file by file; files whose key vanished stay until the pod goes.
 */
#include "cluster/local/pod_run.h"

#define FILES_MAX 5000 /* of one pod's volumes */

struct file {
    struct str volume, path, content;
    unsigned mode;
};
struct files {
    struct world *w;
    const struct value *pod;
    const struct podlet *p;
    VEC(struct file) list;
};

/* ---- which files ------------------------------------------------------------------------- */

/* A relative path without "..": nothing may land outside the volume. */
static bool path_is_safe(struct str path)
{
    struct str rest = path, part;
    bool more = true;
    if (path.n == 0 || path.p[0] == '/')
        return false;
    while (more) {
        more = str_split(&rest, S("/"), &part);
        if (str_is(part, "..") || part.n == 0)
            return false;
    }
    return true;
}

static bool add_file(struct files *f, struct str volume, struct str path, struct str content, int64_t mode,
                     struct err *e)
{
    if (!path_is_safe(path))
        return err_set(e, ERR_INVALID, "volume \"%.*s\": path \"%.*s\" must be relative and without '..'", STR(volume),
                       STR(path));
    if (f->list.n == FILES_MAX)
        return err_set(e, ERR_LIMIT, "the pod's volumes have more than %d files", FILES_MAX);
    *vec_push(f->w->a, &f->list) = (struct file){ volume, path, content, (unsigned)mode & 0777 };
    return true;
}

/* All keys, or those that `items` names. */
static bool add_keys(struct files *f, struct str volume, const struct value *source, const struct value *doc,
                     int64_t mode, struct err *e)
{
    static const char *const members[] = { "data", "binaryData" };
    const struct value *items = value_get(source, "items");
    struct str text;
    for (size_t i = 0; i < value_len(items); i++) {
        const struct value *item = value_item(items, i);
        struct str key = value_str_at(item, "key");
        if (!source_key(f->w->a, doc, key, &text)) {
            if (value_bool_at(source, "optional", false))
                continue;
            return err_set(e, ERR_NOT_FOUND, "volume \"%.*s\": references non-existent key: %.*s", STR(volume),
                           STR(key));
        }
        if (!add_file(f, volume, value_str_at(item, "path"), text, value_int_at(item, "mode", mode), e))
            return false;
    }
    if (value_len(items) > 0)
        return true;
    for (size_t m = 0; m < COUNT(members); m++) {
        const struct value *data = value_get(doc, members[m]);
        for (size_t i = 0; value_is(data, VALUE_MAP) && i < data->map->n; i++)
            if (source_key(f->w->a, doc, data->map->v[i].key, &text)
                && !add_file(f, volume, data->map->v[i].key, text, mode, e))
                return false;
    }
    return true;
}

static bool add_source(struct files *f, struct str volume, const struct value *source, const char *kind,
                       const char *name_member, int64_t mode, struct err *e)
{
    const struct value *doc;
    struct err missing = { 0 };
    if (source_find(f->w, kind, value_str_at(source, name_member), &doc, &missing))
        return add_keys(f, volume, source, doc, mode, e);
    if (value_bool_at(source, "optional", false))
        return true;
    *e = missing;
    return err_wrap(e, "MountVolume.SetUp failed for volume \"%.*s\"", STR(volume));
}

static bool add_fields(struct files *f, struct str volume, const struct value *source, int64_t mode, struct err *e)
{
    const struct value *items = value_get(source, "items");
    for (size_t i = 0; i < value_len(items); i++) {
        const struct value *item = value_item(items, i);
        struct str path = value_str_at(item, "fieldRef.fieldPath"), text;
        if (!pod_field(f->w, f->pod, f->p, path, &text))
            return err_set(e, ERR_INVALID, "volume \"%.*s\": fieldPath \"%.*s\" is not supported", STR(volume),
                           STR(path));
        if (!add_file(f, volume, value_str_at(item, "path"), text, value_int_at(item, "mode", mode), e))
            return false;
    }
    return true;
}

static bool add_projected(struct files *f, struct str volume, const struct value *projected, int64_t mode,
                          struct err *e)
{
    const struct value *sources = value_get(projected, "sources");
    for (size_t i = 0; i < value_len(sources); i++) {
        const struct value *source = value_item(sources, i);
        const struct value *map = value_get(source, "configMap"), *secret = value_get(source, "secret"),
                           *fields = value_get(source, "downwardAPI");
        bool ok = value_is(map, VALUE_MAP)      ? add_source(f, volume, map, "ConfigMap", "name", mode, e)
                  : value_is(secret, VALUE_MAP) ? add_source(f, volume, secret, "Secret", "name", mode, e)
                  : value_is(fields, VALUE_MAP) ? add_fields(f, volume, fields, mode, e)
                                                : true; /* serviceAccountToken: there is no API to reach */
        if (!ok)
            return false;
    }
    return true;
}

static bool add_volume(struct files *f, const struct value *volume, struct err *e)
{
    struct str name = value_str_at(volume, "name");
    const struct value *map = value_get(volume, "configMap"), *secret = value_get(volume, "secret");
    const struct value *projected = value_get(volume, "projected"), *fields = value_get(volume, "downwardAPI");
    if (value_is(map, VALUE_MAP))
        return add_source(f, name, map, "ConfigMap", "name", value_int_at(map, "defaultMode", 0644), e);
    if (value_is(secret, VALUE_MAP))
        return add_source(f, name, secret, "Secret", "secretName", value_int_at(secret, "defaultMode", 0644), e);
    if (value_is(projected, VALUE_MAP))
        return add_projected(f, name, projected, value_int_at(projected, "defaultMode", 0644), e);
    if (value_is(fields, VALUE_MAP))
        return add_fields(f, name, fields, value_int_at(fields, "defaultMode", 0644), e);
    return true;
}

/* ---- writing them ------------------------------------------------------------------------- */

static uint64_t hash_files(struct files *f)
{
    struct buf text = { .a = f->w->a };
    for (size_t i = 0; i < f->list.n; i++) {
        const struct file *file = &f->list.v[i];
        buf_fmt(&text, "%.*s/%.*s %o %llx\n", STR(file->volume), STR(file->path), file->mode,
                (unsigned long long)str_hash(file->content));
    }
    return str_hash(buf_str(&text)) | 1;
}

/* A claim's folder belongs to a pod of its own in the runtime, so that it outlives the pods that mount it; it goes with
 * the environment. */
static bool claim_folder(struct world *w, struct str claim, struct str *out, struct err *e)
{
    struct str env = str_c(w->env->name), ip;
    const struct value *doc = world_find(w, "", "PersistentVolumeClaim", claim);
    if (doc == NULL)
        return err_set(e, ERR_NOT_FOUND, "persistentvolumeclaim \"%.*s\" not found", STR(claim));
    struct str id = arena_fmt(w->a, "claim-%.*s", STR(value_str_at(doc, "metadata.uid")));
    return runtime_pod_create(w->a, w->l->runtime, env, id, S("claim"), &ip, e)
           && runtime_volume_dir(w->a, w->l->runtime, env, id, S("data"), out, e);
}

static bool folder_of(struct world *w, const struct value *pod, const struct value *volume, struct str *out,
                      struct err *e)
{
    struct str claim = value_str_at(volume, "persistentVolumeClaim.claimName");
    if (claim.n > 0)
        return claim_folder(w, claim, out, e);
    return runtime_volume_dir(w->a, w->l->runtime, str_c(w->env->name), value_str_at(pod, "metadata.uid"),
                              value_str_at(volume, "name"), out, e);
}

static const struct value *volume_named(const struct value *pod, struct str name)
{
    const struct value *volumes = value_at(pod, "spec.volumes");
    for (size_t i = 0; i < value_len(volumes); i++)
        if (str_eq(value_str_at(value_item(volumes, i), "name"), name))
            return value_item(volumes, i);
    return &value_nil;
}

static bool write_files(struct files *f, struct err *e)
{
    for (size_t i = 0; i < f->list.n; i++) {
        const struct file *file = &f->list.v[i];
        struct str dir;
        if (!folder_of(f->w, f->pod, volume_named(f->pod, file->volume), &dir, e)
            || !runtime_volume_write(f->w->l->runtime, dir, file->path, file->content, file->mode, e))
            return false;
    }
    return true;
}

bool volumes_write(struct world *w, const struct value *pod, struct podlet *p, struct err *e)
{
    struct files f = { .w = w, .pod = pod, .p = p };
    const struct value *volumes = value_at(pod, "spec.volumes");
    struct str dir;
    for (size_t i = 0; i < value_len(volumes); i++)
        if (!add_volume(&f, value_item(volumes, i), e))
            return false;
    uint64_t hash = hash_files(&f);
    if (hash == p->volumes_hash)
        return true;
    for (size_t i = 0; p->volumes_hash == 0 && i < value_len(volumes); i++)
        if (!folder_of(w, pod, value_item(volumes, i), &dir, e))
            return false;
    if (!write_files(&f, e))
        return false;
    p->volumes_hash = hash;
    return true;
}

bool volumes_mounts(struct world *w, const struct value *pod, const struct value *c, struct runtime_mount **out,
                    size_t *out_n, struct err *e)
{
    const struct value *mounts = value_get(c, "volumeMounts");
    struct runtime_mount *made = arena_new(w->a, struct runtime_mount, value_len(mounts) + 1);
    for (size_t i = 0; i < value_len(mounts); i++) {
        const struct value *m = value_item(mounts, i), *volume = volume_named(pod, value_str_at(m, "name"));
        struct str sub = value_str_at(m, "subPath"), dir;
        bool fixed = value_is(value_get(volume, "configMap"), VALUE_MAP)
                     || value_is(value_get(volume, "secret"), VALUE_MAP)
                     || value_is(value_get(volume, "projected"), VALUE_MAP)
                     || value_is(value_get(volume, "downwardAPI"), VALUE_MAP);
        if (!folder_of(w, pod, volume, &dir, e))
            return false;
        if (sub.n > 0) {
            if (!path_is_safe(sub))
                return err_set(e, ERR_INVALID, "subPath \"%.*s\" must be relative and without '..'", STR(sub));
            dir = arena_fmt(w->a, "%.*s/%.*s", STR(dir), STR(sub));
            if (!fixed && !fs_exists(dir.p) && !fs_mkdirs(dir.p, 0777, e))
                return false;
        }
        made[i] =
            (struct runtime_mount){ dir, value_str_at(m, "mountPath"), fixed || value_bool_at(m, "readOnly", false) };
    }
    *out = made;
    *out_n = value_len(mounts);
    return true;
}
