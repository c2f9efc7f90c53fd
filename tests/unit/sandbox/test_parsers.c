/* The small languages: searches, GraphQL queries, step files, templates. */
#include "../cmocka_all.h"
#include "data/json.h"
#include "sandbox/graphql.h"
#include "sandbox/run.h"

static void reads_searches(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct search_query q;
    struct err e = { 0 };

    assert_true(search_parse(&a, S("abc1234 is:merged repo:o/r type:pr label:\"needs review\""), &q, &e));
    assert_true(q.is_merged && q.is_pull && !q.is_open && q.n_words == 1);
    assert_true(str_is(q.words[0], "abc1234") && str_is(q.repo, "o/r") && str_is(q.label, "needs review"));
    assert_true(search_parse(&a, S("  state:open base:main author:ada head:feat/x draft"), &q, &e));
    assert_true(q.is_open && str_is(q.base, "main") && str_is(q.author, "ada") && str_is(q.head, "feat/x"));
    assert_true(search_parse(&a, S("\"a: b\""), &q, &e));
    assert_true(q.n_words == 1 && str_is(q.words[0], "a: b"));
    assert_false(search_parse(&a, S("is:fun"), &q, &e));
    assert_string_equal(e.text, "the sandbox's search does not know 'is:fun'");
    assert_false(search_parse(&a, S("a b c d e f g h i"), &q, &e));
    assert_string_equal(e.text, "the search has more than 8 words");
}

static struct graphql_row {
    const char *name, *text, *error;
} graphql_rows[] = {
    { "short form", "{ viewer { login } }", NULL },
    { "gh's search",
      "fragment pr on PullRequest{url}\nquery PullRequestSearch($q: String!, $limit: Int!, $endCursor: String,) { "
      "search(query: "
      "$q, type: ISSUE, first: $limit, after: $endCursor) { issueCount nodes { ...pr } pageInfo { hasNextPage "
      "endCursor } } }",
      NULL },
    { "directives, aliases, comments",
      "query @x(a: 1) { # c\n a: b(c: [1, {d: \"e\\\"\"}], f: null) @skip(if: false) }", NULL },
    { "inline fragment", "{ node(id: \"x\") { ... on PullRequest { url } ... { id } } }", NULL },
    { "mutation", "mutation { mergePullRequest }", "GraphQL: the sandbox takes no mutations; use its REST calls" },
    { "open", "{ a { b }", "GraphQL: expected a field at byte 9" },
    { "no field", "{ 5 }", "GraphQL: expected a field at byte 2" },
    { "nothing", " ", "GraphQL: expected a query at byte 1" },
    { "open string", "{ a(b: \"c) }", "GraphQL: expected the end of a string at byte 12" },
};

static void reads_graphql(void **state)
{
    const struct graphql_row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value variables = value_map(&a);
    struct graphql_document doc;
    struct err e = { 0 };
    bool ok = graphql_parse(&a, str_c(r->text), &variables, &doc, &e);

    assert_string_equal(e.text, r->error != NULL ? r->error : "");
    assert_int_equal(ok, r->error == NULL);
}

static void puts_variables_in(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value variables;
    struct graphql_document doc;
    struct err e = { 0 };

    assert_true(json_parse(&a, S("{\"n\":5,\"list\":[\"OPEN\"]}"), &variables, &e));
    assert_true(graphql_parse(&a, S("query X($n: Int!) { a: pull(number: $n, states: $list, other: $none) }"),
                              &variables, &doc, &e));
    const struct graphql_selection *s = &doc.query->v.v[0];
    assert_true(str_is(s->alias, "a") && str_is(s->name, "pull"));
    assert_string_equal(json_str(&a, &s->arguments, 0).p, "{\"number\":5,\"states\":[\"OPEN\"],\"other\":null}");
}

static struct file_row {
    const char *text, *want, *error;
} file_rows[] = {
    { "a=1\nb=x=y\n\n", "{\"a\":\"1\",\"b\":\"x=y\"}", NULL },
    { "a<<END\nline one\nline=two\nEND\nb=2", "{\"a\":\"line one\\nline=two\",\"b\":\"2\"}", NULL },
    { "a<<E\nE\n", "{\"a\":\"\"}", NULL },
    { "a=b<<c\n", "{\"a\":\"b<<c\"}", NULL },
    { "a<<END\nnever", NULL, "the end 'END' of a value is missing" },
    { "just words", NULL, "invalid line 'just words': expected NAME=VALUE" },
    { "=1", NULL, "invalid line '=1': the name is empty" },
};

static void reads_step_files(void **state)
{
    for (size_t i = 0; i < COUNT(file_rows); i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct value out;
        struct err e = { 0 };
        bool ok = stepfile_parse(&a, str_c(file_rows[i].text), &out, &e);
        assert_string_equal(e.text, file_rows[i].error != NULL ? file_rows[i].error : "");
        if (ok)
            assert_string_equal(json_str(&a, &out, 0).p, file_rows[i].want);
    }
}

static void shapes_documents(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value vars = value_map(&a), list = value_list(&a);

    value_set_str(&a, &vars, "name", S("o'b\"r"));
    value_set(&a, &vars, "id", value_int(7));
    list_push(&a, list.list, value_bool(true));
    value_set(&a, &vars, "list", list);
    struct value v =
        shape(&a, &vars, "{'id':$id,'url':'/x/$name/$id{/more}','list':$list,'none':null,'n':[1,'a'],'e':{}}");
    assert_string_equal(
        json_str(&a, &v, 0).p,
        "{\"id\":7,\"url\":\"/x/o'b\\\"r/7{/more}\",\"list\":[true],\"none\":null,\"n\":[1,\"a\"],\"e\":{}}");
}

int main(void)
{
    static const struct CMUnitTest singles[] = {
        cmocka_unit_test(reads_searches),
        cmocka_unit_test(puts_variables_in),
        cmocka_unit_test(reads_step_files),
        cmocka_unit_test(shapes_documents),
    };
    struct CMUnitTest tests[COUNT(graphql_rows) + COUNT(singles)];

    for (size_t i = 0; i < COUNT(graphql_rows); i++)
        tests[i] = (struct CMUnitTest){ graphql_rows[i].name, reads_graphql, NULL, NULL, &graphql_rows[i] };
    for (size_t i = 0; i < COUNT(singles); i++)
        tests[COUNT(graphql_rows) + i] = singles[i];
    return cmocka_run_group_tests_name("parsers", tests, NULL, NULL);
}
