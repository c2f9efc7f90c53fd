/* The chart repository beside the registry. */
#include <archive.h>
#include <archive_entry.h>

#include "data/yaml.h"
#include "oci/registry_internal.h"
#include "world.h"

static struct str package(struct world *w, const char *path, const char *chart_yaml)
{
    char *bytes = arena_alloc(&w->a, 1 << 16);
    size_t n = 0, size = strlen(chart_yaml);
    struct archive *tar = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    archive_write_set_format_ustar(tar);
    archive_write_add_filter_gzip(tar);
    archive_write_open_memory(tar, bytes, 1 << 16, &n);
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_write_header(tar, entry);
    archive_write_data(tar, chart_yaml, size);
    archive_entry_free(entry);
    archive_write_close(tar);
    archive_write_free(tar);
    return (struct str){ bytes, n };
}

static struct str chart(struct world *w, const char *version)
{
    return package(w, "demo-web/Chart.yaml",
                   arena_fmt(&w->a, "apiVersion: v2\nname: demo-web\nversion: %s\nappVersion: \"1\"\n", version).p);
}

static struct http_response ask(struct world *w, const char *method, const char *path, struct str body)
{
    return world_ask(w, method, str_c(path), NULL, S(""), body);
}

static void indexes(void **state)
{
    struct world *w = *state;
    assert_string_equal(arena_c(&w->a, ask(w, "GET", "/charts/index.yaml", S("")).body),
                        "apiVersion: v1\nentries: {}\ngenerated: \"1970-01-01T00:00:00Z\"\n");
    struct str newer = chart(w, "0.10.0");
    assert_int_equal(ask(w, "POST", "/api/charts", chart(w, "0.9.0")).status, 201);
    assert_int_equal(ask(w, "PUT", "/charts/demo-web-0.10.0.tgz", newer).status, 201);
    struct value v = { 0 };
    struct http_response r = ask(w, "GET", "/charts/index.yaml", S(""));
    MUST(yaml_parse(&w->a, r.body, "index.yaml", &v, &e));
    const struct value *versions = value_get(value_get(&v, "entries"), "demo-web");
    assert_int_equal(value_len(versions), 2);
    const struct value *first = value_item(versions, 0);
    assert_true(str_is(value_str_at(first, "version"), "0.10.0"));
    assert_true(str_is(value_str_at(first, "urls.0"), "demo-web-0.10.0.tgz"));
    assert_true(str_eq(value_str_at(first, "digest"), oci_digest_hex(oci_digest_of(&w->a, newer, S("")))));
    r = ask(w, "GET", "/charts/demo-web-0.10.0.tgz", S(""));
    assert_true(str_eq(r.body, newer));
}

static void speaks_chartmuseum(void **state)
{
    struct world *w = *state;
    struct str one = chart(w, "1.0.0");
    assert_int_equal(ask(w, "POST", "/api/charts", one).status, 201);
    assert_int_equal(ask(w, "POST", "/api/charts", one).status, 201); /* the same bytes: nothing to refuse */
    struct str other = package(w, "demo-web/Chart.yaml", "name: demo-web\nversion: 1.0.0\n# other\n");
    assert_int_equal(ask(w, "POST", "/api/charts", other).status, 409);
    assert_int_equal(ask(w, "POST", "/api/charts?force", other).status, 201);
    struct http_response r = ask(w, "GET", "/api/charts/demo-web/1.0.0", S(""));
    assert_int_equal(r.status, 200);
    assert_true(str_find(r.body, S("\"version\":\"1.0.0\"")) >= 0);
    assert_int_equal(ask(w, "GET", "/api/charts/demo-web/2.0.0", S("")).status, 404);
    assert_int_equal(ask(w, "GET", "/api/charts/nobody", S("")).status, 404);
    assert_int_equal(ask(w, "GET", "/api/charts", S("")).status, 200);
    assert_int_equal(ask(w, "DELETE", "/api/charts/demo-web/1.0.0", S("")).status, 200);
    assert_int_equal(ask(w, "DELETE", "/api/charts/demo-web/1.0.0", S("")).status, 404);
    assert_int_equal(ask(w, "GET", "/charts/demo-web-1.0.0.tgz", S("")).status, 404);
}

static void takes_forms(void **state)
{
    struct world *w = *state;
    struct buf form = { .a = &w->a };
    buf_c(&form, "--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n"
                 "--B\r\nContent-Disposition: form-data; name=\"chart\"; filename=\"c.tgz\"\r\n"
                 "Content-Type: application/gzip\r\n\r\n");
    struct str bytes = chart(w, "3.0.0");
    buf_add(&form, bytes);
    buf_c(&form, "\r\n--B--\r\n");
    struct http_response r = world_ask(w, "POST", S("/api/charts/charts"), "Content-Type",
                                       S("multipart/form-data; boundary=B"), buf_str(&form));
    assert_int_equal(r.status, 201);
    assert_true(str_eq(ask(w, "GET", "/charts/demo-web-3.0.0.tgz", S("")).body, bytes));
}

static const struct bad_row {
    const char *path, *yaml, *error;
} bad_rows[] = {
    { "demo/values.yaml", "a: b\n", "{\"error\":\"chart package has no NAME/Chart.yaml\"}" },
    { "demo/charts/sub/Chart.yaml", "name: sub\nversion: 1.0.0\n",
      "{\"error\":\"chart package has no NAME/Chart.yaml\"}" },
    { "demo/Chart.yaml", "version: 1.0.0\n", "{\"error\":\"chart has no name\"}" },
    { "demo/Chart.yaml", "name: ../evil\nversion: 1.0.0\n", "{\"error\":\"chart name \\\"../evil\\\" is not valid\"}" },
    { "demo/Chart.yaml", "name: demo\nversion: one\n",
      "{\"error\":\"chart version \\\"one\\\" is no semantic version\"}" },
};

static void refuses(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        struct http_response r = ask(w, "POST", "/api/charts", package(w, bad_rows[i].path, bad_rows[i].yaml));
        assert_int_equal(r.status, 400);
        assert_string_equal(arena_c(&w->a, str_trim(r.body)), bad_rows[i].error);
    }
    assert_int_equal(ask(w, "POST", "/api/charts", S("rubbish")).status, 400);
    assert_int_equal(ask(w, "PUT", "/charts/other-1.0.0.tgz", chart(w, "1.0.0")).status, 400);
    assert_int_equal(ask(w, "GET", "/charts/..%2fblobs", S("")).status, 404);
    assert_int_equal(ask(w, "GET", "/charts/%2e%2e/tmp", S("")).status, 404);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = { IN_WORLD(indexes), IN_WORLD(speaks_chartmuseum), IN_WORLD(takes_forms),
                                        IN_WORLD(refuses) };
    return cmocka_run_group_tests_name("charts", tests, NULL, NULL);
}
