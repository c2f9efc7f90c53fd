/* Is every field of the type that Kubernetes gives it? One table; a path with [] goes into the items of a list. */
#include "cluster/local/admit.h"

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

/* Of a map or list of strings: the first member that is none, instead of the whole. */
static struct str find_culprit(struct arena *a, struct str shown, enum shape shape, const struct value **v,
                               const char **why)
{
    const struct value *whole = *v;
    if (shape == IS_STRING_MAP && value_is(whole, VALUE_MAP))
        for (size_t i = 0; i < whole->map->n; i++)
            if (!value_is(&whole->map->v[i].value, VALUE_STRING)) {
                *v = &whole->map->v[i].value;
                *why = "must be a string; put it in quotes";
                return dotted(a, shown, whole->map->v[i].key);
            }
    if (shape == IS_STRING_LIST && value_is(whole, VALUE_LIST))
        for (size_t i = 0; i < whole->list->n; i++)
            if (!value_is(&whole->list->v[i], VALUE_STRING)) {
                *v = &whole->list->v[i];
                *why = "must be a string; put it in quotes";
                return arena_fmt(a, "%.*s[%zu]", STR(shown), i);
            }
    return shown;
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
    if (why == NULL)
        return true;
    const struct value *culprit = v;
    shown = find_culprit(a, shown, shape, &culprit, &why);
    return admit_invalid(doc, e, "%.*s: Invalid value: \"%s\": %s", STR(shown),
                         value_kind_name((enum value_kind)culprit->kind), why);
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

bool admit_types(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        bool mine = types[i].kind == NULL || (row != NULL && strcmp(types[i].kind, row->kind) == 0);
        if (mine && !check_type(a, doc, doc, S(""), str_c(types[i].path), types[i].shape, e))
            return false;
    }
    return row == NULL || row->pod_spec == NULL || check_pod_types(a, row, doc, e);
}
