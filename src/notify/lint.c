/*
 * Would this configuration tell an untruth? Each trigger is tried on made-up applications, one per phase and health,
 * and what its templates render for a commit status is held against what happened.
 */
#include "data/json.h"
#include "notify/internal.h"

struct situation {
    const char *phase, *health, *sync; /* NULL: absent */
};

static const struct situation situations[] = {
    { NULL, "Missing", "OutOfSync" },         { "Running", "Progressing", "OutOfSync" },
    { "Succeeded", "Healthy", "Synced" },     { "Succeeded", "Degraded", "Synced" },
    { "Succeeded", "Progressing", "Synced" }, { "Failed", "Degraded", "OutOfSync" },
    { "Error", "Missing", "Unknown" },        { "Terminating", "Degraded", "Synced" },
    { NULL, "Degraded", "OutOfSync" },        { "Running", "Degraded", "OutOfSync" },
};

static struct value made_up(struct arena *a, const struct situation *s)
{
    static const char sha[] = "0123456789abcdef0123456789abcdef01234567";
    static const char spec[] =
        "{\"project\":\"default\",\"source\":{\"repoURL\":\"https://github.com/owner/repo.git\","
        "\"path\":\"deploy\",\"targetRevision\":\"branch\",\"helm\":{\"parameters\":[{\"name\":\"tag\","
        "\"value\":\"sha-0123456789abcdef0123456789abcdef01234567\"}]}}}";
    struct value app = value_map(a), parsed;
    struct err e;
    value_put_at(a, &app, "metadata.name", value_c("app"));
    if (json_parse(a, str_c(spec), &parsed, &e))
        value_set(a, &app, "spec", parsed);
    value_put_at(a, &app, "status.health.status", value_c(s->health));
    value_put_at(a, &app, "status.sync.status", value_c(s->sync));
    value_put_at(a, &app, "status.sync.revision", value_c(sha));
    if (s->phase != NULL) {
        value_put_at(a, &app, "status.operationState.phase", value_c(s->phase));
        value_put_at(a, &app, "status.operationState.startedAt", value_c("2024-03-24T16:02:22Z"));
        value_put_at(a, &app, "status.operationState.finishedAt", value_c("2024-03-24T16:02:25Z"));
        value_put_at(a, &app, "status.operationState.operation.sync.revision", value_c(sha));
        value_put_at(a, &app, "status.operationState.syncResult.revision", value_c(sha));
    }
    return app;
}

static struct str describe(struct arena *a, const struct situation *s)
{
    return arena_fmt(a, "phase %s, health %s", s->phase != NULL ? s->phase : "absent", s->health);
}

struct lint {
    const struct notify *n;
    struct arena *a;
    VEC(struct str) findings;
};

static void found(struct lint *l, struct str finding)
{
    for (size_t i = 0; i < l->findings.n; i++)
        if (str_eq(l->findings.v[i], finding))
            return;
    *vec_push(l->a, &l->findings) = finding;
}

static void check_body(struct lint *l, struct str trigger, const struct situation *s, struct str body)
{
    struct value v;
    struct err e;
    struct str where = describe(l->a, s);
    if (!json_parse(l->a, body, &v, &e)) {
        found(l,
              arena_fmt(
                  l->a,
                  "trigger %.*s: with %.*s its body is not JSON (%s), so the forge refuses it: add a branch for every "
                  "phase, or an {{else}}",
                  STR(trigger), STR(where), e.text));
        return;
    }
    struct str state = value_str_at(&v, "state");
    if (str_is(state, "success") && strcmp(s->health, "Degraded") == 0)
        found(l,
              arena_fmt(
                  l->a,
                  "trigger %.*s: with %.*s it posts `success`: take the state from .app.status.health.status, for "
                  "example {{if eq .app.status.health.status \"Degraded\"}}failure{{end}}; vitrine's own status tells "
                  "the truth beside it",
                  STR(trigger), STR(where)));
}

static void check_condition(struct lint *l, const struct notify_trigger *t, const struct notify_condition *c,
                            const struct situation *s)
{
    struct value app = made_up(l->a, s), env = notify_expr_env(l->n, l->a, &app), rendered;
    struct str once, why;
    struct err e;
    bool fired;
    notify_condition_run(l->a, c, &env, &fired, &once, &why);
    if (!fired || !notify_render_all(l->n, l->a, c, &app, S("lint"), S(""), &rendered, &e))
        return;
    const struct value *blocks = value_get(&rendered, "webhook");
    for (size_t i = 0; blocks->kind == VALUE_MAP && i < blocks->map->n; i++) {
        const struct value *block = &blocks->map->v[i].value;
        if (str_find(value_str_at(block, "path"), S("/statuses/")) >= 0)
            check_body(l, t->name, s, value_str_at(block, "body"));
    }
}

size_t notify_lint(const struct notify *n, struct arena *a, struct str **out)
{
    struct lint l = { n, a, { 0 } };
    for (size_t t = 0; t < n->triggers.n; t++)
        for (size_t c = 0; c < n->triggers.v[t].n; c++)
            for (size_t s = 0; s < COUNT(situations); s++)
                check_condition(&l, &n->triggers.v[t], &n->triggers.v[t].conditions[c], &situations[s]);
    *out = l.findings.v;
    return l.findings.n;
}
