/* Workflow expressions, after GitHub's documentation "Evaluate expressions in workflows and actions". */
#include "../cmocka_all.h"
#include "data/json.h"
#include "sandbox/wexpr.h"

static const char contexts[] =
    "{\"github\":{\"event_name\":\"pull_request\",\"ref\":\"refs/heads/main\",\"event\":{\"number\":5,\"pull_request\":"
    "{\"head\":{\"sha\":\"abc\"},\"labels\":[{\"name\":\"Preview\"},{\"name\":\"bug\"}]}}},"
    "\"env\":{\"A\":\"1\",\"empty\":\"\"},\"inputs\":{\"dry\":true,\"n\":3},\"steps\":{\"build-it\":{\"outputs\":"
    "{\"v\":\"1.2\"}}},\"list\":[1,2,3]}";

static struct row {
    const char *name, *text, *want; /* want: the value as JSON */
    const char *error;              /* else the whole text */
} rows[] = {
    { "number", "42", "42", NULL },
    { "negative", "-9.5", "-9.5", NULL },
    { "text with a quote", "'it''s'", "\"it's\"", NULL },
    { "member", "github.event.number", "5", NULL },
    { "member without case", "GitHub.Event.NUMBER", "5", NULL },
    { "member with a dash", "steps.build-it.outputs.v", "\"1.2\"", NULL },
    { "index by name", "github['event']['pull_request'].head.sha", "\"abc\"", NULL },
    { "index by number", "list[1]", "2", NULL },
    { "index past the end", "list[9]", "null", NULL },
    { "unknown is null", "github.nope.deeper", "null", NULL },
    { "texts compare without case", "github.event_name == 'Pull_Request'", "true", NULL },
    { "kinds compare as numbers", "env.A == 1", "true", NULL },
    { "true is one", "inputs.dry == 1", "true", NULL },
    { "null is empty and zero", "github.nope == 0 && github.nope == ''", "true", NULL },
    { "text that is no number", "'x' == 0", "false", NULL },
    { "order", "inputs.n >= 3 && 2 < 10", "true", NULL },
    { "texts in order", "'a' < 'B'", "true", NULL },
    { "nothing is below a text that is no number", "'x' < 1", "false", NULL },
    { "not", "!github.nope", "true", NULL },
    { "not not", "!!env.A", "true", NULL },
    { "or gives the value", "env.empty || 'fallback'", "\"fallback\"", NULL },
    { "and gives the value", "env.A && 'yes'", "\"yes\"", NULL },
    { "and before or", "true || false && false", "true", NULL },
    { "parentheses", "(true || false) && false", "false", NULL },
    { "contains text", "contains('Hello world', 'WORLD')", "true", NULL },
    { "contains in a list", "contains(github.event.pull_request.labels.*.name, 'preview')", "true", NULL },
    { "not in a list", "contains(github.event.pull_request.labels.*.name, 'pre')", "false", NULL },
    { "contains in JSON", "contains(fromJSON('[\"push\", \"pull_request\"]'), github.event_name)", "true", NULL },
    { "startsWith", "startsWith(github.ref, 'refs/heads/')", "true", NULL },
    { "endsWith", "endsWith(github.ref, 'MAIN')", "true", NULL },
    { "format", "format('{0} of {1} {{x}}', 'a', 2)", "\"a of 2 {x}\"", NULL },
    { "join", "join(list, '-')", "\"1-2-3\"", NULL },
    { "join of names", "join(github.event.pull_request.labels.*.name)", "\"Preview,bug\"", NULL },
    { "toJSON", "toJSON(inputs.dry)", "\"true\"", NULL },
    { "success", "success()", "true", NULL },
    { "failure", "failure()", "false", NULL },
    { "always", "always() && cancelled()", "false", NULL },
    { "unknown function", "hashFiles('x')", NULL, "expression: the sandbox knows no function hashFiles" },
    { "too few arguments", "contains('x')", NULL, "expression: contains takes another number of arguments than 1" },
    { "format without its argument", "format('{1}', 'a')", NULL, "expression: format has no argument for {1}" },
    { "open text", "'abc", NULL, "expression: expected the end of a text at character 5" },
    { "open parenthesis", "(1", NULL, "expression: expected ')' at character 3" },
    { "two values", "1 2", NULL, "expression: expected an operator at character 3" },
    { "nothing", "", NULL, "expression: expected a value at character 1" },
    { "no name", "github.", NULL, "expression: expected a name at character 8" },
    { "deep",
      "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1)))))))))))))))))))))))))))))))))))))))))))))))))))))"
      ")))))",
      NULL, "expression: nested deeper than 50" },
};

static struct wexpr open_contexts(struct arena *a)
{
    struct wexpr x = { 0 };
    struct err e = { 0 };

    assert_true(json_parse(a, str_c(contexts), &x.contexts, &e));
    return x;
}

static void evaluates_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct wexpr x = open_contexts(&a);
    struct value v = value_c("untouched");
    struct err e = { 0 };
    bool ok = wexpr_eval(&a, str_c(r->text), &x, &v, &e);

    assert_string_equal(e.text, r->error != NULL ? r->error : "");
    assert_int_equal(ok, r->error == NULL);
    assert_string_equal(json_str(&a, &v, 0).p, ok ? r->want : "\"untouched\"");
}

static void fills(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct wexpr x = open_contexts(&a);
    struct err e = { 0 };
    struct str out;

    assert_true(wexpr_fill(&a, S("pr-${{ github.event.number }}-${{ '}}' }}${{ github.nope }}!"), &x, &out, &e));
    assert_true(str_is(out, "pr-5-}}!"));
    assert_true(wexpr_fill(&a, S("$HOME and {{ x }}"), &x, &out, &e));
    assert_true(str_is(out, "$HOME and {{ x }}"));
    assert_false(wexpr_fill(&a, S("${{ github.ref"), &x, &out, &e));
    assert_string_equal(e.text, "expression: ${{ is not closed");
}

static struct if_row {
    const char *text;
    bool failed, cancelled, want;
} if_rows[] = {
    { "", false, false, true },
    { "", true, false, false },
    { "github.event_name == 'pull_request'", false, false, true },
    { "github.event_name == 'pull_request'", true, false, false }, /* success() is implied */
    { "${{ github.event_name == 'push' }}", false, false, false },
    { "always()", true, false, true },
    { "always()", false, true, true },
    { "failure()", true, false, true },
    { "failure() || github.event.number == 5", false, false, true },
    { "!cancelled()", true, false, true },
    { "!cancelled()", false, true, false },
    { "${{ always() && github.event.number == 5 }}", true, false, true },
};

static void decides(void **state)
{
    for (size_t i = 0; i < COUNT(if_rows); i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct wexpr x = open_contexts(&a);
        struct err e = { 0 };
        bool out = false;
        x.failed = if_rows[i].failed;
        x.cancelled = if_rows[i].cancelled;
        assert_true(wexpr_if(&a, str_c(if_rows[i].text), &x, &out, &e));
        if (out != if_rows[i].want)
            fail_msg("row %zu: %s", i, if_rows[i].text);
    }
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + 2];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, evaluates_row, NULL, NULL, &rows[i] };
    tests[COUNT(rows)] = (struct CMUnitTest)cmocka_unit_test(fills);
    tests[COUNT(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(decides);
    return cmocka_run_group_tests_name("wexpr", tests, NULL, NULL);
}
