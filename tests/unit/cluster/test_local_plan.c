/* The pure decisions: rollouts, jobs, pods, and the small languages in pod specifications. */
#include "../cmocka_all.h"

#include "cluster/local/deployment.h"
#include "cluster/local/job.h"
#include "cluster/local/pod_run.h"

/* ---- rollouts ------------------------------------------------------------------------------ */

#define NONE (-1)

static const struct rollout_row {
    const char *name;
    int64_t replicas, surge, unavailable;
    bool recreate, paused;
    int64_t new_replicas, new_available; /* NONE: no new set */
    int64_t old_replicas, old_available; /* NONE: no old set */
    bool create_new;
    int64_t new_to, old_to;
} rollouts[] = {
    { "first rollout: make the set", 3, 1, 0, false, false, NONE, 0, NONE, 0, true, NONE, NONE },
    { "surge by one", 3, 1, 0, false, false, 0, 0, 3, 3, true, 1, 3 },
    { "nothing goes before the new one serves", 3, 1, 0, false, false, 1, 0, 3, 3, true, 1, 3 },
    { "one came, one may go", 3, 1, 0, false, false, 1, 1, 3, 3, true, 1, 2 },
    { "room again", 3, 1, 0, false, false, 1, 1, 2, 2, true, 2, 2 },
    { "the last old one goes", 3, 1, 0, false, false, 3, 3, 1, 1, true, 3, 0 },
    { "done", 3, 1, 0, false, false, 3, 3, 0, 0, true, 3, 0 },
    { "unavailable allowed: old ones go at once", 4, 0, 2, false, false, 0, 0, 4, 4, true, 0, 2 },
    { "broken old ones go first", 3, 1, 0, false, false, 1, 0, 3, 1, true, 1, 3 },
    { "a broken old set makes room", 2, 1, 0, false, false, 1, 1, 2, 0, true, 1, 1 },
    { "scaled down", 1, 1, 0, false, false, 3, 3, NONE, 0, true, 1, NONE },
    { "scaled up", 5, 1, 0, false, false, 3, 3, NONE, 0, true, 5, NONE },
    { "paused: no step", 3, 1, 0, false, true, 1, 1, 2, 2, false, 1, 2 },
    { "paused: scaling goes on", 5, 1, 0, false, true, 3, 3, NONE, 0, false, 5, NONE },
    { "recreate: the old ones end", 2, 0, 0, true, false, NONE, 0, 2, 2, false, NONE, 0 },
    { "recreate: then the new ones", 2, 0, 0, true, false, NONE, 0, 0, 0, true, NONE, 0 },
    { "to zero", 0, 1, 0, false, false, 2, 2, NONE, 0, true, 0, NONE },
};

static void plans_rollouts(void **state)
{
    for (size_t i = 0; i < COUNT(rollouts); i++) {
        const struct rollout_row *r = &rollouts[i];
        struct rollout_set fresh = { r->new_replicas, r->new_replicas, r->new_available, NONE };
        struct rollout_set old = { r->old_replicas, r->old_replicas, r->old_available, NONE };
        struct rollout plan = { .replicas = r->replicas,
                                .max_surge = r->surge,
                                .max_unavailable = r->unavailable,
                                .recreate = r->recreate,
                                .paused = r->paused };
        bool create = false;
        plan.new_set = r->new_replicas == NONE ? NULL : &fresh;
        plan.old = &old;
        plan.n_old = r->old_replicas == NONE ? 0 : 1;
        rollout_plan(&plan, &create);
        if (create != r->create_new || fresh.scale_to != r->new_to || old.scale_to != r->old_to)
            fail_msg("%s: create %d, new to %lld, old to %lld", r->name, create, (long long)fresh.scale_to,
                     (long long)old.scale_to);
    }
}

/* From any mixture a rollout ends, and never has fewer available pods or more pods in all than allowed. */
static void every_rollout_ends(void **state)
{
    for (int64_t replicas = 1; replicas <= 6; replicas++)
        for (int64_t surge = 0; surge <= 2; surge++)
            for (int64_t unavailable = surge == 0 ? 1 : 0; unavailable <= 2 && unavailable <= replicas; unavailable++) {
                struct rollout_set fresh = { 0 }, old = { replicas, replicas, replicas, 0 };
                struct rollout plan = { .replicas = replicas,
                                        .max_surge = surge,
                                        .max_unavailable = unavailable,
                                        .new_set = &fresh,
                                        .old = &old,
                                        .n_old = 1 };
                int rounds = 0;
                for (; rounds < 50 && (old.replicas > 0 || fresh.available < replicas); rounds++) {
                    bool create;
                    rollout_plan(&plan, &create);
                    assert_true(fresh.scale_to + old.scale_to <= replicas + surge);
                    fresh.replicas = fresh.scale_to;
                    old.replicas = old.existing = old.available = old.scale_to;
                    assert_true(fresh.available + old.available >= replicas - unavailable);
                    fresh.existing = fresh.replicas;
                    if (fresh.available < fresh.replicas)
                        fresh.available++; /* one pod gets ready at a time */
                }
                assert_true(rounds < 50);
            }
}

static void tells_progress(void **state)
{
    static const struct {
        struct progress_facts f;
        enum progress wanted;
    } rows[] = {
        { { .replicas = 2, .updated = 2, .total = 2, .available = 2, .deadline_ms = 10, .now_ms = 100 },
          PROGRESS_DONE },
        { { .replicas = 2,
            .updated = 2,
            .total = 3,
            .available = 3,
            .last_progress_ms = 95,
            .deadline_ms = 10,
            .now_ms = 100 },
          PROGRESS_MOVING },
        { { .replicas = 2,
            .updated = 1,
            .total = 3,
            .available = 2,
            .last_progress_ms = 90,
            .deadline_ms = 10,
            .now_ms = 100 },
          PROGRESS_LATE },
        { { .replicas = 2,
            .updated = 2,
            .total = 2,
            .available = 1,
            .was_done = true,
            .deadline_ms = 10,
            .now_ms = 100 },
          PROGRESS_DONE },
        { { .replicas = 2,
            .updated = 2,
            .total = 2,
            .available = 1,
            .was_late = true, /* the verdict itself is no progress */
            .last_progress_ms = 95,
            .deadline_ms = 10,
            .now_ms = 100 },
          PROGRESS_LATE },
        { { .replicas = 0, .deadline_ms = 10, .now_ms = 100 }, PROGRESS_DONE },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(rollout_progress(&rows[i].f), rows[i].wanted);
}

static void reads_limits(void **state)
{
    static const struct {
        const char *surge, *unavailable;
        int64_t replicas, wanted_surge, wanted_unavailable;
    } rows[] = {
        { "25%", "25%", 1, 1, 0 }, { "25%", "25%", 4, 1, 1 }, { "25%", "25%", 10, 3, 2 }, { "0", "0", 3, 0, 1 },
        { "100%", "0", 3, 3, 0 },  { "0", "100%", 3, 0, 3 },  { "0", "50", 3, 0, 3 },
    };
    CLEANUP(arena_close) struct arena a = { 0 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value spec = value_map(&a);
        struct rollout r = { 0 };
        value_put_at(&a, &spec, "replicas", value_int(rows[i].replicas));
        value_put_at(&a, &spec, "strategy.rollingUpdate.maxSurge", value_c(rows[i].surge));
        value_put_at(&a, &spec, "strategy.rollingUpdate.maxUnavailable", value_c(rows[i].unavailable));
        rollout_limits(&spec, &r);
        assert_int_equal(r.max_surge, rows[i].wanted_surge);
        assert_int_equal(r.max_unavailable, rows[i].wanted_unavailable);
    }
}

/* ---- jobs ---------------------------------------------------------------------------------- */

#define ONE .completions = 1, .parallelism = 1, .backoff_ms = 10000, .now_ms = 1000000
#define BASE ONE, .backoff_limit = 6, .deadline_ms = -1
#define NEVER INT64_MAX

static void plans_jobs(void **state)
{
    static const struct {
        const char *name;
        struct job_facts f;
        struct job_plan wanted;
    } rows[] = {
        { "begin", { BASE }, { JOB_RUNNING, 1, false, NEVER } },
        { "runs", { BASE, .active = 1 }, { JOB_RUNNING, 0, false, NEVER } },
        { "complete", { BASE, .succeeded = 1 }, { JOB_COMPLETE, 0, false, NEVER } },
        { "failed once: wait", { BASE, .failed = 1, .last_failure_ms = 995000 }, { JOB_RUNNING, 0, false, 1005000 } },
        { "failed once: again", { BASE, .failed = 1, .last_failure_ms = 990000 }, { JOB_RUNNING, 1, false, NEVER } },
        { "failed thrice: longer",
          { BASE, .failed = 3, .last_failure_ms = 990000 },
          { JOB_RUNNING, 0, false, 1030000 } },
        { "failed too often",
          { ONE, .backoff_limit = 0, .deadline_ms = -1, .failed = 1 },
          { JOB_TOO_MANY_FAILURES, 0, false, NEVER } },
        { "failed too often, one runs",
          { ONE, .backoff_limit = 0, .deadline_ms = -1, .failed = 1, .active = 1 },
          { JOB_TOO_MANY_FAILURES, 0, true, NEVER } },
        { "deadline ahead",
          { ONE, .backoff_limit = 6, .active = 1, .deadline_ms = 5000, .started_ms = 996000 },
          { JOB_RUNNING, 0, false, 1001000 } },
        { "deadline passed",
          { ONE, .backoff_limit = 6, .active = 1, .deadline_ms = 5000, .started_ms = 995000 },
          { JOB_TOO_LATE, 0, true, NEVER } },
        { "suspended", { BASE, .active = 1, .suspended = true }, { JOB_SUSPENDED, 0, true, NEVER } },
        { "five, two at a time",
          { .completions = 5, .parallelism = 2, .backoff_limit = 6, .deadline_ms = -1, .active = 1, .succeeded = 3 },
          { JOB_RUNNING, 1, false, NEVER } },
        { "five, last one",
          { .completions = 5, .parallelism = 2, .backoff_limit = 6, .deadline_ms = -1, .active = 1, .succeeded = 4 },
          { JOB_RUNNING, 0, false, NEVER } },
        { "work queue begins",
          { .completions = -1, .parallelism = 3, .backoff_limit = 6, .deadline_ms = -1 },
          { JOB_RUNNING, 3, false, NEVER } },
        { "work queue drains",
          { .completions = -1, .parallelism = 3, .backoff_limit = 6, .deadline_ms = -1, .active = 2, .succeeded = 1 },
          { JOB_RUNNING, 0, false, NEVER } },
        { "work queue empty",
          { .completions = -1, .parallelism = 3, .backoff_limit = 6, .deadline_ms = -1, .succeeded = 3 },
          { JOB_COMPLETE, 0, false, NEVER } },
        { "nothing to do",
          { .completions = 0, .parallelism = 1, .backoff_limit = 6, .deadline_ms = -1 },
          { JOB_COMPLETE, 0, false, NEVER } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct job_plan p;
        job_plan(&rows[i].f, &p);
        const struct job_plan *w = &rows[i].wanted;
        if (p.verdict != w->verdict || p.create != w->create || p.stop_active != w->stop_active
            || p.due_ms != w->due_ms)
            fail_msg("%s: verdict %d, create %lld, stop %d, due %lld", rows[i].name, p.verdict, (long long)p.create,
                     p.stop_active, (long long)p.due_ms);
    }
}

/* ---- pods ---------------------------------------------------------------------------------- */

/* One letter per container: what it is and does, what is wanted next. Upper case: init container.
 *   w waiting without image, p pulling, i image ready, b backing off until 500; r running, u running and unhealthy, s
 * stopping since TERM, k stopping past its grace; 0 ended well, 1 ended badly. */
static struct container_facts facts_of(char c)
{
    struct container_facts f = { .init = c >= 'A' && c <= 'Z', .probe = { .started = true, .ready = true } };
    switch (c | 0x20) {
    case 'p': f.image = IMAGE_PULLING; break;
    case 'i': f.image = IMAGE_READY; break;
    case 'b': f.retry_at_ms = 500; break;
    case 'u':
        f.probe.failed = true;
        f.phase = RUN_RUNNING;
        break;
    case 's':
        f.stopping = f.term_sent = true;
        f.kill_at_ms = 400;
        f.phase = RUN_RUNNING;
        break;
    case 'k':
        f.stopping = f.term_sent = true;
        f.kill_at_ms = 50;
        f.phase = RUN_RUNNING;
        break;
    case 'r': f.phase = RUN_RUNNING; break;
    case 'o': f.phase = RUN_ENDED; break;
    case 'x':
        f.phase = RUN_ENDED;
        f.exit_code = 1;
        break;
    default: break;
    }
    return f;
}

static void plans_pods(void **state)
{
    static const char acts[] = "-PSRQTK"; /* none, pull, start, restart, stop, term, kill */
    static const struct {
        const char *name;
        enum restart_policy restart;
        bool deleting;
        const char *facts, *wanted; /* o: ended well, x: ended badly */
        enum pod_end end;
        int64_t due_ms;
    } rows[] = {
        { "two begin to pull", RESTART_ALWAYS, false, "ww", "PP", POD_GOES_ON, NEVER },
        { "one is there, one still pulls", RESTART_ALWAYS, false, "ip", "S-", POD_GOES_ON, NEVER },
        { "all run", RESTART_ALWAYS, false, "rr", "--", POD_GOES_ON, NEVER },
        { "init first", RESTART_ALWAYS, false, "Iw", "S-", POD_GOES_ON, NEVER },
        { "init runs, others wait", RESTART_ALWAYS, false, "RWi", "---", POD_GOES_ON, NEVER },
        { "second init after the first", RESTART_ALWAYS, false, "OIi", "-S-", POD_GOES_ON, NEVER },
        { "main after init", RESTART_ALWAYS, false, "OOi", "--S", POD_GOES_ON, NEVER },
        { "init failed, is repeated", RESTART_ALWAYS, false, "Xi", "R-", POD_GOES_ON, NEVER },
        { "init failed for good", RESTART_NEVER, false, "Xi", "--", POD_FAILED, NEVER },
        { "crash is restarted", RESTART_ALWAYS, false, "x", "R", POD_GOES_ON, NEVER },
        { "a good end too", RESTART_ALWAYS, false, "o", "R", POD_GOES_ON, NEVER },
        { "on failure: only a bad end", RESTART_ON_FAILURE, false, "ox", "-R", POD_GOES_ON, NEVER },
        { "on failure: all well", RESTART_ON_FAILURE, false, "oo", "--", POD_SUCCEEDED, NEVER },
        { "never: failed", RESTART_NEVER, false, "ox", "--", POD_FAILED, NEVER },
        { "never: one still runs", RESTART_NEVER, false, "xr", "--", POD_GOES_ON, NEVER },
        { "back-off", RESTART_ALWAYS, false, "br", "--", POD_GOES_ON, 500 },
        { "unhealthy is stopped", RESTART_ALWAYS, false, "ur", "Q-", POD_GOES_ON, NEVER },
        { "stopping waits for its grace", RESTART_ALWAYS, false, "s", "-", POD_GOES_ON, 400 },
        { "and is killed then", RESTART_ALWAYS, false, "k", "K", POD_GOES_ON, 50 },
        { "deleting stops all", RESTART_ALWAYS, true, "rrw", "QQ-", POD_GOES_ON, NEVER },
        { "deleting, nothing restarts", RESTART_ALWAYS, true, "xi", "--", POD_FAILED, NEVER },
        { "deleting stops init too", RESTART_ALWAYS, true, "Ri", "Q-", POD_GOES_ON, NEVER },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pod_facts f = {
            .restart = rows[i].restart, .deleting = rows[i].deleting, .n = strlen(rows[i].facts), .now_ms = 100
        };
        struct pod_plan p;
        char got[POD_CONTAINERS_MAX + 1] = "";
        for (size_t k = 0; k < f.n; k++)
            f.c[k] = facts_of(rows[i].facts[k]);
        pod_plan(&f, &p);
        for (size_t k = 0; k < f.n; k++)
            got[k] = acts[p.act[k]];
        if (strcmp(got, rows[i].wanted) != 0 || p.end != rows[i].end || p.due_ms != rows[i].due_ms)
            fail_msg("%s: %s, end %d, due %lld", rows[i].name, got, p.end, (long long)p.due_ms);
    }
}

static void pauses_double(void **state)
{
    static const int64_t wanted[] = { 0, 10, 20, 40, 80, 100, 100 };
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_int_equal(crash_pause_ms((int)i, 10, 100), wanted[i]);
    assert_int_equal(crash_pause_ms(1000000, 10, 100), 100);
}

static void expands(void **state)
{
    const struct str env[] = { S("A=1"), S("B=two"), S("A=3") };
    static const struct {
        const char *text, *wanted;
    } rows[] = { { "plain", "plain" }, { "$(A)-$(B)", "3-two" }, { "$$(A)", "$(A)" },
                 { "$(NO)", "$(NO)" }, { "$(A", "$(A" },         { "$", "$" },
                 { "", "" },           { "a$b$$c", "a$b$c" },    { "$(A)$(A)$(", "33$(" },
                 { "$()", "$()" } };
    CLEANUP(arena_close) struct arena a = { 0 };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(arena_c(&a, expand_variables(&a, str_c(rows[i].text), env, COUNT(env))), rows[i].wanted);
}

static void reads_quantities(void **state)
{
    static const struct {
        const char *text;
        int64_t scale;
        bool ok;
        int64_t wanted;
    } rows[] = {
        { "128Mi", 1, true, 134217728 }, { "1G", 1, true, 1000000000 }, { "0.5", 1000, true, 500 },
        { "250m", 1000, true, 250 },     { "1", 1000, true, 1000 },     { "1500", 1, true, 1500 },
        { "1e3", 1, true, 1000 },        { "", 1, false, 0 },           { "Mi", 1, false, 0 },
        { "-1", 1, false, 0 },           { "1.1", 1, true, 2 },         { "9999999999Ti", 1, false, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t n = 0;
        bool ok = quantity_parse(str_c(rows[i].text), rows[i].scale, &n);
        if (ok != rows[i].ok || (ok && n != rows[i].wanted))
            fail_msg("%s: %d %lld", rows[i].text, ok, (long long)n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_rollouts),   cmocka_unit_test(every_rollout_ends),
        cmocka_unit_test(tells_progress),   cmocka_unit_test(reads_limits),
        cmocka_unit_test(plans_jobs),       cmocka_unit_test(plans_pods),
        cmocka_unit_test(pauses_double),    cmocka_unit_test(expands),
        cmocka_unit_test(reads_quantities),
    };
    return cmocka_run_group_tests_name("local plan", tests, NULL, NULL);
}
