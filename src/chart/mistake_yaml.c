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
    while (start < end && (text.p[start] == ' ' || text.p[start] == '\t'))
        start++;
    return start;
}

/* The line of the template that became line `line` of the output. */
static struct chart_mistake *at_template(struct arena *a, const struct template_trace *t, unsigned line,
                                         struct chart_mistakes *out)
{
    size_t begin = line_start(t->output, line), end = line_start(t->output, line + 1);
    size_t start = first_letter(t->output, begin, end);
    ptrdiff_t i = piece_to_blame(t, start, end > start ? end : start + 1);

    if (i < 0)
        return NULL;
    const struct template_mark *m = &t->v[i];
    size_t at = m->at + (m->literal && start > m->out ? start - m->out : 0);
    return mistake_at(a, out, m->file, m->text, at, m->literal ? 0 : expression_width(m->text, m->at));
}

/* ---- the document --------------------------------------------------------------------------- */

/* The line of the document that the message is about, from 1. */
static unsigned line_at_fault(struct str document)
{
    struct yaml_place place;

    return yaml_locate_error(document, &place) ? place.line : 1;
}

void explain_document(struct arena *a, struct str path, struct str file, struct str document, struct str message,
                      const struct template_trace *trace, struct chart_mistakes *out)
{
    size_t offset = (size_t)(document.p - file.p);
    unsigned first = line_at(file, offset), line = first + line_at_fault(document) - 1;
    unsigned from = line > first + LINES_BEFORE ? line - LINES_BEFORE : first;
    struct chart_mistake *m = at_template(a, trace, line, out);

    if (m == NULL)
        m = mistake_at_line(a, out, arena_fmt(a, "%.*s (as rendered)", STR(path)), file, line, 0);
    m->rendered = lines_shown(a, file, from, line + LINES_AFTER, line);
    m->hint = hint_of(a, message);
}
