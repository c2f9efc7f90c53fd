#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/challenge.h"

static struct row {
    const char *name, *header;
    const char *realm, *service, *scope; /* expected on success; realm "-" for Basic */
    const char *error;
} rows[] = {
    { "quoted", "Bearer realm=\"https://a/t\",service=\"reg\"", "https://a/t", "reg", "", NULL },
    { "scheme in any case", "bearer realm=x", "x", "", "", NULL },
    { "bare URL", "Bearer realm=https://a.test/t, service=r", "https://a.test/t", "r", "", NULL },
    { "commas in the scope",
      "Bearer realm=\"u\",service=\"s\",scope=\"repository:a:pull "
      "repository:b:pull,push\",error=\"insufficient_scope\"",
      "u", "s", "repository:a:pull repository:b:pull,push", NULL },
    { "escapes", "Bearer realm=\"a\\\"b\\\\c\"", "a\"b\\c", "", "", NULL },
    { "basic", "Basic realm=\"private\"", "private", "", "", NULL },
    { "basic without realm", "Basic", "", "", "", NULL },
    { "after another scheme", "Negotiate, Bearer realm=\"x\"", "x", "", "", NULL },
    { "after a token68", "Negotiate YII=, Bearer realm=\"x\"", "x", "", "", NULL },
    { "blanks around the equals sign", "Bearer realm = \"x\" , service = y", "x", "y", "", NULL },
    { "bearer before basic", "Basic realm=\"b\", Bearer realm=\"x\"", "b", "", "", NULL },
    { "no realm", "Bearer service=reg", NULL, NULL, NULL, "login challenge has no realm" },
    { "open quote", "Bearer realm=\"x", NULL, NULL, NULL, "login challenge: quoted string is not closed" },
    { "unknown scheme", "Digest realm=\"x\"", NULL, NULL, NULL, "login challenge offers neither Bearer nor Basic" },
    { "empty", "", NULL, NULL, NULL, "login challenge offers neither Bearer nor Basic" },
    { "rubbish", "Bearer \"x\"", NULL, NULL, NULL, "login challenge: expected a name at byte 7" },
};

static void parses(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct oci_challenge ch = { 0 };
    struct err e = { 0 };
    bool ok = oci_challenge_parse(&a, str_c(r->header), &ch, &e);
    assert_string_equal(ok ? "" : e.text, r->error != NULL ? r->error : "");
    assert_true(str_eq(ch.realm, str_c(r->realm)));
    assert_true(str_eq(ch.service, str_c(r->service)));
    assert_true(str_eq(ch.scope, str_c(r->scope)));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];
    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, parses, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("challenge", tests, NULL, NULL);
}
