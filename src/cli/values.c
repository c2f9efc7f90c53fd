/* Values from the command line: files first, then the --set flags kind by kind. */
#include "cli/values.h"

#include "chart/chart.h"

struct str *cli_split_commas(struct arena *a, const struct cli_words *w, size_t *n)
{
    VEC(struct str) out = { 0 };

    for (size_t i = 0; i < w->n; i++) {
        struct str rest = str_c(w->v[i]), part;
        bool more = rest.n > 0; /* an empty flag names nothing */
        while (more) {
            more = str_split(&rest, S(","), &part);
            *vec_push(a, &out) = part;
        }
    }
    *n = out.n;
    return out.v;
}

static bool add_file(struct arena *a, struct cli_values *v, struct str path, struct value *values, struct err *e)
{
    struct str text;
    struct value one;

    if (!chart_read_value_file(a, path, &text, e)) {
        chart_explain_path(a, arena_c(a, path), &v->mistakes);
        return false;
    }
    struct chart_value_source *s = &v->sources[v->n_sources++];
    *s = (struct chart_value_source){ .name = path, .text = text };
    if (!chart_values_parse(a, text, &one, e)) {
        chart_explain_values(a, s, arena_str(a, str_c(e->text)), &v->mistakes);
        return err_wrap(e, "failed to parse %.*s", STR(path));
    }
    *values = chart_merge_values(a, values, &one);
    return true;
}

static bool add_flag(struct arena *a, struct cli_values *v, enum chart_set_kind kind, struct chart_value_source flag,
                     const struct value *values, struct err *e)
{
    v->sources[v->n_sources++] = flag;
    if (chart_set(a, values, kind, flag.text, e))
        return true;
    chart_explain_values(a, &flag, arena_str(a, str_c(e->text)), &v->mistakes);
    return false;
}

bool cli_values_gather(struct arena *a, struct cli_values *v, struct value *out, struct err *e)
{
    const struct {
        const struct cli_words *words;
        enum chart_set_kind kind;
        const char *name;
    } sets[] = { /* in Helm's order, whatever the order on the command line */
                 { &v->set_json, CHART_SET_JSON, "--set-json" },
                 { &v->set, CHART_SET, "--set" },
                 { &v->set_string, CHART_SET_STRING, "--set-string" },
                 { &v->set_file, CHART_SET_FILE, "--set-file" },
                 { &v->set_literal, CHART_SET_LITERAL, "--set-literal" }
    };
    size_t n, flags = 0;
    struct str *files = cli_split_commas(a, &v->files, &n);

    for (size_t i = 0; i < COUNT(sets); i++)
        flags += sets[i].words->n;
    v->sources = arena_new(a, struct chart_value_source, n + flags);

    *out = value_map(a);
    for (size_t i = 0; i < n; i++)
        if (!add_file(a, v, files[i], out, e))
            return false;
    for (size_t i = 0; i < COUNT(sets); i++)
        for (size_t k = 0; k < sets[i].words->n; k++)
            if (!add_flag(a, v, sets[i].kind,
                          (struct chart_value_source){ str_c(sets[i].name), str_c(sets[i].words->v[k]), true }, out, e))
                return false;
    return true;
}
