/* From a container's document and its image's configuration to the command line, environment and user of a process. */
#include "cluster/local/pod_run.h"

#define ENV_MAX 2000 /* variables of one container */

struct builder {
    struct world *w;
    struct arena *a;
    const struct value *pod, *c;
    const struct podlet *p;
    const struct runtime_image *image;
    struct str *env;
    size_t n_env;
};

/* ---- environment -------------------------------------------------------------------------- */

static bool put_env(struct builder *b, struct str name, struct str value, struct err *e)
{
    struct str text = arena_fmt(b->a, "%.*s=%.*s", STR(name), STR(value));
    for (size_t i = 0; i < b->n_env; i++)
        if (str_starts(b->env[i], str_slice(text, 0, name.n + 1))) {
            b->env[i] = text;
            return true;
        }
    if (b->n_env == ENV_MAX)
        return err_set(e, ERR_LIMIT, "more than %d environment variables", ENV_MAX);
    b->env[b->n_env++] = text;
    return true;
}

static bool image_env(struct builder *b, struct err *e)
{
    const struct value *list = value_at(&b->image->config, "config.Env");
    for (size_t i = 0; i < value_len(list); i++) {
        struct str value = value_as_str(value_item(list, i)), name;
        if (str_split(&value, S("="), &name) && !put_env(b, name, value, e))
            return false;
    }
    return true;
}

/* NAME_SERVICE_HOST and _PORT of every Service, as older programs look for them. */
static bool service_links(struct builder *b, struct err *e)
{
    size_t cursor = 0;
    if (!value_bool_at(b->pod, "spec.enableServiceLinks", true))
        return true;
    for (const struct value *s; (s = world_next(b->w, "", "Service", &cursor)) != NULL;) {
        struct str ip = value_str_at(s, "spec.clusterIP"), name = value_str_at(s, "metadata.name");
        struct buf upper = { .a = b->a };
        if (ip.n == 0 || str_is(ip, "None"))
            continue;
        for (size_t i = 0; i < name.n; i++)
            buf_byte(&upper, (char)(name.p[i] == '-'                       ? '_'
                                    : name.p[i] >= 'a' && name.p[i] <= 'z' ? name.p[i] - 'a' + 'A'
                                                                           : name.p[i]));
        struct str base = buf_str(&upper);
        struct str port = arena_fmt(b->a, "%lld", (long long)value_int_at(s, "spec.ports.0.port", 0));
        if (!put_env(b, arena_fmt(b->a, "%.*s_SERVICE_HOST", STR(base)), ip, e)
            || !put_env(b, arena_fmt(b->a, "%.*s_SERVICE_PORT", STR(base)), port, e))
            return false;
    }
    return true;
}

bool source_find(struct world *w, const char *kind, struct str name, const struct value **out, struct err *e)
{
    *out = world_find(w, "", kind, name);
    if (*out != NULL)
        return true;
    return err_set(e, ERR_NOT_FOUND, "%s \"%.*s\" not found", strcmp(kind, "Secret") == 0 ? "secret" : "configmap",
                   STR(name));
}

bool source_key(struct arena *a, const struct value *doc, struct str key, struct str *out)
{
    bool secret = str_is(value_str_at(doc, "kind"), "Secret");
    const struct value *data = value_get(doc, "data"), *binary = value_get(doc, "binaryData");
    const struct value *found = value_is(data, VALUE_MAP) ? map_get(data->map, key) : NULL;
    bool encoded = secret;
    if (found == NULL && value_is(binary, VALUE_MAP)) {
        found = map_get(binary->map, key);
        encoded = true;
    }
    if (found == NULL)
        return false;
    if (encoded)
        return str_unbase64(a, value_as_str(found), out);
    *out = value_as_str(found);
    return true;
}

static bool env_from(struct builder *b, const struct value *from, struct err *e)
{
    bool secret = value_is(value_get(from, "secretRef"), VALUE_MAP);
    const struct value *ref = value_get(from, secret ? "secretRef" : "configMapRef"), *doc;
    struct str prefix = value_str_at(from, "prefix"), text;
    struct err missing = { 0 };
    if (!source_find(b->w, secret ? "Secret" : "ConfigMap", value_str_at(ref, "name"), &doc, &missing)) {
        if (value_bool_at(ref, "optional", false))
            return true;
        *e = missing;
        return false;
    }
    const struct value *data = value_get(doc, "data");
    for (size_t i = 0; value_is(data, VALUE_MAP) && i < data->map->n; i++) {
        struct str key = data->map->v[i].key;
        if (source_key(b->a, doc, key, &text)
            && !put_env(b, arena_fmt(b->a, "%.*s%.*s", STR(prefix), STR(key)), text, e))
            return false;
    }
    return true;
}

/* limits.cpu, requests.memory ... in units of the divisor; an unset limit is what the machine has: here 0 is said for
 * "none". */
static bool resource_field(struct builder *b, const struct value *ref, struct str *out, struct err *e)
{
    struct str path = value_str_at(ref, "resource"), what = path, amount, divisor = value_str_at(ref, "divisor");
    int64_t n = 0, unit = 1;
    (void)str_split(&what, S("."), &amount);
    const struct value *set = value_get(value_get(b->c, "resources"), arena_c(b->a, amount));
    const struct value *found = value_is(set, VALUE_MAP) ? map_get(set->map, what) : NULL;
    struct str text = found != NULL && value_is(found, VALUE_INT) ? arena_fmt(b->a, "%lld", (long long)found->i)
                                                                  : value_as_str(found != NULL ? found : &value_nil);
    if (text.n > 0 && !quantity_parse(text, 1000, &n))
        return err_set(e, ERR_INVALID, "resources.%.*s: \"%.*s\" is no quantity", STR(path), STR(text));
    if (divisor.n == 0 || str_is(divisor, "0"))
        divisor = S("1");
    if (!quantity_parse(divisor, 1000, &unit) || unit == 0)
        return err_set(e, ERR_INVALID, "divisor \"%.*s\" is no quantity", STR(divisor));
    *out = arena_fmt(b->a, "%lld", (long long)((n + unit - 1) / unit));
    return true;
}

static bool env_value_from(struct builder *b, const struct value *from, struct str *out, bool *present, struct err *e)
{
    const struct value *field = value_get(from, "fieldRef"), *resource = value_get(from, "resourceFieldRef");
    *present = true;
    if (value_is(field, VALUE_MAP)) {
        struct str path = value_str_at(field, "fieldPath");
        return pod_field(b->w, b->pod, b->p, path, out)
               || err_set(e, ERR_INVALID, "fieldPath \"%.*s\" is not supported", STR(path));
    }
    if (value_is(resource, VALUE_MAP))
        return resource_field(b, resource, out, e);
    bool secret = value_is(value_get(from, "secretKeyRef"), VALUE_MAP);
    const struct value *ref = value_get(from, secret ? "secretKeyRef" : "configMapKeyRef"), *doc;
    struct str key = value_str_at(ref, "key");
    struct err missing = { 0 };
    if (source_find(b->w, secret ? "Secret" : "ConfigMap", value_str_at(ref, "name"), &doc, &missing)) {
        if (source_key(b->a, doc, key, out))
            return true;
        (void)err_set(&missing, ERR_NOT_FOUND, "couldn't find key %.*s in %s %s/%.*s", STR(key),
                      secret ? "Secret" : "ConfigMap", b->w->env->name, STR(value_str_at(ref, "name")));
    }
    *present = false;
    if (value_bool_at(ref, "optional", false))
        return true;
    *e = missing;
    return false;
}

static bool own_env(struct builder *b, struct err *e)
{
    const struct value *list = value_get(b->c, "env");
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *item = value_item(list, i), *from = value_get(item, "valueFrom");
        struct str text = expand_variables(b->a, value_str_at(item, "value"), b->env, b->n_env);
        bool present = true;
        if (value_is(from, VALUE_MAP) && !env_value_from(b, from, &text, &present, e))
            return false;
        if (present && !put_env(b, value_str_at(item, "name"), text, e))
            return false;
    }
    return true;
}

static bool build_env(struct builder *b, struct err *e)
{
    b->env = arena_new(b->a, struct str, ENV_MAX);
    if (!put_env(b, S("PATH"), S("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), e) || !image_env(b, e)
        || !put_env(b, S("HOSTNAME"), value_str_at(b->pod, "metadata.name"), e) || !service_links(b, e))
        return false;
    const struct value *list = value_get(b->c, "envFrom");
    for (size_t i = 0; i < value_len(list); i++)
        if (!env_from(b, value_item(list, i), e))
            return false;
    return own_env(b, e);
}

/* ---- command line ------------------------------------------------------------------------- */

static void push_words(struct builder *b, struct runtime_container *out, const struct value *words, bool expand)
{
    for (size_t i = 0; i < value_len(words); i++) {
        struct str word = value_as_str(value_item(words, i));
        out->argv[out->n_argv++] = expand ? expand_variables(b->a, word, b->env, b->n_env) : word;
    }
}

/* `command` takes the place of the image's ENTRYPOINT and drops its CMD; `args` takes the place of CMD. */
static bool build_argv(struct builder *b, struct runtime_container *out, struct err *e)
{
    const struct value *command = value_get(b->c, "command"), *args = value_get(b->c, "args");
    const struct value *entrypoint = value_at(&b->image->config, "config.Entrypoint"),
                       *cmd = value_at(&b->image->config, "config.Cmd");
    out->argv =
        arena_new(b->a, struct str, value_len(command) + value_len(args) + value_len(entrypoint) + value_len(cmd) + 1);
    if (value_len(command) > 0)
        push_words(b, out, command, true);
    else
        push_words(b, out, entrypoint, false);
    if (value_len(args) > 0)
        push_words(b, out, args, true);
    else if (value_len(command) == 0)
        push_words(b, out, cmd, false);
    if (out->n_argv == 0)
        return err_set(e, ERR_INVALID, "no command specified: neither the container nor its image names a program");
    return true;
}

/* ---- who runs it, with what --------------------------------------------------------------- */

static int64_t security_int(struct builder *b, const char *field)
{
    int64_t of_pod = value_int_at(value_at(b->pod, "spec.securityContext"), field, -1);
    return value_int_at(value_get(b->c, "securityContext"), field, of_pod);
}

static bool check_non_root(struct builder *b, int64_t uid, struct err *e)
{
    bool of_pod = value_bool_at(b->pod, "spec.securityContext.runAsNonRoot", false);
    struct str user = value_str_at(&b->image->config, "config.User"), rest = user, name;
    int64_t n;
    if (!value_bool_at(b->c, "securityContext.runAsNonRoot", of_pod))
        return true;
    (void)str_split(&rest, S(":"), &name);
    if (uid == 0)
        return err_set(e, ERR_INVALID, "container's runAsUser breaks non-root policy (container: %.*s)",
                       STR(value_str_at(b->c, "name")));
    if (uid > 0 || (str_to_int(name, &n) && n > 0))
        return true;
    if (name.n > 0 && !str_to_int(name, &n))
        return err_set(e, ERR_INVALID,
                       "container has runAsNonRoot and image has non-numeric user (%.*s), cannot verify user is "
                       "non-root; set runAsUser",
                       STR(name));
    return err_set(e, ERR_INVALID, "container has runAsNonRoot and image will run as root; set runAsUser");
}

static bool build_limits(struct builder *b, struct runtime_container *out, struct err *e)
{
    const struct value *memory = value_at(b->c, "resources.limits.memory");
    if (value_is(memory, VALUE_INT))
        out->memory_max = memory->i;
    else if (value_is(memory, VALUE_STRING) && !quantity_parse(value_as_str(memory), 1, &out->memory_max))
        return err_set(e, ERR_INVALID, "resources.limits.memory: \"%.*s\" is no quantity", STR(value_as_str(memory)));
    return true;
}

bool container_build(struct world *w, const struct value *pod, const struct value *c, const struct podlet *p,
                     const struct container_run *run, const struct runtime_image *image, struct runtime_container *out,
                     struct err *e)
{
    struct builder b = { .w = w, .a = w->a, .pod = pod, .c = c, .p = p, .image = image };
    struct runtime_container made = {
        .pod_id = str_c(p->uid), .name = value_str_at(c, "name"), .attempt = run->attempt, .image = image
    };
    struct str own_host = value_str_at(pod, "spec.hostname");
    made.uid = security_int(&b, "runAsUser");
    made.gid = security_int(&b, "runAsGroup");
    made.hostname = own_host.n > 0 ? own_host : value_str_at(pod, "metadata.name");
    made.dns_search = arena_fmt(w->a, "%s.svc.cluster.local svc.cluster.local cluster.local", w->env->name);
    made.read_only_root = value_bool_at(c, "securityContext.readOnlyRootFilesystem", false);
    made.working_dir = value_str_at(c, "workingDir");
    if (made.working_dir.n == 0)
        made.working_dir = value_str_at(&image->config, "config.WorkingDir");
    if (!check_non_root(&b, made.uid, e) || !build_env(&b, e) || !build_argv(&b, &made, e)
        || !build_limits(&b, &made, e) || !volumes_mounts(w, pod, c, &made.mounts, &made.n_mounts, e))
        return false;
    made.env = b.env;
    made.n_env = b.n_env;
    *out = made;
    return true;
}
