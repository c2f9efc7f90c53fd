/* Which events a workflow file wants, its patterns, and the inputs of workflow_dispatch. */
#include "../cmocka_all.h"
#include "data/json.h"
#include "data/yaml.h"
#include "sandbox/trigger.h"

static const struct {
    const char *pattern, *text;
    bool fits;
} globs[] = {
    { "main", "main", true },
    { "main", "mainly", false },
    { "*", "main", true },
    { "*", "feat/x", false },
    { "**", "feat/x/y", true },
    { "feat/*", "feat/x", true },
    { "feat/*", "feat/x/y", false },
    { "feat/**", "feat/x/y", true },
    { "*.md", "README.md", true },
    { "*.md", "docs/README.md", false },
    { "**.md", "docs/README.md", true },
    { "**/README.md", "README.md", true },
    { "**/README.md", "a/b/README.md", true },
    { "docs/**", "docs/a/b", true },
    { "*feature", "mona/feature", false },
    { "v2*", "v2.1", true },
    { "v[12].[0-9]+.[0-9]+", "v1.10.1", true },
    { "v[12].[0-9]+.[0-9]+", "v3.1.1", false },
    { "*.jsx?", "page.js", true },
    { "*.jsx?", "page.jsx", true },
    { "a\\*b", "a*b", true },
    { "a\\*b", "axb", false },
    { "", "", true },
    { "", "x", false },
    { "********************a", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", false },
};

static void matches_patterns(void **state)
{
    for (size_t i = 0; i < COUNT(globs); i++)
        if (trigger_glob(str_c(globs[i].pattern), str_c(globs[i].text)) != globs[i].fits)
            fail_msg("'%s' against '%s'", globs[i].pattern, globs[i].text);
}

static struct row {
    const char *name, *file;                            /* YAML */
    const char *event, *action, *git_ref, *base, *path; /* path: the one changed */
    bool wanted;
} rows[] = {
    { "a word", "on: push", "push", "", "refs/heads/x", "", "a", true },
    { "another word", "on: push", "pull_request", "opened", "", "main", "a", false },
    { "a list", "on: [push, pull_request]", "pull_request", "opened", "", "main", "a", true },
    { "a map without filters", "on: { push: , pull_request: }", "push", "", "refs/heads/x", "", "a", true },
    { "quoted key", "'on': push", "push", "", "refs/heads/x", "", "a", true },
    { "no `on`", "jobs: {}", "push", "", "refs/heads/x", "", "a", false },
    { "usual types", "on: pull_request", "pull_request", "synchronize", "", "main", "a", true },
    { "unusual types", "on: pull_request", "pull_request", "closed", "", "main", "a", false },
    { "types", "on: { pull_request: { types: [closed] } }", "pull_request", "closed", "", "main", "a", true },
    { "types replace the usual", "on: { pull_request: { types: [closed] } }", "pull_request", "opened", "", "main", "a",
      false },
    { "base branch", "on: { pull_request: { branches: [main] } }", "pull_request", "opened", "", "main", "a", true },
    { "another base", "on: { pull_request: { branches: [main] } }", "pull_request", "opened", "", "next", "a", false },
    { "branch", "on: { push: { branches: [main] } }", "push", "", "refs/heads/main", "", "a", true },
    { "branch alone", "on: { push: { branches: main } }", "push", "", "refs/heads/main", "", "a", true },
    { "branches keep tags out", "on: { push: { branches: [main] } }", "push", "", "refs/tags/v1", "", "a", false },
    { "tags keep branches out", "on: { push: { tags: ['v*'] } }", "push", "", "refs/heads/v1", "", "a", false },
    { "tag", "on: { push: { tags: ['v*'] } }", "push", "", "refs/tags/v1", "", "a", true },
    { "both", "on: { push: { tags: ['v*'], branches: [main] } }", "push", "", "refs/heads/main", "", "a", true },
    { "ignored branch", "on: { push: { branches-ignore: ['wip/**'] } }", "push", "", "refs/heads/wip/a", "", "a",
      false },
    { "taken away again", "on: { push: { branches: ['r/**', '!r/x'] } }", "push", "", "refs/heads/r/x", "", "a",
      false },
    { "path", "on: { push: { paths: ['app/**'] } }", "push", "", "refs/heads/x", "", "app/a", true },
    { "other path", "on: { push: { paths: ['app/**'] } }", "push", "", "refs/heads/x", "", "docs/a", false },
    { "ignored path", "on: { push: { paths-ignore: ['docs/**'] } }", "push", "", "refs/heads/x", "", "docs/a", false },
    { "by hand", "on: { workflow_dispatch: { inputs: {} } }", "workflow_dispatch", "", "", "", "", true },
};

static void wants_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value doc, paths = value_list(&a);
    struct err e = { 0 };

    assert_true(yaml_parse(&a, str_c(r->file), NULL, &doc, &e));
    list_push(&a, paths.list, value_c(r->path));
    struct trigger_event ev = { str_c(r->event), str_c(r->action), str_c(r->git_ref), str_c(r->base), &paths };
    assert_int_equal(trigger_wants(&doc, &ev), r->wanted);
}

static const char dispatch_file[] = "on:\n  workflow_dispatch:\n    inputs:\n      name: { required: true }\n"
                                    "      home: { default: nowhere }\n      dry: { type: boolean, default: false }\n"
                                    "      where: { type: choice, options: [here, there], default: here }\n";

static struct input_row {
    const char *name, *given, *want, *error;
} input_rows[] = {
    { "defaults", "{\"name\":\"Mona\"}", "{\"name\":\"Mona\",\"home\":\"nowhere\",\"dry\":false,\"where\":\"here\"}",
      NULL },
    { "all", "{\"name\":\"M\",\"home\":\"SF\",\"dry\":\"true\",\"where\":\"there\"}",
      "{\"name\":\"M\",\"home\":\"SF\",\"dry\":true,\"where\":\"there\"}", NULL },
    { "required", "{}", NULL, "Required input 'name' not provided" },
    { "none", "null", NULL, "Required input 'name' not provided" },
    { "unknown", "{\"name\":\"M\",\"nme\":\"x\"}", NULL, "Unexpected inputs provided: [\"nme\"]" },
    { "no choice", "{\"name\":\"M\",\"where\":\"up\"}", NULL,
      "Provided value 'up' for input 'where' not in the list of allowed values" },
};

static void takes_inputs(void **state)
{
    const struct input_row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value doc, given, out;
    struct err e = { 0 };

    assert_true(yaml_parse(&a, str_c(dispatch_file), NULL, &doc, &e));
    assert_true(json_parse(&a, str_c(r->given), &given, &e));
    bool ok = trigger_inputs(&a, &doc, &given, &out, &e);
    assert_string_equal(e.text, r->error != NULL ? r->error : "");
    if (ok)
        assert_string_equal(json_str(&a, &out, 0).p, r->want);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + COUNT(input_rows) + 1];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[n++] = (struct CMUnitTest){ rows[i].name, wants_row, NULL, NULL, &rows[i] };
    for (size_t i = 0; i < COUNT(input_rows); i++)
        tests[n++] = (struct CMUnitTest){ input_rows[i].name, takes_inputs, NULL, NULL, &input_rows[i] };
    tests[n] = (struct CMUnitTest)cmocka_unit_test(matches_patterns);
    return cmocka_run_group_tests_name("trigger", tests, NULL, NULL);
}
