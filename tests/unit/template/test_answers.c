/*
 * The answers of Helm v4.1.4 in tests/golden/tmpl, straight through the library: every case that needs no more of a
 * chart than its values. (tests/golden/conformance.py runs all of them through the program.)
 */
#include "../cases.h"
#include "template/template.h"

/* ---- what Helm's engine adds to the language, as far as these cases go --------------------------- */

static bool include(struct template_call *c, const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct buf b = { .a = template_call_arena(c) };
    if (!template_call_execute(c, template_call_set(c), value_as_str(&args[0]), &args[1], &b, e))
        return false;
    *out = value_str(buf_str(&b));
    return true;
}

static struct str without_no_value(struct arena *a, struct str s)
{
    struct buf b = { .a = a };
    struct str part;
    while (str_split(&s, S("<no value>"), &part))
        buf_add(&b, part);
    buf_add(&b, part);
    return buf_str(&b);
}

static bool tpl(struct template_call *c, const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct arena *a = template_call_arena(c);
    struct buf b = { .a = a };
    struct template_set *set;
    struct value quoted = args[0];
    if (!template_set_over(a, template_call_set(c), &set, e))
        return false;
    struct str shown = json_str(a, &quoted, 0);
    if (!template_parse(set, S("gotpl"), value_as_str(&args[0]), e))
        return template_call_fail(c, arena_fmt(a, "cannot parse template %.*s: %s", STR(shown), e->text), e);
    if (!template_call_execute(c, set, S("gotpl"), &args[1], &b, e))
        return template_call_fail(c,
                                  arena_fmt(a, "error during tpl function execution for %.*s: %.*s", STR(shown),
                                            STR(template_call_failure(c, e))),
                                  e);
    *out = value_str(without_no_value(a, buf_str(&b)));
    return true;
}

static bool required(struct template_call *c, const struct value *args, size_t n, struct value *out, struct err *e)
{
    *out = args[1];
    if (args[1].kind == VALUE_NULL || (args[1].kind == VALUE_STRING && args[1].n == 0))
        return template_call_fail(c, value_as_str(&args[0]), e);
    return true;
}

static bool lookup(struct template_call *c, const struct value *args, size_t n, struct value *out, struct err *e)
{
    *out = value_map(template_call_arena(c));
    return true;
}

static const struct template_func engine[] = {
    { "include", include, 2, 2, "sv" }, { "lookup", lookup, 4, 4, "ssss" }, { "required", required, 2, 2, "sv" },
    { "tpl", tpl, 2, 2, "sv" },         { NULL, NULL, 0, 0, NULL },
};

static const struct template_func *const tables[] = { template_funcs_sprig, template_funcs_data, engine };

/* ---- cases --------------------------------------------------------------------------------------- */

static bool mentions(struct str template, const char *word)
{
    return str_find(template, str_c(word)) >= 0;
}

/* Charts' own objects and the limits of include are src/chart's. */
static bool belongs_here(const struct value *row)
{
    static const char *const keys[] = { "values_yaml", "files", "files_b64", "args", "work_files", "expect_b64" };
    static const char *const objects[] = { ".Files", ".Capabilities", ".Subcharts", ".Chart.", "range .", ":= . " };
    /* a line separator of Unicode in the values is folded by the YAML reader, which these values do not pass */
    if (str_find(case_str(value_get(row, "values"), "s"), S("\xe2\x80\xa8")) >= 0)
        return false;
    struct str template = case_str(row, "template"), mode = case_str(row, "mode");
    for (size_t i = 0; i < COUNT(keys); i++)
        if (value_get(row, keys[i])->kind != VALUE_NULL)
            return false;
    for (size_t i = 0; i < COUNT(objects); i++)
        if (mentions(template, objects[i]))
            return false;
    return (mode.n == 0 || str_is(mode, "raw")) && !mentions(case_str(row, "error"), "nested reference name")
           && !str_is(case_str(row, "name"), "range-x-end");
}

static struct value data_of(struct arena *a, const struct value *row)
{
    struct value dot = value_map(a), values = template_floats(a, value_get(row, "values"));
    if (values.kind != VALUE_MAP)
        values = value_map(a);
    values.tag = TEMPLATE_VALUES;
    dot.tag = TEMPLATE_VALUES;
    value_set(a, &dot, "Values", values);
    struct value release = value_map(a), template = value_map(a), chart = value_map(a);
    value_set_str(a, &release, "Name", S("rel"));
    value_set_str(a, &release, "Namespace", S("default"));
    value_set_str(a, &release, "Service", S("Helm"));
    value_set(a, &release, "IsInstall", value_bool(true));
    value_set(a, &release, "IsUpgrade", value_bool(false));
    value_set(a, &release, "Revision", value_int(1));
    value_set(a, &dot, "Release", release);
    value_set_str(a, &template, "Name", S("demo/templates/t.yaml"));
    value_set_str(a, &template, "BasePath", S("demo/templates"));
    template.tag = TEMPLATE_VALUES;
    value_set(a, &dot, "Template", template);
    value_set_str(a, &chart, "Name", S("demo"));
    value_set_str(a, &chart, "Version", S("1.2.3"));
    value_set(a, &dot, "Chart", chart);
    return dot;
}

static bool render(struct arena *a, const struct value *row, struct str *out, struct str *why)
{
    struct str name = S("demo/templates/t.yaml");
    struct template_failure failure = { 0 };
    struct template_options o = { .missing = TEMPLATE_MISSING_ZERO, .failure = &failure };
    struct buf b = { .a = a };
    struct value dot = data_of(a, row);
    struct template_set *set;
    struct err e = { 0 };
    bool ok = template_set_new(a, tables, COUNT(tables), &set, &e)
              && template_parse(set, name, case_str(row, "template"), &e)
              && template_execute(set, a, name, &dot, &o, &b, &e);
    *out = without_no_value(a, buf_str(&b));
    *why = failure.text.n > 0 ? failure.text : arena_str(a, str_c(e.text));
    return ok;
}

static void answers_case(void **state)
{
    const struct value *row = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str out, why;
    bool ok = render(&a, row, &out, &why);
    if (value_get(row, "error")->kind == VALUE_NULL) {
        assert_str(ok ? out : why, case_str(row, "expect"));
        return;
    }
    assert_false(ok);
    if (str_find(why, case_str(row, "error")) < 0)
        fail_msg("got:\n%.*s\nwanted:\n%.*s", STR(why), STR(case_str(row, "error")));
}

static int run_file(const char *path)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value file;
    if (!case_load(&a, path, &file))
        return 1;
    const struct value *rows = value_get(&file, "cases");
    struct CMUnitTest *tests = arena_new(&a, struct CMUnitTest, value_len(rows) + 1);
    size_t n = 0;
    for (size_t i = 0; i < value_len(rows); i++) {
        struct value *row = &rows->list->v[i];
        if (belongs_here(row))
            tests[n++] = (struct CMUnitTest){ arena_c(&a, case_str(row, "name")), answers_case, NULL, NULL, row };
    }
    return _cmocka_run_group_tests(path, tests, n, NULL, NULL);
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++)
        failed |= run_file(argv[i]);
    return failed;
}
