#include "../cmocka_all.h"
#include "data/json.h"

static const struct row {
    const char *text, *want, *error;
} rows[] = {
    { "{\"b\":1,\"a\":[true,null,-0.5]}", "{\"a\":[true,null,-0.5],\"b\":1}", NULL },
    { "9223372036854775807", "9223372036854775807", NULL },
    { "9223372036854775808", "9223372036854776000", NULL }, /* shortest digits, as Go */
    { "1e21", "1e+21", NULL },
    { "1e-7", "1e-7", NULL },
    { "0.000001", "0.000001", NULL },
    { "100000000000000000000", "100000000000000000000", NULL },
    { "\"\\u00e9\\ud83d\\ude00\\n\"", "\"\xc3\xa9\xf0\x9f\x98\x80\\n\"", NULL },
    { "\"\\ud83d\"", "\"\xef\xbf\xbd\"", NULL },
    { "{\"a\":1,\"a\":2}", "{\"a\":2}", NULL },
    { " [] ", "[]", NULL },
    { "[1,]", NULL, "JSON line 1 column 4: a value was expected" },
    { "{\n \"a\" 1}", NULL, "JSON line 2 column 6: \":\" was expected" },
    { "01", NULL, "JSON line 1 column 3: bad number" },
    { "\"abc", NULL, "JSON line 1 column 5: string is not closed" },
    { "[1] x", NULL, "JSON line 1 column 5: something follows the value" },
    { "", NULL, "JSON text is empty" },
    { "nul", NULL, "JSON line 1 column 1: a value was expected" },
};

static void row_round_trips(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = value_int(42);
    struct err e = { 0 };
    bool ok = json_parse(&a, str_c(r->text), &v, &e);
    assert_int_equal(ok, r->error == NULL);
    if (ok)
        assert_string_equal(json_str(&a, &v, JSON_SORT_KEYS).p, r->want);
    else
        assert_string_equal(e.text, r->error);
    assert_true(ok || v.i == 42); /* untouched on failure */
}

static void deep_nesting_is_refused(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct value v;
    struct err e = { 0 };
    buf_fill(&b, '[', 100000);
    assert_false(json_parse(&a, buf_str(&b), &v, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
}

static void maps_look_up_and_keep_order(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = value_map(&a);
    for (int i = 0; i < 1000; i++)
        map_put(&a, v.map, arena_fmt(&a, "k%d", i), value_int(i));
    for (int i = 0; i < 1000; i += 2)
        assert_true(map_del(v.map, arena_fmt(&a, "k%d", i)));
    assert_int_equal(v.map->n, 500);
    for (int i = 0; i < 1000; i++) {
        struct value *found = map_get(v.map, arena_fmt(&a, "k%d", i));
        assert_int_equal(found != NULL, i % 2 == 1);
        assert_true(found == NULL || found->i == i);
    }
    assert_true(str_is(v.map->v[0].key, "k1"));
}

static void paths(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v = value_map(&a);
    value_put_at(&a, &v, "status.sync.status", value_c("Synced"));
    value_put_at(&a, &v, "spec.sources", value_list(&a));
    assert_true(str_is(value_str_at(&v, "status.sync.status"), "Synced"));
    assert_true(value_is(value_at(&v, "status.health.status"), VALUE_NULL));
    assert_true(value_is(value_at(&v, "spec.sources.0.x"), VALUE_NULL));
    struct value copy = value_clone(&a, &v);
    assert_true(value_equal(&copy, &v));
    value_put_at(&a, &copy, "status.sync.status", value_null());
    assert_false(value_equal(&copy, &v));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows) + 3];
    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].text, row_round_trips, NULL, NULL, (void *)(uintptr_t)&rows[i] };
    tests[COUNT(rows)] = (struct CMUnitTest)cmocka_unit_test(deep_nesting_is_refused);
    tests[COUNT(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(maps_look_up_and_keep_order);
    tests[COUNT(rows) + 2] = (struct CMUnitTest)cmocka_unit_test(paths);
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
