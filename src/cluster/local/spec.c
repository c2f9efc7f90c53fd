#include "cluster/local/spec.h"

static struct value strings(struct arena *a, const struct str *v, size_t n)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < n; i++)
        list_push(a, list.list, value_str(v[i]));
    return list;
}

static struct str *to_strings(struct arena *a, const struct value *list, size_t *n)
{
    *n = value_len(list);
    struct str *v = arena_new(a, struct str, *n + 1);
    for (size_t i = 0; i < *n; i++)
        v[i] = value_as_str(value_item(list, i));
    return v;
}

struct value spec_to_value(struct arena *a, const struct spec *s)
{
    struct value v = value_map(a);
    value_set(a, &v, "argv", strings(a, s->argv, s->n_argv));
    value_set(a, &v, "env", strings(a, s->env, s->n_env));
    value_set(a, &v, "layers", strings(a, s->layers, s->n_layers));
    value_set_str(a, &v, "cwd", s->cwd);
    value_set_str(a, &v, "user", s->user);
    value_set_str(a, &v, "hostname", s->hostname);
    value_set_str(a, &v, "dir", s->dir);
    value_set_str(a, &v, "etc", s->etc);
    value_set(a, &v, "uid", value_int(s->uid));
    value_set(a, &v, "gid", value_int(s->gid));
    value_set(a, &v, "readOnlyRoot", value_bool(s->read_only_root));
    value_set(a, &v, "fakeIds", value_bool(s->fake_ids));
    value_set(a, &v, "memoryMax", value_int(s->memory_max));
    value_set(a, &v, "pidsMax", value_int(s->pids_max));
    struct value mounts = value_list(a);
    for (size_t i = 0; i < s->n_mounts; i++) {
        struct value m = value_map(a);
        value_set_str(a, &m, "source", s->mounts[i].source);
        value_set_str(a, &m, "target", s->mounts[i].target);
        value_set(a, &m, "readOnly", value_bool(s->mounts[i].read_only));
        list_push(a, mounts.list, m);
    }
    value_set(a, &v, "mounts", mounts);
    return v;
}

bool spec_from_value(struct arena *a, const struct value *v, struct spec *out, struct err *e)
{
    struct spec s = {
        .cwd = value_str_at(v, "cwd"),
        .user = value_str_at(v, "user"),
        .hostname = value_str_at(v, "hostname"),
        .dir = value_str_at(v, "dir"),
        .etc = value_str_at(v, "etc"),
        .uid = value_int_at(v, "uid", -1),
        .gid = value_int_at(v, "gid", -1),
        .read_only_root = value_bool_at(v, "readOnlyRoot", false),
        .fake_ids = value_bool_at(v, "fakeIds", false),
        .memory_max = value_int_at(v, "memoryMax", 0),
        .pids_max = value_int_at(v, "pidsMax", 0),
    };
    s.argv = to_strings(a, value_get(v, "argv"), &s.n_argv);
    s.env = to_strings(a, value_get(v, "env"), &s.n_env);
    s.layers = to_strings(a, value_get(v, "layers"), &s.n_layers);
    const struct value *mounts = value_get(v, "mounts");
    s.n_mounts = value_len(mounts);
    s.mounts = arena_new(a, struct spec_mount, s.n_mounts + 1);
    for (size_t i = 0; i < s.n_mounts; i++) {
        const struct value *m = value_item(mounts, i);
        s.mounts[i] = (struct spec_mount){ value_str_at(m, "source"), value_str_at(m, "target"),
                                           value_bool_at(m, "readOnly", false) };
    }
    if (s.n_argv == 0)
        return err_set(e, ERR_INVALID, "a container needs a command");
    *out = s;
    return true;
}

char **spec_vector(struct arena *a, const struct str *v, size_t n)
{
    char **list = arena_new(a, char *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = (char *)(uintptr_t)arena_c(a, v[i]);
    return list;
}
