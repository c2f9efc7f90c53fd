/*
 * chart/mistake_values.c - values that do not fit: the file or the flag in which each of them stands.
 */
#include "chart/mistake_internal.h"
#include "chart/schema.h"
#include "data/yaml_locate.h"

enum { SHOWN_FINDINGS = 5 };

/* ---- where a value comes from --------------------------------------------------------------- */

struct origin {
    struct str file, text;
    bool flag;
    size_t known;            /* names of the path that are there */
    struct yaml_place place; /* for a flag: column 1 from its key on */
};

static struct str join(struct arena *a, const struct str *path, size_t n)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "%s%.*s", i > 0 ? "." : "", STR(path[i]));
    return buf_str(&b);
}

/* "a.b=1,c=2" sets a.b: its key begins the text or follows a comma. */
static bool flag_sets(struct str text, struct str key, unsigned *column)
{
    for (size_t from = 0; from < text.n;) {
        ptrdiff_t at = str_find(str_slice(text, from, text.n), key);
        if (at < 0)
            return false;
        size_t start = from + (size_t)at, end = start + key.n;
        bool begins = start == 0 || text.p[start - 1] == ',',
             ends = end == text.n || strchr("=.[", text.p[end]) != NULL;
        *column = (unsigned)start + 1;
        if (begins && ends)
            return true;
        from = end;
    }
    return false;
}

/* A source that has more of the path than the best one so far takes its place. The first `skipped` names are those of
 * charts around the one whose file this is. */
static void look_into(struct arena *a, struct origin o, const struct str *path, size_t n, size_t skipped,
                      struct origin *best)
{
    if (!o.flag) {
        yaml_locate(o.text, path + skipped, n - skipped, &o.place, &o.known);
        o.known += o.known > 0 ? skipped : 0;
    } else {
        o.place.line = 0;
        o.known = flag_sets(o.text, join(a, path, n), &o.place.column) ? n : 0;
    }
    if (o.known > best->known || best->file.n == 0)
        *best = o;
}

/* The values.yaml of the chart and of those around it, which win: they are asked first. Returns how many there are
 * around it. */
static size_t look_into_charts(struct arena *a, const struct chart *c, const struct str *path, size_t n,
                               struct origin *best)
{
    size_t skipped = c->parent != NULL ? look_into_charts(a, c->parent, path, n, best) + 1 : 0;
    struct origin o = { .file = arena_fmt(a, "%.*s/values.yaml", STR(chart_full_path(a, c))), .text = c->values_text };

    if (c->has_values_text && best->known < n)
        look_into(a, o, path, n, skipped, best);
    return skipped;
}

/* What Helm takes last is asked first. */
static struct origin origin_of(struct arena *a, const struct chart *c, const struct chart_render *o,
                               const struct str *path, size_t n)
{
    struct origin best = { 0 };

    for (size_t i = o->n_sources; i-- > 0 && best.known < n;) {
        const struct chart_value_source *s = &o->sources[i];
        look_into(a, (struct origin){ .file = s->name, .text = s->text, .flag = s->flag }, path, n, 0, &best);
    }
    if (best.known < n)
        look_into_charts(a, c, path, n, &best);
    return best;
}

/* ---- findings ------------------------------------------------------------------------------- */

/* RFC 6901: ~1 is a slash, ~0 a tilde. */
static struct str token_of(struct arena *a, struct str escaped)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < escaped.n; i++) {
        bool escape = escaped.p[i] == '~' && i + 1 < escaped.n;
        if (escape)
            i++;
        buf_byte(&b, !escape ? escaped.p[i] : escaped.p[i] == '1' ? '/' : '~');
    }
    return buf_str(&b);
}

/* The tokens of a JSON pointer behind the names of the charts above. */
static struct str *path_of(struct arena *a, const struct chart *c, struct str pointer, size_t *n)
{
    VEC(struct str) path = { 0 };
    struct str part;

    for (const struct chart *up = c; up->parent != NULL; up = up->parent)
        *vec_push(a, &path) = up->name;
    for (size_t i = 0; i < path.n / 2; i++) {
        struct str swap = path.v[i];
        path.v[i] = path.v[path.n - 1 - i];
        path.v[path.n - 1 - i] = swap;
    }
    str_cut(&pointer, 1);
    while (pointer.n > 0) {
        str_split(&pointer, S("/"), &part);
        *vec_push(a, &path) = token_of(a, part);
    }
    *n = path.n;
    return path.v;
}

/* "additional properties 'x' not allowed" and "missing property 'x'" are about a member of the value. */
static struct str member_in(struct str message)
{
    struct str name;

    if (!str_split(&message, S("'"), &name) || !str_split(&message, S("'"), &name))
        return S("");
    return name;
}

/* The rest of the line, or of the flag's one value. */
static size_t value_width(struct str source, unsigned column, bool flag)
{
    struct str rest = str_slice(source, column - 1, source.n), value = rest;

    if (flag)
        str_split(&rest, S(","), &value);
    return str_trim(value).n;
}

static void explain_finding(struct arena *a, const struct chart *c, const struct chart_render *o,
                            const struct finding *f, struct chart_mistakes *out)
{
    size_t n;
    struct str *path = path_of(a, c, f->at, &n);
    bool extra = str_starts(f->message, S("additional properties"));
    struct str member = extra ? member_in(f->message) : S("");
    struct str *whole = arena_new(a, struct str, n + 1);

    if (n > 0)
        memcpy(whole, path, sizeof *whole * n);
    whole[n] = member;
    n += member.n > 0;
    struct origin from = origin_of(a, c, o, whole, n);
    struct str shown = join(a, whole, n);
    struct chart_mistake *m = mistake_at_line(a, out, from.file, from.text, from.place.line, from.place.column);
    if (from.known == 0) /* it is nowhere, or in no file that is known */
        *m = (struct chart_mistake){ .file = from.file };
    if (from.flag)
        m->line = 0;
    m->width = from.known == n && m->column > 0 ? value_width(m->source, m->column, from.flag) : 0;
    m->hint = arena_fmt(a, "%.*s%s%.*s (values.schema.json of %.*s)", STR(shown), n > 0 ? ": " : "", STR(f->message),
                        STR(c->name));
}

/* The leaves say what is wrong; what stands above them only names the keyword. */
static void explain_findings(struct arena *a, const struct chart *c, const struct chart_render *o,
                             const struct findings *list, struct chart_mistakes *out)
{
    for (size_t i = 0; i < list->n && out->n < SHOWN_FINDINGS; i++) {
        if (list->v[i].causes.n > 0)
            explain_findings(a, c, o, &list->v[i].causes, out);
        else
            explain_finding(a, c, o, &list->v[i], out);
    }
}

static void explain_schema_text(struct arena *a, const struct chart *c, struct str message, struct chart_mistakes *out)
{
    struct str file = arena_fmt(a, "%.*s/values.schema.json", STR(chart_full_path(a, c)));

    if (!mistake_at_yaml(a, out, file, c->schema, message))
        mistake_at_line(a, out, file, c->schema, 1, 0);
    out->v[out->n - 1].hint = message;
}

void explain_schema(struct arena *a, const struct chart *c, const struct value *values, const struct chart_render *o,
                    struct chart_mistakes *out)
{
    struct schema_document d;
    struct findings found = { 0 };
    struct err e = { 0 };

    if (c->has_schema) {
        if (!schema_open(a, c->schema, &d, &e) || !schema_validate(&d, values, &found, &e))
            explain_schema_text(a, c, arena_str(a, str_c(e.text)), out);
        explain_findings(a, c, o, &found, out);
    }
    for (size_t i = 0; i < c->n_charts; i++) {
        const struct value *section = map_get(values->map, c->charts[i]->name);
        if (section != NULL && section->kind == VALUE_MAP)
            explain_schema(a, c->charts[i], section, o, out);
    }
}

/* ---- values that cannot be read ------------------------------------------------------------- */

/* A flag's key stands in quotes in the message. */
static void explain_flag(struct arena *a, const struct chart_value_source *s, struct str message,
                         struct chart_mistakes *out)
{
    struct str key = quoted_part(message);
    ptrdiff_t at = key.n > 0 ? str_find(s->text, key) : -1;
    struct chart_mistake *m = mistake_at(a, out, s->name, s->text, at < 0 ? 0 : (size_t)at, at < 0 ? s->text.n : key.n);

    m->line = 0;
    if (str_find(message, S("cannot end with ,")) >= 0)
        m->hint = S("a key without = stands before a comma: a comma inside a value is written \\,");
    else if (str_find(message, S("has no value")) >= 0)
        m->hint = S("key=value is needed");
    else if (str_find(message, S("list index")) >= 0)
        m->hint = S("an index is a whole number from 0 on: name[0]");
    else if (str_find(message, S("interface conversion")) >= 0)
        m->hint = S("the key is set to something else by another flag");
    else if (str_find(message, S("json")) >= 0)
        m->hint =
            S("what follows the = must be JSON: text in double quotes, {...}, [...], a number, true, false or null");
    else
        m->hint = hint_of(a, message);
}

void chart_explain_values(struct arena *a, const struct chart_value_source *s, struct str message,
                          struct chart_mistakes *out)
{
    if (s->flag)
        explain_flag(a, s, message, out);
    else if (!mistake_at_yaml(a, out, s->name, s->text, message))
        mistake_at_line(a, out, s->name, s->text, 1, 0)->hint = hint_of(a, message);
}
