/* The workflow's notification block, its three template variants, and what a wrong entry may and may not spoil. */
#include "../cmocka_all.h"

#include <fcntl.h>

#include "base/sys.h"
#include "data/json.h"
#include "notify/internal.h"

#define SHA "d751238e003a92968e2276456f2e0e3ac2ba7216"

static const char *golden;

struct fixture {
    struct arena a;
    const char *dir;
    struct config *config;
    struct notify *n;
    struct store *s;
    struct value app;
};

static void copy_in(struct fixture *f, const char *name)
{
    struct err e;
    struct str text;
    assert_true(fs_read(&f->a, AT_FDCWD, fs_join(&f->a, golden, name), 1 << 20, &text, &e));
    assert_true(fs_write(fs_join(&f->a, f->dir, name), text, 0600, &e));
}

/* A configuration of one golden notification file and `extra` (may be NULL), the golden application, an empty store. */
static void set_up(struct fixture *f, const char *notifications, const char *extra)
{
    struct err e;
    struct str text;
    *f = (struct fixture){ 0 };
    assert_true(fs_temp_dir(&f->a, "vitrine-notify", &f->dir, &e));
    copy_in(f, "secrets.yaml");
    copy_in(f, notifications);
    if (extra != NULL)
        assert_true(fs_write(fs_join(&f->a, f->dir, "zz-extra.yaml"), str_c(extra), 0600, &e));
    assert_true(config_load(f->dir, &f->config, &e));
    struct notify_options o = { .config = f->config,
                                .cache_dir = f->dir,
                                .external_url = S("https://argocd.example"),
                                .status_context = S(NOTIFY_CONTEXT_DEFAULT) };
    assert_true(notify_load(&o, &f->n, &e));
    assert_true(store_open(fs_join(&f->a, f->dir, "store"), &f->s, &e));
    assert_true(fs_read(&f->a, AT_FDCWD, fs_join(&f->a, golden, "app.json"), 1 << 20, &text, &e));
    assert_true(json_parse(&f->a, text, &f->app, &e));
}

static void tear_down(struct fixture *f)
{
    struct err e;
    notify_free(f->n);
    config_close(f->config);
    store_close(f->s);
    assert_true(fs_remove_tree(f->dir, &e));
    arena_close(&f->a);
}

static size_t evaluate(struct fixture *f)
{
    struct err e = { 0 };
    size_t added = 0;
    if (!notify_application(f->n, f->s, &f->app, &added, &e))
        fail_msg("%s", e.text);
    return added;
}

static struct outbox_item newest(struct fixture *f)
{
    struct outbox_item *items;
    struct err e;
    size_t n;
    assert_true(store_outbox_list(&f->a, f->s, S(""), 1, &items, &n, &e));
    assert_int_equal(n, 1);
    return items[0];
}

static void state_keys_are_argos(void **state)
{
    static const char *const rows[][2] = { { "on-ephemeral-deployed", "[0].FtDfokP5gdvdikpZABRYYnjWhA4" },
                                           { "on-ephemeral-health-degraded", "[0].zoG5zUjYGjimkwCGgIQGjx1hO5s" },
                                           { "on-ephemeral-sync-failed", "[0].H9WjsqG1dKYm6njOZ7yUQYOA1Wk" } };
    struct fixture f;
    set_up(&f, "seed.yaml", NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_true(str_is(notify_trigger_find(f.n, str_c(rows[i][0]))->conditions[0].key, rows[i][1]));
    const struct str *problems;
    assert_int_equal(notify_problems(f.n, &problems), 0);
    tear_down(&f);
}

static void check_variant(const char *file, const char *description)
{
    struct fixture f;
    struct value body;
    struct err e = { 0 };
    set_up(&f, file, NULL);
    assert_int_equal(evaluate(&f), 1);
    assert_int_equal(evaluate(&f), 0); /* once per revision */
    struct outbox_item i = newest(&f);
    const struct value *block = value_at(&i.request, "notification.webhook.github");
    assert_string_equal(arena_c(&f.a, value_str_at(block, "path")), "/repos/ixxeL-DevOps/demo-web-py/statuses/" SHA);
    assert_true(str_is(value_str_at(block, "method"), "POST"));
    if (!json_parse(&f.a, value_str_at(block, "body"), &body, &e))
        fail_msg("%s", e.text);
    assert_true(str_is(value_str_at(&body, "state"), "success"));
    assert_string_equal(arena_c(&f.a, value_str_at(&body, "description")), description);
    assert_true(str_is(value_str_at(&body, "target_url"), "https://argocd.example/applications/demo-web-pr-5"));
    assert_true(str_is(value_str_at(&body, "context"), "continuous-integration/argocd"));
    tear_down(&f);
}

static void as_written(void **state)
{
    check_variant("seed.yaml", "demo-web-pr-5 img tag: " SHA);
}

static void with_parameters(void **state)
{
    check_variant("params.yaml", "demo-web-pr-5 img tag: sha-" SHA);
}

static void with_a_line_of_its_own(void **state)
{
    check_variant("define.yaml", "demo-web-pr-5 img tag: sha-" SHA);
}

static void a_new_commit_and_a_failure_are_news(void **state)
{
    struct fixture f;
    set_up(&f, "seed.yaml", NULL);
    assert_int_equal(evaluate(&f), 1);
    value_put_at(&f.a, &f.app, "status.operationState.syncResult.revision", value_c("ffff"));
    assert_int_equal(evaluate(&f), 1);
    value_put_at(&f.a, &f.app, "status.operationState.phase", value_c("Failed"));
    assert_int_equal(evaluate(&f), 1);
    struct outbox_item i = newest(&f);
    struct str body = value_str_at(&i.request, "notification.webhook.github.body");
    assert_true(str_find(body, S("\"state\": \"error\"")) > 0);
    tear_down(&f);
}

static void a_stale_status_is_skipped(void **state)
{
    struct fixture f;
    set_up(&f, "seed.yaml", NULL);
    value_put_at(&f.a, &f.app, "status.reconciledAt", value_c("2024-03-24T16:02:24Z"));
    assert_int_equal(evaluate(&f), 0);
    value_put_at(&f.a, &f.app, "status.reconciledAt", value_c("2024-03-24T16:02:25Z"));
    assert_int_equal(evaluate(&f), 1);
    tear_down(&f);
}

static void mistakes_disable_only_themselves(void **state)
{
    static const char extra[] = "triggers:\n"
                                "  trigger.broken: |\n"
                                "    - when: app.status. ==\n"
                                "      send: [github-commit-status]\n"
                                "  trigger.unknown-template: |\n"
                                "    - when: 'true'\n"
                                "      send: [nowhere]\n"
                                "templates:\n"
                                "  template.broken: |\n"
                                "    message: '{{ if }}'\n"
                                "notifiers:\n"
                                "  service.pager: 'x: 1'\n";
    struct fixture f;
    const struct str *problems;
    set_up(&f, "seed.yaml", extra);
    assert_int_equal(notify_problems(f.n, &problems), 4);
    assert_true(str_starts(problems[0], S("trigger broken: condition 0: when:"))
                || str_starts(problems[0], S("service pager")));
    assert_int_equal(evaluate(&f), 1);
    tear_down(&f);
}

static void untruths_are_found(void **state)
{
    struct fixture f;
    struct str *findings;
    set_up(&f, "seed.yaml", NULL);
    size_t n = notify_lint(f.n, &f.a, &findings);
    bool degraded = false, invalid = false;
    for (size_t i = 0; i < n; i++) {
        degraded = degraded
                   || (str_find(findings[i], S("on-ephemeral-health-degraded")) >= 0
                       && str_find(findings[i], S("posts `success`")) >= 0);
        invalid = invalid || str_find(findings[i], S("is not JSON")) >= 0;
    }
    assert_true(degraded);
    assert_true(invalid);
    tear_down(&f);
}

static void secrets_stay_out_of_the_outbox(void **state)
{
    static const char extra[] = "secret: { name: repo-creds-github }\n"
                                "templates:\n"
                                "  template.github-commit-status: |\n"
                                "    webhook:\n"
                                "      github:\n"
                                "        method: POST\n"
                                "        path: /x\n"
                                "        body: '{{ .secrets.password }}'\n";
    struct fixture f;
    set_up(&f, "seed.yaml", extra);
    assert_int_equal(evaluate(&f), 1);
    struct outbox_item i = newest(&f);
    struct str body = value_str_at(&i.request, "notification.webhook.github.body");
    assert_int_equal(str_find(body, S("s3cret-token")), -1);
    assert_true(str_is(notify_secrets_fill(&f.a, body, &f.n->secrets), "s3cret-token"));
    tear_down(&f);
}

static void one_verdict_per_commit(void **state)
{
    struct fixture f;
    struct outbox_item *items;
    struct err e;
    size_t n;
    set_up(&f, "seed.yaml", NULL);
    struct preview_state p = { S("demo-web-pr-5"), S("http://forge"), S("o/r"), S(SHA), "pending", S("deploying") };
    assert_true(notify_preview_state(f.n, f.s, &p, S(""), &e));
    assert_true(notify_preview_state(f.n, f.s, &p, S(""), &e));
    p.state = "failure";
    assert_true(notify_preview_state(f.n, f.s, &p, S(""), &e));
    p.state = "success";
    assert_true(notify_preview_state(f.n, f.s, &p, S(""), &e));
    p.state = "pending";
    assert_true(notify_preview_state(f.n, f.s, &p, S(""), &e));
    assert_true(store_outbox_list(&f.a, f.s, S(""), 10, &items, &n, &e));
    assert_int_equal(n, 2);
    assert_true(str_is(value_str_at(&items[0].request, "state"), "failure"));
    assert_true(str_is(value_str_at(&items[1].request, "state"), "pending"));
    assert_true(str_is(items[1].state, "pending")); /* it goes first, however late */
    assert_true(store_outbox_due(&f.a, f.s, clock_wall_ms(), 10, &items, &n, &e));
    assert_int_equal(n, 1);
    assert_true(str_is(value_str_at(&items[0].request, "state"), "pending"));
    tear_down(&f);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_keys_are_argos),
        cmocka_unit_test(as_written),
        cmocka_unit_test(with_parameters),
        cmocka_unit_test(with_a_line_of_its_own),
        cmocka_unit_test(a_new_commit_and_a_failure_are_news),
        cmocka_unit_test(a_stale_status_is_skipped),
        cmocka_unit_test(mistakes_disable_only_themselves),
        cmocka_unit_test(untruths_are_found),
        cmocka_unit_test(secrets_stay_out_of_the_outbox),
        cmocka_unit_test(one_verdict_per_commit),
    };
    golden = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
