/* The status document of a pod, as kubelet writes it. */
#include "cluster/local/pod_run.h"

static void set_time(struct arena *a, const struct value *map, const char *key, int64_t ms)
{
    if (ms > 0)
        value_set(a, map, key, value_str(clock_rfc3339(a, ms)));
}

static struct value terminated(struct arena *a, const struct ended *end)
{
    struct value out = value_map(a), t = value_map(a);
    value_set(a, &t, "exitCode", value_int(end->exit_code));
    if (end->signal != 0)
        value_set(a, &t, "signal", value_int(end->signal));
    value_set(a, &t, "reason", value_str(arena_str(a, str_c(end->reason))));
    if (end->message[0] != '\0')
        value_set(a, &t, "message", value_str(arena_str(a, str_c(end->message))));
    set_time(a, &t, "startedAt", end->started_ms);
    set_time(a, &t, "finishedAt", end->finished_ms);
    value_set(a, &out, "terminated", t);
    return out;
}

static struct value waiting(struct arena *a, const struct container_run *run, bool initialized)
{
    struct value out = value_map(a), t = value_map(a);
    const char *reason = run->wait_reason[0] != '\0' ? run->wait_reason
                         : initialized               ? "ContainerCreating"
                                                     : "PodInitializing";
    value_set(a, &t, "reason", value_str(arena_str(a, str_c(reason))));
    if (run->wait_message[0] != '\0')
        value_set(a, &t, "message", value_str(arena_str(a, str_c(run->wait_message))));
    value_set(a, &out, "waiting", t);
    return out;
}

static struct value running(struct arena *a, const struct container_run *run)
{
    struct value out = value_map(a);
    value_set(a, &out, "running", value_map(a));
    set_time(a, value_get(&out, "running"), "startedAt", run->started_ms);
    return out;
}

static const struct value *former_status(const struct value *pod, bool init, const char *name)
{
    const struct value *list = value_at(pod, init ? "status.initContainerStatuses" : "status.containerStatuses");
    for (size_t i = 0; i < value_len(list); i++)
        if (str_is(value_str_at(value_item(list, i), "name"), name))
            return value_item(list, i);
    return &value_nil;
}

static bool is_ready(const struct container_facts *c)
{
    if (c->init && !c->sidecar)
        return c->phase == RUN_ENDED && c->exit_code == 0;
    return c->phase == RUN_RUNNING && c->probe.ready && !c->stopping;
}

static struct value container_status(struct world *w, const struct value *pod, const struct pod_status_facts *f,
                                     size_t i)
{
    struct arena *a = w->a;
    const struct container_run *run = &f->podlet->runs[i];
    const struct container_facts *c = &f->facts->c[i];
    bool init;
    const struct value *spec = pod_container(pod, i, &init), *before = former_status(pod, init, run->name);
    struct value out = value_map(a), state;
    switch (c->phase) {
    case RUN_RUNNING: state = running(a, run); break;
    case RUN_ENDED: state = terminated(a, &run->now); break;
    case RUN_WAITING:
    default: state = waiting(a, run, init || f->plan->initialized); break;
    }
    value_set(a, &out, "name", value_str(arena_str(a, str_c(run->name))));
    value_set(a, &out, "state", state);
    const struct value *last = value_get(before, "lastState");
    value_set(a, &out, "lastState",
              run->last.set               ? terminated(a, &run->last)
              : value_is(last, VALUE_MAP) ? *last
                                          : value_map(a));
    value_set(a, &out, "ready", value_bool(is_ready(c)));
    value_set(a, &out, "started", value_bool(c->phase == RUN_RUNNING && c->probe.started));
    value_set(a, &out, "restartCount", value_int(run->attempt));
    value_set(a, &out, "image", *value_get(spec, "image"));
    value_set(a, &out, "imageID", value_str(arena_str(a, str_c(run->image_id))));
    if (run->launched)
        value_set(a, &out, "containerID", value_fmt(a, "vitrine://%s/%s/%d", f->podlet->uid, run->name, run->attempt));
    return out;
}

/* ---- phase and conditions ------------------------------------------------------------------ */

static const char *phase_of(const struct pod_status_facts *f)
{
    if (f->plan->end == POD_SUCCEEDED)
        return "Succeeded";
    if (f->plan->end == POD_FAILED && !f->facts->deleting)
        return "Failed";
    if (!f->plan->initialized)
        return "Pending";
    for (size_t i = 0; i < f->facts->n; i++) {
        const struct container_run *run = &f->podlet->runs[i];
        bool never_ran = f->facts->c[i].phase == RUN_WAITING && run->attempt == 0 && !run->last.set;
        if (!f->facts->c[i].init && never_ran)
            return "Pending";
    }
    return "Running";
}

static struct str unready_names(struct arena *a, const struct pod_status_facts *f)
{
    struct buf out = { .a = a };
    for (size_t i = 0; i < f->facts->n; i++)
        if (!f->facts->c[i].init && !is_ready(&f->facts->c[i]))
            buf_fmt(&out, "%s%s", out.n > 0 ? " " : "", f->podlet->runs[i].name);
    return buf_str(&out);
}

static struct value conditions(struct world *w, const struct value *pod, const struct pod_status_facts *f)
{
    struct arena *a = w->a;
    struct value list = value_list(a);
    const struct value *old = value_at(pod, "status.conditions");
    for (size_t i = 0; i < value_len(old); i++)
        list_push(a, list.list, value_clone(a, value_item(old, i)));
    struct str names = unready_names(a, f);
    struct str message = names.n > 0 ? arena_fmt(a, "containers with unready status: [%.*s]", STR(names)) : S("");
    bool ready = names.n == 0 && f->plan->initialized && !f->plan->all_ended;
    const char *reason = ready ? NULL : f->plan->end == POD_SUCCEEDED ? "PodCompleted" : "ContainersNotReady";
    condition_set(a, &list, "PodScheduled", true, NULL, S(""), w->now_ms);
    condition_set(a, &list, "Initialized", f->plan->initialized,
                  f->plan->initialized ? NULL : "ContainersNotInitialized", S(""), w->now_ms);
    condition_set(a, &list, "ContainersReady", ready, reason, message, w->now_ms);
    condition_set(a, &list, "Ready", ready, reason, message, w->now_ms);
    return list;
}

struct value pod_status(struct world *w, const struct value *pod, const struct pod_status_facts *f)
{
    struct arena *a = w->a;
    struct value out = value_map(a), init_list = value_list(a), main_list = value_list(a);
    const struct value *start = value_at(pod, "status.startTime");
    for (size_t i = 0; i < f->podlet->n; i++)
        list_push(a, f->facts->c[i].init ? init_list.list : main_list.list, container_status(w, pod, f, i));
    value_set(a, &out, "phase", value_c(phase_of(f)));
    value_set(a, &out, "conditions", conditions(w, pod, f));
    value_set(a, &out, "hostIP", value_c("127.0.0.1"));
    if (f->podlet->ip[0] != '\0') {
        struct value ips = value_list(a), ip = value_map(a);
        value_set(a, &ip, "ip", value_str(arena_str(a, str_c(f->podlet->ip))));
        list_push(a, ips.list, ip);
        value_set(a, &out, "podIP", *value_get(&ip, "ip"));
        value_set(a, &out, "podIPs", ips);
    }
    value_set(a, &out, "startTime", value_is(start, VALUE_STRING) ? *start : value_str(clock_rfc3339(a, w->now_ms)));
    if (init_list.list->n > 0)
        value_set(a, &out, "initContainerStatuses", init_list);
    value_set(a, &out, "containerStatuses", main_list);
    value_set(a, &out, "qosClass", value_c("BestEffort"));
    if (f->reason != NULL)
        value_set(a, &out, "reason", value_c(f->reason));
    if (f->message.n > 0)
        value_set(a, &out, "message", value_str(f->message));
    return out;
}
