/* Services and Ingresses: from ready pods to the runtime's address table and the proxy's routes. Claims and autoscalers
 * have a status too. */
#include "cluster/local/admit.h"
#include "cluster/local/engine.h"
#include "cluster/local/proxy.h"

/* ---- endpoints ---------------------------------------------------------------------------- */

/* A pod's port for a targetPort that is a number or a name; 0 when it has no such port. */
static int target_of(const struct value *pod, const struct value *target)
{
    if (value_is(target, VALUE_INT))
        return (int)target->i;
    const struct value *containers = value_at(pod, "spec.containers");
    for (size_t i = 0; i < value_len(containers); i++) {
        const struct value *ports = value_get(value_item(containers, i), "ports");
        for (size_t j = 0; j < value_len(ports); j++)
            if (str_eq(value_str_at(value_item(ports, j), "name"), value_as_str(target)))
                return (int)value_int_at(value_item(ports, j), "containerPort", 0);
    }
    return 0;
}

static bool serves(const struct value *service, const struct value *pod)
{
    bool unready_too = value_bool_at(service, "spec.publishNotReadyAddresses", false);
    return pod_is_active(pod) && value_str_at(pod, "status.podIP").n > 0 && (pod_is_ready(pod) || unready_too)
           && selector_map_matches(value_at(service, "spec.selector"), value_at(pod, "metadata.labels"));
}

static struct runtime_service_port endpoints_of(struct world *w, const struct value *service, const struct value *port)
{
    struct runtime_service_port out = { .port = (int)value_int_at(port, "port", 0) };
    size_t cursor = 0;
    out.endpoints = arena_new(w->a, struct runtime_endpoint, value_len(&w->objects) + 1);
    for (const struct value *pod; (pod = world_next(w, "", "Pod", &cursor)) != NULL;) {
        int target = serves(service, pod) ? target_of(pod, value_get(port, "targetPort")) : 0;
        if (target > 0)
            out.endpoints[out.n_endpoints++] = (struct runtime_endpoint){ value_str_at(pod, "status.podIP"), target };
    }
    return out;
}

static bool table_row(struct world *w, const struct value *doc, struct runtime_service *out)
{
    struct str ip = value_str_at(doc, "spec.clusterIP");
    const struct value *ports = value_at(doc, "spec.ports");
    if (str_is(value_str_at(doc, "spec.type"), "ExternalName") || ip.n == 0)
        return false;
    *out = (struct runtime_service){ .name = value_str_at(doc, "metadata.name"), .ns = str_c(w->env->name), .ip = ip };
    if (str_is(ip, "None"))
        out->ip = S("");
    out->ports = arena_new(w->a, struct runtime_service_port, value_len(ports) + 1);
    for (size_t i = 0; i < value_len(ports); i++)
        out->ports[out->n_ports++] = endpoints_of(w, doc, value_item(ports, i));
    return true;
}

static uint64_t hash_table(struct arena *a, const struct runtime_service *v, size_t n)
{
    struct buf text = { .a = a };
    for (size_t i = 0; i < n; i++) {
        buf_fmt(&text, "%.*s=%.*s", STR(v[i].name), STR(v[i].ip));
        for (size_t p = 0; p < v[i].n_ports; p++) {
            buf_fmt(&text, ";%d", v[i].ports[p].port);
            for (size_t k = 0; k < v[i].ports[p].n_endpoints; k++)
                buf_fmt(&text, ",%.*s:%d", STR(v[i].ports[p].endpoints[k].ip), v[i].ports[p].endpoints[k].port);
        }
        buf_byte(&text, '\n');
    }
    return str_hash(buf_str(&text)) | 1; /* never 0, which means "unknown" */
}

/* ---- Services ----------------------------------------------------------------------------- */

static struct value loopback_ingress(struct arena *a)
{
    struct value list = value_list(a), item = value_map(a);
    value_set(a, &item, "hostname", value_c("localhost"));
    value_set(a, &item, "ip", value_c("127.0.0.1"));
    list_push(a, list.list, item);
    return list;
}

/* Both are a ClusterIP here, and say so. A load balancer gets that address, because nothing more will come. */
static void note_cluster_internal(struct world *w, const struct value *doc, const struct value *status)
{
    struct value conditions = value_list(w->a);
    const struct value *old = condition_get(value_at(doc, "status.conditions"), "ClusterInternal");
    struct str text =
        arena_fmt(w->a, "the local engine serves a %.*s as ClusterIP; use an Ingress to reach it from outside",
                  STR(value_str_at(doc, "spec.type")));
    if (!value_is(old, VALUE_NULL))
        list_push(w->a, conditions.list, value_clone(w->a, old));
    condition_set(w->a, &conditions, "ClusterInternal", true, "LocalEngine", text, w->now_ms);
    value_set(w->a, status, "conditions", conditions);
}

static void service_status(struct world *w, const struct value *doc)
{
    struct value status = value_map(w->a);
    struct err e = { 0 };
    bool balancer = str_is(value_str_at(doc, "spec.type"), "LoadBalancer");
    value_set(w->a, &status, "loadBalancer", value_map(w->a));
    if (balancer || str_is(value_str_at(doc, "spec.type"), "NodePort"))
        note_cluster_internal(w, doc, &status);
    if (balancer) {
        struct value list = value_list(w->a), item = value_map(w->a);
        value_set(w->a, &item, "ip", *value_at(doc, "spec.clusterIP"));
        list_push(w->a, list.list, item);
        value_put_at(w->a, &status, "loadBalancer.ingress", list);
    }
    if (!objects_set_status(&w->l->objects, w->a, doc, &status, &e))
        world_failed(w, "status of", doc, &e);
}

void service_reconcile(struct world *w)
{
    size_t cursor = 0, n = 0;
    struct runtime_service *table = arena_new(w->a, struct runtime_service, value_len(&w->objects) + 1);
    struct err e = { 0 };
    for (const struct value *doc; (doc = world_next(w, "", "Service", &cursor)) != NULL;) {
        if (object_is_deleting(doc))
            continue;
        service_status(w, doc);
        n += table_row(w, doc, &table[n]);
    }
    uint64_t hash = hash_table(w->a, table, n);
    if (!w->env->started || hash == w->env->services_hash)
        return;
    if (runtime_services_set(w->l->runtime, str_c(w->env->name), table, n, &e)) {
        w->env->services_hash = hash;
        return;
    }
    log_warn("%s: set service addresses: %s", w->env->name, e.text);
    world_due(w, w->now_ms + 1000);
}

/* ---- Ingresses ---------------------------------------------------------------------------- */

struct routes {
    struct world *w;
    VEC(struct proxy_route) list;
};

static const struct value *service_port(const struct value *service, const struct value *backend)
{
    const struct value *ports = value_at(service, "spec.ports");
    struct str name = value_str_at(backend, "service.port.name");
    int64_t number = value_int_at(backend, "service.port.number", 0);
    for (size_t i = 0; i < value_len(ports); i++) {
        const struct value *port = value_item(ports, i);
        if (name.n > 0 ? str_eq(value_str_at(port, "name"), name) : value_int_at(port, "port", 0) == number)
            return port;
    }
    return NULL;
}

static void add_route(struct routes *r, struct str host, struct str path, enum path_type type,
                      const struct value *backend)
{
    struct str name = value_str_at(backend, "service.name");
    const struct value *service = world_find(r->w, "", "Service", name);
    const struct value *port = service != NULL ? service_port(service, backend) : NULL;
    struct proxy_route route = { .host = host, .path = path.n > 0 ? path : S("/"), .type = type, .service = name };
    if (port != NULL) {
        struct runtime_service_port found = endpoints_of(r->w, service, port);
        route.endpoints = found.endpoints;
        route.n_endpoints = found.n_endpoints;
    }
    *vec_push(r->w->a, &r->list) = route;
}

static void add_ingress(struct routes *r, const struct value *doc)
{
    const struct value *rules = value_at(doc, "spec.rules"), *fallback = value_at(doc, "spec.defaultBackend");
    for (size_t i = 0; i < value_len(rules); i++) {
        const struct value *rule = value_item(rules, i), *paths = value_at(rule, "http.paths");
        struct str host = value_str_at(rule, "host");
        for (size_t j = 0; j < value_len(paths); j++) {
            const struct value *path = value_item(paths, j);
            enum path_type type = str_is(value_str_at(path, "pathType"), "Exact") ? PATH_EXACT : PATH_PREFIX;
            add_route(r, host, value_str_at(path, "path"), type, value_get(path, "backend"));
        }
        if (!value_is(fallback, VALUE_NULL))
            add_route(r, host, S("/"), PATH_PREFIX, fallback);
    }
    if (!value_is(fallback, VALUE_NULL))
        add_route(r, S(""), S("/"), PATH_PREFIX, fallback);
}

static uint64_t hash_routes(struct arena *a, const struct routes *r)
{
    struct buf text = { .a = a };
    for (size_t i = 0; i < r->list.n; i++) {
        const struct proxy_route *p = &r->list.v[i];
        buf_fmt(&text, "%.*s %.*s %d %.*s", STR(p->host), STR(p->path), p->type, STR(p->service));
        for (size_t k = 0; k < p->n_endpoints; k++)
            buf_fmt(&text, ",%.*s:%d", STR(p->endpoints[k].ip), p->endpoints[k].port);
        buf_byte(&text, '\n');
    }
    return str_hash(buf_str(&text)) | 1;
}

void ingress_reconcile(struct world *w)
{
    struct routes r = { .w = w };
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "networking.k8s.io", "Ingress", &cursor)) != NULL;) {
        struct value status = value_map(w->a);
        struct err e = { 0 };
        if (object_is_deleting(doc))
            continue;
        value_put_at(w->a, &status, "loadBalancer.ingress", loopback_ingress(w->a));
        if (!objects_set_status(&w->l->objects, w->a, doc, &status, &e))
            world_failed(w, "status of", doc, &e);
        add_ingress(&r, doc);
    }
    uint64_t hash = hash_routes(w->a, &r);
    if (hash == w->env->routes_hash)
        return;
    proxy_routes_set(w->l->proxy, str_c(w->env->name), r.list.v, r.list.n);
    w->env->routes_hash = hash;
}

/* ---- claims and autoscalers --------------------------------------------------------------- */

static void claim_status(struct world *w, const struct value *doc)
{
    struct value status = value_map(w->a);
    struct err e = { 0 };
    value_set(w->a, &status, "phase", value_c("Bound"));
    value_set(w->a, &status, "accessModes", *value_at(doc, "spec.accessModes"));
    value_set(w->a, &status, "capacity", *value_at(doc, "spec.resources.requests"));
    if (!objects_set_status(&w->l->objects, w->a, doc, &status, &e))
        world_failed(w, "status of", doc, &e);
}

static void scaler_condition(struct world *w, const struct value *doc, const struct value *conditions, const char *type,
                             bool holds, const char *reason, struct str message)
{
    const struct value *old = condition_get(value_at(doc, "status.conditions"), type);
    if (!value_is(old, VALUE_NULL))
        list_push(w->a, conditions->list, value_clone(w->a, old));
    condition_set(w->a, conditions, type, holds, reason, message, w->now_ms);
}

/* There are no metrics on one machine: the target keeps the replicas it asks for, and the conditions say so. */
static void scaler_status(struct world *w, const struct value *doc)
{
    struct value status = value_map(w->a), conditions = value_list(w->a);
    struct str kind = value_str_at(doc, "spec.scaleTargetRef.kind"),
               name = value_str_at(doc, "spec.scaleTargetRef.name");
    const char *const kinds[] = { "Deployment", "StatefulSet", "ReplicaSet" };
    const struct value *target = NULL;
    struct err e = { 0 };
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(kind, kinds[i]))
            target = world_find(w, "apps", kinds[i], name);
    int64_t replicas = target != NULL ? value_int_at(target, "spec.replicas", 1) : 0;
    if (target != NULL)
        scaler_condition(w, doc, &conditions, "AbleToScale", true, "SucceededGetScale",
                         S("the HPA controller was able to get the target's current scale"));
    else
        scaler_condition(w, doc, &conditions, "AbleToScale", false, "FailedGetScale",
                         arena_fmt(w->a, "%.*s \"%.*s\" not found", STR(kind), STR(name)));
    scaler_condition(w, doc, &conditions, "ScalingActive", false, "LocalEngine",
                     S("the local engine collects no metrics: the target keeps its own number of replicas"));
    value_set(w->a, &status, "conditions", conditions);
    value_set(w->a, &status, "currentReplicas", value_int(replicas));
    value_set(w->a, &status, "desiredReplicas", value_int(replicas));
    if (!objects_set_status(&w->l->objects, w->a, doc, &status, &e))
        world_failed(w, "status of", doc, &e);
}

void claim_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "", "PersistentVolumeClaim", &cursor)) != NULL;)
        if (!object_is_deleting(doc))
            claim_status(w, doc);
    cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "autoscaling", "HorizontalPodAutoscaler", &cursor)) != NULL;)
        if (!object_is_deleting(doc))
            scaler_status(w, doc);
}
