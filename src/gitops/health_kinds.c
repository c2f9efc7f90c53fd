/* Health of pods, services, ingresses, claims and the other kinds with a rule. */
#include "data/json.h"
#include "gitops/health_internal.h"
#include "gitops/hooks.h"

bool health_has_hook_finalizer(const struct value *object)
{
    const struct value *finalizers = value_at(object, "metadata.finalizers");
    for (size_t i = 0; i < value_len(finalizers); i++)
        if (str_is(value_as_str(value_item(finalizers, i)), HOOK_FINALIZER))
            return true;
    return false;
}

/* ---- Pod ---------------------------------------------------------------------------------- */

static bool is_waiting_error(struct str reason)
{
    return str_starts(reason, S("Err")) || str_ends(reason, S("Error")) || str_ends(reason, S("BackOff"));
}

/* Messages of main containers that wait with an error. False when none does. */
static bool waiting_errors(struct arena *a, const struct value *o, struct str *out)
{
    const struct value *statuses = value_at(o, "status.containerStatuses");
    bool any = false;
    struct buf text = { .a = a };
    for (size_t i = 0; i < value_len(statuses); i++) {
        const struct value *waiting = value_at(value_item(statuses, i), "state.waiting");
        if (!is_waiting_error(value_str_at(waiting, "reason")))
            continue;
        buf_fmt(&text, "%s%.*s", any ? ", " : "", STR(value_str_at(waiting, "message")));
        any = true;
    }
    *out = buf_str(&text);
    return any;
}

static bool terminated_message(struct arena *a, const struct value *statuses, struct str *out)
{
    for (size_t i = 0; i < value_len(statuses); i++) {
        const struct value *s = value_item(statuses, i), *end = value_at(s, "state.terminated");
        int64_t code = value_int_at(end, "exitCode", 0);
        if (!value_is(end, VALUE_MAP))
            continue;
        if (value_str_at(end, "message").n > 0)
            *out = value_str_at(end, "message");
        else if (str_is(value_str_at(end, "reason"), "OOMKilled"))
            *out = S("OOMKilled");
        else if (code != 0)
            *out = arena_fmt(a, "container \"%.*s\" failed with exit code %lld", STR(value_str_at(s, "name")),
                             (long long)code);
        else
            continue;
        return true;
    }
    return false;
}

static struct health failed_pod(struct arena *a, const struct value *o)
{
    struct str message = value_str_at(o, "status.message");
    if (message.n == 0 && !terminated_message(a, value_at(o, "status.initContainerStatuses"), &message))
        terminated_message(a, value_at(o, "status.containerStatuses"), &message);
    return health_say(HEALTH_DEGRADED, message);
}

static struct health running_pod(const struct value *o, bool long_running)
{
    const struct value *statuses = value_at(o, "status.containerStatuses");
    struct str message = value_str_at(o, "status.message");
    if (!long_running)
        return health_say(HEALTH_PROGRESSING, message);
    if (str_is(value_str_at(health_condition(o, "Ready"), "status"), "True"))
        return health_say(HEALTH_HEALTHY, message);
    for (size_t i = 0; i < value_len(statuses); i++)
        if (value_is(value_at(value_item(statuses, i), "lastState.terminated"), VALUE_MAP))
            return health_say(HEALTH_DEGRADED, message);
    return health_say(HEALTH_PROGRESSING, message);
}

struct health health_pod(struct arena *a, const struct value *o)
{
    struct str policy = value_str_at(o, "spec.restartPolicy"), phase = value_str_at(o, "status.phase"), errors = { 0 };
    struct str ignore =
        value_as_str(value_get(value_at(o, "metadata.annotations"), "argocd.argoproj.io/ignore-restart-policy"));
    bool long_running = policy.n == 0 || str_is(policy, "Always") || (str_is(ignore, "true") && !hook_is(o));
    if (long_running && waiting_errors(a, o, &errors))
        return health_say(HEALTH_DEGRADED, errors);
    if (str_is(phase, "Pending"))
        return health_say(HEALTH_PROGRESSING, value_str_at(o, "status.message"));
    if (str_is(phase, "Succeeded"))
        return health_say(HEALTH_HEALTHY, value_str_at(o, "status.message"));
    if (str_is(phase, "Failed"))
        return failed_pod(a, o);
    if (str_is(phase, "Running"))
        return running_pod(o, long_running);
    return health_say(HEALTH_UNKNOWN, value_str_at(o, "status.message"));
}

/* ---- network and storage ------------------------------------------------------------------ */

struct health health_service(struct arena *a, const struct value *o)
{
    (void)a;
    bool waits = str_is(value_str_at(o, "spec.type"), "LoadBalancer")
                 && value_len(value_at(o, "status.loadBalancer.ingress")) == 0;
    return health_say(waits ? HEALTH_PROGRESSING : HEALTH_HEALTHY, S(""));
}

struct health health_ingress(struct arena *a, const struct value *o)
{
    (void)a;
    bool placed = value_len(value_at(o, "status.loadBalancer.ingress")) > 0;
    return health_say(placed ? HEALTH_HEALTHY : HEALTH_PROGRESSING, S(""));
}

struct health health_claim(struct arena *a, const struct value *o)
{
    struct str phase = value_str_at(o, "status.phase");
    (void)a;
    enum health_status s = str_is(phase, "Bound")     ? HEALTH_HEALTHY
                           : str_is(phase, "Pending") ? HEALTH_PROGRESSING
                           : str_is(phase, "Lost")    ? HEALTH_DEGRADED
                                                      : HEALTH_UNKNOWN;
    return health_say(s, S(""));
}

/* ---- autoscaling, API services, workflows ------------------------------------------------- */

static bool is_scaling_failure(struct str type, struct str reason)
{
    static const char *const able[] = { "FailedGetScale", "FailedUpdateScale" };
    static const char *const active[] = { "FailedGetResourceMetric",      "FailedGetObjectMetric",
                                          "FailedGetPodsMetric",          "FailedGetExternalMetric",
                                          "FailedComputeMetricsReplicas", "InvalidSelector" };
    for (size_t i = 0; str_is(type, "AbleToScale") && i < COUNT(able); i++)
        if (str_is(reason, able[i]))
            return true;
    for (size_t i = 0; str_is(type, "ScalingActive") && i < COUNT(active); i++)
        if (str_is(reason, active[i]))
            return true;
    return false;
}

static struct value scaling_conditions(struct arena *a, const struct value *o)
{
    struct str text =
        value_as_str(value_get(value_at(o, "metadata.annotations"), "autoscaling.alpha.kubernetes.io/conditions"));
    struct value parsed;
    struct err ignored = { 0 };
    if (text.n > 0 && json_parse(a, text, &parsed, &ignored))
        return parsed;
    return *value_at(o, "status.conditions");
}

struct health health_autoscaler(struct arena *a, const struct value *o)
{
    struct value conditions = scaling_conditions(a, o);
    for (size_t i = 0; i < value_len(&conditions); i++) {
        const struct value *c = value_item(&conditions, i);
        if (is_scaling_failure(value_str_at(c, "type"), value_str_at(c, "reason")))
            return health_say(HEALTH_DEGRADED, value_str_at(c, "message"));
    }
    for (size_t i = 0; i < value_len(&conditions); i++) {
        const struct value *c = value_item(&conditions, i);
        struct str type = value_str_at(c, "type");
        if (str_is(value_str_at(c, "status"), "True")
            && (str_is(type, "AbleToScale") || str_is(type, "ScalingLimited")))
            return health_say(HEALTH_HEALTHY, value_str_at(c, "message"));
    }
    return health_say(HEALTH_PROGRESSING, S("Waiting to Autoscale"));
}

struct health health_api_service(struct arena *a, const struct value *o)
{
    const struct value *c = health_condition(o, "Available");
    if (value_is(c, VALUE_NULL))
        return health_say(HEALTH_PROGRESSING, S("Waiting to be processed"));
    struct str message = arena_fmt(a, "%.*s: %.*s", STR(value_str_at(c, "reason")), STR(value_str_at(c, "message")));
    return health_say(str_is(value_str_at(c, "status"), "True") ? HEALTH_HEALTHY : HEALTH_PROGRESSING, message);
}

struct health health_workflow(struct arena *a, const struct value *o)
{
    struct str phase = value_str_at(o, "status.phase"), message = value_str_at(o, "status.message");
    (void)a;
    if (phase.n == 0 || str_is(phase, "Pending") || str_is(phase, "Running"))
        return health_say(HEALTH_PROGRESSING, message);
    if (str_is(phase, "Succeeded"))
        return health_say(HEALTH_HEALTHY, message);
    if (str_is(phase, "Failed") || str_is(phase, "Error"))
        return health_say(HEALTH_DEGRADED, message);
    return health_say(HEALTH_UNKNOWN, message);
}
