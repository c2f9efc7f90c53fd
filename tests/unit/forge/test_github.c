/*
 * The client against a scripted forge: what every kind of answer becomes. A failed call must never look like an empty
 * list, and an idle poll must be nothing but 304s.
 */
#include "../cmocka_all.h"
#include "forge/internal.h"

#define SHA1 "1111111111111111111111111111111111111111"
#define SHA2 "2222222222222222222222222222222222222222"
#define PULL(number, sha)                                                                                              \
    "{\"number\":" number ",\"state\":\"open\",\"title\":\"t\",\"head\":{\"ref\":\"b" number "\",\"sha\":\"" sha       \
    "\",\"repo\":{\"full_name\":\"o/r\"}},\"base\":{\"ref\":\"main\",\"sha\":\"" SHA1                                  \
    "\",\"repo\":{\"full_name\":\"o/r\"}}}"
#define MERGED(number, merge, head)                                                                                    \
    "{\"number\":" number ",\"state\":\"closed\",\"merged_at\":\"2024-01-01T00:00:00Z\",\"merge_commit_sha\":\"" merge \
    "\",\"head\":{\"ref\":\"b\",\"sha\":\"" head                                                                       \
    "\",\"repo\":null},\"base\":{\"ref\":\"main\",\"repo\":{\"full_name\":\"o/r\"}}}"

/* One scripted answer: what to say when the target starts with `target`. */
struct answer {
    const char *method, *target;
    int status;
    const char *type, *etag, *next; /* next: path and query of rel="next" */
    const char *body;
};
struct script {
    const struct answer *v;
    size_t n;
    char seen_body[512], seen_authorization[64];
    uint16_t port;
};

static void reply(struct script *s, struct http_server_request *r, struct http_exchange *x, const struct answer *w)
{
    struct str etag = str_c(w->etag);

    if (w->etag != NULL)
        http_reply_header(x, "ETag", etag);
    if (w->etag != NULL && str_eq(http_header_get(&r->headers, "if-none-match"), etag)) {
        http_reply(x, 304, NULL, S(""));
        return;
    }
    if (w->next != NULL)
        http_reply_header(x, "Link",
                          arena_fmt(r->a, "<http://%s127.0.0.1:%u%s>; rel=\"next\"", w->next[0] == '!' ? "x@" : "",
                                    s->port, w->next + (w->next[0] == '!')));
    http_reply(x, w->status, w->type != NULL ? w->type : "application/json; charset=utf-8", str_c(w->body));
}

static void handle(void *user, struct http_server_request *r, struct http_exchange *x)
{
    struct script *s = user;
    struct str authorization = http_header_get(&r->headers, "authorization");

    memcpy(s->seen_body, r->body.p != NULL ? r->body.p : "", r->body.n < 511 ? r->body.n : 511);
    s->seen_body[r->body.n < 511 ? r->body.n : 511] = '\0';
    memcpy(s->seen_authorization, authorization.p != NULL ? authorization.p : "",
           authorization.n < 63 ? authorization.n : 63);
    for (size_t i = 0; i < s->n; i++)
        if (str_is(r->method, s->v[i].method) && str_starts(r->raw_target, str_c(s->v[i].target))) {
            reply(s, r, x, &s->v[i]);
            return;
        }
    http_reply(x, 404, "application/json", S("{\"message\":\"Not Found\"}"));
}

struct fixture {
    struct arena a;
    struct script script;
    struct http_server *server;
    struct forge_repo repo;
};

static void start(struct fixture *f, const struct answer *answers, size_t n)
{
    struct err e = { 0 };

    *f = (struct fixture){ .script = { .v = answers, .n = n } };
    struct http_server_options o = { .address = "127.0.0.1", .handle = handle, .user = &f->script, .threads = 1 };
    assert_true(http_server_open(&o, &f->server, &e));
    f->script.port = http_server_port(f->server);
    f->repo = (struct forge_repo){ .api = arena_fmt(&f->a, "http://127.0.0.1:%u", f->script.port),
                                   .owner = S("o"),
                                   .name = S("r"),
                                   .token = S("sesame\n") };
}

static void stop(struct fixture *f)
{
    http_server_close(f->server);
    arena_close(&f->a);
}

#define LIST "/repos/o/r/pulls?state=open&per_page=100"

static struct row {
    const char *name;
    struct answer answers[3];
    size_t pulls; /* expected when error is NULL */
    enum err_kind kind;
    const char *error; /* a part of the text */
} rows[] = {
    { "none", { { "GET", LIST, 200, .body = "[]" } }, 0, ERR_NONE, NULL },
    { "one", { { "GET", LIST, 200, .body = "[" PULL("5", SHA2) "]" } }, 1, ERR_NONE, NULL },
    { "two pages",
      { { "GET", LIST "&page=2", 200, .body = "[" PULL("4", SHA2) "]" },
        { "GET", LIST, 200, .next = LIST "&page=2", .body = "[" PULL("5", SHA2) "]" } },
      2,
      ERR_NONE,
      NULL },
    { "a request on both pages counts once",
      { { "GET", LIST "&page=2", 200, .body = "[" PULL("5", SHA2) "," PULL("4", SHA2) "]" },
        { "GET", LIST, 200, .next = LIST "&page=2", .body = "[" PULL("5", SHA2) "]" } },
      2,
      ERR_NONE,
      NULL },
    { "second page fails",
      { { "GET", LIST "&page=2", 502, .body = "" },
        { "GET", LIST, 200, .next = LIST "&page=2", .body = "[" PULL("5", SHA2) "]" } },
      0,
      ERR_UNAVAILABLE,
      "page 2: GET" },
    { "pages without an end",
      { { "GET", LIST, 200, .next = LIST, .body = "[]" } },
      0,
      ERR_INVALID,
      "more than 100 pages" },
    { "500", { { "GET", LIST, 500, .body = "{}" } }, 0, ERR_UNAVAILABLE, "500" },
    { "401", { { "GET", LIST, 401, .body = "{\"message\":\"Bad credentials\"}" } }, 0, ERR_DENIED, "Bad credentials" },
    { "404", { { "GET", LIST, 404, .body = "{\"message\":\"Not Found\"}" } }, 0, ERR_NOT_FOUND, "404: Not Found" },
    { "HTML with 200",
      { { "GET", LIST, 200, .type = "text/html", .body = "<!doctype html><title>Sign in" } },
      0,
      ERR_UNAVAILABLE,
      "200 with an HTML page instead of JSON" },
    { "nothing with 200", { { "GET", LIST, 200, .body = "" } }, 0, ERR_UNAVAILABLE, "200 with an empty body" },
    { "nothing with 204", { { "GET", LIST, 204, .body = "" } }, 0, ERR_UNAVAILABLE, "got a null" },
    { "cut short",
      { { "GET", LIST, 200, .body = "[" PULL("5", SHA2) ",{\"num" } },
      0,
      ERR_UNAVAILABLE,
      "was cut short after" },
    { "another shape",
      { { "GET", LIST, 200, .body = "{\"pulls\":[]}" } },
      0,
      ERR_UNAVAILABLE,
      "expected a list of pull requests, got a map" },
    { "items of another shape", { { "GET", LIST, 200, .body = "[{\"number\":1}]" } }, 0, ERR_UNAVAILABLE, "item 1: " },
    { "head without a commit",
      { { "GET", LIST, 200, .body = "[" PULL("5", "abc") "]" } },
      0,
      ERR_UNAVAILABLE,
      "head.sha is not a commit" },
};

static void lists_row(void **state)
{
    const struct row *r = *state;
    struct fixture f;
    struct forge_pulls pulls = { .n = 77 };
    struct err e = { 0 };

    start(&f, r->answers, COUNT(r->answers) - (r->answers[2].method == NULL) - (r->answers[1].method == NULL));
    bool ok = forge_pulls_list(&f.a, &f.repo, NULL, &pulls, &e);
    assert_string_equal(f.script.seen_authorization, "Bearer sesame");
    stop(&f);
    if (r->error != NULL && strstr(e.text, r->error) == NULL)
        fail_msg("'%s' has no '%s'", e.text, r->error);
    assert_int_equal(ok, r->error == NULL);
    if (ok) {
        assert_int_equal(pulls.n, r->pulls);
    } else {
        assert_int_equal(e.kind, r->kind);
        assert_int_equal(pulls.n, 77); /* untouched */
        assert_null(strstr(e.text, "sesame"));
    }
}

static void idle_poll_is_only_304(void **state)
{
    static const struct answer answers[] = {
        { "GET", LIST "&page=2", 200, .etag = "W/\"b\"", .body = "[" PULL("4", SHA2) "]" },
        { "GET", LIST, 200, .etag = "W/\"a\"", .next = LIST "&page=2", .body = "[" PULL("5", SHA2) "]" },
    };
    struct fixture f;
    struct forge_pulls pulls = { 0 };
    struct err e = { 0 };

    start(&f, answers, COUNT(answers));
    struct forge_cache *c = forge_cache_open();
    assert_true(forge_pulls_list(&f.a, &f.repo, c, &pulls, &e));
    assert_false(pulls.not_modified);
    assert_true(forge_pulls_list(&f.a, &f.repo, c, &pulls, &e));
    assert_true(pulls.not_modified);
    assert_int_equal(pulls.n, 2);
    assert_int_equal(pulls.v[1].number, 4);
    f.repo.token = S("another"); /* ETags are per token */
    assert_true(forge_pulls_list(&f.a, &f.repo, c, &pulls, &e));
    struct forge_counters n = forge_cache_counters(c);
    assert_int_equal(n.requests, 6);
    assert_int_equal(n.counted, 4);
    assert_int_equal(n.not_modified, 2);
    forge_cache_close(c);
    stop(&f);
}

static void next_page_elsewhere_is_refused(void **state)
{
    static const struct answer answers[] = { { "GET", LIST, 200, .next = "!/evil", .body = "[]" } };
    struct fixture f;
    struct forge_pulls pulls = { 0 };
    struct err e = { 0 };

    start(&f, answers, COUNT(answers));
    f.repo.api = arena_fmt(&f.a, "http://localhost:%u", f.script.port); /* the Link names 127.0.0.1 */
    assert_false(forge_pulls_list(&f.a, &f.repo, NULL, &pulls, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.text, "not at the configured API"));
    stop(&f);
}

static void nobody_listens(void **state)
{
    struct fixture f;
    struct forge_pulls pulls = { 0 };
    struct err e = { 0 };

    start(&f, NULL, 0);
    http_server_close(f.server);
    f.server = NULL;
    assert_false(forge_pulls_list(&f.a, &f.repo, NULL, &pulls, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    stop(&f);
}

#define OF_COMMIT "/repos/o/r/commits/" SHA2 "/pulls"
#define SEARCH "/search/issues?q=" SHA2

static struct commit_row {
    const char *name;
    struct answer answers[3];
    int64_t number; /* 0: an error of this kind */
    enum err_kind kind;
} commit_rows[] = {
    { "merge commit",
      { { "GET", OF_COMMIT, 200, .body = "[" MERGED("3", SHA1, SHA1) "," MERGED("4", SHA2, SHA1) "]" } },
      4,
      ERR_NONE },
    { "open ones do not count as merged",
      { { "GET", OF_COMMIT, 200, .body = "[" PULL("3", SHA2) "," MERGED("4", SHA1, SHA2) "]" } },
      4,
      ERR_NONE },
    { "by search",
      { { "GET", OF_COMMIT, 200, .body = "[]" },
        { "GET", SEARCH, 200, .body = "{\"total_count\":1,\"items\":[{\"number\":9}]}" },
        { "GET", "/repos/o/r/pulls/9", 200, .body = MERGED("9", SHA1, SHA1) } },
      9,
      ERR_NONE },
    { "none at all",
      { { "GET", OF_COMMIT, 200, .body = "[]" }, { "GET", SEARCH, 200, .body = "{\"total_count\":0,\"items\":[]}" } },
      0,
      ERR_NOT_FOUND },
    { "unknown commit",
      { { "GET", OF_COMMIT, 422, .body = "{\"message\":\"No commit found for SHA\"}" },
        { "GET", SEARCH, 200, .body = "{\"total_count\":0,\"items\":[]}" } },
      0,
      ERR_NOT_FOUND },
    { "search gave up",
      { { "GET", OF_COMMIT, 200, .body = "[]" },
        { "GET", SEARCH, 200, .body = "{\"total_count\":0,\"incomplete_results\":true,\"items\":[]}" } },
      0,
      ERR_UNAVAILABLE },
    { "forge down", { { "GET", OF_COMMIT, 503, .body = "" } }, 0, ERR_UNAVAILABLE },
};

static void finds_commit_row(void **state)
{
    const struct commit_row *r = *state;
    struct fixture f;
    struct forge_pull pull = { 0 };
    struct err e = { 0 };
    size_t n = 0;

    while (n < COUNT(r->answers) && r->answers[n].method != NULL)
        n++;
    start(&f, r->answers, n);
    bool ok = forge_pull_of_commit(&f.a, &f.repo, S(SHA2), true, &pull, &e);
    assert_int_equal(ok, r->number != 0);
    assert_int_equal(pull.number, r->number);
    assert_int_equal(e.kind, ok ? e.kind : r->kind);
    stop(&f);
}

static void long_description_is_cut_by_characters(void **state)
{
    static const struct answer answers[] = { { "POST", "/repos/o/r/statuses/" SHA1, 201, .body = "{\"id\":1}" } };
    struct fixture f;
    struct err e = { 0 };
    struct buf text = { 0 }, want = { 0 };

    start(&f, answers, 1);
    text.a = want.a = &f.a;
    for (int i = 0; i < 141; i++)
        buf_c(&text, "\xc3\xa9");
    buf_c(&want, "{\"state\":\"success\",\"description\":\"");
    for (int i = 0; i < 139; i++)
        buf_c(&want, "\xc3\xa9");
    buf_c(&want, "\xe2\x80\xa6\",\"context\":\"c\"}");
    struct forge_status s = { .state = S("success"), .context = S("c"), .description = buf_str(&text) };
    assert_true(forge_status_set(&f.a, &f.repo, S(SHA1), &s, &e));
    assert_string_equal(f.script.seen_body, want.p);
    s.state = S("sucess");
    assert_false(forge_status_set(&f.a, &f.repo, S(SHA1), &s, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    stop(&f);
}

static void dispatch_sends_inputs(void **state)
{
    static const struct answer answers[] = { { "POST", "/repos/o/r/actions/workflows/e2e.yml/dispatches", 204,
                                               .body = "" } };
    struct fixture f;
    struct err e = { 0 };

    start(&f, answers, 1);
    struct value inputs = value_map(&f.a);
    value_set_str(&f.a, &inputs, "name", S("Mona"));
    assert_true(forge_workflow_dispatch(&f.a, &f.repo, S("e2e.yml"), S("main"), &inputs, &e));
    assert_string_equal(f.script.seen_body, "{\"ref\":\"main\",\"inputs\":{\"name\":\"Mona\"}}");
    assert_false(forge_workflow_dispatch(&f.a, &f.repo, S("none.yml"), S("main"), &inputs, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    stop(&f);
}

static void api_base(void **state)
{
    static const char *const pairs[][2] = {
        { "", "https://api.github.com" },
        { "https://api.github.com/", "https://api.github.com" },
        { "https://api.corp.ghe.com", "https://api.corp.ghe.com" },
        { "https://ghe.example", "https://ghe.example/api/v3" },
        { "https://ghe.example/api/v3/", "https://ghe.example/api/v3" },
        { "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_true(str_is(forge_api_base(&a, str_c(pairs[i][0])), pairs[i][1]));
}

int main(void)
{
    static const struct CMUnitTest singles[] = {
        cmocka_unit_test(idle_poll_is_only_304), cmocka_unit_test(next_page_elsewhere_is_refused),
        cmocka_unit_test(nobody_listens),        cmocka_unit_test(long_description_is_cut_by_characters),
        cmocka_unit_test(dispatch_sends_inputs), cmocka_unit_test(api_base),
    };
    struct CMUnitTest tests[COUNT(rows) + COUNT(commit_rows) + COUNT(singles)];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[n++] = (struct CMUnitTest){ rows[i].name, lists_row, NULL, NULL, &rows[i] };
    for (size_t i = 0; i < COUNT(commit_rows); i++)
        tests[n++] = (struct CMUnitTest){ commit_rows[i].name, finds_commit_row, NULL, NULL, &commit_rows[i] };
    for (size_t i = 0; i < COUNT(singles); i++)
        tests[n++] = singles[i];
    return cmocka_run_group_tests_name("github", tests, NULL, NULL);
}
