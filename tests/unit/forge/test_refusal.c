/* Every way a forge can refuse, and the kind, text and time of coming back that each must give. */
#include "../cmocka_all.h"
#include "forge/internal.h"

#define NOW_MS 1700000000000

static struct row {
    const char *name;
    int status;
    const char *header, *value; /* one header, or NULL */
    const char *header2, *value2;
    const char *body;
    enum err_kind kind;
    int64_t retry_in_s; /* 0: none */
    const char *says;   /* the whole text */
} rows[] = {
    { "server error", 500, NULL, NULL, NULL, NULL, "{\"message\":\"Server Error\"}", ERR_UNAVAILABLE, 0,
      "500: Server Error; the forge is in trouble, not the repository" },
    { "bad gateway with HTML", 502, NULL, NULL, NULL, NULL, "<html>\n<h1>Bad", ERR_UNAVAILABLE, 0,
      "502: <html> <h1>Bad; the forge is in trouble, not the repository" },
    { "unavailable says when", 503, "Retry-After", "30", NULL, NULL, "", ERR_UNAVAILABLE, 30,
      "503; the forge is in trouble, not the repository" },
    { "bad token", 401, NULL, NULL, NULL, NULL, "{\"message\":\"Bad credentials\"}", ERR_DENIED, 0,
      "401: Bad credentials; the forge does not take this token: check that it is right and not expired" },
    { "bad token with limit headers", 401, "x-ratelimit-remaining", "0", NULL, NULL, "", ERR_DENIED, 0,
      "401; the forge does not take this token: check that it is right and not expired" },
    { "no right", 403, "x-ratelimit-remaining", "4999", NULL, NULL, "{\"message\":\"Resource not accessible\"}",
      ERR_DENIED, 0, "403: Resource not accessible; the token lacks a right that this call needs" },
    { "primary limit", 403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1700000100",
      "{\"message\":\"API rate limit exceeded\"}", ERR_LIMIT, 101,
      "403: API rate limit exceeded; rate limit, next try at 2023-11-14T22:15:01Z" },
    { "primary limit, reset passed", 403, "x-ratelimit-remaining", "0", "x-ratelimit-reset", "1", "", ERR_LIMIT, 61,
      "403; rate limit, next try at 2023-11-14T22:14:21Z" },
    { "retry-after wins over reset", 403, "retry-after", "7", "x-ratelimit-reset", "1800000000", "", ERR_LIMIT, 7,
      "403; rate limit, next try at 2023-11-14T22:13:27Z" },
    { "secondary limit by its words", 403, NULL, NULL, NULL, NULL,
      "{\"message\":\"You have exceeded a secondary rate limit\"}", ERR_LIMIT, 60,
      "403: You have exceeded a secondary rate limit; rate limit, next try at 2023-11-14T22:14:20Z" },
    { "too many requests", 429, NULL, NULL, NULL, NULL, "", ERR_LIMIT, 60,
      "429; rate limit, next try at 2023-11-14T22:14:20Z" },
    { "absurd wait is bounded", 429, "retry-after", "99999999", NULL, NULL, "", ERR_LIMIT, 86400,
      "429; rate limit, next try at 2023-11-15T22:13:20Z" },
    { "not there", 404, NULL, NULL, NULL, NULL, "{\"message\":\"Not Found\"}", ERR_NOT_FOUND, 0,
      "404: Not Found; it does not exist, or the token may not see it" },
    { "gone", 410, NULL, NULL, NULL, NULL, "", ERR_NOT_FOUND, 0,
      "410; it does not exist, or the token may not see it" },
    { "conflict", 409, NULL, NULL, NULL, NULL, "{\"message\":\"Head branch was modified\"}", ERR_CONFLICT, 0,
      "409: Head branch was modified" },
    { "validation", 422, NULL, NULL, NULL, NULL,
      "{\"message\":\"Validation Failed\",\"errors\":[{\"field\":\"description\",\"code\":\"custom\","
      "\"message\":\"description is too long (maximum is 140 characters)\"}]}",
      ERR_INVALID, 0, "422: Validation Failed (description is too long (maximum is 140 characters))" },
    { "validation by code", 422, NULL, NULL, NULL, NULL,
      "{\"message\":\"Validation Failed\",\"errors\":[{\"field\":\"base\",\"code\":\"missing\"}]}", ERR_INVALID, 0,
      "422: Validation Failed (base missing)" },
    { "not modified without asking", 304, NULL, NULL, NULL, NULL, "", ERR_UNAVAILABLE, 0,
      "304; the forge is in trouble, not the repository" },
};

static void refuses_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct http_header list[] = { { str_c(r->header), str_c(r->value) }, { str_c(r->header2), str_c(r->value2) } };
    struct http_headers headers = { list, COUNT(list) };
    struct err e = { 0 };

    assert_false(forge_refusal(&a, r->status, &headers, str_c(r->body), NOW_MS, &e));
    assert_string_equal(e.text, r->says);
    assert_int_equal(e.kind, r->kind);
    assert_int_equal(e.retry_at_ms, r->retry_in_s == 0 ? 0 : NOW_MS + r->retry_in_s * 1000);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, refuses_row, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
