/* Health of one object by kind: workloads. One function per kind, first rule that matches wins; messages are Argo CD's.
 */
#include "gitops/health_internal.h"

const char *health_name(enum health_status s)
{
    static const char *const names[] = { "", "Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown" };
    return names[s];
}

struct health health_say(enum health_status s, struct str message)
{
    return (struct health){ s, message };
}

static struct health plain(enum health_status s)
{
    return (struct health){ s, { "", 0 } };
}

const struct value *health_condition(const struct value *object, const char *type)
{
    const struct value *conditions = value_at(object, "status.conditions");
    for (size_t i = 0; i < value_len(conditions); i++)
        if (str_is(value_as_str(value_get(value_item(conditions, i), "type")), type))
            return value_item(conditions, i);
    return &value_nil;
}

static int64_t count(const struct value *object, const char *path)
{
    return value_int_at(object, path, 0);
}

static bool generation_ahead(const struct value *o)
{
    return count(o, "metadata.generation") > count(o, "status.observedGeneration");
}

static bool has(const struct value *object, const char *path)
{
    return !value_is(value_at(object, path), VALUE_NULL);
}

/* ---- workloads ---------------------------------------------------------------------------- */

static struct health deployment(struct arena *a, const struct value *o)
{
    long long updated = count(o, "status.updatedReplicas"), replicas = count(o, "spec.replicas");
    long long total = count(o, "status.replicas"), available = count(o, "status.availableReplicas");
    if (value_bool_at(o, "spec.paused", false))
        return health_say(HEALTH_SUSPENDED, S("Deployment is paused"));
    if (generation_ahead(o))
        return health_say(HEALTH_PROGRESSING,
                          S("Waiting for rollout to finish: observed deployment generation less than desired "
                            "generation"));
    if (str_is(value_as_str(value_get(health_condition(o, "Progressing"), "reason")), "ProgressDeadlineExceeded"))
        return health_say(HEALTH_DEGRADED, arena_fmt(a, "Deployment \"%.*s\" exceeded its progress deadline",
                                                     STR(value_str_at(o, "metadata.name"))));
    if (has(o, "spec.replicas") && updated < replicas)
        return health_say(HEALTH_PROGRESSING,
                          arena_fmt(a,
                                    "Waiting for rollout to finish: %lld out of %lld new replicas have been updated...",
                                    updated, replicas));
    if (total > updated)
        return health_say(HEALTH_PROGRESSING,
                          arena_fmt(a, "Waiting for rollout to finish: %lld old replicas are pending termination...",
                                    total - updated));
    if (available < updated)
        return health_say(HEALTH_PROGRESSING,
                          arena_fmt(a, "Waiting for rollout to finish: %lld of %lld updated replicas are available...",
                                    available, updated));
    return plain(HEALTH_HEALTHY);
}

static struct health stateful_set_rolling(struct arena *a, const struct value *o)
{
    long long updated = count(o, "status.updatedReplicas");
    long long wanted = count(o, "spec.replicas") - count(o, "spec.updateStrategy.rollingUpdate.partition");
    if (has(o, "spec.replicas") && has(o, "spec.updateStrategy.rollingUpdate.partition") && updated < wanted)
        return health_say(
            HEALTH_PROGRESSING,
            arena_fmt(a, "Waiting for partitioned roll out to finish: %lld out of %lld new pods have been updated...",
                      updated, wanted));
    return health_say(HEALTH_HEALTHY,
                      arena_fmt(a, "partitioned roll out complete: %lld new pods have been updated...", updated));
}

static struct health stateful_set(struct arena *a, const struct value *o)
{
    long long ready = count(o, "status.readyReplicas"), replicas = count(o, "spec.replicas");
    struct str strategy = value_str_at(o, "spec.updateStrategy.type");
    struct str update = value_str_at(o, "status.updateRevision"), current = value_str_at(o, "status.currentRevision");
    if (count(o, "status.observedGeneration") == 0 || generation_ahead(o))
        return health_say(HEALTH_PROGRESSING, S("Waiting for statefulset spec update to be observed..."));
    if (has(o, "spec.replicas") && ready < replicas)
        return health_say(HEALTH_PROGRESSING, arena_fmt(a, "Waiting for %lld pods to be ready...", replicas - ready));
    if (str_is(strategy, "RollingUpdate") && has(o, "spec.updateStrategy.rollingUpdate"))
        return stateful_set_rolling(a, o);
    if (str_is(strategy, "OnDelete"))
        return health_say(HEALTH_HEALTHY, arena_fmt(a, "statefulset has %lld ready pods", ready));
    if (!str_eq(update, current))
        return health_say(HEALTH_PROGRESSING,
                          arena_fmt(a,
                                    "waiting for statefulset rolling update to complete %lld pods at revision %.*s...",
                                    (long long)count(o, "status.updatedReplicas"), STR(update)));
    return health_say(HEALTH_HEALTHY, arena_fmt(a, "statefulset rolling update complete %lld pods at revision %.*s...",
                                                (long long)count(o, "status.currentReplicas"), STR(current)));
}

static struct health daemon_set(struct arena *a, const struct value *o)
{
    long long updated = count(o, "status.updatedNumberScheduled"), desired = count(o, "status.desiredNumberScheduled");
    long long available = count(o, "status.numberAvailable");
    struct str name = value_str_at(o, "metadata.name");
    if (generation_ahead(o))
        return health_say(HEALTH_PROGRESSING,
                          S("Waiting for rollout to finish: observed daemon set generation less than desired "
                            "generation"));
    if (str_is(value_str_at(o, "spec.updateStrategy.type"), "OnDelete"))
        return health_say(HEALTH_HEALTHY,
                          arena_fmt(a, "daemon set %lld out of %lld new pods have been updated", updated, desired));
    if (updated < desired)
        return health_say(
            HEALTH_PROGRESSING,
            arena_fmt(
                a, "Waiting for daemon set \"%.*s\" rollout to finish: %lld out of %lld new pods have been updated...",
                STR(name), updated, desired));
    if (available < desired)
        return health_say(
            HEALTH_PROGRESSING,
            arena_fmt(a,
                      "Waiting for daemon set \"%.*s\" rollout to finish: %lld of %lld updated pods are available...",
                      STR(name), available, desired));
    return plain(HEALTH_HEALTHY);
}

static struct health replica_set(struct arena *a, const struct value *o)
{
    const struct value *failure = health_condition(o, "ReplicaFailure");
    long long available = count(o, "status.availableReplicas"), replicas = count(o, "spec.replicas");
    if (generation_ahead(o))
        return health_say(HEALTH_PROGRESSING,
                          S("Waiting for rollout to finish: observed replica set generation less than desired "
                            "generation"));
    if (str_is(value_str_at(failure, "status"), "True"))
        return health_say(HEALTH_DEGRADED, value_str_at(failure, "message"));
    if (has(o, "spec.replicas") && available < replicas)
        return health_say(HEALTH_PROGRESSING,
                          arena_fmt(a, "Waiting for rollout to finish: %lld out of %lld new replicas are available...",
                                    available, replicas));
    return plain(HEALTH_HEALTHY);
}

/* Conditions count by presence: Failed whatever its status, Suspended only when True. */
static struct health job(struct arena *a, const struct value *o)
{
    const struct value *conditions = value_at(o, "status.conditions");
    bool ended = false, failed = false, suspended = false;
    struct str message = { "", 0 };
    (void)a;
    for (size_t i = 0; i < value_len(conditions); i++) {
        const struct value *c = value_item(conditions, i);
        struct str type = value_str_at(c, "type");
        bool is_failed = str_is(type, "Failed"), is_suspended = str_is(type, "Suspended");
        if (!is_failed && !is_suspended && !str_is(type, "Complete"))
            continue;
        ended = true;
        failed = failed || is_failed;
        suspended = suspended || (is_suspended && str_is(value_str_at(c, "status"), "True"));
        message = value_str_at(c, "message");
    }
    if (failed)
        return health_say(HEALTH_DEGRADED, value_str_at(health_condition(o, "Failed"), "message"));
    if (suspended)
        return health_say(HEALTH_SUSPENDED, message);
    return ended ? health_say(HEALTH_HEALTHY, message) : plain(HEALTH_PROGRESSING);
}

/* ---- the table ---------------------------------------------------------------------------- */

static struct health unsupported(struct arena *a, const struct cluster_key *k)
{
    return health_say(HEALTH_UNKNOWN,
                      arena_fmt(a, "unsupported %.*s GVK: %.*s%s%.*s, Kind=%.*s", STR(k->kind), STR(k->group),
                                k->group.n > 0 ? "/" : "", STR(k->version), STR(k->kind)));
}

struct health health_of(struct arena *a, const struct value *object)
{
    static const struct {
        const char *group, *kind, *version; /* version NULL: any */
        struct health (*rule)(struct arena *a, const struct value *o);
    } rows[] = {
        { "apps", "Deployment", "v1", deployment },
        { "apps", "StatefulSet", "v1", stateful_set },
        { "apps", "DaemonSet", "v1", daemon_set },
        { "apps", "ReplicaSet", "v1", replica_set },
        { "batch", "Job", "v1", job },
        { "", "Pod", "v1", health_pod },
        { "", "Service", "v1", health_service },
        { "", "PersistentVolumeClaim", "v1", health_claim },
        { "networking.k8s.io", "Ingress", NULL, health_ingress },
        { "extensions", "Ingress", NULL, health_ingress },
        { "autoscaling", "HorizontalPodAutoscaler", NULL, health_autoscaler },
        { "apiregistration.k8s.io", "APIService", NULL, health_api_service },
        { "argoproj.io", "Workflow", NULL, health_workflow },
    };
    struct cluster_key k = { 0 };
    struct err ignored = { 0 };
    if (value_str_at(object, "metadata.deletionTimestamp").n > 0 && !health_has_hook_finalizer(object))
        return health_say(HEALTH_PROGRESSING, S("Pending deletion"));
    if (!cluster_key_of(object, &k, &ignored))
        return plain(HEALTH_NONE);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!str_is(k.group, rows[i].group) || !str_is(k.kind, rows[i].kind))
            continue;
        if (rows[i].version != NULL && !str_is(k.version, rows[i].version))
            return unsupported(a, &k);
        return rows[i].rule(a, object);
    }
    return plain(HEALTH_NONE);
}
