/* Is the document something Kubernetes would take? Types and pods have files of their own; messages are worded as
 * Kubernetes does. */
#include <stdio.h>

#include "cluster/local/admit.h"

bool admit_invalid(const struct value *doc, struct err *e, const char *fmt, ...)
{
    struct str version = value_str_at(doc, "apiVersion"), group = { "", 0 };
    ptrdiff_t slash = str_find(version, S("/"));
    if (slash > 0)
        group = str_slice(version, 0, (size_t)slash);
    char text[700];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(e, ERR_INVALID, "%.*s%s%.*s \"%.*s\" is invalid: %s", STR(value_str_at(doc, "kind")),
                   group.n > 0 ? "." : "", STR(group), STR(value_str_at(doc, "metadata.name")), text);
}

static bool check_name(const struct kind_row *row, const struct value *doc, struct err *e)
{
    struct str name = value_str_at(doc, "metadata.name");
    bool label = row != NULL && (strcmp(row->kind, "Namespace") == 0 || strcmp(row->kind, "Service") == 0);
    bool free_form = row == NULL || strcmp(row->kind, "ClusterRole") == 0
                     || strcmp(row->kind, "ClusterRoleBinding") == 0 || strcmp(row->kind, "Role") == 0
                     || strcmp(row->kind, "RoleBinding") == 0;
    if (free_form)
        return (str_find(name, S("/")) < 0 && str_find(name, S("%")) < 0)
               || admit_invalid(doc, e, "metadata.name: Invalid value: \"%.*s\": may not contain '/' or '%%'",
                                STR(name));
    if (label && !name_is_label(name))
        return admit_invalid(doc, e,
                             "metadata.name: Invalid value: \"%.*s\": must be a DNS label: at most 63 lower case "
                             "letters, digits or '-', "
                             "with a letter or digit at both ends",
                             STR(name));
    if (!name_is_subdomain(name))
        return admit_invalid(
            doc, e,
            "metadata.name: Invalid value: \"%.*s\": must be lower case letters, digits, '-' or '.', with a letter or "
            "digit at both ends, at most 253 bytes",
            STR(name));
    return true;
}

static bool check_selector(const struct value *doc, struct err *e)
{
    const struct value *selector = value_at(doc, "spec.selector");
    bool empty = !value_is(selector, VALUE_MAP)
                 || (value_is(value_get(selector, "matchLabels"), VALUE_NULL)
                     && value_len(value_get(selector, "matchExpressions")) == 0);
    if (empty)
        return admit_invalid(doc, e, "spec.selector: Required value");
    if (!value_is(value_at(doc, "spec.template"), VALUE_MAP))
        return admit_invalid(doc, e, "spec.template: Required value");
    if (!selector_matches(selector, value_at(doc, "spec.template.metadata.labels")))
        return admit_invalid(
            doc, e, "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`");
    return true;
}

/* ---- the rest ----------------------------------------------------------------------------- */

static bool check_deployment(const struct value *doc, struct err *e)
{
    struct str type = value_str_at(doc, "spec.strategy.type");
    if (!str_is(type, "RollingUpdate") && !str_is(type, "Recreate"))
        return admit_invalid(
            doc, e,
            "spec.strategy.type: Unsupported value: \"%.*s\": supported values: \"Recreate\", \"RollingUpdate\"",
            STR(type));
    return check_selector(doc, e);
}

static bool check_job(const struct value *doc, struct err *e)
{
    if (!value_is(value_at(doc, "spec.template"), VALUE_MAP))
        return admit_invalid(doc, e, "spec.template: Required value");
    if (str_is(value_str_at(doc, "spec.completionMode"), "Indexed") && value_int_at(doc, "spec.completions", -1) < 0)
        return admit_invalid(doc, e, "spec.completions: Required value: when completion mode is Indexed");
    return true;
}

static bool check_service(const struct value *doc, struct err *e)
{
    struct str type = value_str_at(doc, "spec.type");
    const struct value *ports = value_at(doc, "spec.ports");
    bool headless = str_is(value_str_at(doc, "spec.clusterIP"), "None");
    if (!str_is(type, "ClusterIP") && !str_is(type, "NodePort") && !str_is(type, "LoadBalancer")
        && !str_is(type, "ExternalName"))
        return admit_invalid(
            doc, e,
            "spec.type: Unsupported value: \"%.*s\": supported values: \"ClusterIP\", \"ExternalName\", "
            "\"LoadBalancer\", \"NodePort\"",
            STR(type));
    if (value_len(ports) == 0 && !headless && !str_is(type, "ExternalName"))
        return admit_invalid(doc, e, "spec.ports: Required value");
    for (size_t i = 0; i < value_len(ports); i++) {
        const struct value *port = value_item(ports, i);
        int64_t number = value_int_at(port, "port", 0), target = value_int_at(port, "targetPort", 1);
        if (number < 1 || number > 65535)
            return admit_invalid(doc, e, "spec.ports[%zu].port: Invalid value: %lld: must be between 1 and 65535", i,
                                 (long long)number);
        if (target < 1 || target > 65535)
            return admit_invalid(doc, e, "spec.ports[%zu].targetPort: Invalid value: %lld: must be between 1 and 65535",
                                 i, (long long)target);
        if (value_len(ports) > 1 && value_str_at(port, "name").n == 0)
            return admit_invalid(doc, e, "spec.ports[%zu].name: Required value", i);
    }
    return true;
}

static bool check_backend(const struct value *doc, const struct value *backend, struct str at, struct err *e)
{
    const struct value *service = value_get(backend, "service");
    if (!value_is(service, VALUE_MAP))
        return admit_invalid(doc, e, "%.*s: Required value: the local engine routes to a service", STR(at));
    if (value_str_at(service, "name").n == 0)
        return admit_invalid(doc, e, "%.*s.service.name: Required value", STR(at));
    if (value_int_at(service, "port.number", 0) <= 0 && value_str_at(service, "port.name").n == 0)
        return admit_invalid(doc, e, "%.*s.service.port: Required value: name or number", STR(at));
    return true;
}

static bool check_ingress_path(const struct value *doc, const struct value *path, struct str at, struct arena *a,
                               struct err *e)
{
    struct str type = value_str_at(path, "pathType"), text = value_str_at(path, "path");
    if (type.n == 0)
        return admit_invalid(doc, e, "%.*s.pathType: Required value: pathType must be specified", STR(at));
    if (!str_is(type, "Exact") && !str_is(type, "Prefix") && !str_is(type, "ImplementationSpecific"))
        return admit_invalid(doc, e,
                             "%.*s.pathType: Unsupported value: \"%.*s\": supported values: \"Exact\", "
                             "\"ImplementationSpecific\", \"Prefix\"",
                             STR(at), STR(type));
    bool optional = str_is(type, "ImplementationSpecific") && text.n == 0;
    if (!optional && (text.n == 0 || text.p[0] != '/'))
        return admit_invalid(doc, e, "%.*s.path: Invalid value: \"%.*s\": must be an absolute path", STR(at),
                             STR(text));
    return check_backend(doc, value_get(path, "backend"), arena_fmt(a, "%.*s.backend", STR(at)), e);
}

static bool check_ingress(struct arena *a, const struct value *doc, struct err *e)
{
    const struct value *rules = value_at(doc, "spec.rules"), *fallback = value_at(doc, "spec.defaultBackend");
    if (value_len(rules) == 0 && value_is(fallback, VALUE_NULL))
        return admit_invalid(doc, e, "spec: Invalid value: either `defaultBackend` or `rules` must be specified");
    if (!value_is(fallback, VALUE_NULL) && !check_backend(doc, fallback, S("spec.defaultBackend"), e))
        return false;
    for (size_t i = 0; i < value_len(rules); i++) {
        const struct value *paths = value_at(value_item(rules, i), "http.paths");
        struct str host = value_str_at(value_item(rules, i), "host");
        if (host.n > 0 && !name_is_subdomain(str_starts(host, S("*.")) ? str_slice(host, 2, host.n) : host))
            return admit_invalid(
                doc, e,
                "spec.rules[%zu].host: Invalid value: \"%.*s\": must be a DNS name, at most with a leading \"*.\"", i,
                STR(host));
        for (size_t j = 0; j < value_len(paths); j++)
            if (!check_ingress_path(doc, value_item(paths, j), arena_fmt(a, "spec.rules[%zu].http.paths[%zu]", i, j), a,
                                    e))
                return false;
    }
    return true;
}

static bool is_base64(struct str s)
{
    if (s.n % 4 != 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
        if (!digit && !(c == '=' && i + 2 >= s.n))
            return false;
    }
    return true;
}

static bool is_key(struct str key)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] == '\0' || strchr(allowed, key.p[i]) == NULL)
            return false;
    return key.n > 0 && key.n <= 253 && !str_is(key, ".") && !str_is(key, "..");
}

static bool check_data(const struct value *doc, const char *member, bool encoded, struct err *e)
{
    const struct value *data = value_get(doc, member);
    for (size_t i = 0; value_is(data, VALUE_MAP) && i < data->map->n; i++) {
        struct str key = data->map->v[i].key;
        if (!is_key(key))
            return admit_invalid(doc, e, "%s[%.*s]: Invalid value: a key is letters, digits, '-', '_' or '.'", member,
                                 STR(key));
        if (encoded && !is_base64(value_as_str(&data->map->v[i].value)))
            return admit_invalid(doc, e, "%s[%.*s]: Invalid value: must be base64", member, STR(key));
    }
    return true;
}

static bool check_meaning(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
{
    if (row->pod_spec != NULL && strcmp(row->kind, "Pod") != 0 && strcmp(row->kind, "Job") != 0
        && strcmp(row->kind, "CronJob") != 0 && strcmp(row->group, "apps") == 0 && !check_selector(doc, e))
        return false;
    if (strcmp(row->kind, "Deployment") == 0 && !check_deployment(doc, e))
        return false;
    if (strcmp(row->kind, "Job") == 0 && !check_job(doc, e))
        return false;
    if (strcmp(row->kind, "Service") == 0)
        return check_service(doc, e);
    if (strcmp(row->kind, "Ingress") == 0)
        return check_ingress(a, doc, e);
    if (strcmp(row->kind, "ConfigMap") == 0)
        return check_data(doc, "data", false, e) && check_data(doc, "binaryData", true, e);
    if (strcmp(row->kind, "Secret") == 0)
        return check_data(doc, "data", true, e);
    return row->pod_spec == NULL || admit_pod(a, row, doc, e);
}

bool admit_validate(struct arena *a, bool typed, const struct kind_row *row, const struct value *doc, struct err *e)
{
    return check_name(row, doc, e) && (!typed || admit_types(a, row, doc, e))
           && (row == NULL || check_meaning(a, row, doc, e));
}

/* ---- what never changes ------------------------------------------------------------------- */

static const struct {
    const char *kind, *path;
} fixed[] = {
    { "Deployment", "spec.selector" },
    { "ReplicaSet", "spec.selector" },
    { "DaemonSet", "spec.selector" },
    { "StatefulSet", "spec.selector" },
    { "StatefulSet", "spec.serviceName" },
    { "StatefulSet", "spec.podManagementPolicy" },
    { "StatefulSet", "spec.volumeClaimTemplates" },
    { "Job", "spec.selector" },
    { "Job", "spec.template" },
    { "Job", "spec.completionMode" },
    { "Service", "spec.clusterIP" },
    { "PersistentVolumeClaim", "spec.accessModes" },
    { "PersistentVolumeClaim", "spec.storageClassName" },
    { "Pod", "spec.containers" },
    { "Pod", "spec.initContainers" },
    { "Pod", "spec.volumes" },
    { "Secret", "type" },
};

bool admit_immutable(struct arena *a, const struct kind_row *row, const struct value *old, const struct value *doc,
                     struct err *e)
{
    (void)a;
    if (row == NULL)
        return true;
    for (size_t i = 0; i < COUNT(fixed); i++) {
        if (strcmp(fixed[i].kind, row->kind) != 0
            || value_equal(value_at(old, fixed[i].path), value_at(doc, fixed[i].path)))
            continue;
        return admit_invalid(doc, e, "%s: Invalid value: field is immutable", fixed[i].path);
    }
    bool data = strcmp(row->kind, "ConfigMap") == 0 || strcmp(row->kind, "Secret") == 0;
    if (data && value_bool_at(old, "immutable", false) && !value_equal(value_get(old, "data"), value_get(doc, "data")))
        return admit_invalid(doc, e, "data: Forbidden: field is immutable when `immutable` is set");
    return true;
}
