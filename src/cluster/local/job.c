/* Jobs: pods that run to their end. */
#include "cluster/local/job.h"

#include "cluster/local/engine.h"

#define INDEX_ANNOTATION "batch.kubernetes.io/job-completion-index"

struct job_view {
    struct world *w;
    const struct value *doc, *spec;
    const struct value **pods; /* all of the job's */
    size_t n;
    int64_t ready;
    struct job_facts facts;
};

static int64_t wall_of(struct str text)
{
    int64_t ms;
    return clock_parse_rfc3339(text, &ms) ? ms : 0;
}

static int64_t restarts_of(const struct value *pod)
{
    int64_t sum = 0;
    const struct value *list = value_at(pod, "status.containerStatuses");
    for (size_t i = 0; i < value_len(list); i++)
        sum += value_int_at(value_item(list, i), "restartCount", 0);
    return sum;
}

static int64_t ended_ms(const struct value *pod)
{
    int64_t latest = wall_of(value_str_at(pod, "metadata.creationTimestamp"));
    const struct value *list = value_at(pod, "status.containerStatuses");
    for (size_t i = 0; i < value_len(list); i++) {
        int64_t end = wall_of(value_str_at(value_item(list, i), "state.terminated.finishedAt"));
        latest = end > latest ? end : latest;
    }
    return latest;
}

static void count_pod(struct job_view *v, const struct value *pod)
{
    struct str phase = value_str_at(pod, "status.phase");
    v->pods[v->n++] = pod;
    if (str_is(phase, "Succeeded")) {
        v->facts.succeeded++;
    } else if (str_is(phase, "Failed")) {
        int64_t end = ended_ms(pod);
        v->facts.failed++;
        v->facts.last_failure_ms = end > v->facts.last_failure_ms ? end : v->facts.last_failure_ms;
    } else if (!object_is_deleting(pod)) {
        v->facts.active++;
        v->facts.failed += restarts_of(pod);
        v->ready += pod_is_ready(pod);
    }
}

static void collect(struct job_view *v)
{
    size_t cursor = 0;
    struct str uid = value_str_at(v->doc, "metadata.uid");
    int64_t deadline = value_int_at(v->spec, "activeDeadlineSeconds", -1);
    v->pods = arena_new(v->w->a, const struct value *, value_len(&v->w->objects) + 1);
    v->facts = (struct job_facts){
        .completions = value_int_at(v->spec, "completions", -1),
        .parallelism = value_int_at(v->spec, "parallelism", 1),
        .backoff_limit = value_int_at(v->spec, "backoffLimit", 6),
        .suspended = value_bool_at(v->spec, "suspend", false),
        .started_ms = wall_of(value_str_at(v->doc, "status.startTime")),
        .deadline_ms = deadline >= 0 ? deadline * 1000 : -1,
        .backoff_ms = v->w->l->backoff_ms,
        .now_ms = v->w->now_ms,
    };
    for (const struct value *pod; (pod = world_next(v->w, "", "Pod", &cursor)) != NULL;)
        if (object_is_owned_by(pod, uid))
            count_pod(v, pod);
}

/* ---- acting ------------------------------------------------------------------------------- */

/* The lowest completion index that neither succeeded nor runs. */
static int64_t free_index(const struct job_view *v, int64_t from)
{
    for (int64_t index = from; index < v->facts.completions; index++) {
        bool taken = false;
        for (size_t i = 0; i < v->n; i++) {
            int64_t n;
            bool counts = !str_is(value_str_at(v->pods[i], "status.phase"), "Failed");
            if (counts
                && str_to_int(value_as_str(value_get(value_at(v->pods[i], "metadata.annotations"), INDEX_ANNOTATION)),
                              &n))
                taken = taken || n == index;
        }
        if (!taken)
            return index;
    }
    return v->facts.completions;
}

static void give_index(struct job_view *v, const struct value *pod, int64_t index)
{
    struct arena *a = v->w->a;
    if (!value_is(value_at(pod, "metadata.annotations"), VALUE_MAP))
        value_put_at(a, pod, "metadata.annotations", value_map(a));
    value_set(a, value_at(pod, "metadata.annotations"), INDEX_ANNOTATION, value_fmt(a, "%lld", (long long)index));
    const struct value *containers = value_at(pod, "spec.containers");
    for (size_t i = 0; i < value_len(containers); i++) {
        const struct value *c = value_item(containers, i);
        struct value variable = value_map(a);
        value_set(a, &variable, "name", value_c("JOB_COMPLETION_INDEX"));
        value_set(a, &variable, "value", value_fmt(a, "%lld", (long long)index));
        if (!value_is(value_get(c, "env"), VALUE_LIST))
            value_set(a, c, "env", value_list(a));
        list_push(a, value_get(c, "env")->list, variable);
    }
}

static void create_pods(struct job_view *v, int64_t n)
{
    struct arena *a = v->w->a;
    struct value labels = value_map(a);
    struct str uid = value_str_at(v->doc, "metadata.uid"), name = value_str_at(v->doc, "metadata.name");
    bool indexed = str_is(value_str_at(v->spec, "completionMode"), "Indexed");
    int64_t index = -1;
    value_set(a, &labels, "batch.kubernetes.io/controller-uid", value_str(uid));
    value_set(a, &labels, "batch.kubernetes.io/job-name", value_str(name));
    value_set(a, &labels, "controller-uid", value_str(uid));
    value_set(a, &labels, "job-name", value_str(name));
    for (int64_t i = 0; i < n; i++) {
        struct err e = { 0 };
        struct value pod = pod_from_template(a, v->doc, value_get(v->spec, "template"), S(""), &labels);
        if (indexed)
            give_index(v, &pod, index = free_index(v, index + 1));
        if (!pod_add(v->w, &pod, &e)) {
            world_failed(v->w, "create a pod of", v->doc, &e);
            return;
        }
    }
}

static void stop_pods(struct job_view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        struct err e = { 0 };
        if (pod_is_active(v->pods[i]) && !objects_delete(&v->w->l->objects, v->pods[i], &e))
            world_failed(v->w, "delete", v->pods[i], &e);
    }
}

/* ---- status ------------------------------------------------------------------------------- */

static bool is_finished(const struct value *doc)
{
    const struct value *conditions = value_at(doc, "status.conditions");
    return str_is(value_str_at(condition_get(conditions, "Complete"), "status"), "True")
           || str_is(value_str_at(condition_get(conditions, "Failed"), "status"), "True");
}

static void fail(struct job_view *v, const struct value *conditions, const char *reason, const char *text)
{
    condition_set(v->w->a, conditions, "FailureTarget", true, reason, str_c(text), v->w->now_ms);
    condition_set(v->w->a, conditions, "Failed", true, reason, str_c(text), v->w->now_ms);
    world_event(v->w, "Warning", reason,
                arena_fmt(v->w->a, "Job %.*s: %s", STR(value_str_at(v->doc, "metadata.name")), text));
}

static void set_conditions(struct job_view *v, const struct value *conditions, enum job_verdict verdict)
{
    struct arena *a = v->w->a;
    switch (verdict) {
    case JOB_COMPLETE:
        condition_set(a, conditions, "SuccessCriteriaMet", true, "CompletionsReached",
                      S("Reached expected number of succeeded pods"), v->w->now_ms);
        condition_set(a, conditions, "Complete", true, "CompletionsReached",
                      S("Reached expected number of succeeded pods"), v->w->now_ms);
        break;
    case JOB_TOO_MANY_FAILURES:
        fail(v, conditions, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        break;
    case JOB_TOO_LATE: fail(v, conditions, "DeadlineExceeded", "Job was active longer than specified deadline"); break;
    case JOB_SUSPENDED:
        condition_set(a, conditions, "Suspended", true, "JobSuspended", S("Job suspended"), v->w->now_ms);
        break;
    case JOB_RUNNING:
        if (!value_is(condition_get(conditions, "Suspended"), VALUE_NULL))
            condition_set(a, conditions, "Suspended", false, "JobResumed", S("Job resumed"), v->w->now_ms);
        break;
    }
}

static void write_status(struct job_view *v, const struct job_plan *plan)
{
    struct arena *a = v->w->a;
    struct value status = status_copy(a, v->doc);
    struct value now = value_str(clock_rfc3339(a, v->w->now_ms));
    if (!value_is(value_get(&status, "conditions"), VALUE_LIST))
        value_set(a, &status, "conditions", value_list(a));
    set_conditions(v, value_get(&status, "conditions"), plan->verdict);
    if (value_len(value_get(&status, "conditions")) == 0)
        value_del(&status, "conditions");
    if (plan->verdict != JOB_SUSPENDED && value_is(value_get(&status, "startTime"), VALUE_NULL))
        value_set(a, &status, "startTime", now);
    if (plan->verdict == JOB_COMPLETE)
        value_set(a, &status, "completionTime", now);
    bool over = plan->verdict != JOB_RUNNING;
    status_count(a, &status, "active", over ? 0 : v->facts.active);
    status_count(a, &status, "succeeded", v->facts.succeeded);
    status_count(a, &status, "failed", v->facts.failed + (plan->verdict == JOB_TOO_LATE ? v->facts.active : 0));
    value_set(a, &status, "ready", value_int(over ? 0 : v->ready));
    struct err e = { 0 };
    if (!objects_set_status(&v->w->l->objects, a, v->doc, &status, &e))
        world_failed(v->w, "status of", v->doc, &e);
}

/* A finished job stays as it is, until its time to live is over. */
static void retire(struct world *w, const struct value *doc)
{
    int64_t ttl = value_int_at(doc, "spec.ttlSecondsAfterFinished", -1);
    const struct value *conditions = value_at(doc, "status.conditions"), *done = condition_get(conditions, "Complete");
    struct err e = { 0 };
    if (ttl < 0)
        return;
    if (value_is(done, VALUE_NULL))
        done = condition_get(conditions, "Failed");
    int64_t when = wall_of(value_str_at(done, "lastTransitionTime")) + ttl * 1000;
    if (when > w->now_ms)
        world_due(w, when);
    else if (!objects_delete(&w->l->objects, doc, &e))
        world_failed(w, "delete", doc, &e);
}

static void reconcile_one(struct world *w, const struct value *doc)
{
    struct job_view v = { .w = w, .doc = doc, .spec = value_get(doc, "spec") };
    struct job_plan plan;
    collect(&v);
    job_plan(&v.facts, &plan);
    write_status(&v, &plan); /* the verdict is on disk before pods go: killed in between, nothing starts again */
    if (plan.stop_active)
        stop_pods(&v);
    create_pods(&v, plan.create);
    if (plan.due_ms != INT64_MAX)
        world_due(w, plan.due_ms);
}

void job_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "batch", "Job", &cursor)) != NULL;) {
        if (object_is_deleting(doc))
            continue;
        if (is_finished(doc))
            retire(w, doc);
        else
            reconcile_one(w, doc);
    }
}
