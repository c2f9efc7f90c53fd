/* Would Kubernetes take this pod specification? Names, ports, probes, mounts, restart policy. */
#include "cluster/local/admit.h"

#define CONTAINERS_MAX 32 /* of one pod */

static const char *const probe_names[] = { "startupProbe", "livenessProbe", "readinessProbe" };
static const char *const container_lists[] = { "initContainers", "containers" };

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

bool admit_pod(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
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
