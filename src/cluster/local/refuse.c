/*
 * What the local engine will not do, each with the field that asks for it. Pull-request code is hostile: nothing here
 * is ignored in silence, because a chart that believes it is privileged would fail later in a way nobody understands.
 */
#include "cluster/local/admit.h"

static bool deny(const struct value *doc, struct err *e, struct str path, const char *why)
{
    return err_set(e, ERR_DENIED, "%.*s \"%.*s\" is refused by the local engine: %.*s: %s",
                   STR(value_str_at(doc, "kind")), STR(value_str_at(doc, "metadata.name")), STR(path), why);
}

/* ---- one table for plain fields ----------------------------------------------------------- */

enum asks { ASKS_TRUE, ASKS_ANY, ASKS_TEXT };
struct refusal {
    const char *field; /* dotted, below a pod specification or a container */
    enum asks when;    /* the value that is refused */
    const char *text;  /* ASKS_TEXT */
    const char *why;
};

static const struct refusal pod_rows[] = {
    { "hostNetwork", ASKS_TRUE, NULL, "pods never share the host's network" },
    { "hostPID", ASKS_TRUE, NULL, "pods never share the host's processes" },
    { "hostIPC", ASKS_TRUE, NULL, "pods never share the host's memory segments" },
    { "hostUsers", ASKS_TRUE, NULL, "pods always run in a user namespace of their own" },
    { "shareProcessNamespace", ASKS_TRUE, NULL, "containers of a pod do not share processes here" },
    { "securityContext.sysctls", ASKS_ANY, NULL, "kernel parameters cannot be set" },
    { "securityContext.seccompProfile.type", ASKS_TEXT, "Unconfined", "the system call filter is always on" },
    { "securityContext.windowsOptions", ASKS_ANY, NULL, "there are no Windows nodes" },
};

static const struct refusal container_rows[] = {
    { "securityContext.privileged", ASKS_TRUE, NULL, "containers are never privileged" },
    { "securityContext.allowPrivilegeEscalation", ASKS_TRUE, NULL, "no_new_privs is always set" },
    { "securityContext.procMount", ASKS_TEXT, "Unmasked", "/proc is always masked" },
    { "securityContext.seccompProfile.type", ASKS_TEXT, "Unconfined", "the system call filter is always on" },
    { "securityContext.windowsOptions", ASKS_ANY, NULL, "there are no Windows nodes" },
    { "volumeDevices", ASKS_ANY, NULL, "raw block volumes do not exist here" },
    { "lifecycle.preStop.httpGet", ASKS_ANY, NULL, "hooks run commands; use exec or sleep" },
    { "lifecycle.preStop.tcpSocket", ASKS_ANY, NULL, "hooks run commands; use exec or sleep" },
    { "lifecycle.postStart.httpGet", ASKS_ANY, NULL, "hooks run commands; use exec" },
    { "lifecycle.postStart.tcpSocket", ASKS_ANY, NULL, "hooks run commands; use exec" },
    { "livenessProbe.grpc", ASKS_ANY, NULL, "gRPC probes are not done; use httpGet, tcpSocket or exec" },
    { "readinessProbe.grpc", ASKS_ANY, NULL, "gRPC probes are not done; use httpGet, tcpSocket or exec" },
    { "startupProbe.grpc", ASKS_ANY, NULL, "gRPC probes are not done; use httpGet, tcpSocket or exec" },
    { "livenessProbe.httpGet.scheme", ASKS_TEXT, "HTTPS",
      "probes speak plain HTTP; use httpGet with HTTP, tcpSocket or exec" },
    { "readinessProbe.httpGet.scheme", ASKS_TEXT, "HTTPS",
      "probes speak plain HTTP; use httpGet with HTTP, tcpSocket or exec" },
    { "startupProbe.httpGet.scheme", ASKS_TEXT, "HTTPS",
      "probes speak plain HTTP; use httpGet with HTTP, tcpSocket or exec" },
};

static bool asked(const struct value *v, const struct refusal *r)
{
    switch (r->when) {
    case ASKS_TRUE: return value_is(v, VALUE_BOOL) && v->b;
    case ASKS_ANY:
        return value_is(v, VALUE_LIST) || value_is(v, VALUE_MAP) ? value_len(v) > 0 || value_is(v, VALUE_MAP) : false;
    case ASKS_TEXT: return str_is(value_as_str(v), r->text);
    }
    return false;
}

static bool check_rows(struct arena *a, const struct value *doc, const struct value *part, struct str path,
                       const struct refusal *rows, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (asked(value_at(part, rows[i].field), &rows[i]))
            return deny(doc, e, arena_fmt(a, "%.*s.%s", STR(path), rows[i].field), rows[i].why);
    return true;
}

/* ---- fields that need a look inside ------------------------------------------------------- */

static bool check_capabilities(struct arena *a, const struct value *doc, const struct value *c, struct str path,
                               struct err *e)
{
    static const char *const kept[] = { "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID",
                                        "KILL",  "SETGID",       "SETUID", "NET_BIND_SERVICE" };
    const struct value *add = value_at(c, "securityContext.capabilities.add");
    for (size_t i = 0; i < value_len(add); i++) {
        struct str name = value_as_str(value_item(add, i));
        bool known = false;
        for (size_t j = 0; j < COUNT(kept); j++)
            known = known || str_is(name, kept[j]);
        if (!known)
            return deny(
                doc, e, arena_fmt(a, "%.*s.securityContext.capabilities.add[%zu]", STR(path), i),
                "only CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID and NET_BIND_SERVICE can be had");
    }
    return true;
}

static bool check_ports(struct arena *a, const struct value *doc, const struct value *c, struct str path, struct err *e)
{
    const struct value *ports = value_get(c, "ports");
    for (size_t i = 0; i < value_len(ports); i++) {
        const struct value *port = value_item(ports, i);
        if (value_int_at(port, "hostPort", 0) != 0)
            return deny(doc, e, arena_fmt(a, "%.*s.ports[%zu].hostPort", STR(path), i),
                        "pods take no port of the host; use an Ingress");
        struct str protocol = value_str_at(port, "protocol");
        if (protocol.n > 0 && !str_is(protocol, "TCP") && !str_is(protocol, "UDP"))
            return deny(doc, e, arena_fmt(a, "%.*s.ports[%zu].protocol", STR(path), i),
                        "only TCP and UDP ports exist here");
    }
    return true;
}

static bool check_volumes(struct arena *a, const struct value *doc, const struct value *spec, struct str path,
                          struct err *e)
{
    static const char *const allowed[] = {
        "name", "emptyDir", "configMap", "secret", "projected", "downwardAPI", "persistentVolumeClaim"
    };
    const struct value *volumes = value_get(spec, "volumes");
    for (size_t i = 0; i < value_len(volumes); i++) {
        const struct value *volume = value_item(volumes, i);
        for (size_t m = 0; value_is(volume, VALUE_MAP) && m < volume->map->n; m++) {
            struct str key = volume->map->v[m].key;
            bool known = value_is(&volume->map->v[m].value, VALUE_NULL);
            for (size_t j = 0; j < COUNT(allowed); j++)
                known = known || str_is(key, allowed[j]);
            if (!known)
                return deny(doc, e, arena_fmt(a, "%.*s.volumes[%zu].%.*s", STR(path), i, STR(key)),
                            "volumes are emptyDir, configMap, secret, projected, downwardAPI or persistentVolumeClaim");
        }
    }
    return true;
}

static bool check_node(struct arena *a, const struct value *doc, const struct value *spec, struct str path,
                       struct err *e)
{
    struct str os = value_str_at(spec, "os.name");
    if (os.n > 0 && !str_is(os, "linux"))
        return deny(doc, e, arena_fmt(a, "%.*s.os.name", STR(path)), "there are only Linux nodes");
    struct str label = value_as_str(value_get(value_get(spec, "nodeSelector"), "kubernetes.io/os"));
    if (label.n > 0 && !str_is(label, "linux"))
        return deny(doc, e, arena_fmt(a, "%.*s.nodeSelector.kubernetes.io/os", STR(path)),
                    "there are only Linux nodes");
    return true;
}

static bool check_container(struct arena *a, const struct value *doc, const struct value *c, struct str path,
                            struct err *e)
{
    return check_rows(a, doc, c, path, container_rows, COUNT(container_rows), e)
           && check_capabilities(a, doc, c, path, e) && check_ports(a, doc, c, path, e);
}

static bool check_pod(struct arena *a, const struct value *doc, const struct value *spec, struct str path,
                      struct err *e)
{
    static const char *const lists[] = { "initContainers", "containers" };
    if (!check_rows(a, doc, spec, path, pod_rows, COUNT(pod_rows), e) || !check_node(a, doc, spec, path, e)
        || !check_volumes(a, doc, spec, path, e))
        return false;
    for (size_t l = 0; l < COUNT(lists); l++) {
        const struct value *list = value_get(spec, lists[l]);
        for (size_t i = 0; i < value_len(list); i++)
            if (!check_container(a, doc, value_item(list, i), arena_fmt(a, "%.*s.%s[%zu]", STR(path), lists[l], i), e))
                return false;
    }
    return true;
}

static bool check_service(struct arena *a, const struct value *doc, struct err *e)
{
    const struct value *ports = value_at(doc, "spec.ports");
    for (size_t i = 0; i < value_len(ports); i++) {
        struct str protocol = value_str_at(value_item(ports, i), "protocol");
        if (protocol.n > 0 && !str_is(protocol, "TCP"))
            return deny(doc, e, arena_fmt(a, "spec.ports[%zu].protocol", i), "Services forward TCP only");
    }
    return true;
}

bool admit_refusals(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e)
{
    if (row == NULL)
        return true;
    if (strcmp(row->kind, "Service") == 0)
        return check_service(a, doc, e);
    if (strcmp(row->kind, "PersistentVolumeClaim") == 0 && str_is(value_str_at(doc, "spec.volumeMode"), "Block"))
        return deny(doc, e, S("spec.volumeMode"), "claims are folders; raw block volumes do not exist here");
    if (row->pod_spec == NULL)
        return true;
    return check_pod(a, doc, value_at(doc, row->pod_spec), str_c(row->pod_spec), e);
}
