/* The embedded registry's wire behaviour, request by request. */
#include "world.h"

static struct http_response ask(struct world *w, const char *method, const char *path)
{
    return world_ask(w, method, str_c(path), NULL, S(""), S(""));
}

static void has(struct http_response r, const char *name, const char *value)
{
    struct str got = http_header_get(&r.headers, name);
    if (!str_is(got, value))
        fail_msg("%s: %.*s instead of %s", name, STR(got), value);
}

static void refused(struct world *w, struct http_response r, int status, const char *code)
{
    struct value v = { 0 };
    struct err e = { 0 };
    assert_int_equal(r.status, status);
    assert_true(json_parse(&w->a, r.body, &v, &e));
    assert_string_equal(arena_c(&w->a, value_str_at(&v, "errors.0.code")), code);
}

static struct str start(struct world *w, const char *repo)
{
    struct http_response r = world_ask(w, "POST", arena_fmt(&w->a, "/v2/%s/blobs/uploads/", repo), NULL, S(""), S(""));
    assert_int_equal(r.status, 202);
    has(r, "Range", "0-0");
    return http_header_get(&r.headers, "Location");
}

static struct str push_blob(struct world *w, const char *repo, struct str bytes)
{
    struct str digest = oci_digest_of(&w->a, bytes, S(""));
    struct str path = arena_fmt(&w->a, "%.*s?digest=%.*s", STR(start(w, repo)), STR(digest));
    struct http_response r = world_ask(w, "PUT", path, NULL, S(""), bytes);
    assert_int_equal(r.status, 201);
    has(r, "Docker-Content-Digest", digest.p);
    return digest;
}

static void answers_the_base(void **state)
{
    struct world *w = *state;
    assert_int_equal(ask(w, "GET", "/v2/").status, 200);
    assert_int_equal(ask(w, "GET", "/v2").status, 200);
    has(ask(w, "GET", "/v2/"), "Docker-Distribution-Api-Version", "registry/2.0");
    refused(w, ask(w, "GET", "/v2/Upper/tags/list"), 400, "NAME_INVALID");
    refused(w, ask(w, "GET", "/v2/a/../b/tags/list"), 404, "NAME_UNKNOWN"); /* curl itself resolves the dots */
    refused(w, ask(w, "GET", "/v2/a/%2e%2e/b/tags/list"), 400, "NAME_INVALID");
    refused(w, ask(w, "GET", "/v2/a/elsewhere"), 404, "NAME_UNKNOWN");
    refused(w, ask(w, "GET", "/v2/nobody/tags/list"), 404, "NAME_UNKNOWN");
}

static void takes_chunks(void **state)
{
    struct world *w = *state;
    struct str at = start(w, "a/b");
    struct http_response r = world_ask(w, "PATCH", at, "Content-Range", S("0-4"), S("hello"));
    assert_int_equal(r.status, 202);
    has(r, "Range", "0-4");
    r = world_ask(w, "PATCH", at, "Content-Range", S("9-9"), S("x"));
    assert_int_equal(r.status, 416);
    r = world_ask(w, "GET", at, NULL, S(""), S(""));
    assert_int_equal(r.status, 204);
    has(r, "Range", "0-4");
    r = world_ask(w, "PATCH", at, NULL, S(""), S(", "));
    has(r, "Range", "0-6");
    struct str digest = oci_digest_of(&w->a, S("hello, world"), S(""));
    struct str closing = arena_fmt(&w->a, "%.*s?digest=%.*s", STR(at), STR(digest));
    r = world_ask(w, "PUT", closing, "Content-Range", S("3-7"), S("world"));
    assert_int_equal(r.status, 416);
    r = world_ask(w, "PUT", closing, "Content-Range", S("7-11"), S("world"));
    assert_int_equal(r.status, 201);
    r = world_ask(w, "GET", http_header_get(&r.headers, "Location"), NULL, S(""), S(""));
    assert_true(str_is(r.body, "hello, world"));
    refused(w, world_ask(w, "GET", at, NULL, S(""), S("")), 404, "BLOB_UPLOAD_UNKNOWN");
}

static void checks_digests(void **state)
{
    struct world *w = *state;
    struct str other = oci_digest_of(&w->a, S("other"), S(""));
    struct str path = arena_fmt(&w->a, "%.*s?digest=%.*s", STR(start(w, "a")), STR(other));
    refused(w, world_ask(w, "PUT", path, NULL, S(""), S("bytes")), 400, "DIGEST_INVALID");
    path = arena_fmt(&w->a, "%.*s?digest=sha256:bad", STR(start(w, "a")));
    refused(w, world_ask(w, "PUT", path, NULL, S(""), S("bytes")), 400, "DIGEST_INVALID");
    path = arena_fmt(&w->a, "/v2/a/blobs/uploads/?digest=%.*s", STR(other));
    refused(w, world_ask(w, "POST", path, NULL, S(""), S("bytes")), 400, "DIGEST_INVALID");
    assert_int_equal(world_ask(w, "POST", path, NULL, S(""), S("other")).status, 201);
    refused(w, ask(w, "GET", "/v2/a/blobs/sha256:bad"), 400, "DIGEST_INVALID");
    refused(w, ask(w, "GET", "/v2/a/manifests/sha256:bad"), 404, "MANIFEST_UNKNOWN");
    refused(w, world_ask(w, "PUT", S("/v2/a/manifests/sha256:bad"), NULL, S(""), S("{}")), 400, "DIGEST_INVALID");
    struct str sha512 = oci_digest_of(&w->a, S("long"), S("sha512:"));
    path = arena_fmt(&w->a, "/v2/a/blobs/uploads/?digest=%.*s", STR(sha512));
    assert_int_equal(world_ask(w, "POST", path, NULL, S(""), S("long")).status, 201);
    assert_int_equal(ask(w, "HEAD", arena_fmt(&w->a, "/v2/a/blobs/%.*s", STR(sha512)).p).status, 200);
}

static const struct range_row {
    const char *range;
    int status;
    const char *content_range, *body;
} range_rows[] = {
    { "bytes=2-5", 206, "bytes 2-5/10", "2345" }, { "bytes=7-", 206, "bytes 7-9/10", "789" },
    { "bytes=-3", 206, "bytes 7-9/10", "789" },   { "bytes=-30", 206, "bytes 0-9/10", "0123456789" },
    { "bytes=8-500", 206, "bytes 8-9/10", "89" }, { "bytes=5-0", 416, "bytes */10", NULL },
    { "bytes=10-11", 416, "bytes */10", NULL },   { "bytes=1-2,4-5", 200, "", "0123456789" },
    { "lines=1-2", 200, "", "0123456789" },
};

static void serves_ranges(void **state)
{
    struct world *w = *state;
    struct str path = arena_fmt(&w->a, "/v2/a/blobs/%.*s", STR(push_blob(w, "a", S("0123456789"))));
    for (size_t i = 0; i < COUNT(range_rows); i++) {
        const struct range_row *row = &range_rows[i];
        struct http_response r = world_ask(w, "GET", path, "Range", str_c(row->range), S(""));
        assert_int_equal(r.status, row->status);
        has(r, "Content-Range", row->content_range);
        if (row->body != NULL)
            assert_string_equal(arena_c(&w->a, r.body), row->body);
    }
    struct http_response head = world_ask(w, "HEAD", path, NULL, S(""), S(""));
    has(head, "Content-Length", "10");
    assert_int_equal(head.body.n, 0);
}

static void mounts(void **state)
{
    struct world *w = *state;
    struct str digest = push_blob(w, "from", S("shared"));
    struct str path = arena_fmt(&w->a, "/v2/to/blobs/uploads/?mount=%.*s&from=from", STR(digest));
    assert_int_equal(world_ask(w, "POST", path, NULL, S(""), S("")).status, 201);
    path = arena_fmt(&w->a, "/v2/to/blobs/uploads/?mount=%.*s&from=nobody", STR(digest));
    assert_int_equal(world_ask(w, "POST", path, NULL, S(""), S("")).status, 202);
    path = arena_fmt(&w->a, "/v2/to/blobs/%.*s", STR(digest));
    assert_int_equal(world_ask(w, "DELETE", path, NULL, S(""), S("")).status, 202);
    assert_int_equal(world_ask(w, "GET", path, NULL, S(""), S("")).status, 404);
    path = arena_fmt(&w->a, "/v2/from/blobs/%.*s", STR(digest)); /* the other copy stays */
    assert_int_equal(world_ask(w, "GET", path, NULL, S(""), S("")).status, 200);
}

static void cancels(void **state)
{
    struct world *w = *state;
    struct str at = start(w, "a");
    assert_int_equal(world_ask(w, "DELETE", at, NULL, S(""), S("")).status, 204);
    refused(w, world_ask(w, "PATCH", at, NULL, S(""), S("x")), 404, "BLOB_UPLOAD_UNKNOWN");
    refused(w, ask(w, "GET", "/v2/a/blobs/uploads/..%2f..%2f_tags"), 404, "NAME_UNKNOWN");
}

/* ---- manifests ---------------------------------------------------------------------------- */

static struct str manifest(struct world *w, const char *repo, const char *more)
{
    struct str config = push_blob(w, repo, S("{}"));
    return arena_fmt(&w->a,
                     "{\"schemaVersion\":2,\"mediaType\":\"" OCI_IMAGE "\",\"config\":{\"mediaType\":\"" OCI_CONFIG
                     "\",\"digest\":\"%.*s\",\"size\":2},\"layers\":[]%s}",
                     STR(config), more);
}

static struct http_response put(struct world *w, const char *path, struct str bytes)
{
    return world_ask(w, "PUT", str_c(path), "Content-Type", S(OCI_IMAGE), bytes);
}

static void keeps_manifests(void **state)
{
    struct world *w = *state;
    struct str bytes = manifest(w, "a/b", "");
    struct str digest = oci_digest_of(&w->a, bytes, S(""));
    struct http_response r = put(w, "/v2/a/b/manifests/one", bytes);
    assert_int_equal(r.status, 201);
    has(r, "Docker-Content-Digest", digest.p);
    assert_int_equal(put(w, "/v2/a/b/manifests/two", bytes).status, 201);
    r = ask(w, "GET", "/v2/a/b/manifests/one");
    assert_true(str_eq(r.body, bytes));
    has(r, "Content-Type", OCI_IMAGE);
    has(r, "ETag", arena_fmt(&w->a, "\"%.*s\"", STR(digest)).p);
    r = world_ask(w, "GET", S("/v2/a/b/manifests/one"), "If-None-Match", arena_fmt(&w->a, "\"%s\"", digest.p), S(""));
    assert_int_equal(r.status, 304);
    r = ask(w, "HEAD", arena_fmt(&w->a, "/v2/a/b/manifests/%s", digest.p).p);
    has(r, "Content-Length", arena_fmt(&w->a, "%zu", bytes.n).p);
    assert_int_equal(ask(w, "DELETE", "/v2/a/b/manifests/one").status, 202);
    assert_int_equal(ask(w, "GET", "/v2/a/b/manifests/one").status, 404);
    assert_int_equal(ask(w, "GET", "/v2/a/b/manifests/two").status, 200);
    assert_int_equal(ask(w, "DELETE", arena_fmt(&w->a, "/v2/a/b/manifests/%s", digest.p).p).status, 202);
    assert_int_equal(ask(w, "GET", "/v2/a/b/manifests/two").status, 404);
}

static void refuses_manifests(void **state)
{
    struct world *w = *state;
    struct str good = manifest(w, "a", "");
    refused(w, put(w, "/v2/a/manifests/t", S("no json")), 400, "MANIFEST_INVALID");
    refused(w, put(w, "/v2/a/manifests/.bad", good), 400, "MANIFEST_INVALID");
    refused(w, world_ask(w, "PUT", S("/v2/a/manifests/t"), "Content-Type", S(OCI_INDEX), good), 400,
            "MANIFEST_INVALID");
    refused(w, world_ask(w, "PUT", S("/v2/a/manifests/t"), "Content-Type", S("application/json"), good), 400,
            "MANIFEST_INVALID");
    refused(w, put(w, "/v2/elsewhere/manifests/t", good), 400, "MANIFEST_BLOB_UNKNOWN");
    struct str zeros = S("sha256:0000000000000000000000000000000000000000000000000000000000000000");
    refused(w, put(w, arena_fmt(&w->a, "/v2/a/manifests/%s", zeros.p).p, good), 400, "DIGEST_INVALID");
    struct buf big = { .a = &w->a };
    buf_fill(&big, ' ', OCI_MANIFEST_MAX);
    buf_add(&big, good);
    refused(w, put(w, "/v2/a/manifests/t", buf_str(&big)), 413, "MANIFEST_INVALID");
    assert_int_equal(ask(w, "GET", "/v2/a/manifests/t").status, 404);
}

static void compares_and_swaps(void **state)
{
    struct world *w = *state;
    struct str one = manifest(w, "a", ""), two = manifest(w, "a", ",\"annotations\":{\"a\":\"b\"}");
    struct http_response r = world_ask(w, "PUT", S("/v2/a/manifests/t"), "If-None-Match", S("*"), one);
    assert_int_equal(r.status, 201);
    assert_int_equal(world_ask(w, "PUT", S("/v2/a/manifests/t"), "If-None-Match", S("*"), two).status, 412);
    struct str wrong = oci_digest_of(&w->a, two, S("")), right = oci_digest_of(&w->a, one, S(""));
    assert_int_equal(world_ask(w, "PUT", S("/v2/a/manifests/t"), "If-Match", wrong, two).status, 412);
    assert_int_equal(world_ask(w, "PUT", S("/v2/a/manifests/t"), "If-Match", right, two).status, 201);
}

static void pages_tags(void **state)
{
    struct world *w = *state;
    struct str bytes = manifest(w, "a", "");
    for (int i = 0; i < 5; i++)
        put(w, arena_fmt(&w->a, "/v2/a/manifests/t%d", i).p, bytes);
    struct http_response r = ask(w, "GET", "/v2/a/tags/list?n=2");
    assert_string_equal(arena_c(&w->a, str_trim(r.body)), "{\"name\":\"a\",\"tags\":[\"t0\",\"t1\"]}");
    has(r, "Link", "</v2/a/tags/list?n=2&last=t1>; rel=\"next\"");
    r = ask(w, "GET", "/v2/a/tags/list?n=3&last=t1");
    assert_string_equal(arena_c(&w->a, str_trim(r.body)), "{\"name\":\"a\",\"tags\":[\"t2\",\"t3\",\"t4\"]}");
    has(r, "Link", "");
    r = ask(w, "GET", "/v2/a/tags/list?n=0");
    assert_string_equal(arena_c(&w->a, str_trim(r.body)), "{\"name\":\"a\",\"tags\":[]}");
}

static void lists_referrers(void **state)
{
    struct world *w = *state;
    struct str subject = manifest(w, "a", "");
    struct str digest = oci_digest_of(&w->a, subject, S(""));
    struct str bytes =
        manifest(w, "a",
                 arena_fmt(&w->a,
                           ",\"artifactType\":\"application/x\",\"annotations\":{\"k\":\"v\"},"
                           "\"subject\":{\"mediaType\":\"" OCI_IMAGE "\",\"digest\":\"%.*s\",\"size\":%zu}",
                           STR(digest), subject.n)
                     .p);
    struct http_response r = put(w, "/v2/a/manifests/sig", bytes); /* before its subject */
    has(r, "OCI-Subject", digest.p);
    const char *path = arena_fmt(&w->a, "/v2/a/referrers/%s", digest.p).p;
    r = ask(w, "GET", path);
    struct value v = { 0 };
    MUST(json_parse(&w->a, r.body, &v, &e));
    has(r, "Content-Type", OCI_INDEX);
    assert_string_equal(arena_c(&w->a, value_str_at(&v, "manifests.0.artifactType")), "application/x");
    assert_string_equal(arena_c(&w->a, value_str_at(&v, "manifests.0.annotations.k")), "v");
    r = ask(w, "GET", arena_fmt(&w->a, "%s?artifactType=application/y", path).p);
    MUST(json_parse(&w->a, r.body, &v, &e));
    has(r, "OCI-Filters-Applied", "artifactType");
    assert_int_equal(value_len(value_get(&v, "manifests")), 0);
    struct str own = oci_digest_of(&w->a, bytes, S(""));
    assert_int_equal(ask(w, "DELETE", arena_fmt(&w->a, "/v2/a/manifests/%s", own.p).p).status, 202);
    r = ask(w, "GET", path);
    MUST(json_parse(&w->a, r.body, &v, &e));
    assert_int_equal(value_len(value_get(&v, "manifests")), 0);
}

/* Everything that exists now is older than a grace period that ends in the future. */
enum { GRACE_OVER_MS = -10000, GRACE_LONG_MS = 3600000 };

static void gives_space_back(void **state)
{
    struct world *w = *state;
    struct str kept = manifest(w, "a", ""), gone = manifest(w, "a", ",\"annotations\":{\"k\":\"v\"}");
    struct str index = arena_fmt(&w->a,
                                 "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX
                                 "\",\"manifests\":[{\"mediaType\":\"" OCI_IMAGE "\",\"digest\":\"%s\",\"size\":%zu}]}",
                                 oci_digest_of(&w->a, kept, S("")).p, kept.n);
    struct str loose = push_blob(w, "a", S("loose")), shared = push_blob(w, "b/c", S("{}"));
    const char *child = arena_fmt(&w->a, "/v2/a/manifests/%s", oci_digest_of(&w->a, kept, S("")).p).p;
    struct oci_swept swept = { 0 };
    assert_int_equal(put(w, child, kept).status, 201); /* reached through the index only */
    assert_int_equal(world_ask(w, "PUT", S("/v2/a/manifests/multi"), "Content-Type", S(OCI_INDEX), index).status, 201);
    assert_int_equal(put(w, "/v2/a/manifests/old", gone).status, 201);
    assert_int_equal(ask(w, "DELETE", "/v2/a/manifests/old").status, 202);
    start(w, "a");
    oci_registry_sweep(w->registry, GRACE_LONG_MS, &swept);
    assert_int_equal(swept.manifests + swept.blobs, 0);
    oci_registry_sweep(w->registry, GRACE_OVER_MS, &swept);
    assert_int_equal(swept.manifests, 1);
    assert_int_equal(swept.blobs, 2); /* its bytes and the loose blob; the configuration is shared */
    assert_int_equal(ask(w, "GET", child).status, 200);
    assert_int_equal(ask(w, "GET", "/v2/a/manifests/multi").status, 200);
    assert_int_equal(ask(w, "GET", arena_fmt(&w->a, "/v2/a/blobs/%s", shared.p).p).status, 200);
    assert_int_equal(ask(w, "GET", arena_fmt(&w->a, "/v2/a/blobs/%s", loose.p).p).status, 404);
    assert_int_equal(ask(w, "GET", arena_fmt(&w->a, "/v2/b/c/blobs/%s", shared.p).p).status, 404); /* no tag there */
}

static void survives_a_restart(void **state)
{
    struct world *w = *state;
    struct str bytes = manifest(w, "a", "");
    assert_int_equal(put(w, "/v2/a/manifests/t", bytes).status, 201);
    struct str at = start(w, "a");
    world_ask(w, "PATCH", at, NULL, S(""), S("begun"));
    oci_registry_close(w->registry);
    MUST(oci_registry_open(w->dir, &w->registry, &e));
    assert_int_equal(ask(w, "GET", "/v2/a/manifests/t").status, 200);
    has(world_ask(w, "GET", at, NULL, S(""), S("")), "Range", "0-4");
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(answers_the_base),
        IN_WORLD(takes_chunks),
        IN_WORLD(checks_digests),
        IN_WORLD(serves_ranges),
        IN_WORLD(mounts),
        IN_WORLD(cancels),
        IN_WORLD(keeps_manifests),
        IN_WORLD(refuses_manifests),
        IN_WORLD(compares_and_swaps),
        IN_WORLD(pages_tags),
        IN_WORLD(lists_referrers),
        IN_WORLD(gives_space_back),
        IN_WORLD(survives_a_restart),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
