#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/digest.h"
#include "oci/internal.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BAD_NAME "repository names are lower-case letters, digits, '.', '_', '-' and '/'"

static struct row {
    const char *text, *registry, *repository, *tag, *digest, *written;
    const char *error; /* without the front */
} rows[] = {
    { "nginx", "docker.io", "library/nginx", "latest", "", "nginx:latest" },
    { "nginx:1.25", "docker.io", "library/nginx", "1.25", "", "nginx:1.25" },
    { "index.docker.io/org/app", "docker.io", "org/app", "latest", "", "org/app:latest" },
    { "docker.io/library/alpine:3", "docker.io", "library/alpine", "3", "", "alpine:3" },
    { "ghcr.io/org/app:sha-1", "ghcr.io", "org/app", "sha-1", "", "ghcr.io/org/app:sha-1" },
    { "localhost:5000/demo", "localhost:5000", "demo", "latest", "", "localhost:5000/demo:latest" },
    { "localhost/demo", "localhost", "demo", "latest", "", "localhost/demo:latest" },
    { "[::1]:5000/a/b:t", "[::1]:5000", "a/b", "t", "", "[::1]:5000/a/b:t" },
    { "r.test/a@sha256:" HEX, "r.test", "a", "", "sha256:" HEX, "r.test/a@sha256:" HEX },
    { "r.test/a:t@sha256:" HEX, "r.test", "a", "t", "sha256:" HEX, "r.test/a:t@sha256:" HEX },
    { "r.test/a__b/c-_d", .error = BAD_NAME },
    { "r.test/a__b/c---d.e", "r.test", "a__b/c---d.e", "latest", "", "r.test/a__b/c---d.e:latest" },
    { "a/b/c", "docker.io", "a/b/c", "latest", "", "a/b/c:latest" },
    { "r.test/App", .error = BAD_NAME },
    { "r.test/a//b", .error = BAD_NAME },
    { "r.test/../b", .error = BAD_NAME },
    { "r.test/", .error = BAD_NAME },
    { "", .error = BAD_NAME },
    { "r.test/a:", .error = "a tag is 1 to 128 letters, digits, '_', '.', '-'" },
    { "r.test/a:x/y", .error = BAD_NAME },
    { "r.test/a:-x", .error = "a tag is 1 to 128 letters, digits, '_', '.', '-'" },
    { "r.test/a@sha256:ABC", .error = "bad digest" },
    { "r.test/a@", .error = NULL, .registry = NULL },
    { "r!.test/a", .error = "bad host name" },
};

static void parses(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct oci_reference ref = { 0 };
    struct err e = { 0 };
    bool ok = oci_reference_parse(&a, str_c(r->text), &ref, &e);
    if (r->registry == NULL) {
        assert_false(ok);
        assert_int_equal(e.kind, ERR_INVALID);
        if (r->error != NULL)
            assert_string_equal(e.text, arena_fmt(&a, "image reference \"%s\": %s", r->text, r->error).p);
        assert_int_equal(ref.repository.n, 0);
        return;
    }
    if (!ok)
        fail_msg("%s", e.text);
    assert_string_equal(arena_c(&a, ref.registry), r->registry);
    assert_string_equal(arena_c(&a, ref.repository), r->repository);
    assert_string_equal(arena_c(&a, ref.tag), r->tag);
    assert_string_equal(arena_c(&a, ref.digest), r->digest);
    assert_string_equal(arena_c(&a, oci_reference_str(&a, &ref)), r->written);
}

static void digests(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    assert_string_equal(oci_digest_of(&a, S(""), S("")).p, "sha256:" HEX);
    assert_true(str_starts(oci_digest_of(&a, S(""), S("sha512:")), S("sha512:cf83e1357eefb8bd")));
    assert_true(oci_digest_valid(S("sha256:" HEX)));
    assert_false(oci_digest_valid(S("sha512:" HEX)));
    assert_false(oci_digest_valid(S("sha256:" HEX "0")));
    assert_false(oci_digest_valid(S("md5:d41d8cd98f00b204e9800998ecf8427e")));
    assert_false(oci_digest_valid(S("sha256")));
}

static void finds_next_links(void **state)
{
    assert_true(str_is(oci_next_link(S("</v2/a/tags/list?n=2&last=b>; rel=\"next\"")), "/v2/a/tags/list?n=2&last=b"));
    assert_true(str_is(oci_next_link(S("<x>; rel=prev, <y>; rel=next")), "y"));
    assert_true(str_is(oci_next_link(S("<x>; rel=prev")), ""));
    assert_true(str_is(oci_next_link(S("nonsense")), ""));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + 2];
    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].text, parses, NULL, NULL, &rows[i] };
    tests[COUNT(rows)] = (struct CMUnitTest)cmocka_unit_test(digests);
    tests[COUNT(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(finds_next_links);
    return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
