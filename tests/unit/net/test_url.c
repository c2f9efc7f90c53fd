#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address.h"
#include "net/http.h"
#include "net/url.h"

static struct parse_row {
    const char *text;
    const char *scheme, *user, *host, *path, *query, *fragment;
    const char *hostname;
    int port;
    const char *error;
} parse_rows[] = {
    { "http://example.org", "http", "", "example.org", "", "", "", "example.org", 80, NULL },
    { "https://u:p@h.test:8443/a%20b/c?x=1&y=2#frag", "https", "u:p", "h.test:8443", "/a%20b/c", "x=1&y=2", "frag",
      "h.test", 8443, NULL },
    { "http://[::1]:5000/v2/", "http", "", "[::1]:5000", "/v2/", "", "", "::1", 5000, NULL },
    { "http://[::1]/", "http", "", "[::1]", "/", "", "", "::1", 80, NULL },
    { "oci://ghcr.io/org/chart", "oci", "", "ghcr.io", "/org/chart", "", "", "ghcr.io", 0, NULL },
    { "ssh://git@host/repo.git", "ssh", "git", "host", "/repo.git", "", "", "host", 0, NULL },
    { "/just/a/path?q", "", "", "", "/just/a/path", "q", "", "", 0, NULL },
    { "//host/path", "", "", "host", "/path", "", "", "host", 0, NULL },
    { "a@b@c", "", "", "", "a@b@c", "", "", "", 0, NULL },
    { "http://a@b@host/", "http", "a@b", "host", "/", "", "", "host", 80, NULL },
    { "mailto:joe@example.org", "mailto", "", "", "joe@example.org", "", "", "", 0, NULL },
    { "git@github.com:o/r.git", .error = "parse URL: first path segment in URL cannot contain colon" },
    { ":nothing", .error = "parse URL: missing protocol scheme" },
    { "http://host:port/", .error = "parse URL: invalid port \":port\" after host" },
    { "http://[::1/", .error = "parse URL: missing ']' in host" },
    { "http://ho st/", .error = "parse URL: invalid character in host name" },
    { "http://::1/", .error = "parse URL: an IPv6 address must stand in brackets" },
    { "http://host/%zz", .error = "parse URL: invalid URL escape \"%zz\"" },
    { "http://host/\n", .error = "parse URL: invalid control character in URL" },
};

static void same(struct arena *a, struct str got, const char *expected)
{
    assert_string_equal(arena_c(a, got), expected);
}

static void parses(void **state)
{
    const struct parse_row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct url u = { 0 };
    struct err e = { 0 };
    bool ok = url_parse(str_c(r->text), &u, &e);
    assert_string_equal(ok ? "" : e.text, r->error != NULL ? r->error : "");
    if (!ok)
        return;
    same(&a, u.scheme, r->scheme);
    same(&a, u.user, r->user);
    same(&a, u.host, r->host);
    same(&a, u.path, r->path);
    same(&a, u.query, r->query);
    same(&a, u.fragment, r->fragment);
    same(&a, url_hostname(&u), r->hostname);
    assert_int_equal(url_port(&u), r->port);
    if (u.query.n > 0 || strchr(r->text, '?') == NULL)
        same(&a, url_str(&a, &u), r->text);
}

/* RFC 3986 section 5.4, against http://a/b/c/d;p?q */
static const char *const resolve_rows[][2] = {
    { "g:h", "g:h" },
    { "g", "http://a/b/c/g" },
    { "./g", "http://a/b/c/g" },
    { "g/", "http://a/b/c/g/" },
    { "/g", "http://a/g" },
    { "//g", "http://g" },
    { "?y", "http://a/b/c/d;p?y" },
    { "g?y", "http://a/b/c/g?y" },
    { "#s", "http://a/b/c/d;p?q#s" },
    { "", "http://a/b/c/d;p?q" },
    { ".", "http://a/b/c/" },
    { "./", "http://a/b/c/" },
    { "..", "http://a/b/" },
    { "../g", "http://a/b/g" },
    { "../..", "http://a/" },
    { "../../g", "http://a/g" },
    { "../../../g", "http://a/g" },
    { "/./g", "http://a/g" },
    { "/../g", "http://a/g" },
    { "g.", "http://a/b/c/g." },
    { "..g", "http://a/b/c/..g" },
    { "./g/.", "http://a/b/c/g/" },
    { "g/../h", "http://a/b/c/h" },
    { "g?y/../x", "http://a/b/c/g?y/../x" },
    { "http://other/x", "http://other/x" },
};

static void resolves(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    for (size_t i = 0; i < COUNT(resolve_rows); i++)
        same(&a, url_resolve(&a, S("http://a/b/c/d;p?q"), str_c(resolve_rows[i][0])), resolve_rows[i][1]);
    same(&a, url_resolve(&a, S("http://a"), S("x")), "http://a/x");
    same(&a, url_resolve(&a, S("http://u:p@a/charts/index.yaml"), S("c-1.tgz")), "http://u:p@a/charts/c-1.tgz");
}

static void escapes(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    same(&a, url_escape_query(&a, S("a b/c&d=\xc3\xa9~")), "a+b%2Fc%26d%3D%C3%A9~");
    same(&a, url_escape_path(&a, S("a b/c@v1:x")), "a%20b%2Fc@v1:x");
    same(&a, url_unescape(&a, S("a+b%2fc%4"), true), "a b/c%4");
    same(&a, url_unescape(&a, S("a+b"), false), "a+b");
}

static void redacts(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    same(&a, url_redact(&a, S("https://bob:secret@h/x?y")), "https://h/x?y");
    same(&a, url_redact(&a, S("https://bob:se cret@h o/x")), "https://h o/x");
    same(&a, url_redact(&a, S("http://bob:%zz@h/%zz")), "http://h/%zz");
    same(&a, url_redact(&a, S("http://h/x")), "http://h/x");
}

static void knows_loopback(void **state)
{
    static const char *const yes[] = { "localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "::1" };
    static const char *const no[] = { "127.0.0.1.example.org", "127.example.org", "localhost.example.org", "1127.0.0.1",
                                      "10.0.0.1" };
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(url_is_loopback(str_c(yes[i])));
    for (size_t i = 0; i < COUNT(no); i++)
        assert_false(url_is_loopback(str_c(no[i])));
}

/* Which pages of a browser may talk to us: by Host, by Origin, by a name that we were given. */
static void refuses_other_sites(void **state)
{
    static const struct {
        const char *host, *origin, *also;
        bool rebound, foreign;
    } rows[] = {
        { "127.0.0.1:8090", "", "", false, false },
        { "[::1]:8090", "http://[::1]:8090", "", false, false },
        { "localhost:8090", "http://localhost:8090", "", false, false },
        { "registry:5000", "", "", false, false },
        { "host.docker.internal:8082", "", "", false, false },
        { "127.0.0.1:8090", "https://evil.example", "", false, true },
        { "127.0.0.1:8090", "http://127.0.0.1:9000", "", false, true },
        { "127.0.0.1:8090", "null", "", false, true },
        { "evil.example:8090", "http://evil.example:8090", "", true, false },
        { "127.0.0.1.evil.example:8090", "", "", true, false },
        { "previews.example.org", "", "https://previews.example.org", false, false },
        { "evil.example", "", "https://previews.example.org", true, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http_header origin = { S("Origin"), str_c(rows[i].origin) };
        struct http_server_request r = { .host = str_c(rows[i].host), .headers = { &origin, 1 } };
        assert_int_equal(http_host_is_rebound(&r, str_c(rows[i].also)), rows[i].rebound);
        assert_int_equal(http_is_foreign(&r), rows[i].foreign);
    }
}

static void tells_inner_addresses(void **state)
{
    static const char *const inner[] = { "127.0.0.1",          "0.0.0.0",         "10.1.2.3",     "169.254.169.254",
                                         "172.31.0.1",         "100.100.100.200", "::1",          "::ffff:192.168.0.1",
                                         "64:ff9b::a9fe:a9fe", "fe80::1",         "fd00:ec2::254" };
    static const char *const outer[] = {
        "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "example.org", ""
    };
    for (size_t i = 0; i < COUNT(inner); i++)
        assert_true(address_is_inner(str_c(inner[i])));
    for (size_t i = 0; i < COUNT(outer); i++)
        assert_false(address_is_inner(str_c(outer[i])));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(parse_rows) + 6];
    for (size_t i = 0; i < COUNT(parse_rows); i++)
        tests[i] = (struct CMUnitTest){ parse_rows[i].text, parses, NULL, NULL, &parse_rows[i] };
    tests[COUNT(parse_rows)] = (struct CMUnitTest)cmocka_unit_test(resolves);
    tests[COUNT(parse_rows) + 1] = (struct CMUnitTest)cmocka_unit_test(escapes);
    tests[COUNT(parse_rows) + 2] = (struct CMUnitTest)cmocka_unit_test(redacts);
    tests[COUNT(parse_rows) + 3] = (struct CMUnitTest)cmocka_unit_test(tells_inner_addresses);
    tests[COUNT(parse_rows) + 4] = (struct CMUnitTest)cmocka_unit_test(knows_loopback);
    tests[COUNT(parse_rows) + 5] = (struct CMUnitTest)cmocka_unit_test(refuses_other_sites);
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
