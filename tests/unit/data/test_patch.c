#include "../cases.h"
#include "data/patch.h"

static struct value parse(struct arena *a, const char *text)
{
    struct value v = { 0 };
    struct err e = { 0 };

    if (!json_parse(a, str_c(text), &v, &e))
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void follows_pointers(void **state)
{
    static const struct {
        const char *pointer, *found; /* NULL: nothing there */
    } rows[] = {
        { "", "{\"a/b\":1,\"m~n\":[10,{\"x\":null}],\"\":2}" },
        { "/a~1b", "1" },
        { "/m~0n/0", "10" },
        { "/m~0n/1/x", "null" },
        { "/", "2" },
        { "/m~0n/2", NULL },
        { "/m~0n/01", NULL },
        { "/m~0n/-", NULL },
        { "/m~2n", NULL },
        { "a", NULL },
        { "/a~1b/c", NULL },
    };
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value root = parse(&a, "{\"a/b\":1,\"m~n\":[10,{\"x\":null}],\"\":2}");

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct value *v = pointer_get(&root, str_c(rows[i].pointer));
        assert_int_equal(v != NULL, rows[i].found != NULL);
        if (v != NULL)
            assert_str(json_str(&a, v, 0), str_c(rows[i].found));
    }
}

static void removes(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value root = parse(&a, "{\"a\":{\"b\":1,\"c\":2},\"l\":[1,2,3]}");

    assert_true(pointer_remove(&root, S("/a/b")));
    assert_true(pointer_remove(&root, S("/l/1")));
    assert_false(pointer_remove(&root, S("/l/7")));
    assert_false(pointer_remove(&root, S("/nope/x")));
    assert_false(pointer_remove(&root, S("")));
    assert_str(json_str(&a, &root, 0), S("{\"a\":{\"c\":2},\"l\":[1,3]}"));
}

/* The examples of RFC 7396, and back again where a patch can say it. */
static void merges(void **state)
{
    static const struct {
        const char *target, *patch, *result;
    } rows[] = {
        { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
        { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
        { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
        { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
        { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
        { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
        { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
        { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
        { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
        { "{\"a\":\"foo\"}", "null", "null" },
        { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
        { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value target = parse(&a, rows[i].target), patch = parse(&a, rows[i].patch);
        struct value got = merge_patch(&a, &target, &patch);
        assert_str(json_str(&a, &got, 0), str_c(rows[i].result));
        assert_str(json_str(&a, &target, 0), str_c(rows[i].target)); /* untouched */
        struct value diff = merge_patch_diff(&a, &target, &got), again = merge_patch(&a, &target, &diff);
        assert_true(value_equal(&again, &got));
    }
}

static void patches(void **state)
{
    static const struct {
        const char *target, *patch, *result; /* a text that does not start with { is an error */
    } rows[] = {
        { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]", "{\"a\":1,\"b\":2}" },
        { "{\"l\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":2}]", "{\"l\":[1,2,3]}" },
        { "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":2}]", "{\"l\":[1,2]}" },
        { "{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"b\":2}" },
        { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":null}]", "{\"a\":null}" },
        { "{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]", "{\"a\":{},\"c\":1}" },
        { "{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"}]",
          "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
        { "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0}]", "{\"a\":1}" },
        { "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", "patch operation 0: test of /a failed" },
        { "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]",
          "patch operation 0: cannot remove /b: no such path, or no value" },
        { "{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]",
          "patch operation 0: cannot move /a/b: no such path, or no value" },
        { "{\"a\":1}", "[{\"op\":\"grow\",\"path\":\"/a\"}]", "patch operation 0: unknown op \"grow\"" },
        { "{\"a\":1}", "{}", "a JSON patch is a list of operations, not map" },
    };
    CLEANUP(arena_close) struct arena a = { 0 };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value target = parse(&a, rows[i].target), patch = parse(&a, rows[i].patch), out = { 0 };
        struct err e = { 0 };
        bool ok = json_patch(&a, &target, &patch, &out, &e);
        assert_str(ok ? json_str(&a, &out, 0) : str_c(e.text), str_c(rows[i].result));
        assert_str(json_str(&a, &target, 0), str_c(rows[i].target));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_pointers),
        cmocka_unit_test(removes),
        cmocka_unit_test(merges),
        cmocka_unit_test(patches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
