/* Pods: what runs is compared with what the document wants, pod_plan.c decides, and this file does it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cluster/local/pod_run.h"

#define ROUNDS_MAX 6          /* decisions of one pod carried out in one pass */
#define RETRY_MS 2000         /* when a ConfigMap, a volume or the holder is missing */
#define UNKNOWN_EXIT_CODE 137 /* of a container that vanished with its environment */

/* ---- remembering --------------------------------------------------------------------------- */

size_t pod_container_count(const struct value *pod)
{
    return value_len(value_at(pod, "spec.initContainers")) + value_len(value_at(pod, "spec.containers"));
}

const struct value *pod_container(const struct value *pod, size_t i, bool *init)
{
    const struct value *first = value_at(pod, "spec.initContainers");
    *init = i < value_len(first);
    return *init ? value_item(first, i) : value_item(value_at(pod, "spec.containers"), i - value_len(first));
}

static void podlet_free(struct local *l, struct podlet *p)
{
    prober_forget(l->prober, str_c(p->uid), S(""));
    for (size_t i = 0; i < p->n; i++)
        pull_drop(p->runs[i].pull);
    free(p->runs);
    free(p);
}

static struct podlet **podlet_slot(struct environment *env, struct str uid)
{
    struct podlet **at = &env->pods;
    while (*at != NULL && !str_is(uid, (*at)->uid))
        at = &(*at)->next;
    return at;
}

static void podlet_forget(struct world *w, struct str uid)
{
    struct podlet **at = podlet_slot(w->env, uid), *p = *at;
    if (p == NULL)
        return;
    *at = p->next;
    podlet_free(w->l, p);
}

void pods_forget(struct local *l, struct environment *env)
{
    while (env->pods != NULL) {
        struct podlet *p = env->pods;
        env->pods = p->next;
        podlet_free(l, p);
    }
}

static void copy_text(char *out, size_t size, struct str text)
{
    size_t n = text.n < size ? text.n : size - 1;
    memcpy(out, text.p, n);
    out[n] = '\0';
}

/* The holder died: nothing of the pod is left but its document. */
static void podlet_lost(const struct value *pod, struct podlet *p, int64_t now_ms)
{
    p->sandbox = false;
    p->volumes_hash = 0;
    p->ip[0] = '\0';
    for (size_t i = 0; i < p->n; i++) {
        struct container_run *run = &p->runs[i];
        bool init;
        (void)pod_container(pod, i, &init);
        if (run->launched && !run->now.set) {
            run->now = (struct ended){
                .set = true, .exit_code = UNKNOWN_EXIT_CODE, .started_ms = run->started_ms, .finished_ms = now_ms
            };
            copy_text(run->now.reason, sizeof run->now.reason, S("ContainerStatusUnknown"));
            copy_text(run->now.message, sizeof run->now.message, S("the environment ended while the container ran"));
        }
        if (init) { /* a new sandbox is initialised again */
            run->now = (struct ended){ 0 };
            run->launched = run->stopping = run->term_sent = false;
        }
    }
}

static int64_t wall_of(struct str text)
{
    int64_t ms;
    return clock_parse_rfc3339(text, &ms) ? ms : 0;
}

static void adopt_run(struct container_run *run, const struct value *status)
{
    const struct value *state = value_get(status, "state"), *end = value_get(state, "terminated"),
                       *running = value_get(state, "running");
    run->attempt = run->crashes = (int)value_int_at(status, "restartCount", 0);
    run->launched = value_is(running, VALUE_MAP) || value_is(end, VALUE_MAP);
    run->started_ms = wall_of(value_str_at(running, "startedAt"));
    copy_text(run->image_id, sizeof run->image_id, value_str_at(status, "imageID"));
    if (!value_is(end, VALUE_MAP))
        return;
    run->now = (struct ended){ .set = true,
                               .exit_code = (int)value_int_at(end, "exitCode", 1),
                               .signal = (int)value_int_at(end, "signal", 0),
                               .started_ms = wall_of(value_str_at(end, "startedAt")),
                               .finished_ms = wall_of(value_str_at(end, "finishedAt")) };
    copy_text(run->now.reason, sizeof run->now.reason, value_str_at(end, "reason"));
    copy_text(run->now.message, sizeof run->now.message, value_str_at(end, "message"));
}

static const struct value *status_of(const struct value *pod, bool init, struct str name)
{
    const struct value *list = value_at(pod, init ? "status.initContainerStatuses" : "status.containerStatuses");
    for (size_t i = 0; i < value_len(list); i++)
        if (str_eq(value_str_at(value_item(list, i), "name"), name))
            return value_item(list, i);
    return &value_nil;
}

/* From the document alone: a new pod, or one that an earlier vitrine started. */
static struct podlet *podlet_make(struct world *w, const struct value *pod)
{
    struct podlet *p = calloc(1, sizeof *p);
    size_t all = pod_container_count(pod), n = all < POD_CONTAINERS_MAX ? all : POD_CONTAINERS_MAX;
    struct container_run *runs = calloc(n > 0 ? n : 1, sizeof *runs);
    if (p == NULL || runs == NULL) {
        free(p);
        free(runs);
        return NULL;
    }
    *p = (struct podlet){ .runs = runs, .n = n, .incarnation = w->env->incarnation };
    copy_text(p->uid, sizeof p->uid, value_str_at(pod, "metadata.uid"));
    copy_text(p->ip, sizeof p->ip, value_str_at(pod, "status.podIP"));
    p->sandbox = p->ip[0] != '\0';
    for (size_t i = 0; i < n; i++) {
        bool init;
        const struct value *c = pod_container(pod, i, &init), *status = status_of(pod, init, value_str_at(c, "name"));
        copy_text(runs[i].name, sizeof runs[i].name, value_str_at(c, "name"));
        runs[i].stop_signal = SIGTERM;
        adopt_run(&runs[i], status);
        if (runs[i].launched && !runs[i].now.set)
            prober_watch(w->l->prober, str_c(w->env->name), str_c(p->uid), str_c(p->ip), c,
                         value_bool_at(status, "ready", false));
    }
    *podlet_slot(w->env, str_c(p->uid)) = p;
    return p;
}

/* ---- why a container waits ----------------------------------------------------------------- */

static void wait_for(struct world *w, const struct value *pod, struct container_run *run, const char *reason,
                     struct str message)
{
    bool news = strcmp(run->wait_reason, reason) != 0;
    copy_text(run->wait_reason, sizeof run->wait_reason, str_c(reason));
    copy_text(run->wait_message, sizeof run->wait_message, message);
    if (news && reason[0] != '\0')
        world_event(w, "Warning", strcmp(reason, "ContainerCreating") == 0 ? "FailedMount" : reason,
                    arena_fmt(w->a, "pod %.*s, container %s: %.*s", STR(value_str_at(pod, "metadata.name")), run->name,
                              STR(message)));
}

static void wait_all(struct world *w, const struct value *pod, struct podlet *p, const char *reason, struct str message)
{
    for (size_t i = 0; i < p->n; i++)
        if (!p->runs[i].launched)
            wait_for(w, pod, &p->runs[i], reason, message);
    world_due(w, w->now_ms + RETRY_MS);
}

/* ---- looking ------------------------------------------------------------------------------- */

static void note_end(struct container_run *run, const struct runtime_state *s)
{
    const char *reason = s->start_error.n > 0 ? "StartError"
                         : s->oom_killed      ? "OOMKilled"
                         : s->exit_code == 0  ? "Completed"
                                              : "Error";
    run->now = (struct ended){ .set = true,
                               .exit_code = s->exit_code,
                               .signal = s->signal,
                               .started_ms = s->started_ms,
                               .finished_ms = s->finished_ms };
    copy_text(run->now.reason, sizeof run->now.reason, str_c(reason));
    copy_text(run->now.message, sizeof run->now.message, s->start_error);
}

static void look_at_run(struct world *w, struct podlet *p, struct container_run *run)
{
    struct runtime_state s = { 0 };
    struct err e = { 0 };
    if (!run->launched || run->now.set)
        return;
    if (!runtime_container_state(w->a, w->l->runtime, str_c(w->env->name), str_c(p->uid), str_c(run->name), &s, &e)) {
        log_warn("%s: state of container %s: %s", w->env->name, run->name, e.text);
        world_due(w, w->now_ms + RETRY_MS);
        return;
    }
    if (s.exists && s.running) {
        run->started_ms = s.started_ms > 0 ? s.started_ms : run->started_ms;
        return;
    }
    if (!s.exists)
        s = (struct runtime_state){ .exit_code = UNKNOWN_EXIT_CODE,
                                    .finished_ms = w->now_ms,
                                    .started_ms = run->started_ms,
                                    .start_error = S("") };
    note_end(run, &s);
    prober_forget(w->l->prober, str_c(p->uid), str_c(run->name));
}

/* A failed pull is tried again after a pause that doubles. */
static enum image_phase look_at_pull(struct world *w, const struct value *pod, const struct value *c,
                                     struct container_run *run)
{
    struct arena *a = w->a;
    struct str image = value_str_at(c, "image");
    if (run->pull == NULL)
        return IMAGE_NONE;
    switch (pull_state(run->pull)) {
    case PULL_RUNNING: return IMAGE_PULLING;
    case PULL_DONE: run->pull_failures = 0; return IMAGE_READY;
    case PULL_FAILED: break;
    }
    const char *cause = pull_error(run->pull)->text;
    run->pull_failures++;
    run->retry_at_ms = w->now_ms + crash_pause_ms(run->pull_failures, w->l->backoff_ms, CRASH_BACKOFF_MAX_MS);
    if (run->pull_failures == 1)
        wait_for(w, pod, run, "ErrImagePull", arena_fmt(a, "failed to pull image \"%.*s\": %s", STR(image), cause));
    else
        wait_for(w, pod, run, "ImagePullBackOff",
                 arena_fmt(a, "Back-off pulling image \"%.*s\": ErrImagePull: %s", STR(image), cause));
    pull_drop(run->pull);
    run->pull = NULL;
    return IMAGE_NONE;
}

static void look(struct world *w, const struct value *pod, struct podlet *p, struct pod_facts *f)
{
    struct str policy = value_str_at(pod, "spec.restartPolicy");
    int64_t deadline = value_int_at(pod, "spec.activeDeadlineSeconds", -1),
            start = wall_of(value_str_at(pod, "status.startTime"));
    *f = (struct pod_facts){ .n = p->n, .now_ms = w->now_ms, .deleting = object_is_deleting(pod) };
    f->restart = str_is(policy, "Never")       ? RESTART_NEVER
                 : str_is(policy, "OnFailure") ? RESTART_ON_FAILURE
                                               : RESTART_ALWAYS;
    f->past_deadline = deadline >= 0 && start > 0 && w->now_ms >= start + deadline * 1000;
    if (deadline >= 0 && !f->past_deadline)
        world_due(w, (start > 0 ? start : w->now_ms) + deadline * 1000);
    for (size_t i = 0; i < p->n; i++) {
        struct container_run *run = &p->runs[i];
        struct container_facts *c = &f->c[i];
        const struct value *spec = pod_container(pod, i, &c->init);
        look_at_run(w, p, run);
        c->sidecar = c->init && str_is(value_str_at(spec, "restartPolicy"), "Always");
        c->image = look_at_pull(w, pod, spec, run);
        c->phase = run->now.set ? RUN_ENDED : run->launched ? RUN_RUNNING : RUN_WAITING;
        c->exit_code = run->now.exit_code;
        c->retry_at_ms = run->retry_at_ms;
        c->stopping = run->stopping;
        c->term_sent = run->term_sent;
        c->term_at_ms = run->term_at_ms;
        c->kill_at_ms = run->kill_at_ms;
        if (c->phase == RUN_RUNNING)
            prober_read(w->l->prober, str_c(p->uid), str_c(run->name), &c->probe);
    }
}

/* ---- acting -------------------------------------------------------------------------------- */

static void pull(struct world *w, const struct value *c, struct container_run *run)
{
    bool always = str_is(value_str_at(c, "imagePullPolicy"), "Always");
    run->pull = pull_start(w->l, str_c(w->env->name), value_str_at(c, "image"), always);
    if (run->pull == NULL)
        world_due(w, w->now_ms + RETRY_MS);
}

static int stop_signal_of(const struct runtime_image *image)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = { { "SIGQUIT", SIGQUIT }, { "SIGINT", SIGINT },     { "SIGHUP", SIGHUP },  { "SIGUSR1", SIGUSR1 },
                    { "SIGUSR2", SIGUSR2 }, { "SIGWINCH", SIGWINCH }, { "SIGKILL", SIGKILL } };
    struct str name = value_str_at(&image->config, "config.StopSignal");
    for (size_t i = 0; i < COUNT(signals); i++)
        if (str_is(name, signals[i].name) || str_is(name, signals[i].name + 3))
            return signals[i].number;
    return SIGTERM;
}

static void launched(struct world *w, const struct value *c, struct podlet *p, struct container_run *run)
{
    const struct runtime_image *image = pull_image(run->pull);
    const struct value *hook = value_at(c, "lifecycle.postStart.exec.command");
    run->launched = true;
    run->started_ms = w->now_ms;
    run->wait_reason[0] = run->wait_message[0] = '\0';
    run->retry_at_ms = 0;
    run->stop_signal = stop_signal_of(image);
    copy_text(run->image_id, sizeof run->image_id, image->digest);
    prober_watch(w->l->prober, str_c(w->env->name), str_c(p->uid), str_c(p->ip), c, false);
    if (value_len(hook) > 0)
        hook_start(w->l, str_c(w->env->name), str_c(p->uid), str_c(run->name), hook, 30000, 0, SIGKILL);
}

static void start(struct world *w, const struct value *pod, const struct value *c, struct podlet *p,
                  struct container_run *run)
{
    struct runtime_container made;
    struct err e = { 0 };
    if (!container_build(w, pod, c, p, run, pull_image(run->pull), &made, &e)) {
        wait_for(w, pod, run, "CreateContainerConfigError", str_c(e.text));
        run->retry_at_ms = w->now_ms + RETRY_MS;
        return;
    }
    if (runtime_container_start(w->l->runtime, str_c(w->env->name), &made, &e)) {
        launched(w, c, p, run);
        return;
    }
    if (e.kind == ERR_UNAVAILABLE) { /* the holder is busy or going down: not the container's fault */
        wait_for(w, pod, run, "CreateContainerError", str_c(e.text));
        run->retry_at_ms = w->now_ms + RETRY_MS;
        return;
    }
    run->launched = true;
    run->started_ms = w->now_ms;
    note_end(run,
             &(struct runtime_state){
                 .exit_code = 128, .started_ms = w->now_ms, .finished_ms = w->now_ms, .start_error = str_c(e.text) });
    world_event(
        w, "Warning", "Failed",
        arena_fmt(w->a, "pod %.*s, container %s: %s", STR(value_str_at(pod, "metadata.name")), run->name, e.text));
}

static void restart(struct world *w, const struct value *pod, const struct value *c, struct podlet *p,
                    struct container_run *run)
{
    int64_t lived = run->now.finished_ms - run->now.started_ms;
    if (lived >= CRASH_FORGIVEN_MS)
        run->crashes = 0;
    int64_t pause = crash_pause_ms(run->crashes, w->l->backoff_ms, CRASH_BACKOFF_MAX_MS);
    run->last = run->now;
    run->now = (struct ended){ 0 };
    run->launched = run->stopping = run->term_sent = false;
    run->attempt++;
    run->crashes++;
    run->retry_at_ms = w->now_ms + pause;
    if (pause > 0)
        wait_for(w, pod, run, "CrashLoopBackOff",
                 arena_fmt(w->a, "back-off %llds restarting failed container=%s pod=%.*s_%s(%s)",
                           (long long)(pause + 999) / 1000, run->name, STR(value_str_at(pod, "metadata.name")),
                           w->env->name, p->uid));
    if (str_is(value_str_at(c, "imagePullPolicy"), "Always")) {
        pull_drop(run->pull);
        run->pull = NULL;
    }
}

static int64_t grace_end_ms(struct world *w, const struct value *pod, const struct value *c)
{
    int64_t grace = value_int_at(pod, "spec.terminationGracePeriodSeconds", 30);
    if (object_is_deleting(pod))
        return wall_of(value_str_at(pod, "metadata.deletionTimestamp"))
               + value_int_at(pod, "metadata.deletionGracePeriodSeconds", grace) * 1000;
    return w->now_ms + value_int_at(c, "livenessProbe.terminationGracePeriodSeconds", grace) * 1000;
}

/* A preStop command sends SIGTERM itself when it is done; a preStop sleep only delays it. */
static void begin_stop(struct world *w, const struct value *pod, const struct value *c, struct podlet *p,
                       struct container_run *run, const struct probe_verdict *probe)
{
    const struct value *hook = value_at(c, "lifecycle.preStop.exec.command");
    int64_t grace_ms = grace_end_ms(w, pod, c) - w->now_ms;
    run->stopping = true;
    run->kill_at_ms = w->now_ms + (grace_ms > 0 ? grace_ms : 0);
    run->term_at_ms = w->now_ms + value_int_at(c, "lifecycle.preStop.sleep.seconds", 0) * 1000;
    if (!object_is_deleting(pod) && probe->failed)
        world_event(w, "Warning", "Unhealthy",
                    arena_fmt(w->a, "pod %.*s, container %s: %s; it will be restarted",
                              STR(value_str_at(pod, "metadata.name")), run->name, probe->message));
    if (value_len(hook) == 0 || grace_ms <= 0)
        return;
    run->term_sent = true;
    hook_start(w->l, str_c(w->env->name), str_c(p->uid), str_c(run->name), hook, grace_ms, run->stop_signal,
               run->stop_signal);
}

static void send(struct world *w, struct podlet *p, struct container_run *run, int sig)
{
    struct err e = { 0 };
    if (!runtime_container_signal(w->l->runtime, str_c(w->env->name), str_c(p->uid), str_c(run->name), sig, &e))
        log_debug("%s: signal container %s: %s", w->env->name, run->name, e.text); /* it ended just now */
}

static bool act(struct world *w, const struct value *pod, struct podlet *p, size_t i, const struct pod_facts *f,
                enum container_act what)
{
    bool init;
    const struct value *c = pod_container(pod, i, &init);
    struct container_run *run = &p->runs[i];
    switch (what) {
    case ACT_NONE: return false;
    case ACT_PULL: pull(w, c, run); return false;
    case ACT_START: start(w, pod, c, p, run); return true;
    case ACT_RESTART: restart(w, pod, c, p, run); return true;
    case ACT_STOP: begin_stop(w, pod, c, p, run, &f->c[i].probe); return true;
    case ACT_TERM:
        run->term_sent = true;
        send(w, p, run, run->stop_signal);
        return true;
    case ACT_KILL: send(w, p, run, SIGKILL); return false;
    }
    return false;
}

/* Decide and act until nothing is left to do at once. */
static void advance(struct world *w, const struct value *pod, struct podlet *p, struct pod_facts *f,
                    struct pod_plan *plan)
{
    bool again = true;
    for (int round = 0; again && round < ROUNDS_MAX; round++) {
        again = false;
        look(w, pod, p, f);
        pod_plan(f, plan);
        for (size_t i = 0; i < p->n; i++)
            again = act(w, pod, p, i, f, plan->act[i]) || again;
    }
    if (again)
        world_due(w, w->now_ms + 1);
    if (plan->due_ms != INT64_MAX)
        world_due(w, plan->due_ms);
}

/* ---- one pod ------------------------------------------------------------------------------- */

static bool prepare(struct world *w, const struct value *pod, struct podlet *p)
{
    struct err e = { 0 };
    struct str ip = S(""), env = str_c(w->env->name), own = value_str_at(pod, "spec.hostname");
    struct str hostname = own.n > 0 ? own : value_str_at(pod, "metadata.name");
    if (!p->sandbox || !p->confirmed) { /* what an earlier vitrine made is only named again */
        if (!runtime_pod_create(w->a, w->l->runtime, env, str_c(p->uid), hostname, &ip, &e)) {
            wait_all(w, pod, p, "CreatePodSandboxError", str_c(e.text));
            return false;
        }
        p->sandbox = p->confirmed = true;
        copy_text(p->ip, sizeof p->ip, ip);
    }
    if (!volumes_write(w, pod, p, &e)) {
        bool runs_already = p->volumes_hash != 0;
        if (!runs_already)
            wait_all(w, pod, p, "ContainerCreating", str_c(e.text));
        return runs_already; /* what runs goes on with the files it has */
    }
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->runs[i].wait_reason, "ContainerCreating") == 0
            || strcmp(p->runs[i].wait_reason, "CreatePodSandboxError") == 0)
            p->runs[i].wait_reason[0] = p->runs[i].wait_message[0] = '\0';
    return true;
}

static bool has_finalizers(const struct value *pod)
{
    return value_len(value_at(pod, "metadata.finalizers")) > 0;
}

static void finish_deletion(struct world *w, const struct value *pod)
{
    struct err e = { 0 };
    struct str uid = value_str_at(pod, "metadata.uid");
    if (!runtime_pod_remove(w->l->runtime, str_c(w->env->name), uid, &e)) {
        world_failed(w, "remove", pod, &e);
        return;
    }
    podlet_forget(w, uid);
    if (!has_finalizers(pod) && !objects_drop(&w->l->objects, pod, &e))
        world_failed(w, "delete", pod, &e);
}

static void write_status(struct world *w, const struct value *pod, const struct pod_status_facts *f)
{
    struct err e = { 0 };
    struct value status = pod_status(w, pod, f);
    if (!objects_set_status(&w->l->objects, w->a, pod, &status, &e))
        world_failed(w, "status of", pod, &e);
}

static void run_pod(struct world *w, const struct value *pod, struct podlet *p)
{
    struct pod_facts facts;
    struct pod_plan plan;
    struct pod_status_facts s = { .facts = &facts, .plan = &plan, .podlet = p };
    bool deleting = object_is_deleting(pod);
    if (deleting || prepare(w, pod, p)) {
        advance(w, pod, p, &facts, &plan);
    } else {
        look(w, pod, p, &facts);
        pod_plan(&facts, &plan);
    }
    if (deleting && plan.all_ended) {
        finish_deletion(w, pod);
        return;
    }
    if (facts.past_deadline) {
        s.reason = "DeadlineExceeded";
        s.message = S("Pod was active on the node longer than the specified deadline");
    }
    write_status(w, pod, &s);
}

/* The holder is started by the first pod. When it had died, every pod that ran in it is lost. */
static bool ensure_holder(struct world *w, const struct value *pod, struct podlet *p)
{
    struct err e = { 0 };
    bool up = environment_ensure(w, &e);
    if (p->incarnation != w->env->incarnation && p->sandbox)
        podlet_lost(pod, p, w->now_ms);
    p->incarnation = w->env->incarnation;
    if (!up)
        wait_all(w, pod, p, "CreatePodSandboxError", str_c(e.text));
    return up;
}

static void reconcile_pod(struct world *w, const struct value *pod)
{
    struct str uid = value_str_at(pod, "metadata.uid"), phase = value_str_at(pod, "status.phase");
    bool over = str_is(phase, "Succeeded") || str_is(phase, "Failed");
    struct podlet *p = *podlet_slot(w->env, uid);
    if (over) {
        podlet_forget(w, uid);
        if (object_is_deleting(pod))
            finish_deletion(w, pod);
        return;
    }
    if (p == NULL && (p = podlet_make(w, pod)) == NULL)
        return;
    p->seen = true;
    if (object_is_deleting(pod) && !runtime_env_alive(w->l->runtime, str_c(w->env->name))) {
        finish_deletion(w, pod);
        return;
    }
    if (ensure_holder(w, pod, p))
        run_pod(w, pod, p);
}

/* Processes whose document is gone. */
static void sweep(struct world *w)
{
    for (struct podlet *p = w->env->pods, *next; p != NULL; p = next) {
        struct err e = { 0 };
        next = p->next;
        if (p->seen)
            continue;
        if (!runtime_pod_remove(w->l->runtime, str_c(w->env->name), str_c(p->uid), &e)) {
            log_warn("%s: remove pod %s: %s", w->env->name, p->uid, e.text);
            world_due(w, w->now_ms + RETRY_MS);
            continue;
        }
        podlet_forget(w, str_c(p->uid));
    }
}

void pod_reconcile(struct world *w)
{
    size_t cursor = 0;
    for (struct podlet *p = w->env->pods; p != NULL; p = p->next)
        p->seen = false;
    for (const struct value *pod; (pod = world_next(w, "", "Pod", &cursor)) != NULL;)
        reconcile_pod(w, pod);
    sweep(w);
}
