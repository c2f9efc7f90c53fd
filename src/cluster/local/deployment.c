/* Deployments: one ReplicaSet per pod template, scaled against each other as deployment_plan.c says. */
#include "cluster/local/deployment.h"

#include "cluster/local/engine.h"

#define REVISION "deployment.kubernetes.io/revision"
#define HASH_LABEL "pod-template-hash"
#define SETS_MAX 64 /* ReplicaSets of one Deployment that are looked at; the history limit keeps them far below */

struct deployment_view {
    struct world *w;
    const struct value *doc, *spec;
    struct str hash;
    const struct value *sets[SETS_MAX]; /* the old ones, oldest revision first */
    struct rollout_set old[SETS_MAX];
    size_t n_old;
    const struct value *new_doc; /* or NULL */
    struct rollout_set new_set;
    int64_t revision_max;
    struct str failure; /* why pods could not be created */
};

static int64_t revision_of(const struct value *doc)
{
    int64_t n = 0;
    struct str text = value_as_str(value_get(value_at(doc, "metadata.annotations"), REVISION));
    return str_to_int(text, &n) ? n : 0;
}

static struct rollout_set set_facts(const struct value *set)
{
    return (struct rollout_set){ .replicas = value_int_at(set, "spec.replicas", 0),
                                 .existing = value_int_at(set, "status.replicas", 0),
                                 .available = value_int_at(set, "status.availableReplicas", 0) };
}

static void insert_old(struct deployment_view *v, const struct value *set)
{
    size_t at = v->n_old;
    if (v->n_old == SETS_MAX)
        return;
    for (; at > 0 && revision_of(v->sets[at - 1]) > revision_of(set); at--)
        v->sets[at] = v->sets[at - 1];
    v->sets[at] = set;
    v->n_old++;
}

static void collect_sets(struct deployment_view *v)
{
    size_t cursor = 0;
    struct str uid = value_str_at(v->doc, "metadata.uid");
    for (const struct value *set; (set = world_next(v->w, "apps", "ReplicaSet", &cursor)) != NULL;) {
        if (!object_is_owned_by(set, uid))
            continue;
        int64_t revision = revision_of(set);
        v->revision_max = revision > v->revision_max ? revision : v->revision_max;
        bool is_new = str_eq(value_as_str(value_get(value_at(set, "metadata.labels"), HASH_LABEL)), v->hash)
                      && !object_is_deleting(set);
        if (is_new)
            v->new_doc = set;
        else
            insert_old(v, set);
        const struct value *failed = condition_get(value_at(set, "status.conditions"), "ReplicaFailure");
        if (is_new && str_is(value_str_at(failed, "status"), "True"))
            v->failure = value_str_at(failed, "message");
    }
    for (size_t i = 0; i < v->n_old; i++)
        v->old[i] = set_facts(v->sets[i]);
    if (v->new_doc != NULL)
        v->new_set = set_facts(v->new_doc);
}

/* ---- acting ------------------------------------------------------------------------------- */

static void put(struct deployment_view *v, const struct value *doc, const char *what)
{
    struct err e = { 0 };
    if (!objects_put(&v->w->l->objects, v->w->a, doc, &e))
        world_failed(v->w, what, doc, &e);
}

static void create_set(struct deployment_view *v, const struct rollout *plan)
{
    struct arena *a = v->w->a;
    struct value labels = value_map(a), set;
    value_set(a, &labels, HASH_LABEL, value_str(v->hash));
    struct str name = arena_fmt(a, "%.*s-%.*s", STR(value_str_at(v->doc, "metadata.name")), STR(v->hash));
    set = pod_from_template(a, v->doc, value_get(v->spec, "template"), name,
                            &labels); /* owner, labels and name as a pod has them */
    struct value selector = value_clone(a, value_get(v->spec, "selector")),
                 template = value_clone(a, value_get(v->spec, "template"));
    int64_t already = 0;
    for (size_t i = 0; i < v->n_old; i++)
        already += v->old[i].replicas;
    int64_t room = plan->recreate ? plan->replicas : plan->replicas + plan->max_surge - already;
    int64_t first = room < 0 ? 0 : room < plan->replicas ? room : plan->replicas;
    value_put_at(a, &selector, "matchLabels." HASH_LABEL, value_str(v->hash));
    value_put_at(a, &template, "metadata.labels." HASH_LABEL, value_str(v->hash));
    value_set(a, &set, "apiVersion", value_c("apps/v1"));
    value_set(a, &set, "kind", value_c("ReplicaSet"));
    value_set(a, &set, "spec", value_map(a));
    value_put_at(a, &set, "spec.replicas", value_int(first));
    value_put_at(a, &set, "spec.minReadySeconds", value_int(value_int_at(v->spec, "minReadySeconds", 0)));
    value_put_at(a, &set, "spec.selector", selector);
    value_put_at(a, &set, "spec.template", template);
    value_del(&set, "status");
    struct value annotations = value_map(a);
    value_set(a, &annotations, REVISION, value_fmt(a, "%lld", (long long)v->revision_max + 1));
    value_put_at(a, &set, "metadata.annotations", annotations);
    struct err e = { 0 };
    if (!objects_create(&v->w->l->objects, a, &set, &e))
        world_failed(v->w, "create ReplicaSet of", v->doc, &e);
}

static void scale(struct deployment_view *v, const struct value *set, const struct rollout_set *facts)
{
    if (facts->scale_to == facts->replicas || object_is_deleting(set))
        return;
    struct value next = value_clone(v->w->a, set);
    value_put_at(v->w->a, &next, "spec.replicas", value_int(facts->scale_to));
    put(v, &next, "scale");
}

static void set_revision(struct deployment_view *v, const struct value *doc, int64_t revision)
{
    if (revision_of(doc) == revision)
        return;
    struct value next = value_clone(v->w->a, doc);
    if (!value_is(value_at(&next, "metadata.annotations"), VALUE_MAP))
        value_put_at(v->w->a, &next, "metadata.annotations", value_map(v->w->a));
    value_set(v->w->a, value_at(&next, "metadata.annotations"), REVISION,
              value_fmt(v->w->a, "%lld", (long long)revision));
    put(v, &next, "number revision of");
}

/* A set that became current again gets the newest number; the Deployment carries the number of its current set. */
static void number_revisions(struct deployment_view *v)
{
    if (v->new_doc == NULL)
        return;
    int64_t current = revision_of(v->new_doc);
    for (size_t i = 0; i < v->n_old; i++)
        if (revision_of(v->sets[i]) >= current)
            current = v->revision_max + 1;
    set_revision(v, v->new_doc, current);
    set_revision(v, v->doc, current);
}

static void trim_history(struct deployment_view *v)
{
    int64_t keep = value_int_at(v->spec, "revisionHistoryLimit", 10);
    for (size_t i = 0; i < v->n_old && (int64_t)v->n_old - (int64_t)i > keep; i++) {
        struct err e = { 0 };
        bool unused = v->old[i].replicas == 0 && v->old[i].existing == 0 && v->old[i].scale_to == 0;
        if (unused && !object_is_deleting(v->sets[i]) && !objects_delete(&v->w->l->objects, v->sets[i], &e))
            world_failed(v->w, "delete", v->sets[i], &e);
    }
}

/* ---- status ------------------------------------------------------------------------------- */

static int64_t time_of(const struct value *condition, const char *member, int64_t otherwise)
{
    int64_t ms;
    return clock_parse_rfc3339(value_str_at(condition, member), &ms) ? ms : otherwise;
}

struct progress_text {
    bool holds;
    const char *reason;
    struct str message;
};

static struct progress_text progress_text(struct deployment_view *v, enum progress p)
{
    struct arena *a = v->w->a;
    struct str set = v->new_doc != NULL
                         ? value_str_at(v->new_doc, "metadata.name")
                         : arena_fmt(a, "%.*s-%.*s", STR(value_str_at(v->doc, "metadata.name")), STR(v->hash));
    switch (p) {
    case PROGRESS_DONE:
        return (struct progress_text){ true, "NewReplicaSetAvailable",
                                       arena_fmt(a, "ReplicaSet \"%.*s\" has successfully progressed.", STR(set)) };
    case PROGRESS_LATE:
        return (struct progress_text){ false, "ProgressDeadlineExceeded",
                                       arena_fmt(a, "ReplicaSet \"%.*s\" has timed out progressing.", STR(set)) };
    case PROGRESS_MOVING: break;
    }
    if (v->new_set.existing == 0)
        return (struct progress_text){ true, "NewReplicaSetCreated",
                                       arena_fmt(a, "Created new replica set \"%.*s\"", STR(set)) };
    return (struct progress_text){ true, "ReplicaSetUpdated",
                                   arena_fmt(a, "ReplicaSet \"%.*s\" is progressing.", STR(set)) };
}

/* lastUpdateTime tells when the rollout last moved: a later template, more updated, ready or fewer old pods. */
static void set_progressing(struct deployment_view *v, const struct value *conditions, bool moved,
                            const struct progress_facts *f)
{
    struct arena *a = v->w->a;
    enum progress p = rollout_progress(f);
    struct progress_text t = progress_text(v, p);
    const struct value *old = condition_get(value_at(v->doc, "status.conditions"), "Progressing");
    bool same = str_is(value_str_at(old, "reason"), t.reason) && !moved;
    condition_set(a, conditions, "Progressing", t.holds, t.reason, t.message, f->now_ms);
    value_set(a, condition_get(conditions, "Progressing"), "lastUpdateTime",
              same ? *value_get(old, "lastUpdateTime") : value_str(clock_rfc3339(a, f->now_ms)));
    if (p == PROGRESS_MOVING && !f->was_done && f->deadline_ms > 0)
        world_due(v->w, (same ? f->last_progress_ms : f->now_ms) + f->deadline_ms);
    if (p == PROGRESS_LATE && !str_is(value_str_at(old, "reason"), t.reason))
        world_event(v->w, "Warning", t.reason, t.message);
}

static bool has_moved(struct deployment_view *v, const struct value *before, const struct value *now)
{
    return value_int_at(now, "updatedReplicas", 0) > value_int_at(before, "updatedReplicas", 0)
           || value_int_at(now, "readyReplicas", 0) > value_int_at(before, "readyReplicas", 0)
           || value_int_at(now, "availableReplicas", 0) > value_int_at(before, "availableReplicas", 0)
           || value_int_at(before, "replicas", 0) - value_int_at(before, "updatedReplicas", 0)
                  > value_int_at(now, "replicas", 0) - value_int_at(now, "updatedReplicas", 0)
           || value_int_at(before, "observedGeneration", 0) != value_int_at(v->doc, "metadata.generation", 0);
}

static void count_pods(struct deployment_view *v, const struct value *status)
{
    struct arena *a = v->w->a;
    int64_t total = v->new_set.existing, available = v->new_set.available;
    int64_t ready = v->new_doc != NULL ? value_int_at(v->new_doc, "status.readyReplicas", 0) : 0;
    for (size_t i = 0; i < v->n_old; i++) {
        total += v->old[i].existing;
        available += v->old[i].available;
        ready += value_int_at(v->sets[i], "status.readyReplicas", 0);
    }
    int64_t missing = value_int_at(v->spec, "replicas", 1) - available;
    value_set(a, status, "observedGeneration", value_int(value_int_at(v->doc, "metadata.generation", 0)));
    status_count(a, status, "replicas", total);
    status_count(a, status, "updatedReplicas", v->new_set.existing);
    status_count(a, status, "readyReplicas", ready);
    status_count(a, status, "availableReplicas", available);
    status_count(a, status, "unavailableReplicas", missing > 0 ? missing : 0);
}

static void set_available(struct deployment_view *v, const struct value *conditions, const struct rollout *plan,
                          int64_t available)
{
    bool enough = available >= plan->replicas - plan->max_unavailable;
    condition_set(
        v->w->a, conditions, "Available", enough, enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
        enough ? S("Deployment has minimum availability.") : S("Deployment does not have minimum availability."),
        v->w->now_ms);
}

static void write_status(struct deployment_view *v, const struct rollout *plan)
{
    struct arena *a = v->w->a;
    struct value status = status_copy(a, v->doc), conditions = value_list(a);
    const struct value *before = value_get(v->doc, "status"), *old = value_get(before, "conditions");
    for (size_t i = 0; i < value_len(old); i++)
        if (!str_is(value_str_at(value_item(old, i), "type"), "ReplicaFailure"))
            list_push(a, conditions.list, value_clone(a, value_item(old, i)));
    count_pods(v, &status);
    set_available(v, &conditions, plan, value_int_at(&status, "availableReplicas", 0));
    const struct value *progress = condition_get(old, "Progressing");
    struct progress_facts facts = {
        .replicas = plan->replicas,
        .updated = v->new_set.existing,
        .total = value_int_at(&status, "replicas", 0),
        .available = value_int_at(&status, "availableReplicas", 0),
        .now_ms = v->w->now_ms,
        .deadline_ms = value_int_at(v->spec, "progressDeadlineSeconds", 600) * 1000,
    };
    bool moved = has_moved(v, before, &status);
    facts.last_progress_ms = moved ? v->w->now_ms : time_of(progress, "lastUpdateTime", v->w->now_ms);
    facts.was_done = str_is(value_str_at(progress, "reason"), "NewReplicaSetAvailable")
                     && value_int_at(before, "observedGeneration", 0) == value_int_at(v->doc, "metadata.generation", 0);
    facts.was_late = !moved && str_is(value_str_at(progress, "reason"), "ProgressDeadlineExceeded");
    if (!plan->paused)
        set_progressing(v, &conditions, moved, &facts);
    if (v->failure.n > 0)
        condition_set(a, &conditions, "ReplicaFailure", true, "FailedCreate", v->failure, v->w->now_ms);
    value_set(a, &status, "conditions", conditions);
    struct err e = { 0 };
    if (!objects_set_status(&v->w->l->objects, a, v->doc, &status, &e))
        world_failed(v->w, "status of", v->doc, &e);
}

static void reconcile_one(struct world *w, const struct value *doc)
{
    struct deployment_view v = { .w = w, .doc = doc, .spec = value_get(doc, "spec") };
    struct rollout plan = { 0 };
    bool create_new = false;
    v.hash = template_hash(w->a, value_get(v.spec, "template"));
    collect_sets(&v);
    rollout_limits(v.spec, &plan);
    plan.new_set = v.new_doc != NULL ? &v.new_set : NULL;
    plan.old = v.old;
    plan.n_old = v.n_old;
    rollout_plan(&plan, &create_new);
    if (v.new_doc == NULL && create_new)
        create_set(&v, &plan);
    if (v.new_doc != NULL)
        scale(&v, v.new_doc, &v.new_set);
    for (size_t i = 0; i < v.n_old; i++)
        scale(&v, v.sets[i], &v.old[i]);
    number_revisions(&v);
    write_status(&v, &plan);
    trim_history(&v);
}

void deployment_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (const struct value *doc; (doc = world_next(w, "apps", "Deployment", &cursor)) != NULL;)
        if (!object_is_deleting(doc))
            reconcile_one(w, doc);
}
