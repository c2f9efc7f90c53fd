/* The grammar of the --set flags. The answers are those of Helm v4.1.4. */
#include "../cmocka_all.h"
#include "chart/chart.h"
#include "data/json.h"

static struct row {
    const char *name;
    enum chart_set_kind kind;
    const char *texts[3]; /* applied in turn */
    const char *json;     /* the values afterwards, or ... */
    const char *error;    /* ... the whole error */
} rows[] = {
    { "scalars",
      CHART_SET,
      { "a=b,c=1,d=true,e=null,f=1.5,g=007,h=0" },
      "{\"a\":\"b\",\"c\":1,\"d\":true,\"e\":null,\"f\":\"1.5\",\"g\":\"007\",\"h\":0}" },
    { "largest integer",
      CHART_SET,
      { "a=9223372036854775807,b=9223372036854775808" },
      "{\"a\":9223372036854775807,\"b\":\"9223372036854775808\"}" },
    { "nested", CHART_SET, { "a.b.c=1", "a.b.d=2" }, "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}" },
    { "escapes", CHART_SET, { "a\\.b=x\\,y\\\\" }, "{\"a.b\":\"x,y\\\\\"}" },
    { "list", CHART_SET, { "a={x,1,true}" }, "{\"a\":[\"x\",1,true]}" },
    { "empty list", CHART_SET, { "a={}" }, "{\"a\":[\"\"]}" },
    { "index with a hole", CHART_SET, { "a[2]=x" }, "{\"a\":[null,null,\"x\"]}" },
    { "maps in lists", CHART_SET, { "a[0].b=1,a[1].c=2", "a[0].d=3" }, "{\"a\":[{\"b\":1,\"d\":3},{\"c\":2}]}" },
    { "lists in lists", CHART_SET, { "a[0][1]=x" }, "{\"a\":[[null,\"x\"]]}" },
    { "later wins",
      CHART_SET,
      { "a=1", "a.b=2" },
      NULL,
      "failed parsing --set data: unable to parse key: interface conversion: interface {} is int64, not "
      "map[string]interface {}" },
    { "trailing comma", CHART_SET, { "a=1," }, "{\"a\":1}" },
    { "no name", CHART_SET, { "=b" }, "{}" },
    { "no value", CHART_SET, { "a" }, NULL, "failed parsing --set data: key \"a\" has no value" },
    { "comma instead of a value",
      CHART_SET,
      { "a,b=1" },
      NULL,
      "failed parsing --set data: key \"a\" has no value (cannot end with ,)" },
    { "open list", CHART_SET, { "a={b" }, NULL, "failed parsing --set data: list must terminate with '}'" },
    { "index is no number",
      CHART_SET,
      { "a[x]=1" },
      NULL,
      "failed parsing --set data: error parsing index: strconv.Atoi: parsing \"x\": invalid syntax" },
    { "negative index", CHART_SET, { "a[-1]=1" }, NULL, "failed parsing --set data: negative -1 index not allowed" },
    { "index too large",
      CHART_SET,
      { "a[65537]=1" },
      NULL,
      "failed parsing --set data: index of 65537 is greater than maximum supported index of 65536" },
    { "too deep",
      CHART_SET,
      { "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a=1" },
      NULL,
      "failed parsing --set data: value name nested level is greater than maximum supported nested level of 30" },
    { "strings stay", CHART_SET_STRING, { "a=1,b=true,c={x,2}" }, "{\"a\":\"1\",\"b\":\"true\",\"c\":[\"x\",\"2\"]}" },
    { "json", CHART_SET_JSON, { "a=[1,{\"b\":2}],c=\"d\"" }, "{\"a\":[1,{\"b\":2}],\"c\":\"d\"}" },
    { "json object merges", CHART_SET_JSON, { "{\"a\":{\"b\":1}}", "{\"a\":{\"c\":2}}" }, "{\"a\":{\"b\":1,\"c\":2}}" },
    { "json nothing is null", CHART_SET_JSON, { "a=" }, "{\"a\":null}" },
    { "json broken", CHART_SET_JSON, { "a=[1" }, NULL, "failed parsing --set-json data a=[1" },
    { "literal", CHART_SET_LITERAL, { "a.b=x,y={z}\\,=" }, "{\"a\":{\"b\":\"x,y={z}\\\\,=\"}}" },
    { "file missing",
      CHART_SET_FILE,
      { "a=/nonexistent/x" },
      NULL,
      "failed parsing --set-file data: open /nonexistent/x: no such file or directory" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static void sets_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value values = value_map(&a);
    struct err e = { 0 };
    bool ok = true;

    for (size_t i = 0; ok && i < 3 && r->texts[i] != NULL; i++)
        ok = chart_set(&a, &values, r->kind, str_c(r->texts[i]), &e);
    assert_string_equal(ok ? "" : e.text, r->error != NULL ? r->error : "");
    if (r->json != NULL)
        assert_string_equal(arena_c(&a, json_str(&a, &values, JSON_SORT_KEYS)), r->json);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];

    for (size_t i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, sets_row, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("chart set", tests, NULL, NULL);
}
