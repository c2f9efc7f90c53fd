/*
 * cluster/local/spec.h - what the holder tells a container's init, as JSON in a memory file. Paths are relative to the
 * holder's stage: "layers/HEX" and "env/pods/UID/...".
 */
#pragma once
#include "cluster/local/user.h"
#include "data/value.h"

struct spec_mount {
    struct str source, target;
    bool read_only;
};
struct spec {
    struct str *argv, *env; /* argv is never empty */
    size_t n_argv, n_env;
    struct str cwd, user, hostname;
    int64_t uid, gid;   /* < 0: from `user` */
    struct str *layers; /* topmost last */
    size_t n_layers;
    struct str dir; /* holds upper/ and work/ */
    struct str etc; /* holds hosts, resolv.conf, hostname */
    struct spec_mount *mounts;
    size_t n_mounts;
    bool read_only_root, fake_ids;
    int64_t memory_max, pids_max;
    int filters; /* a descriptor, not part of the JSON */
};
MUST_CHECK bool spec_from_value(struct arena *a, const struct value *v, struct spec *out, struct err *e);
struct value spec_to_value(struct arena *a, const struct spec *s);
/* NULL-terminated array of C strings for execve. */
char **spec_vector(struct arena *a, const struct str *v, size_t n);
