/*
 * YAML: the quick reader must agree with the scanner; all documents; then the first one written and read twice. Once
 * through the writer everything stays as it is, but for Unicode's own line breaks and a key "<<" that was no merge (it
 * had a tag): go-yaml writes both in a way that no reader gives back.
 */
#include <assert.h>

#include "data/json.h"
#include "data/yaml.h"
#include "data/yaml_simple.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool goes_lost(struct str s)
{
    return str_find(s, S("\xe2\x80\xa8")) >= 0 || str_find(s, S("\xe2\x80\xa9")) >= 0 || str_find(s, S("\xc2\x85")) >= 0
           || str_find(s, S("<<:")) >= 0 || str_find(s, S("\\L")) >= 0 || str_find(s, S("\\P")) >= 0
           || str_find(s, S("\\N")) >= 0;
}

/* A line break that only the scanner knows, in front of the text, sends it there. */
static void check_quick(struct arena *a, struct str text, bool all)
{
    struct value quick = { 0 }, slow = { 0 };
    struct err e = { 0 };
    struct str marked = arena_fmt(a, "#\xc2\x85\n%.*s", STR(text));

    if (!yaml_read_simple(a, text, all, &quick))
        return;
    bool ok = all ? yaml_parse_all(a, marked, NULL, &slow, &e) : yaml_parse(a, marked, NULL, &slow, &e);
    assert(ok);
    assert(str_eq(json_str(a, &quick, 0), json_str(a, &slow, 0)));
}

static bool write_and_read(struct arena *a, const struct value *v, struct value *out)
{
    struct buf b = { .a = a };
    struct err e = { 0 };

    if (!yaml_marshal(&b, v, &e) || goes_lost(buf_str(&b)))
        return false;
    bool ok = yaml_parse(a, buf_str(&b), NULL, out, &e);
    assert(ok);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    struct str text = { (const char *)data, size < 4096 ? size : 4096 };
    struct value v = { 0 }, once = { 0 }, twice = { 0 };
    struct err e = { 0 };

    check_quick(&a, text, true);
    check_quick(&a, text, false);
    if (yaml_parse_all(&a, text, "fuzz", &v, &e))
        yaml_str(&a, &v);
    if (!yaml_parse(&a, text, NULL, &v, &e) || !write_and_read(&a, &v, &once))
        return 0;
    if (write_and_read(&a, &once, &twice))
        assert(value_equal(&once, &twice));
    struct buf pretty = { .a = &a };
    yaml_write_pretty(&pretty, &once);
    return 0;
}
