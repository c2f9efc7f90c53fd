/* Is the document something Kubernetes would take? Types by a table, meaning by small functions; messages as Kubernetes
 * words them. */
#include <stdio.h>

#include "cluster/local/admit.h"

#define CONTAINERS_MAX 32 /* of one pod */

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

/* ---- names -------------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_is_label(struct str s)
{
    if (s.n == 0 || s.n > 63 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

bool name_is_subdomain(struct str s)
{
    struct str rest = s, label;
    if (s.n == 0 || s.n > 253)
        return false;
    bool more = true;
    while (more) {
        more = str_split(&rest, S("."), &label);
        if (label.n == 0 || !is_alnum(label.p[0]) || !is_alnum(label.p[label.n - 1]))
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_alnum(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
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

/* ---- types -------------------------------------------------------------------------------- */

enum shape {
    IS_STRING,
    IS_BOOL,
    IS_COUNT,
    IS_INT,
    IS_MAP,
    IS_LIST,
    IS_MAP_LIST,
    IS_STRING_LIST,
    IS_STRING_MAP,
    IS_INT_OR_STRING
};
struct typed {
    const char *kind; /* NULL: all kinds; "@pod": below a pod specification; "@container": below each container */
    const char *path; /* dotted; name[] goes into the items of a list */
    enum shape shape;
};

static const struct typed types[] = {
    { NULL, "metadata", IS_MAP },
    { NULL, "metadata.labels", IS_STRING_MAP },
    { NULL, "metadata.annotations", IS_STRING_MAP },
    { NULL, "metadata.finalizers", IS_STRING_LIST },
    { NULL, "metadata.ownerReferences", IS_MAP_LIST },
    { "ConfigMap", "data", IS_STRING_MAP },
    { "ConfigMap", "binaryData", IS_STRING_MAP },
    { "Secret", "data", IS_STRING_MAP },
    { "Secret", "type", IS_STRING },
    { "Deployment", "spec", IS_MAP },
    { "Deployment", "spec.replicas", IS_COUNT },
    { "Deployment", "spec.selector", IS_MAP },
    { "Deployment", "spec.template", IS_MAP },
    { "Deployment", "spec.strategy", IS_MAP },
    { "Deployment", "spec.strategy.type", IS_STRING },
    { "Deployment", "spec.strategy.rollingUpdate.maxSurge", IS_INT_OR_STRING },
    { "Deployment", "spec.strategy.rollingUpdate.maxUnavailable", IS_INT_OR_STRING },
    { "Deployment", "spec.minReadySeconds", IS_COUNT },
    { "Deployment", "spec.progressDeadlineSeconds", IS_COUNT },
    { "Deployment", "spec.revisionHistoryLimit", IS_COUNT },
    { "Deployment", "spec.paused", IS_BOOL },
    { "ReplicaSet", "spec", IS_MAP },
    { "ReplicaSet", "spec.replicas", IS_COUNT },
    { "ReplicaSet", "spec.selector", IS_MAP },
    { "ReplicaSet", "spec.template", IS_MAP },
    { "StatefulSet", "spec", IS_MAP },
    { "StatefulSet", "spec.replicas", IS_COUNT },
    { "StatefulSet", "spec.selector", IS_MAP },
    { "StatefulSet", "spec.template", IS_MAP },
    { "StatefulSet", "spec.serviceName", IS_STRING },
    { "StatefulSet", "spec.volumeClaimTemplates", IS_MAP_LIST },
    { "DaemonSet", "spec", IS_MAP },
    { "DaemonSet", "spec.selector", IS_MAP },
    { "DaemonSet", "spec.template", IS_MAP },
    { "Job", "spec", IS_MAP },
    { "Job", "spec.template", IS_MAP },
    { "Job", "spec.parallelism", IS_COUNT },
    { "Job", "spec.completions", IS_COUNT },
    { "Job", "spec.backoffLimit", IS_COUNT },
    { "Job", "spec.activeDeadlineSeconds", IS_COUNT },
    { "Job", "spec.ttlSecondsAfterFinished", IS_COUNT },
    { "Job", "spec.suspend", IS_BOOL },
    { "Service", "spec", IS_MAP },
    { "Service", "spec.ports", IS_MAP_LIST },
    { "Service", "spec.ports[].port", IS_INT },
    { "Service", "spec.ports[].targetPort", IS_INT_OR_STRING },
    { "Service", "spec.ports[].name", IS_STRING },
    { "Service", "spec.selector", IS_STRING_MAP },
    { "Service", "spec.type", IS_STRING },
    { "Ingress", "spec", IS_MAP },
    { "Ingress", "spec.rules", IS_MAP_LIST },
    { "Ingress", "spec.rules[].host", IS_STRING },
    { "Ingress", "spec.rules[].http", IS_MAP },
    { "Ingress", "spec.rules[].http.paths", IS_MAP_LIST },
    { "Ingress", "spec.rules[].http.paths[].path", IS_STRING },
    { "Ingress", "spec.rules[].http.paths[].backend", IS_MAP },
    { "Ingress", "spec.rules[].http.paths[].backend.service", IS_MAP },
    { "Ingress", "spec.tls", IS_MAP_LIST },
    { "HorizontalPodAutoscaler", "spec.minReplicas", IS_COUNT },
    { "HorizontalPodAutoscaler", "spec.maxReplicas", IS_COUNT },
    { "@pod", "containers", IS_MAP_LIST },
    { "@pod", "initContainers", IS_MAP_LIST },
    { "@pod", "volumes", IS_MAP_LIST },
    { "@pod", "volumes[].name", IS_STRING },
    { "@pod", "restartPolicy", IS_STRING },
    { "@pod", "serviceAccountName", IS_STRING },
    { "@pod", "hostNetwork", IS_BOOL },
    { "@pod", "terminationGracePeriodSeconds", IS_COUNT },
    { "@pod", "activeDeadlineSeconds", IS_COUNT },
    { "@pod", "securityContext", IS_MAP },
    { "@pod", "securityContext.runAsUser", IS_COUNT },
    { "@pod", "securityContext.runAsGroup", IS_COUNT },
    { "@pod", "securityContext.runAsNonRoot", IS_BOOL },
    { "@pod", "imagePullSecrets", IS_MAP_LIST },
    { "@pod", "nodeSelector", IS_STRING_MAP },
    { "@container", "name", IS_STRING },
    { "@container", "image", IS_STRING },
    { "@container", "imagePullPolicy", IS_STRING },
    { "@container", "workingDir", IS_STRING },
    { "@container", "command", IS_STRING_LIST },
    { "@container", "args", IS_STRING_LIST },
    { "@container", "env", IS_MAP_LIST },
    { "@container", "env[].name", IS_STRING },
    { "@container", "env[].value", IS_STRING },
    { "@container", "env[].valueFrom", IS_MAP },
    { "@container", "envFrom", IS_MAP_LIST },
    { "@container", "ports", IS_MAP_LIST },
    { "@container", "ports[].containerPort", IS_INT },
    { "@container", "ports[].name", IS_STRING },
    { "@container", "volumeMounts", IS_MAP_LIST },
    { "@container", "volumeMounts[].name", IS_STRING },
    { "@container", "volumeMounts[].mountPath", IS_STRING },
    { "@container", "volumeMounts[].subPath", IS_STRING },
    { "@container", "volumeMounts[].readOnly", IS_BOOL },
    { "@container", "resources", IS_MAP },
    { "@container", "resources.limits", IS_MAP },
    { "@container", "resources.requests", IS_MAP },
    { "@container", "securityContext", IS_MAP },
    { "@container", "securityContext.runAsUser", IS_COUNT },
    { "@container", "securityContext.runAsGroup", IS_COUNT },
    { "@container", "securityContext.privileged", IS_BOOL },
    { "@container", "securityContext.allowPrivilegeEscalation", IS_BOOL },
    { "@container", "securityContext.readOnlyRootFilesystem", IS_BOOL },
    { "@container", "securityContext.capabilities.add", IS_STRING_LIST },
    { "@container", "lifecycle.preStop.exec.command", IS_STRING_LIST },
};

static const char *const probe_names[] = { "startupProbe", "livenessProbe", "readinessProbe" };
static const struct typed probe_types[] = {
    { NULL, "httpGet", IS_MAP },
    { NULL, "httpGet.path", IS_STRING },
    { NULL, "httpGet.port", IS_INT_OR_STRING },
    { NULL, "httpGet.httpHeaders", IS_MAP_LIST },
    { NULL, "tcpSocket", IS_MAP },
    { NULL, "tcpSocket.port", IS_INT_OR_STRING },
    { NULL, "exec.command", IS_STRING_LIST },
    { NULL, "initialDelaySeconds", IS_COUNT },
    { NULL, "periodSeconds", IS_COUNT },
    { NULL, "timeoutSeconds", IS_COUNT },
    { NULL, "successThreshold", IS_COUNT },
    { NULL, "failureThreshold", IS_COUNT },
};

static bool all_of(const struct value *v, enum value_kind kind)
{
    if (value_is(v, VALUE_LIST)) {
        for (size_t i = 0; i < v->list->n; i++)
            if (!value_is(&v->list->v[i], kind))
                return false;
        return true;
    }
    for (size_t i = 0; value_is(v, VALUE_MAP) && i < v->map->n; i++)
        if (!value_is(&v->map->v[i].value, kind) && !value_is(&v->map->v[i].value, VALUE_NULL))
            return false;
    return value_is(v, VALUE_MAP);
}

/* NULL when the value has the shape, else what it must be. */
static const char *mismatch(const struct value *v, enum shape shape)
{
    if (value_is(v, VALUE_NULL))
        return NULL;
    switch (shape) {
    case IS_STRING: return value_is(v, VALUE_STRING) ? NULL : "must be a string";
    case IS_BOOL: return value_is(v, VALUE_BOOL) ? NULL : "must be true or false";
    case IS_COUNT: return value_is(v, VALUE_INT) && v->i >= 0 ? NULL : "must be a whole number of at least 0";
    case IS_INT: return value_is(v, VALUE_INT) ? NULL : "must be a whole number";
    case IS_MAP: return value_is(v, VALUE_MAP) ? NULL : "must be a map";
    case IS_LIST: return value_is(v, VALUE_LIST) ? NULL : "must be a list";
    case IS_MAP_LIST: return value_is(v, VALUE_LIST) && all_of(v, VALUE_MAP) ? NULL : "must be a list of maps";
    case IS_STRING_LIST: return value_is(v, VALUE_LIST) && all_of(v, VALUE_STRING) ? NULL : "must be a list of strings";
    case IS_STRING_MAP: return value_is(v, VALUE_MAP) && all_of(v, VALUE_STRING) ? NULL : "must be a map of strings";
    case IS_INT_OR_STRING:
        return value_is(v, VALUE_INT) || value_is(v, VALUE_STRING) ? NULL : "must be a whole number or a string";
    }
    return NULL;
}

static struct str dotted(struct arena *a, struct str path, struct str member)
{
    return path.n == 0 ? member : arena_fmt(a, "%.*s.%.*s", STR(path), STR(member));
}

/* Follow `rest` from `v`; `shown` is how the place is called in messages. */
static bool check_type(struct arena *a, const struct value *doc, const struct value *v, struct str shown,
                       struct str rest, enum shape shape, struct err *e)
{
    struct str step;
    while (rest.n > 0) {
        (void)str_split(&rest, S("."), &step);
        bool into_items = str_ends(step, S("[]"));
        struct str key = into_items ? str_slice(step, 0, step.n - 2) : step;
        const struct value *found = value_is(v, VALUE_MAP) ? map_get(v->map, key) : NULL;
        v = found != NULL ? found : &value_nil;
        shown = dotted(a, shown, key);
        if (!into_items)
            continue;
        for (size_t i = 0; i < value_len(v); i++)
            if (!check_type(a, doc, value_item(v, i), arena_fmt(a, "%.*s[%zu]", STR(shown), i), rest, shape, e))
                return false;
        return true;
    }
    const char *why = mismatch(v, shape);
    return why == NULL
           || admit_invalid(doc, e, "%.*s: Invalid value: \"%s\": %s", STR(shown),
                            value_kind_name((enum value_kind)v->kind), why);
}

static bool check_container_types(struct arena *a, const struct value *doc, const struct value *c, struct str shown,
                                  struct err *e)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].kind != NULL && strcmp(types[i].kind, "@container") == 0
            && !check_type(a, doc, c, shown, str_c(types[i].path), types[i].shape, e))
            return false;
    for (size_t p = 0; p < COUNT(probe_names); p++)
        for (size_t i = 0; i < COUNT(probe_types); i++)
            if (!check_type(a, doc, value_get(c, probe_names[p]), dotted(a, shown, str_c(probe_names[p])),
                            str_c(probe_types[i].path), probe_types[i].shape, e))
                return false;
    return true;
}

static const char *const container_lists[] = { "initContainers", "containers" };

static bool check_pod_types(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
{
    const struct value *spec = value_at(doc, row->pod_spec);
    struct str shown = str_c(row->pod_spec);
    if (!value_is(spec, VALUE_MAP) && !value_is(spec, VALUE_NULL))
        return admit_invalid(doc, e, "%s: Invalid value: \"%s\": must be a map", row->pod_spec,
                             value_kind_name((enum value_kind)spec->kind));
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].kind != NULL && strcmp(types[i].kind, "@pod") == 0
            && !check_type(a, doc, spec, shown, str_c(types[i].path), types[i].shape, e))
            return false;
    for (size_t l = 0; l < COUNT(container_lists); l++) {
        const struct value *list = value_get(spec, container_lists[l]);
        for (size_t i = 0; i < value_len(list); i++)
            if (!check_container_types(a, doc, value_item(list, i),
                                       arena_fmt(a, "%.*s.%s[%zu]", STR(shown), container_lists[l], i), e))
                return false;
    }
    return true;
}

static bool check_types(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        bool mine = types[i].kind == NULL || (row != NULL && strcmp(types[i].kind, row->kind) == 0);
        if (mine && !check_type(a, doc, doc, S(""), str_c(types[i].path), types[i].shape, e))
            return false;
    }
    return row == NULL || row->pod_spec == NULL || check_pod_types(a, row, doc, e);
}

/* ---- pods --------------------------------------------------------------------------------- */

static const struct value *item_named(const struct value *list, const char *member, struct str name)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (str_eq(value_str_at(value_item(list, i), member), name))
            return value_item(list, i);
    return NULL;
}

static bool check_probe(const struct value *doc, const struct value *c, struct str at, const char *name, struct err *e)
{
    const struct value *probe = value_get(c, name);
    if (!value_is(probe, VALUE_MAP))
        return true;
    int handlers = value_is(value_get(probe, "httpGet"), VALUE_MAP) + value_is(value_get(probe, "tcpSocket"), VALUE_MAP)
                   + value_is(value_get(probe, "exec"), VALUE_MAP) + value_is(value_get(probe, "grpc"), VALUE_MAP);
    if (handlers != 1)
        return admit_invalid(doc, e, "%.*s.%s: %s", STR(at), name,
                             handlers == 0 ? "Required value: must specify a handler type (httpGet, tcpSocket or exec)"
                                           : "Forbidden: may not specify more than 1 handler type");
    static const char *const with_port[] = { "httpGet", "tcpSocket" };
    for (size_t i = 0; i < COUNT(with_port); i++) {
        const struct value *handler = value_get(probe, with_port[i]), *port = value_get(handler, "port");
        if (!value_is(handler, VALUE_MAP))
            continue;
        if (value_is(port, VALUE_NULL))
            return admit_invalid(doc, e, "%.*s.%s.%s.port: Required value", STR(at), name, with_port[i]);
        if (value_is(port, VALUE_INT) && (port->i < 1 || port->i > 65535))
            return admit_invalid(doc, e, "%.*s.%s.%s.port: Invalid value: %lld: must be between 1 and 65535", STR(at),
                                 name, with_port[i], (long long)port->i);
        if (value_is(port, VALUE_STRING) && item_named(value_get(c, "ports"), "name", value_as_str(port)) == NULL)
            return admit_invalid(doc, e,
                                 "%.*s.%s.%s.port: Invalid value: \"%.*s\": the container has no port of that name",
                                 STR(at), name, with_port[i], STR(value_as_str(port)));
    }
    return true;
}

/* A volume of the pod, or one that a StatefulSet makes of a claim template. */
static bool has_volume(const struct value *doc, const struct value *spec, struct str name)
{
    return item_named(value_get(spec, "volumes"), "name", name) != NULL
           || item_named(value_at(doc, "spec.volumeClaimTemplates"), "metadata.name", name) != NULL;
}

static bool check_mounts(const struct value *doc, const struct value *spec, const struct value *c, struct str at,
                         struct err *e)
{
    const struct value *mounts = value_get(c, "volumeMounts");
    for (size_t i = 0; i < value_len(mounts); i++) {
        const struct value *m = value_item(mounts, i);
        struct str name = value_str_at(m, "name"), target = value_str_at(m, "mountPath"),
                   sub = value_str_at(m, "subPath");
        if (name.n == 0)
            return admit_invalid(doc, e, "%.*s.volumeMounts[%zu].name: Required value", STR(at), i);
        if (target.n == 0)
            return admit_invalid(doc, e, "%.*s.volumeMounts[%zu].mountPath: Required value", STR(at), i);
        if (target.p[0] != '/')
            return admit_invalid(doc, e,
                                 "%.*s.volumeMounts[%zu].mountPath: Invalid value: \"%.*s\": must be an absolute path",
                                 STR(at), i, STR(target));
        if (!has_volume(doc, spec, name))
            return admit_invalid(doc, e, "%.*s.volumeMounts[%zu].name: Not found: \"%.*s\"", STR(at), i, STR(name));
        if (sub.n > 0 && (sub.p[0] == '/' || str_find(sub, S("..")) >= 0))
            return admit_invalid(
                doc, e, "%.*s.volumeMounts[%zu].subPath: Invalid value: \"%.*s\": must be a relative path without '..'",
                STR(at), i, STR(sub));
    }
    return true;
}

static bool check_container(const struct value *doc, const struct value *spec, const struct value *c, struct str at,
                            struct err *e)
{
    struct str name = value_str_at(c, "name"), policy = value_str_at(c, "imagePullPolicy");
    if (name.n == 0)
        return admit_invalid(doc, e, "%.*s.name: Required value", STR(at));
    if (!name_is_label(name))
        return admit_invalid(doc, e, "%.*s.name: Invalid value: \"%.*s\": must be a DNS label", STR(at), STR(name));
    if (str_trim(value_str_at(c, "image")).n == 0)
        return admit_invalid(doc, e, "%.*s.image: Required value", STR(at));
    if (policy.n > 0 && !str_is(policy, "Always") && !str_is(policy, "IfNotPresent") && !str_is(policy, "Never"))
        return admit_invalid(doc, e,
                             "%.*s.imagePullPolicy: Unsupported value: \"%.*s\": supported values: \"Always\", "
                             "\"IfNotPresent\", \"Never\"",
                             STR(at), STR(policy));
    const struct value *env = value_get(c, "env"), *ports = value_get(c, "ports");
    for (size_t i = 0; i < value_len(env); i++)
        if (value_str_at(value_item(env, i), "name").n == 0)
            return admit_invalid(doc, e, "%.*s.env[%zu].name: Required value", STR(at), i);
    for (size_t i = 0; i < value_len(ports); i++) {
        int64_t port = value_int_at(value_item(ports, i), "containerPort", 0);
        if (port < 1 || port > 65535)
            return admit_invalid(doc, e,
                                 "%.*s.ports[%zu].containerPort: Invalid value: %lld: must be between 1 and 65535",
                                 STR(at), i, (long long)port);
    }
    for (size_t i = 0; i < COUNT(probe_names); i++)
        if (!check_probe(doc, c, at, probe_names[i], e))
            return false;
    return check_mounts(doc, spec, c, at, e);
}

static bool check_restart_policy(const struct kind_row *row, const struct value *doc, const struct value *spec,
                                 struct err *e)
{
    struct str policy = value_str_at(spec, "restartPolicy");
    bool job = strcmp(row->kind, "Job") == 0 || strcmp(row->kind, "CronJob") == 0;
    bool always = str_is(policy, "Always"), once = str_is(policy, "OnFailure") || str_is(policy, "Never");
    if (!always && !once)
        return admit_invalid(
            doc, e,
            "%s.restartPolicy: Unsupported value: \"%.*s\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            row->pod_spec, STR(policy));
    if (job && !once)
        return admit_invalid(doc, e, "%s.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
                             row->pod_spec);
    if (!job && strcmp(row->kind, "Pod") != 0 && !always)
        return admit_invalid(doc, e, "%s.restartPolicy: Unsupported value: \"%.*s\": supported values: \"Always\"",
                             row->pod_spec, STR(policy));
    return true;
}

static bool check_pod(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
{
    const struct value *spec = value_at(doc, row->pod_spec);
    if (value_len(value_get(spec, "containers")) == 0)
        return admit_invalid(doc, e, "%s.containers: Required value", row->pod_spec);
    if (value_len(value_get(spec, "containers")) + value_len(value_get(spec, "initContainers")) > CONTAINERS_MAX)
        return admit_invalid(doc, e, "%s.containers: Too many: at most %d containers, init containers included",
                             row->pod_spec, CONTAINERS_MAX);
    const struct value *volumes = value_get(spec, "volumes");
    for (size_t i = 0; i < value_len(volumes); i++)
        if (!name_is_label(value_str_at(value_item(volumes, i), "name")))
            return admit_invalid(doc, e, "%s.volumes[%zu].name: Invalid value: \"%.*s\": must be a DNS label",
                                 row->pod_spec, i, STR(value_str_at(value_item(volumes, i), "name")));
    for (size_t l = 0; l < COUNT(container_lists); l++) {
        const struct value *list = value_get(spec, container_lists[l]);
        for (size_t i = 0; i < value_len(list); i++) {
            const struct value *c = value_item(list, i);
            struct str at = arena_fmt(a, "%s.%s[%zu]", row->pod_spec, container_lists[l], i);
            if (!check_container(doc, spec, c, at, e))
                return false;
            struct str name = value_str_at(c, "name");
            if (item_named(list, "name", name) != c
                || (l == 1 && item_named(value_get(spec, "initContainers"), "name", name) != NULL))
                return admit_invalid(doc, e, "%.*s.name: Duplicate value: \"%.*s\"", STR(at), STR(name));
        }
    }
    return check_restart_policy(row, doc, spec, e);
}

/* ---- selectors ---------------------------------------------------------------------------- */

static bool holds(const struct value *expression, const struct value *labels)
{
    struct str key = value_str_at(expression, "key"), op = value_str_at(expression, "operator");
    const struct value *found = value_is(labels, VALUE_MAP) ? map_get(labels->map, key) : NULL;
    const struct value *values = value_get(expression, "values");
    bool in = false;
    for (size_t i = 0; found != NULL && i < value_len(values); i++)
        in = in || value_equal(found, value_item(values, i));
    if (str_is(op, "In"))
        return in;
    if (str_is(op, "NotIn"))
        return !in;
    return str_is(op, "Exists") ? found != NULL : found == NULL;
}

static bool map_within(const struct value *wanted, const struct value *labels)
{
    for (size_t i = 0; value_is(wanted, VALUE_MAP) && i < wanted->map->n; i++) {
        const struct value *found = value_is(labels, VALUE_MAP) ? map_get(labels->map, wanted->map->v[i].key) : NULL;
        if (found == NULL || !value_equal(found, &wanted->map->v[i].value))
            return false;
    }
    return true;
}

bool selector_matches(const struct value *selector, const struct value *labels)
{
    const struct value *expressions = value_get(selector, "matchExpressions");
    for (size_t i = 0; i < value_len(expressions); i++)
        if (!holds(value_item(expressions, i), labels))
            return false;
    return map_within(value_get(selector, "matchLabels"), labels);
}

bool selector_map_matches(const struct value *selector, const struct value *labels)
{
    return value_is(selector, VALUE_MAP) && selector->map->n > 0 && map_within(selector, labels);
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

static bool check_data(const struct value *doc, const char *member, bool encoded, struct err *e)
{
    const struct value *data = value_get(doc, member);
    for (size_t i = 0; value_is(data, VALUE_MAP) && i < data->map->n; i++) {
        struct str key = data->map->v[i].key;
        bool plain = key.n > 0 && key.n <= 253 && !str_is(key, ".") && !str_is(key, "..");
        for (size_t j = 0; j < key.n; j++)
            plain = plain
                    && (is_alnum(key.p[j]) || (key.p[j] >= 'A' && key.p[j] <= 'Z') || strchr("-_.", key.p[j]) != NULL);
        if (!plain)
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
    return row->pod_spec == NULL || check_pod(a, row, doc, e);
}

bool admit_validate(struct arena *a, bool typed, const struct kind_row *row, const struct value *doc, struct err *e)
{
    return check_name(row, doc, e) && (!typed || check_types(a, row, doc, e))
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
