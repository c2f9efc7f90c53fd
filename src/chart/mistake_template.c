/*
 * chart/mistake_template.c - templates that cannot be parsed or fail: the expression in its line, and why.
 */
#include "chart/mistake_internal.h"

/* ---- parsing -------------------------------------------------------------------------------- */

/* Up to the end of the word at `at`, or of a whole parenthesis. */
static size_t word_width(struct str text, size_t at)
{
    size_t i = at, open = 0;

    while (i < text.n && text.p[i] != '\n') {
        char c = text.p[i];
        bool ends = c == ' ' || c == ')' || c == '|' || c == '}';
        if (open == 0 && i > at && ends)
            break;
        open += c == '(';
        open -= c == ')' && open > 0;
        i++;
    }
    return i - at;
}

/* A name at the start of a line "name: value" is no function: the action above it was not closed. */
static bool is_yaml_key(struct str text, size_t at, size_t width)
{
    return str_starts(str_slice(text, at + width, text.n), S(":"));
}

static struct str hint_of_parse(struct arena *a, const struct template_set *set, struct str message)
{
    struct str *names, word = quoted_part(message);
    size_t n;

    if (str_find(message, S("function \"")) < 0)
        return hint_of(a, message);
    template_func_names(set, a, &names, &n);
    struct str meant = did_you_mean(a, word, names, n);
    return arena_fmt(a, "there is no function %.*s%.*s%s", STR(word), STR(meant),
                     meant.n == 0 ? "; text needs quotes, a value begins with a dot" : "");
}

void explain_parse(struct arena *a, const struct template_set *set, struct str file, struct str text,
                   struct str message, struct chart_mistakes *out)
{
    size_t width, at = template_stumbled_at(set, &width), opened;

    if (str_find(message, S("unexpected EOF")) >= 0 && template_unclosed(a, text, &opened)) {
        struct str rest = str_slice(text, opened, text.n), action;
        str_split(&rest, S("}}"), &action);
        mistake_at(a, out, file, text, opened, action.n + 2)->hint =
            S("this block has no {{ end }} before the file ends");
        return;
    }
    at = at < text.n ? at : text.n;
    struct chart_mistake *m = mistake_at(a, out, file, text, at, width > 0 ? width : word_width(text, at));
    if (str_find(message, S("function \"")) >= 0 && is_yaml_key(text, at, width))
        m->hint = S("this line was read as part of the action above: its closing }} is missing");
    else
        m->hint = hint_of_parse(a, set, message);
}

/* ---- the failing expression ----------------------------------------------------------------- */

/* "FILE:LINE:COLUMN", the column from 0; the file may have colons itself. */
static bool split_location(struct str location, struct str *file, int64_t *line, int64_t *column)
{
    ptrdiff_t second = str_rfind(location, S(":"));
    ptrdiff_t first = second < 0 ? -1 : str_rfind(str_slice(location, 0, (size_t)second), S(":"));

    if (first < 0)
        return false;
    *file = str_slice(location, 0, (size_t)first);
    return str_to_int(str_slice(location, (size_t)first + 1, (size_t)second), line)
           && str_to_int(str_slice(location, (size_t)second + 1, location.n), column);
}

/* Where the expression stands: the engine points into its middle, at the name behind the first dot. */
static size_t expression_start(struct str text, size_t at, struct str node)
{
    for (size_t back = 0; back <= node.n && back <= at; back++)
        if (str_starts(str_slice(text, at - back, text.n), node))
            return at - back;
    return at;
}

/* ---- why ------------------------------------------------------------------------------------ */

/* Cut "Values" and the names behind it off a node such as ".Values.image.tag" or "$.Values.image"; false for others. */
static bool values_path(struct str node, struct str *rest)
{
    if (str_starts(node, S("$")))
        str_cut(&node, 1);
    if (!str_starts(node, S(".Values.")))
        return false;
    *rest = str_slice(node, sizeof ".Values." - 1, node.n);
    return true;
}

static struct str keys_of(struct arena *a, const struct map *m)
{
    struct buf b = { .a = a };

    if (m->n == 0)
        return S("; there is nothing around it");
    buf_c(&b, "; there is ");
    for (size_t i = 0; i < m->n && i < 8; i++)
        buf_fmt(&b, "%s%.*s", i > 0 ? ", " : "", STR(m->v[i].key));
    if (m->n > 8)
        buf_c(&b, ", ...");
    return buf_str(&b);
}

static struct str near_key(struct arena *a, struct str prefix, struct str name, const struct map *m)
{
    struct str *names = arena_new(a, struct str, m->n + 1);

    for (size_t i = 0; i < m->n; i++)
        names[i] = m->v[i].key;
    ptrdiff_t i = str_nearest(name, names, m->n);
    if (i < 0)
        return keys_of(a, m);
    return arena_fmt(a, "; did you mean %.*s.%.*s?", STR(prefix), STR(names[i]));
}

/* Numbers are shown; texts are not, for one may be a secret and a server's messages are read by many. */
static struct str shown_value(struct arena *a, const struct value *v)
{
    struct buf b = { .a = a };

    if (v->kind == VALUE_BOOL || v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        template_print(&b, v);
        return buf_str(&b);
    }
    return str_c(v->kind == VALUE_STRING ? "a text" : v->kind == VALUE_MAP ? "a map" : "a list");
}

/* What stands in the values at the path that a node names, up to and without the field `last`. */
static struct str hint_of_path(struct arena *a, const struct value *values, struct str node, struct str last)
{
    struct str rest, name, prefix = S(".Values");
    const struct value *v = values;

    if (!values_path(node, &rest))
        return S("");
    while (rest.n > 0) {
        str_split(&rest, S("."), &name);
        if (v->kind != VALUE_MAP)
            return arena_fmt(a, "%.*s is %.*s, not a map", STR(prefix), STR(shown_value(a, v)));
        const struct value *there = map_get(v->map, name);
        struct str path = arena_fmt(a, "%.*s.%.*s", STR(prefix), STR(name));
        if (there == NULL || there->kind == VALUE_NULL)
            return arena_fmt(a, "%.*s is %s%.*s", STR(path), there == NULL ? "not set" : "null",
                             STR(there == NULL ? near_key(a, prefix, name, v->map) : S("")));
        v = there;
        prefix = path;
        if (str_eq(name, last) && rest.n == 0)
            break;
    }
    return arena_fmt(a, "%.*s is %.*s", STR(prefix), STR(shown_value(a, v)));
}

static struct str hint_of_nil(struct arena *a, const struct value *values, struct str node, struct str field)
{
    struct str why = hint_of_path(a, values, node, field);
    ptrdiff_t dot = str_rfind(node, S("."));

    if (why.n > 0)
        return why;
    return arena_fmt(a, "%.*s is null or not set: guard it with {{ with }}, or set it in the values",
                     STR(dot > 0 ? str_slice(node, 0, (size_t)dot) : S("what stands before the dot")));
}

static struct str hint_of_missing_template(struct arena *a, const struct template_set *set, struct str cause)
{
    struct str *names, word = quoted_part(cause);
    size_t n;

    template_names(set, a, &names, &n);
    struct str meant = did_you_mean(a, word, names, n);
    return arena_fmt(a, "no file defines the template \"%.*s\"%.*s%s", STR(word), STR(meant),
                     meant.n == 0 ? "; is the chart that defines it missing in charts/?" : "");
}

/* The first ".Values.a.b" in a line of a template. */
static bool values_in_line(struct str line, struct str *path)
{
    ptrdiff_t at = str_find(line, S(".Values."));
    size_t n = 0;

    if (at < 0)
        return false;
    struct str rest = str_slice(line, (size_t)at + sizeof ".Values." - 1, line.n);
    while (n < rest.n && memchr(" )|}", rest.p[n], 4) == NULL)
        n++;
    *path = str_slice(rest, 0, n);
    return n > 0;
}

static struct str hint_of_demand(struct arena *a, const struct chart_mistake *m)
{
    struct str path;

    if (str_find(m->source, S("required")) >= 0 && values_in_line(m->source, &path))
        return arena_fmt(a, "set it in a values file, or with --set %.*s=...", STR(path));
    return S("the chart itself refuses: its own words stand in the message");
}

/* {{ range }} and {{ with }} change the dot: the chart's data is then behind $. */
static bool is_top_field(struct str name)
{
    static const char *const names[] = {
        "Values", "Release", "Chart", "Files", "Capabilities", "Template", "Subcharts"
    };

    for (size_t i = 0; i < COUNT(names); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static struct str hint_of_field(struct arena *a, const struct value *values, struct str node, struct str name)
{
    if (is_top_field(name))
        return arena_fmt(a,
                         "the dot is not the chart's data here (range, with and the argument of include change it): "
                         "write $.%.*s",
                         STR(name));
    struct str why = hint_of_path(a, values, node, name);
    return why.n > 0 ? why : S("only maps have fields, and the dot is something else here (range and with change it)");
}

static struct str hint_of_execution(struct arena *a, const struct template_set *set, const struct value *values,
                                    struct str node, struct str cause);

/* What failed inside the text that tpl was given stands at the end of the message. */
static bool hint_inside_tpl(struct arena *a, const struct template_set *set, const struct value *values,
                            struct str cause, struct str *out)
{
    static const struct str mark = { "executing \"gotpl\" at <", 22 };
    ptrdiff_t at = str_rfind(cause, mark);
    struct str node, rest = str_slice(cause, (size_t)at + mark.n, cause.n);

    if (at < 0 || !str_split(&rest, S(">: "), &node))
        return false;
    *out = arena_fmt(a, "in the text given to tpl, at <%.*s>: %.*s", STR(node),
                     STR(hint_of_execution(a, set, values, node, rest)));
    return true;
}

static struct str hint_of_execution(struct arena *a, const struct template_set *set, const struct value *values,
                                    struct str node, struct str cause)
{
    struct str inside, nil = S("nil pointer evaluating interface {}.");
    struct str field = S("can't evaluate field ");

    if (hint_inside_tpl(a, set, values, cause, &inside))
        return inside;
    if (str_starts(cause, nil) && is_top_field(str_slice(cause, nil.n, cause.n)))
        return hint_of_field(a, values, node, str_slice(cause, nil.n, cause.n));
    if (str_starts(cause, nil))
        return hint_of_nil(a, values, node, str_slice(cause, nil.n, cause.n));
    if (str_find(cause, S("no template \"")) >= 0 || str_starts(cause, S("template \"")))
        return hint_of_missing_template(a, set, cause);
    if (str_starts(cause, field)) {
        struct str rest = str_slice(cause, field.n, cause.n), name;
        str_split(&rest, S(" "), &name);
        return hint_of_field(a, values, node, name);
    }
    struct str hint = hint_of(a, cause), why = hint_of_path(a, values, node, S(""));
    if (hint.n > 0 && why.n > 0)
        return arena_fmt(a, "%.*s; %.*s", STR(why), STR(hint));
    return hint.n > 0 ? hint : why;
}

void explain_execution(struct arena *a, const struct template_set *set, const struct value *values,
                       const struct template_failure *f, bool demanded, struct chart_mistakes *out)
{
    const struct template_level *level = &f->levels[0];
    struct str file, text;
    int64_t line, column;

    if (f->n_levels == 0 || !split_location(level->location, &file, &line, &column) || !template_text(set, file, &text))
        return;
    size_t at = line_start(text, (unsigned)line) + (size_t)column;
    size_t start = expression_start(text, at, level->node);
    bool as_written = str_starts(str_slice(text, start, text.n), level->node);
    struct chart_mistake *m =
        mistake_at(a, out, file, text, start, as_written ? level->node.n : word_width(text, start));
    m->hint = demanded ? hint_of_demand(a, m) : hint_of_execution(a, set, values, level->node, f->cause);
}
