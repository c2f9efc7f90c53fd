/*
 * oci/credentials.c - what the machine knows about a registry: the files of docker, podman and Helm, and their helpers.
 *
 * The first of $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json, ~/.docker/config.json,
 * $XDG_RUNTIME_DIR/containers/auth.json and what `helm registry login` has written that knows the registry decides.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "data/json.h"
#include "oci/internal.h"

enum { FILE_MAX_BYTES = 4 << 20, HELPER_TIMEOUT_MS = 30000, HELPER_OUTPUT_MAX = 64 << 10 };

/* ---- one file ----------------------------------------------------------------------------- */

static struct str known_name(struct str registry)
{
    return str_is(registry, "docker.io") ? S("https://index.docker.io/v1/") : registry;
}

/* Keys are written as host, https://host, https://host/v1/ and the like. */
static bool key_matches(struct str key, struct str registry)
{
    if (str_eq(key, known_name(registry)))
        return true;
    ptrdiff_t scheme = str_find(key, S("://"));
    if (scheme >= 0)
        str_cut(&key, (size_t)scheme + 3);
    struct str host = { 0 };
    str_split(&key, S("/"), &host);
    if (str_is(host, "index.docker.io"))
        host = S("docker.io");
    return str_eq(host, registry) && (key.n == 0 || str_starts(key, S("v1")) || str_starts(key, S("v2")));
}

static void read_entry(struct arena *a, const struct value *entry, struct oci_credentials *out)
{
    struct str pair = { 0 };
    out->username = value_as_str(value_get(entry, "username"));
    out->password = value_as_str(value_get(entry, "password"));
    struct str auth = value_as_str(value_get(entry, "auth"));
    if (auth.n > 0 && str_unbase64(a, auth, &pair)) {
        str_split(&pair, S(":"), &out->username);
        out->password = pair;
    }
    out->identity_token = value_as_str(value_get(entry, "identitytoken"));
    out->registry_token = value_as_str(value_get(entry, "registrytoken"));
}

static bool is_empty(const struct oci_credentials *c)
{
    return c->username.n == 0 && c->identity_token.n == 0 && c->registry_token.n == 0;
}

static void find_entry(struct arena *a, const struct value *file, struct str registry, struct oci_credentials *out)
{
    const struct value *auths = value_get(file, "auths");
    for (size_t i = 0; auths->kind == VALUE_MAP && i < auths->map->n && is_empty(out); i++)
        if (key_matches(auths->map->v[i].key, registry))
            read_entry(a, &auths->map->v[i].value, out);
}

/* ---- helpers ------------------------------------------------------------------------------ */

static struct str find_helper(const struct value *file, struct str registry)
{
    const struct value *helpers = value_get(file, "credHelpers");
    for (size_t i = 0; helpers->kind == VALUE_MAP && i < helpers->map->n; i++)
        if (key_matches(helpers->map->v[i].key, registry))
            return value_as_str(&helpers->map->v[i].value);
    return value_as_str(value_get(file, "credsStore"));
}

/* docker-credential-NAME get: the host on standard input, {"ServerURL","Username","Secret"} back. */
static bool ask_helper(struct arena *a, struct str helper, struct str registry, struct oci_credentials *out,
                       struct err *e)
{
    const char *program = arena_fmt(a, "docker-credential-%.*s", STR(helper)).p;
    struct proc_options o = { .argv = (const char *const[]){ program, "get", NULL },
                              .stdin_bytes = known_name(registry),
                              .timeout_ms = HELPER_TIMEOUT_MS,
                              .output_max = HELPER_OUTPUT_MAX };
    struct proc_result result = { 0 };
    struct value answer = { 0 };
    if (!proc_run(a, &o, &result, e))
        return err_wrap(e, "ask %s for credentials of %.*s", program, STR(registry));
    if (result.status != 0 || !json_parse(a, result.out, &answer, e))
        return true; /* the helper knows nothing: anonymous; its output is never shown */
    struct str name = value_as_str(value_get(&answer, "Username"));
    struct str secret = value_as_str(value_get(&answer, "Secret"));
    if (str_is(name, "<token>"))
        out->identity_token = secret;
    else
        *out = (struct oci_credentials){ .username = name, .password = secret };
    return true;
}

/* ---- all of them -------------------------------------------------------------------------- */

static bool try_file(struct arena *a, const char *path, struct str registry, struct oci_credentials *out, struct err *e)
{
    struct str text = { 0 };
    struct value file = { 0 };
    struct err missing = { 0 };
    if (!fs_read(a, AT_FDCWD, path, FILE_MAX_BYTES, &text, &missing))
        return true;
    if (!json_parse(a, text, &file, e))
        return err_wrap(e, "read registry credentials in %s", path);
    find_entry(a, &file, registry, out);
    struct str helper = is_empty(out) ? find_helper(&file, registry) : S("");
    return helper.n == 0 || ask_helper(a, helper, registry, out, e);
}

struct place {
    const char *variable, *suffix;
};

static bool try_places(struct arena *a, const struct place *places, size_t n, struct str registry,
                       struct oci_credentials *out, struct err *e)
{
    for (size_t i = 0; i < n && is_empty(out); i++) {
        const char *start = getenv(places[i].variable);
        if (start == NULL || start[0] == 0)
            continue;
        if (!try_file(a, arena_fmt(a, "%s%s", start, places[i].suffix).p, registry, out, e))
            return false;
    }
    return true;
}

bool oci_credentials_find(struct arena *a, struct str registry, bool helm_first, struct oci_credentials *out,
                          struct err *e)
{
    static const struct place docker[] = { { "REGISTRY_AUTH_FILE", "" },
                                           { "DOCKER_CONFIG", "/config.json" },
                                           { "HOME", "/.docker/config.json" },
                                           { "XDG_RUNTIME_DIR", "/containers/auth.json" } };
    static const struct place helm[] = { { "HELM_REGISTRY_CONFIG", "" },
                                         { "HELM_CONFIG_HOME", "/registry/config.json" },
                                         { "XDG_CONFIG_HOME", "/helm/registry/config.json" },
                                         { "HOME", "/.config/helm/registry/config.json" } };
    struct oci_credentials found = { 0 };
    if (helm_first && !try_places(a, helm, COUNT(helm), registry, &found, e))
        return false;
    if (!try_places(a, docker, COUNT(docker), registry, &found, e))
        return false;
    if (!helm_first && !try_places(a, helm, COUNT(helm), registry, &found, e))
        return false;
    *out = found;
    return true;
}
