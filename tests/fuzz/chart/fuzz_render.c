/*
 * Template source with everything that a chart has: all functions, include and tpl, .Files, .Capabilities, a subchart.
 * The template stands up to the first NUL byte, values.yaml behind it.
 */
#include <assert.h>

#include "chart/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct arena *a, struct chart_files *files, struct str name, struct str text)
{
    chart_files_add(a, files, name, text);
}

static struct chart_files some_chart(struct arena *a, struct str template, struct str values)
{
    struct chart_files f = { 0 };

    add(a, &f, S("Chart.yaml"),
        S("apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: \"4\"\nannotations: {a: b}\nkeywords: [k]\n"));
    add(a, &f, S("values.yaml"), values);
    add(a, &f, S("conf/a.txt"), S("one\ntwo\n"));
    add(a, &f, S("conf/b.json"), S("{\"a\": [1, 2.5, null], \"b\": {\"c\": \"d\"}}"));
    add(a, &f, S("templates/_helpers.tpl"),
        S("{{ define \"name\" }}{{ .Values.s | default .Chart.Name | trunc 63 }}{{ end }}"
          "{{ define \"self\" }}{{ include \"self\" . }}{{ end }}{{ define \"empty\" }}{{ end }}"));
    add(a, &f, S("templates/t.yaml"), template);
    add(a, &f, S("charts/sub/Chart.yaml"), S("apiVersion: v2\nname: sub\nversion: 0.1.0\n"));
    add(a, &f, S("charts/sub/values.yaml"), S("x: 1\nglobal: {g: 2}\n"));
    add(a, &f, S("charts/sub/templates/_s.tpl"), S("{{ define \"sub\" }}{{ toYaml .Values }}{{ end }}"));
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str usual = S("l: [1, b, null, {k: v}]\nm: {a: {b: {c: 1}}, e: {}}\ns: \"text, more\"\nn: 3\n"
                               "f: 1.5\nt: true\nz: null\nbig: 1e20\nglobal: {g: 1}\n");
    CLEANUP(arena_close) struct arena a = { .cap = (size_t)1 << 30 };
    const struct chart_render o = { .release_name = S("fuzz"), .memory_max = 64 << 20, .steps_max = 20000 };
    struct str values = { (const char *)data, size < 8192 ? size : 8192 }, template;
    struct chart_rendered rendered;
    struct chart *c;
    struct err e = { 0 };

    str_split(&values, (struct str){ "\0", 1 }, &template);
    struct chart_files files = some_chart(&a, template, values.n > 0 ? values : usual);
    bool ok = chart_from_files(&a, &files, 0, &c, &e) && chart_render(&a, c, &o, &rendered, &e);
    assert(ok || e.text[0] != '\0');
    return 0;
}
