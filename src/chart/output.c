/*
 * chart/output.c - what `helm template` prints, as slices of what was rendered: a large chart's megabytes are not
 * copied.
 */
#include "chart/mistake_internal.h"

static void add(struct arena *a, struct chart_pieces *out, struct str piece)
{
    if (piece.n > 0)
        *vec_push(a, out) = piece;
}

static void add_document(struct arena *a, struct chart_pieces *out, struct str path, struct str text)
{
    add(a, out, S("---\n# Source: "));
    add(a, out, path);
    add(a, out, S("\n"));
    add(a, out, text);
    add(a, out, S("\n"));
}

/* Without the white space at its end. */
static void trim_end(struct chart_pieces *out)
{
    while (out->n > 0) {
        struct str *last = &out->v[out->n - 1], kept = go_trim_space(*last);
        if (kept.n > 0) {
            last->n = (size_t)(kept.p + kept.n - last->p);
            return;
        }
        out->n--;
    }
}

/* Helm trims the manifests as one text, ends them with a newline, and prints the hooks behind. */
void output_manifests(struct arena *a, struct chart_rendered *out)
{
    size_t i = 0;

    for (; i < out->n && !out->v[i].hook; i++)
        add_document(a, &out->output, out->v[i].source, out->v[i].text);
    trim_end(&out->output);
    add(a, &out->output, S("\n"));
    for (; i < out->n; i++)
        add_document(a, &out->output, out->v[i].source, out->v[i].text);
}

/* What Helm prints under --debug when a file is no YAML: every file, in no order of its own (here: by path). */
void output_files(struct arena *a, const struct rendered_files *files, struct chart_pieces *out)
{
    for (size_t i = files->n; i-- > 0;)
        if (go_trim_space(files->v[i].text).n > 0)
            add_document(a, out, files->v[i].name, files->v[i].text);
    trim_end(out);
    add(a, out, S("\n"));
}

struct str chart_output_text(struct arena *a, const struct chart_rendered *r)
{
    struct buf b = { .a = a };
    size_t n = 0;

    for (size_t i = 0; i < r->output.n; i++)
        n += r->output.v[i].n;
    buf_reserve(&b, n);
    for (size_t i = 0; i < r->output.n; i++)
        buf_add(&b, r->output.v[i]);
    return buf_str(&b);
}

/* ---- --show-only ---------------------------------------------------------------------------- */

/* The path below the chart's name in "# Source: NAME/PATH"; empty when the text has no such line. */
static struct str source_of(struct str text)
{
    static const struct str mark = { "# Source: ", 10 };

    for (ptrdiff_t at; (at = str_find(text, mark)) >= 0;) {
        text = str_slice(text, (size_t)at + mark.n, text.n);
        struct str line = text, rest = text, name;
        str_split(&rest, S("\n"), &line);
        if (str_split(&line, S("/"), &name) && name.n > 0 && line.n > 0)
            return line;
    }
    return S("");
}

static void explain_show_only(struct arena *a, const struct str *texts, size_t n, struct str wanted,
                              struct chart_mistakes *mistakes)
{
    struct str *sources = arena_new(a, struct str, n);

    for (size_t i = 0; i < n; i++)
        sources[i] = source_of(texts[i]);
    struct str meant = did_you_mean(a, wanted, sources, n);
    *vec_push(a, mistakes) = (struct chart_mistake){
        .file = S("--show-only"),
        .column = 1,
        .source = wanted,
        .width = wanted.n,
        .hint =
            arena_fmt(a, "no document comes from it (a template may make none); paths look like templates/web.yaml%.*s",
                      STR(meant))
    };
}

/* --show-only: the documents whose path fits, in the order of the flags. */
bool output_show_only(struct arena *a, const struct chart_render *o, struct chart_rendered *out, struct err *e)
{
    struct chart_pieces chosen = { 0 };
    struct str *texts;
    size_t n;

    documents_split(a, chart_output_text(a, out), &texts, &n);
    for (size_t i = 0; i < o->n_show_only; i++) {
        bool missing = true, bad;
        for (size_t k = 0; k < n; k++) {
            struct str source = source_of(texts[k]);
            if (source.n == 0 || !path_match(o->show_only[i], source, &bad))
                continue;
            add(a, &chosen, S("---\n"));
            add(a, &chosen, texts[k]);
            add(a, &chosen, S("\n"));
            missing = false;
        }
        if (missing)
            explain_show_only(a, texts, n, o->show_only[i], &out->mistakes);
        if (missing)
            return err_set(e, ERR_NOT_FOUND, "could not find template %.*s in chart", STR(o->show_only[i]));
    }
    out->output = chosen;
    return true;
}
