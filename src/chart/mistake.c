/*
 * chart/mistake.c - makes and prints mistakes; the files mistake_*.c know the kinds of them.
 */
#include "chart/mistake_internal.h"
#include "data/yaml_locate.h"

#define SHOWN_MAX 160 /* bytes of a line that are shown; a longer one is cut around the mark */

/* ---- lines ---------------------------------------------------------------------------------- */

size_t line_start(struct str text, unsigned line)
{
    size_t at = 0;

    for (; line > 1 && at < text.n; line--) {
        const char *end = memchr(text.p + at, '\n', text.n - at);
        at = end != NULL ? (size_t)(end - text.p) + 1 : text.n;
    }
    return at;
}

unsigned line_at(struct str text, size_t offset)
{
    unsigned line = 1;

    for (size_t i = 0; i < offset && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static struct str line_from(struct str text, size_t start)
{
    struct str rest = str_slice(text, start, text.n), line;

    str_split(&rest, S("\n"), &line);
    if (str_ends(line, S("\r")))
        line.n--;
    return line;
}

struct str lines_shown(struct arena *a, struct str text, unsigned from, unsigned to, unsigned at)
{
    struct buf b = { .a = a };
    size_t start = line_start(text, from);

    for (unsigned i = from; i <= to && start < text.n; i++) {
        struct str line = line_from(text, start);
        buf_fmt(&b, "%s%4u | %.*s%s\n", i == at ? ">" : " ", i, STR(str_slice(line, 0, SHOWN_MAX)),
                line.n > SHOWN_MAX ? " ..." : "");
        const char *end = memchr(text.p + start, '\n', text.n - start);
        start = end != NULL ? (size_t)(end - text.p) + 1 : text.n;
    }
    return buf_str(&b);
}

/* ---- places --------------------------------------------------------------------------------- */

struct chart_mistake *mistake_at(struct arena *a, struct chart_mistakes *out, struct str file, struct str text,
                                 size_t offset, size_t width)
{
    struct chart_mistake *m = vec_push(a, out);
    size_t start = offset < text.n ? offset : text.n;

    while (start > 0 && text.p[start - 1] != '\n')
        start--;
    *m = (struct chart_mistake){ .file = file,
                                 .line = line_at(text, start),
                                 .column = (unsigned)(offset - start) + 1,
                                 .source = line_from(text, start),
                                 .width = width };
    return m;
}

struct chart_mistake *mistake_at_line(struct arena *a, struct chart_mistakes *out, struct str file, struct str text,
                                      unsigned line, unsigned column)
{
    size_t start = line_start(text, line), offset = start;

    if (column > 0)
        offset += utf8_prefix(str_slice(text, start, text.n), column - 1).n; /* in characters */
    else
        while (offset < text.n && text.p[offset] == ' ')
            offset++;
    return mistake_at(a, out, file, text, offset < text.n ? offset : text.n, 0);
}

struct chart_mistake *mistake_at_key(struct arena *a, struct chart_mistakes *out, struct str file, struct str text,
                                     const struct str *path, size_t n)
{
    struct yaml_place place = { 1, 1 };
    size_t known;

    yaml_locate(text, path, n, &place, &known);
    struct chart_mistake *m = mistake_at_line(a, out, file, text, place.line, place.column);
    m->width = known == n && known > 0 ? str_trim(str_slice(m->source, m->column - 1, m->source.n)).n : 0;
    if (known == 0) /* the line says nothing about a key that is missing */
        m->source = S("");
    return m;
}

/* The number behind "yaml: line "; 0 when there is none. */
static unsigned line_in(struct str message)
{
    static const struct str mark = { "line ", 5 };
    ptrdiff_t at = str_find(message, mark);
    unsigned line = 0;

    for (size_t i = (size_t)at + mark.n; at >= 0 && i < message.n && message.p[i] >= '0' && message.p[i] <= '9'; i++)
        line = line * 10 + (unsigned)(message.p[i] - '0');
    return line;
}

bool mistake_at_yaml(struct arena *a, struct chart_mistakes *out, struct str file, struct str text, struct str message)
{
    struct yaml_place place = { 0 };
    bool broken = yaml_locate_error(text, &place);

    if (!broken)
        place = (struct yaml_place){ line_in(message), 0 };
    if (place.line == 0)
        return false;
    mistake_at_line(a, out, file, text, place.line, place.column)->hint = hint_of(a, message);
    return true;
}

/* ---- printing ------------------------------------------------------------------------------- */

/* A long line is cut to what stands around the mark. */
static struct str cut_line(const struct chart_mistake *m, size_t *column)
{
    size_t from = 0;

    *column = m->column > 0 ? m->column - 1 : 0;
    if (m->source.n > SHOWN_MAX && *column > SHOWN_MAX / 2)
        from = *column - SHOWN_MAX / 2;
    *column -= from;
    return str_slice(m->source, from, from + SHOWN_MAX);
}

/* The caret's line repeats the tabs of the line above, so that both are as wide. */
static void print_caret(struct buf *out, struct str line, size_t column, size_t width)
{
    buf_c(out, "      | ");
    for (size_t i = 0; i < column; i++)
        if (i >= line.n || ((uint8_t)line.p[i] & 0xc0) != 0x80)
            buf_byte(out, i < line.n && line.p[i] == '\t' ? '\t' : ' ');
    struct str meant = str_slice(line, column, column + width);
    size_t marks = utf8_count(meant);
    buf_fill(out, '^', marks > 0 ? marks : 1);
    buf_byte(out, '\n');
}

static void print_place(struct buf *out, const struct chart_mistake *m)
{
    buf_add(out, m->file);
    if (m->line > 0)
        buf_fmt(out, ":%u", m->line);
    if (m->column > 0)
        buf_fmt(out, ":%u", m->column);
}

static void print_one(struct buf *out, const struct chart_mistake *m)
{
    size_t column;
    struct str line = cut_line(m, &column);

    if (m->file.n > 0) {
        print_place(out, m);
        buf_byte(out, '\n');
    }
    if (line.n > 0 && m->line > 0)
        buf_fmt(out, " %4u | %.*s\n", m->line, STR(line));
    else if (line.n > 0)
        buf_fmt(out, "      | %.*s\n", STR(line));
    if (line.n > 0 && m->column > 0)
        print_caret(out, line, column, m->width);
    if (m->rendered.n > 0)
        buf_fmt(out, "  which became:\n%.*s", STR(m->rendered));
    if (m->hint.n > 0)
        buf_fmt(out, "  hint: %.*s\n", STR(m->hint));
}

void chart_mistakes_print(struct buf *out, const struct chart_mistakes *list)
{
    for (size_t i = 0; i < list->n; i++)
        print_one(out, &list->v[i]);
}

struct str chart_mistakes_line(struct arena *a, const struct chart_mistakes *list)
{
    struct buf b = { .a = a };

    if (list->n == 0)
        return S("");
    const struct chart_mistake *m = &list->v[0];
    print_place(&b, m);
    if (m->width > 0 && m->column > 0)
        buf_fmt(&b, "%s`%.*s`", b.n > 0 ? ": " : "",
                STR(str_slice(m->source, m->column - 1, m->column - 1 + m->width)));
    if (m->hint.n > 0)
        buf_fmt(&b, "%s%.*s", b.n > 0 ? ": " : "", STR(m->hint));
    return buf_str(&b);
}
