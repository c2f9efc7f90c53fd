/* Signatures and payloads of webhooks. */
#include "../cmocka_all.h"
#include "forge/forge.h"

#define SECRET "It's a Secret to Everybody"
#define DIGEST "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static struct signature_row {
    const char *name, *secret, *body, *signature;
    bool good;
} signatures[] = {
    { "GitHub's own vector", SECRET, "Hello, World!", "sha256=" DIGEST, true },
    { "upper-case digits", SECRET, "Hello, World!",
      "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17", true },
    { "another body", SECRET, "Hello, World?", "sha256=" DIGEST, false },
    { "another secret", "it's a Secret to Everybody", "Hello, World!", "sha256=" DIGEST, false },
    { "no secret configured", "", "Hello, World!", "sha256=" DIGEST, false },
    { "short", SECRET, "Hello, World!", "sha256=00", false },
    { "no prefix", SECRET, "Hello, World!", DIGEST, false },
    { "sha1", SECRET, "Hello, World!", "sha1=" DIGEST, false },
    { "empty", SECRET, "Hello, World!", "", false },
    { "not hex", SECRET, "Hello, World!", "sha256=z57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      false },
};

static void checks_signature(void **state)
{
    const struct signature_row *r = *state;

    assert_int_equal(webhook_verify(str_c(r->secret), str_c(r->body), str_c(r->signature)), r->good);
}

static void signs(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    assert_true(str_is(webhook_sign(&a, S(SECRET), S("Hello, World!")), "sha256=" DIGEST));
}

#define REPO                                                                                                           \
    "\"repository\":{\"name\":\"r\",\"full_name\":\"o/r\",\"owner\":{\"login\":\"o\"},\"html_url\":\"https://h/o/r\"}"

static struct payload_row {
    const char *name, *event, *body;
    const char *action, *head_sha, *before, *git_ref;
    int64_t number;
    bool merged;
    const char *error; /* else the whole text */
} payloads[] = {
    { "opened", "pull_request",
      "{\"action\":\"opened\",\"number\":5,\"pull_request\":{\"number\":5,\"head\":{\"sha\":\"abc\"}}," REPO "}",
      "opened", "abc", "", "", 5, false, NULL },
    { "synchronize", "pull_request",
      "{\"action\":\"synchronize\",\"number\":5,\"before\":\"b\",\"after\":\"c\",\"pull_request\":{\"head\":{\"sha\":"
      "\"c\"}}," REPO "}",
      "synchronize", "c", "b", "", 5, false, NULL },
    { "merged", "pull_request",
      "{\"action\":\"closed\",\"number\":7,\"pull_request\":{\"number\":7,\"merged\":true,\"head\":{\"sha\":\"c\"}}"
      "," REPO "}",
      "closed", "c", "", "", 7, true, NULL },
    { "push", "push", "{\"ref\":\"refs/heads/main\",\"before\":\"a\",\"after\":\"b\"," REPO "}", "", "b", "a",
      "refs/heads/main", 0, false, NULL },
    { "form", "push", "payload=%7B%22ref%22%3A%22refs/heads/x%22,%22repository%22:%7B%22full_name%22:%22o/r%22%7D%7D",
      "", "", "", "refs/heads/x", 0, false, NULL },
    { "status", "status", "{\"sha\":\"s\",\"state\":\"success\"," REPO "}", "", "s", "", "", 0, false, NULL },
    { "workflow_run", "workflow_run", "{\"action\":\"completed\",\"workflow_run\":{\"head_sha\":\"s\"}," REPO "}",
      "completed", "s", "", "", 0, false, NULL },
    { "comment", "issue_comment", "{\"action\":\"created\",\"issue\":{\"number\":3}," REPO "}", "created", "", "", "",
      3, false, NULL },
    { "no event", "", "{}", NULL, NULL, NULL, NULL, 0, false, "webhook has no X-GitHub-Event header" },
    { "unknown event", "marriage", "{}", NULL, NULL, NULL, NULL, 0, false, "webhook event 'marriage' is unknown" },
    { "a list", "push", "[]", NULL, NULL, NULL, NULL, 0, false, "webhook body of event push is no JSON object" },
};

static void parses_payload(void **state)
{
    const struct payload_row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct webhook_event ev = { 0 };
    struct err e = { 0 };
    bool ok = webhook_parse(&a, str_c(r->event), S("guid"), str_c(r->body), &ev, &e);

    assert_string_equal(e.text, r->error ? r->error : "");
    assert_int_equal(ok, r->error == NULL);
    if (!ok) {
        assert_int_equal(e.kind, ERR_INVALID);
        assert_int_equal(ev.event.n, 0);
        return;
    }
    assert_true(str_is(ev.action, r->action));
    assert_true(str_is(ev.head_sha, r->head_sha));
    assert_true(str_is(ev.before, r->before));
    assert_true(str_is(ev.git_ref, r->git_ref));
    assert_int_equal(ev.number, r->number);
    assert_int_equal(ev.merged, r->merged);
    assert_true(str_is(ev.owner, "o") && str_is(ev.repo, "r") && str_is(ev.delivery, "guid"));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(signatures) + COUNT(payloads) + 1];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(signatures); i++)
        tests[n++] = (struct CMUnitTest){ signatures[i].name, checks_signature, NULL, NULL, &signatures[i] };
    for (size_t i = 0; i < COUNT(payloads); i++)
        tests[n++] = (struct CMUnitTest){ payloads[i].name, parses_payload, NULL, NULL, &payloads[i] };
    tests[n] = (struct CMUnitTest){ "signs", signs, NULL, NULL, NULL };
    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
