/* One row per kind of the published Kubernetes API that charts commonly carry. */
#include "cluster/local/kinds.h"

static const struct kind_row rows[] = {
    { "", "v1", "ConfigMap", "configmaps", true, NULL },
    { "", "v1", "Endpoints", "endpoints", true, NULL },
    { "", "v1", "Event", "events", true, NULL },
    { "", "v1", "LimitRange", "limitranges", true, NULL },
    { "", "v1", "Namespace", "namespaces", false, NULL },
    { "", "v1", "Node", "nodes", false, NULL },
    { "", "v1", "PersistentVolume", "persistentvolumes", false, NULL },
    { "", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, NULL },
    { "", "v1", "Pod", "pods", true, "spec" },
    { "", "v1", "PodTemplate", "podtemplates", true, "template.spec" },
    { "", "v1", "ReplicationController", "replicationcontrollers", true, "spec.template.spec" },
    { "", "v1", "ResourceQuota", "resourcequotas", true, NULL },
    { "", "v1", "Secret", "secrets", true, NULL },
    { "", "v1", "Service", "services", true, NULL },
    { "", "v1", "ServiceAccount", "serviceaccounts", true, NULL },
    { "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false,
      NULL },
    { "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false,
      NULL },
    { "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false, NULL },
    { "apiregistration.k8s.io", "v1", "APIService", "apiservices", false, NULL },
    { "apps", "v1", "ControllerRevision", "controllerrevisions", true, NULL },
    { "apps", "v1", "DaemonSet", "daemonsets", true, "spec.template.spec" },
    { "apps", "v1", "Deployment", "deployments", true, "spec.template.spec" },
    { "apps", "v1", "ReplicaSet", "replicasets", true, "spec.template.spec" },
    { "apps", "v1", "StatefulSet", "statefulsets", true, "spec.template.spec" },
    { "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true, NULL },
    { "batch", "v1", "CronJob", "cronjobs", true, "spec.jobTemplate.spec.template.spec" },
    { "batch", "v1", "Job", "jobs", true, "spec.template.spec" },
    { "coordination.k8s.io", "v1", "Lease", "leases", true, NULL },
    { "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true, NULL },
    { "networking.k8s.io", "v1", "Ingress", "ingresses", true, NULL },
    { "networking.k8s.io", "v1", "IngressClass", "ingressclasses", false, NULL },
    { "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true, NULL },
    { "node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", false, NULL },
    { "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true, NULL },
    { "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false, NULL },
    { "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false, NULL },
    { "rbac.authorization.k8s.io", "v1", "Role", "roles", true, NULL },
    { "rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true, NULL },
    { "scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false, NULL },
    { "storage.k8s.io", "v1", "CSIDriver", "csidrivers", false, NULL },
    { "storage.k8s.io", "v1", "StorageClass", "storageclasses", false, NULL },
};

const struct kind_row *kind_find(struct str group, struct str kind)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_is(kind, rows[i].kind) && str_is(group, rows[i].group))
            return &rows[i];
    return NULL;
}

static struct str lower(struct arena *a, struct str s)
{
    struct buf out = { .a = a };
    for (size_t i = 0; i < s.n; i++)
        buf_byte(&out, (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] - 'A' + 'a' : s.p[i]));
    return buf_str(&out);
}

static struct str with_group(struct arena *a, struct str name, struct str group)
{
    return group.n == 0 ? name : arena_fmt(a, "%.*s.%.*s", STR(name), STR(group));
}

struct str kind_resource(struct arena *a, struct str group, struct str kind)
{
    const struct kind_row *row = kind_find(group, kind);
    return with_group(a, row != NULL ? str_c(row->plural) : lower(a, kind), group);
}
