/* Whom an image's User names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/local/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "broken\n"
                             "worse:x:minus:0::/:\n"
                             "huge:x:99999999999:0::/:\n"
                             "web:x:33:44::/srv/web:/bin/false\n"
                             "homeless:x:50:50::relative:\n"
                             "last:x:60:61";
static const char group[] =
    "root:x:0:\nwww:x:44:\nextra:x:55:other,web\nmore:x:56: web \nprefix:x:57:webby\nlast:x:61:web";

static const struct row {
    const char *name, *spec;
    int64_t uid, gid;
    uint32_t want_uid, want_gid;
    size_t groups;
    const char *home, *error;
} rows[] = {
    { "nobody says anything", "", -1, -1, 0, 0, 0, "/root", NULL },
    { "a name", "web", -1, -1, 33, 44, 3, "/srv/web", NULL },
    { "a number that has a name", "33", -1, -1, 33, 44, 3, "/srv/web", NULL },
    { "a number without one", "1000", -1, -1, 1000, 0, 0, "/", NULL },
    { "name and group", "web:extra", -1, -1, 33, 55, 0, "/srv/web", NULL },
    { "numbers", "7:8", -1, -1, 7, 8, 0, "/", NULL },
    { "runAsUser", "web", 1000, -1, 1000, 0, 0, "/", NULL },
    { "runAsUser with a name", "", 33, -1, 33, 44, 3, "/srv/web", NULL },
    { "runAsUser does not take the image's group", "web:extra", 1000, -1, 1000, 0, 0, "/", NULL },
    { "runAsGroup", "web", -1, 77, 33, 77, 3, "/srv/web", NULL },
    { "home that is no path", "homeless", -1, -1, 50, 50, 0, "/", NULL },
    { "a last line without its end", "last", -1, -1, 60, 61, 0, "/", NULL },
    { "unknown name", "mallory", -1, -1, 0, 0, 0, NULL, "the image has no user \"mallory\" in /etc/passwd" },
    { "unknown group", "web:wheel", -1, -1, 0, 0, 0, NULL, "the image has no group \"wheel\" in /etc/group" },
    { "a line that does not parse", "worse", -1, -1, 0, 0, 0, NULL, "the image has no user \"worse\" in /etc/passwd" },
    { "out of range", "70000", -1, -1, 0, 0, 0, NULL, "user 70000:0 is out of range: ids up to 65535 are mapped here" },
    { "negative", "-1", -1, -1, 0, 0, 0, NULL, "the image has no user \"-1\" in /etc/passwd" },
};

static void resolves_row(void **state)
{
    const struct row *r = *state;
    struct user u = { 0 };
    struct err e = { 0 };
    bool ok = user_resolve(str_c(passwd), str_c(group), str_c(r->spec), r->uid, r->gid, &u, &e);
    assert_string_equal(e.text, r->error != NULL ? r->error : "");
    assert_int_equal(ok, r->error == NULL);
    if (!ok)
        return;
    assert_int_equal(u.uid, r->want_uid);
    assert_int_equal(u.gid, r->want_gid);
    assert_int_equal(u.n_groups, r->groups);
    assert_true(str_is(u.home, r->home));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];
    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, resolves_row, NULL, NULL, (void *)(uintptr_t)&rows[i] };
    return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
