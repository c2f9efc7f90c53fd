/*
 * chart/mistake_yaml.c - rendered text that is no manifest: which line of which template made the line at fault.
 */
#include "chart/mistake_internal.h"
#include "data/yaml_locate.h"

/* Lines of output around the one at fault. */
enum { LINES_BEFORE = 2, LINES_AFTER = 1 };

/* ---- from a line of output to the template -------------------------------------------------- */

static bool only_blanks(struct str s)
{
    return str_trim(s).n == 0;
}

static struct str output_of(const struct template_trace *t, size_t i)
{
    return str_slice(t->output, t->v[i].out, i + 1 < t->n ? t->v[i + 1].out : t->output.n);
}

/* The piece of the template that is to blame for the bytes from `start` to `end` of the output: an action that printed
 * some of them, preferably; else the literal text in which the line begins. -1 when there is none. */
static ptrdiff_t piece_to_blame(const struct template_trace *t, size_t start, size_t end)
{
    ptrdiff_t literal = -1;

    for (size_t i = 0; i < t->n; i++) {
        size_t from = t->v[i].out, to = from + output_of(t, i).n;
        if (to <= start || from >= end)
            continue;
        struct str piece = str_slice(t->output, from > start ? from : start, to < end ? to : end);
        if (!t->v[i].literal && !only_blanks(piece))
            return (ptrdiff_t)i;
        if (t->v[i].literal && literal < 0)
            literal = (ptrdiff_t)i;
    }
    return literal;
}

static size_t indentation(struct str output, unsigned line)
{
    size_t start = line_start(output, line), n = 0;

    while (start + n < output.n && output.p[start + n] == ' ')
        n++;
    return n;
}

/* A line of the template itself that is indented deeper than the last of the several lines that an action printed
 * before it: it is the action's indentation that is wrong. Its position, or `i` as it was. */
static ptrdiff_t action_before(const struct template_trace *t, unsigned line, ptrdiff_t i)
{
    if (i < 0 || !t->v[i].literal || line < 2 || indentation(t->output, line) <= indentation(t->output, line - 1))
        return i;
    ptrdiff_t k = piece_to_blame(t, line_start(t->output, line - 1), line_start(t->output, line));
    if (k < 0 || t->v[k].literal || str_find(output_of(t, (size_t)k), S("\n")) < 0)
        return i;
    return k;
}

/* The action's expression, up to its closing delimiter. */
static size_t expression_width(struct str text, size_t at)
{
    struct str rest = str_slice(text, at, text.n), inside;

    str_split(&rest, S("}}"), &inside);
    if (str_ends(inside, S("-")))
        inside.n--;
    return str_trim(inside).n;
}

static size_t first_letter(struct str text, size_t start, size_t end)
{
    while (start < end && text.p[start] == ' ')
        start++;
    return start;
}

/* The line of the template that became line `line` of the output. */
static struct chart_mistake *at_template(struct arena *a, const struct template_trace *t, unsigned line,
                                         struct chart_mistakes *out)
{
    size_t begin = line_start(t->output, line), end = line_start(t->output, line + 1);
    size_t start = first_letter(t->output, begin, end);
    ptrdiff_t i = action_before(t, line, piece_to_blame(t, start, end > start ? end : start + 1));

    if (i < 0)
        return NULL;
    const struct template_mark *m = &t->v[i];
    size_t at = m->at + (m->literal && start > m->out ? start - m->out : 0);
    return mistake_at(a, out, m->file, m->text, at, m->literal ? 0 : expression_width(m->text, m->at));
}

/* ---- the document --------------------------------------------------------------------------- */

/* The key in "... Go struct field SimpleHead.kind of type ...", ".metadata.annotations": its names. */
static size_t names_in(struct str message, struct str names[4])
{
    static const struct str mark = { "Go struct field ", 16 };
    ptrdiff_t at = str_find(message, mark);
    struct str rest = str_slice(message, at < 0 ? message.n : (size_t)at + mark.n, message.n), path;
    size_t n = 0;

    str_split(&rest, S(" "), &path);
    str_split(&path, S("."), &rest); /* the struct's own name, if it has one */
    while (path.n > 0 && n < 4)
        str_split(&path, S("."), &names[n++]);
    return n;
}

/* The line of the document that the message is about, from 1. */
static unsigned line_at_fault(struct str document, struct str message)
{
    struct yaml_place place;
    struct str names[4];
    size_t known, n = names_in(message, names);

    if (yaml_locate_error(document, &place) || (n > 0 && yaml_locate(document, names, n, &place, &known)))
        return place.line;
    return 1;
}

void explain_document(struct arena *a, struct str path, struct str file, struct str document, struct str message,
                      const struct template_trace *trace, struct chart_mistakes *out)
{
    size_t offset = (size_t)(document.p - file.p);
    unsigned first = line_at(file, offset), line = first + line_at_fault(document, message) - 1;
    unsigned from = line > first + LINES_BEFORE ? line - LINES_BEFORE : first;
    struct chart_mistake *m = at_template(a, trace, line, out);

    if (m == NULL)
        m = mistake_at_line(a, out, arena_fmt(a, "%.*s (as rendered)", STR(path)), file, line, 0);
    m->rendered = lines_shown(a, file, from, line + LINES_AFTER, line);
    m->hint = hint_of(a, message);
}
