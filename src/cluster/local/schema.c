/* The merge rules of the Kubernetes API (0.35 schema). Only what differs from "maps are granular, lists are atomic" is
 * listed. */
#include "cluster/local/merge.h"

#define KEYED(name, by, sub)                                                                                           \
    {                                                                                                                  \
        name, MERGE_KEYED, { by, NULL }, sub                                                                           \
    }
#define KEYED2(name, by, and, sub)                                                                                     \
    {                                                                                                                  \
        name, MERGE_KEYED, { by, and}, sub                                                                             \
    }
#define ATOMIC(name)                                                                                                   \
    {                                                                                                                  \
        name, MERGE_ATOMIC, { NULL, NULL }, NULL                                                                       \
    }
#define UNION(name)                                                                                                    \
    {                                                                                                                  \
        name, MERGE_SET, { NULL, NULL }, NULL                                                                          \
    }
#define INSIDE(name, sub)                                                                                              \
    {                                                                                                                  \
        name, MERGE_GRANULAR, { NULL, NULL }, sub                                                                      \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, MERGE_GRANULAR, { NULL, NULL }, NULL                                                                     \
    }

static const struct schema metadata[] = {
    UNION("finalizers"),
    { "ownerReferences", MERGE_KEYED, { "uid", NULL }, NULL },
    ATOMIC("managedFields"),
    END,
};

static const struct schema value_from[] = {
    ATOMIC("fieldRef"), ATOMIC("resourceFieldRef"), ATOMIC("configMapKeyRef"), ATOMIC("secretKeyRef"), END,
};
static const struct schema env_item[] = { INSIDE("valueFrom", value_from), END };
static const struct schema resources[] = { KEYED("claims", "name", NULL), END };
static const struct schema container[] = {
    KEYED("env", "name", env_item),           KEYED2("ports", "containerPort", "protocol", NULL),
    KEYED("volumeMounts", "mountPath", NULL), KEYED("volumeDevices", "devicePath", NULL),
    INSIDE("resources", resources),           END,
};
static const struct schema pod_spec[] = {
    KEYED("containers", "name", container),
    KEYED("initContainers", "name", container),
    KEYED("ephemeralContainers", "name", container),
    KEYED("volumes", "name", NULL),
    KEYED("resourceClaims", "name", NULL),
    KEYED("schedulingGates", "name", NULL),
    KEYED("imagePullSecrets", "name", NULL),
    KEYED("hostAliases", "ip", NULL),
    KEYED2("topologySpreadConstraints", "topologyKey", "whenUnsatisfiable", NULL),
    ATOMIC("nodeSelector"),
    END,
};
static const struct schema pod[] = { INSIDE("metadata", metadata), INSIDE("spec", pod_spec), END };

static const struct schema workload_spec[] = { ATOMIC("selector"), INSIDE("template", pod), END };
static const struct schema workload[] = { INSIDE("metadata", metadata), INSIDE("spec", workload_spec), END };

static const struct schema cron_template[] = { INSIDE("metadata", metadata), INSIDE("spec", workload_spec), END };
static const struct schema cron_spec[] = { INSIDE("jobTemplate", cron_template), END };
static const struct schema cron_job[] = { INSIDE("metadata", metadata), INSIDE("spec", cron_spec), END };

static const struct schema service_spec[] = { KEYED2("ports", "port", "protocol", NULL), ATOMIC("selector"), END };
static const struct schema service[] = { INSIDE("metadata", metadata), INSIDE("spec", service_spec), END };

static const struct schema backend_service[] = { ATOMIC("port"), END };
static const struct schema backend[] = { INSIDE("service", backend_service), ATOMIC("resource"), END };
static const struct schema ingress_spec[] = { INSIDE("defaultBackend", backend), END };
static const struct schema ingress[] = { INSIDE("metadata", metadata), INSIDE("spec", ingress_spec), END };

static const struct schema service_account[] = { INSIDE("metadata", metadata), KEYED("secrets", "name", NULL), END };

static const struct schema selector_spec[] = { ATOMIC("selector"), ATOMIC("podSelector"), ATOMIC("dataSource"), END };
static const struct schema with_selector[] = { INSIDE("metadata", metadata), INSIDE("spec", selector_spec), END };

static const struct schema role[] = { INSIDE("metadata", metadata), ATOMIC("roleRef"), END };
static const struct schema plain[] = { INSIDE("metadata", metadata), END };

static const struct {
    const char *group, *kind;
    const struct schema *fields;
} kinds[] = {
    { "", "Pod", pod },
    { "", "ReplicationController", workload },
    { "", "Service", service },
    { "", "ServiceAccount", service_account },
    { "", "PersistentVolumeClaim", with_selector },
    { "apps", "DaemonSet", workload },
    { "apps", "Deployment", workload },
    { "apps", "ReplicaSet", workload },
    { "apps", "StatefulSet", workload },
    { "batch", "Job", workload },
    { "batch", "CronJob", cron_job },
    { "networking.k8s.io", "Ingress", ingress },
    { "networking.k8s.io", "NetworkPolicy", with_selector },
    { "policy", "PodDisruptionBudget", with_selector },
    { "rbac.authorization.k8s.io", "RoleBinding", role },
    { "rbac.authorization.k8s.io", "ClusterRoleBinding", role },
};

const struct schema *schema_of(struct str group, struct str kind)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(group, kinds[i].group) && str_is(kind, kinds[i].kind))
            return kinds[i].fields;
    return plain;
}
