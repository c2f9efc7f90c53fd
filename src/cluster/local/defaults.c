/* Defaults that the Kubernetes API adds to an object after merging. Only absent members are set; nothing of the user's
 * changes. */
#include "cluster/local/admit.h"

/* Absent or null counts as unset. */
static void set_default(struct arena *a, const struct value *map, const char *key, struct value v)
{
    if (value_is(map, VALUE_MAP) && value_is(value_get(map, key), VALUE_NULL))
        value_set(a, map, key, v);
}

static const struct value *map_at(struct arena *a, const struct value *map, const char *key)
{
    set_default(a, map, key, value_map(a));
    return value_get(map, key);
}

/* ---- pods --------------------------------------------------------------------------------- */

static void probe_defaults(struct arena *a, const struct value *container, const char *name)
{
    const struct value *probe = value_get(container, name);
    if (!value_is(probe, VALUE_MAP))
        return;
    set_default(a, probe, "timeoutSeconds", value_int(1));
    set_default(a, probe, "periodSeconds", value_int(10));
    set_default(a, probe, "successThreshold", value_int(1));
    set_default(a, probe, "failureThreshold", value_int(3));
    set_default(a, value_get(probe, "httpGet"), "scheme", value_c("HTTP"));
    set_default(a, value_get(probe, "httpGet"), "path", value_c("/"));
}

/* Always for the tag latest or no tag and no digest, else IfNotPresent. */
static const char *pull_policy(struct str image)
{
    if (str_find(image, S("@")) >= 0)
        return "IfNotPresent";
    ptrdiff_t slash = str_rfind(image, S("/"));
    struct str last = slash < 0 ? image : str_slice(image, (size_t)slash + 1, image.n);
    ptrdiff_t colon = str_rfind(last, S(":"));
    if (colon < 0 || str_is(str_slice(last, (size_t)colon + 1, last.n), "latest"))
        return "Always";
    return "IfNotPresent";
}

static void container_defaults(struct arena *a, const struct value *c)
{
    set_default(a, c, "imagePullPolicy", value_c(pull_policy(value_str_at(c, "image"))));
    set_default(a, c, "terminationMessagePath", value_c("/dev/termination-log"));
    set_default(a, c, "terminationMessagePolicy", value_c("File"));
    set_default(a, c, "resources", value_map(a));
    const struct value *ports = value_get(c, "ports");
    for (size_t i = 0; i < value_len(ports); i++)
        set_default(a, value_item(ports, i), "protocol", value_c("TCP"));
    probe_defaults(a, c, "startupProbe");
    probe_defaults(a, c, "livenessProbe");
    probe_defaults(a, c, "readinessProbe");
}

static void volume_defaults(struct arena *a, const struct value *volume)
{
    static const char *const with_mode[] = { "configMap", "secret", "projected", "downwardAPI" };
    for (size_t i = 0; i < COUNT(with_mode); i++)
        set_default(a, value_get(volume, with_mode[i]), "defaultMode", value_int(0644));
    if (value_is(volume, VALUE_MAP) && volume->map->n == 1) /* a name alone means an empty folder */
        value_set(a, volume, "emptyDir", value_map(a));
}

static void pod_defaults(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "restartPolicy", value_c("Always"));
    set_default(a, spec, "dnsPolicy", value_c("ClusterFirst"));
    set_default(a, spec, "schedulerName", value_c("default-scheduler"));
    set_default(a, spec, "terminationGracePeriodSeconds", value_int(30));
    set_default(a, spec, "securityContext", value_map(a));
    static const char *const lists[] = { "initContainers", "containers" };
    for (size_t i = 0; i < COUNT(lists); i++) {
        const struct value *list = value_get(spec, lists[i]);
        for (size_t j = 0; j < value_len(list); j++)
            container_defaults(a, value_item(list, j));
    }
    const struct value *volumes = value_get(spec, "volumes");
    for (size_t i = 0; i < value_len(volumes); i++)
        volume_defaults(a, value_item(volumes, i));
}

/* ---- workloads ---------------------------------------------------------------------------- */

static void deployment_defaults(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "replicas", value_int(1));
    set_default(a, spec, "revisionHistoryLimit", value_int(10));
    set_default(a, spec, "progressDeadlineSeconds", value_int(600));
    const struct value *strategy = map_at(a, spec, "strategy");
    set_default(a, strategy, "type", value_c("RollingUpdate"));
    if (!str_is(value_str_at(strategy, "type"), "RollingUpdate"))
        return;
    const struct value *rolling = map_at(a, strategy, "rollingUpdate");
    set_default(a, rolling, "maxSurge", value_c("25%"));
    set_default(a, rolling, "maxUnavailable", value_c("25%"));
}

static void stateful_set_defaults(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "replicas", value_int(1));
    set_default(a, spec, "revisionHistoryLimit", value_int(10));
    set_default(a, spec, "podManagementPolicy", value_c("OrderedReady"));
    const struct value *strategy = map_at(a, spec, "updateStrategy");
    set_default(a, strategy, "type", value_c("RollingUpdate"));
    if (str_is(value_str_at(strategy, "type"), "RollingUpdate"))
        set_default(a, map_at(a, strategy, "rollingUpdate"), "partition", value_int(0));
}

static void daemon_set_defaults(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "revisionHistoryLimit", value_int(10));
    const struct value *strategy = map_at(a, spec, "updateStrategy");
    set_default(a, strategy, "type", value_c("RollingUpdate"));
}

static void job_defaults(struct arena *a, const struct value *spec)
{
    /* neither given: one run; only parallelism given: a work queue, completions stays open */
    if (value_is(value_get(spec, "completions"), VALUE_NULL) && value_is(value_get(spec, "parallelism"), VALUE_NULL))
        set_default(a, spec, "completions", value_int(1));
    set_default(a, spec, "parallelism", value_int(1));
    set_default(a, spec, "backoffLimit", value_int(6));
    set_default(a, spec, "completionMode", value_c("NonIndexed"));
    set_default(a, spec, "suspend", value_bool(false));
}

static void replicas_default(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "replicas", value_int(1));
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void service_defaults(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "type", value_c("ClusterIP"));
    set_default(a, spec, "sessionAffinity", value_c("None"));
    if (!str_is(value_str_at(spec, "type"), "ExternalName"))
        set_default(a, spec, "internalTrafficPolicy", value_c("Cluster"));
    const struct value *ports = value_get(spec, "ports");
    for (size_t i = 0; i < value_len(ports); i++) {
        const struct value *port = value_item(ports, i);
        set_default(a, port, "protocol", value_c("TCP"));
        set_default(a, port, "targetPort", *value_get(port, "port"));
    }
}

static void pvc_defaults(struct arena *a, const struct value *spec)
{
    set_default(a, spec, "volumeMode", value_c("Filesystem"));
}

/* stringData is write-only: dropping a key from it would not drop it from data, so it becomes data before anything is
 * merged. */
void admit_secret(struct arena *a, const struct value *doc)
{
    const struct value *plain = value_get(doc, "stringData");
    if (value_is(plain, VALUE_MAP)) {
        const struct value *data = map_at(a, doc, "data");
        for (size_t i = 0; value_is(data, VALUE_MAP) && i < plain->map->n; i++)
            if (value_is(&plain->map->v[i].value, VALUE_STRING))
                map_put(a, data->map, plain->map->v[i].key,
                        value_str(str_base64(a, value_as_str(&plain->map->v[i].value))));
    }
    value_del(doc, "stringData");
}

static void secret_defaults(struct arena *a, const struct value *doc)
{
    set_default(a, doc, "type", value_c("Opaque"));
}

static void namespace_defaults(struct arena *a, const struct value *doc)
{
    const struct value *labels = map_at(a, value_get(doc, "metadata"), "labels");
    set_default(a, labels, "kubernetes.io/metadata.name", *value_at(doc, "metadata.name"));
    struct value finalizers = value_list(a);
    list_push(a, finalizers.list, value_c("kubernetes"));
    set_default(a, map_at(a, doc, "spec"), "finalizers", finalizers);
    set_default(a, map_at(a, doc, "status"), "phase", value_c("Active"));
}

static const struct {
    const char *group, *kind;
    void (*spec)(struct arena *a, const struct value *spec); /* given spec, made when absent */
    void (*doc)(struct arena *a, const struct value *doc);
} rows[] = {
    { "", "Namespace", NULL, namespace_defaults },
    { "", "PersistentVolumeClaim", pvc_defaults, NULL },
    { "", "Secret", NULL, secret_defaults },
    { "", "Service", service_defaults, NULL },
    { "apps", "DaemonSet", daemon_set_defaults, NULL },
    { "apps", "Deployment", deployment_defaults, NULL },
    { "apps", "ReplicaSet", replicas_default, NULL },
    { "apps", "StatefulSet", stateful_set_defaults, NULL },
    { "batch", "Job", job_defaults, NULL },
};

void admit_defaults(struct arena *a, const struct kind_row *row, const struct value *doc)
{
    if (row == NULL)
        return;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (strcmp(rows[i].group, row->group) != 0 || strcmp(rows[i].kind, row->kind) != 0)
            continue;
        if (rows[i].doc != NULL)
            rows[i].doc(a, doc);
        if (rows[i].spec != NULL)
            rows[i].spec(a, map_at(a, doc, "spec"));
    }
    if (row->pod_spec != NULL)
        pod_defaults(a, value_at(doc, row->pod_spec));
}
