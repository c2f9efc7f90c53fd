/*
 * The reader of all YAML: tokens in, one tree out. Here are its messages and what surrounds nodes: directives,
 * documents, streams. The quick reader of simple texts (yaml_simple.c) comes first and leaves the rest.
 */
#include "data/yaml_reader.h"
#include "data/yaml_simple.h"

/* ---- errors --------------------------------------------------------------------------------------- */

static void set_at(struct err *e, const struct yaml_reader *r, enum err_kind kind, struct yaml_mark mark,
                   struct str text)
{
    if (r->name == NULL)
        err_set_(e, kind, "yaml: %.*s", STR(text));
    else
        err_set_(e, kind, "%s:%u:%u: %.*s", r->name, mark.line + 1, mark.column + 1, STR(text));
}

bool yaml_fail_at(struct yaml_reader *r, enum err_kind kind, struct yaml_mark mark, struct str text)
{
    set_at(r->e, r, kind, mark, text);
    r->failed_at = mark;
    return false;
}

void yaml_note(struct yaml_reader *r, enum yaml_step step, struct yaml_mark mark, struct str text)
{
    if (r->noted_step != YAML_STEP_NONE && r->noted_step <= step)
        return;
    r->noted_step = step;
    r->noted_at = mark;
    if (r->name == NULL && step != YAML_STEP_DECODE)
        err_set_(&r->noted, ERR_INVALID, "%.*s", STR(text));
    else
        set_at(&r->noted, r, ERR_INVALID, mark, text);
}

/* go-yaml names lines from 0 for the grammar and from 1 for tokens, and none for the first. */
bool yaml_fail_syntax(struct yaml_reader *r)
{
    const struct yaml_scan *s = &r->scan;
    unsigned line = s->problem_at.line;

    r->failed_at = s->problem_from;
    if (r->name != NULL && s->fault == YAML_BAD_TEXT)
        return err_set(r->e, ERR_INVALID, "%s: %s at byte %zu", r->name, s->problem, s->text_fault.offset);
    if (r->name != NULL || line == 0 || s->fault == YAML_BAD_TEXT) {
        set_at(r->e, r, ERR_INVALID, s->problem_at, str_c(s->problem));
        return false;
    }
    line += s->fault == YAML_BAD_TOKEN;
    return err_set(r->e, ERR_INVALID, "yaml: line %u: %s", line, s->problem);
}

bool yaml_fail_grammar(struct yaml_reader *r, const char *problem, struct yaml_mark at)
{
    yaml_scan_fail(&r->scan, YAML_BAD_GRAMMAR, problem, at);
    return yaml_fail_syntax(r);
}

/* ---- documents ------------------------------------------------------------------------------------ */

static bool add_tag(struct yaml_reader *r, const struct yaml_token *t)
{
    for (size_t i = 0; i < r->n_tags; i++)
        if (str_eq(r->tags[i].handle, t->value))
            return yaml_fail_grammar(r, "found duplicate %TAG directive", t->start);
    if (r->n_tags == COUNT(r->tags) - 2)
        return yaml_fail_at(r, ERR_LIMIT, t->start,
                            arena_fmt(r->a, "more than %zu %%TAG directives", COUNT(r->tags) - 2));
    r->tags[r->n_tags].handle = t->value;
    r->tags[r->n_tags++].prefix = t->suffix;
    return true;
}

static void add_default_tag(struct yaml_reader *r, struct str handle, struct str prefix)
{
    for (size_t i = 0; i < r->n_tags; i++)
        if (str_eq(r->tags[i].handle, handle))
            return;
    r->tags[r->n_tags].handle = handle;
    r->tags[r->n_tags++].prefix = prefix;
}

/* *t is the first token behind the directives. */
static bool read_directives(struct yaml_reader *r, const struct yaml_token **t)
{
    bool versioned = false;

    r->n_tags = 0;
    while (YAML_ONE_OF((*t)->kind, YAML_VERSION_TOKEN, YAML_TAG_DIRECTIVE_TOKEN)) {
        if ((*t)->kind == YAML_TAG_DIRECTIVE_TOKEN) {
            if (!add_tag(r, *t))
                return false;
        } else if (versioned) {
            return yaml_fail_grammar(r, "found duplicate %YAML directive", (*t)->start);
        } else if (!str_is((*t)->value, "1.1")) {
            return yaml_fail_grammar(r, "found incompatible YAML document", (*t)->start);
        } else {
            versioned = true;
        }
        if (!yaml_advance(r, t))
            return false;
    }
    add_default_tag(r, S("!"), S("!"));
    add_default_tag(r, S("!!"), S("tag:yaml.org,2002:"));
    return true;
}

/*
 * Up to the content: only the first document needs no "---", and is then *bare. False in *more at the end of the
 * stream.
 */
static bool read_document_start(struct yaml_reader *r, bool first, bool *bare, bool *more)
{
    const struct yaml_token *t;

    if (!yaml_peek(r, &t))
        return false;
    while (!first && t->kind == YAML_DOCUMENT_END_TOKEN)
        if (!yaml_advance(r, &t))
            return false;
    *more = t->kind != YAML_STREAM_END_TOKEN;
    if (!*more)
        return true;
    *bare = first && !YAML_ONE_OF(t->kind, YAML_VERSION_TOKEN, YAML_TAG_DIRECTIVE_TOKEN, YAML_DOCUMENT_START_TOKEN);
    if (!read_directives(r, &t))
        return false;
    if (*bare)
        return true;
    if (t->kind != YAML_DOCUMENT_START_TOKEN)
        return yaml_fail_grammar(r, "did not find expected <document start>", t->start);
    yaml_scan_skip(&r->scan);
    return true;
}

static bool read_document_content(struct yaml_reader *r, bool bare, struct value *out)
{
    const struct yaml_token *t;

    if (!yaml_peek(r, &t))
        return false;
    *out = value_null();
    bool empty = !bare
                 && (t->kind == YAML_STREAM_END_TOKEN
                     || YAML_ONE_OF(t->kind, YAML_VERSION_TOKEN, YAML_TAG_DIRECTIVE_TOKEN, YAML_DOCUMENT_START_TOKEN,
                                    YAML_DOCUMENT_END_TOKEN));
    if ((!empty && !yaml_read_node(r, true, false, out)) || !yaml_peek(r, &t))
        return false;
    if (t->kind == YAML_DOCUMENT_END_TOKEN)
        yaml_scan_skip(&r->scan);
    return true;
}

/* The next document; false in *more at the end of the stream. */
static bool read_document(struct yaml_reader *r, bool first, struct value *out, bool *more)
{
    r->anchors = value_map(r->a).map;
    r->noted_step = YAML_STEP_NONE;
    r->infinite = false;
    bool bare = false;
    if (!read_document_start(r, first, &bare, more))
        return false;
    if (!*more)
        return true;
    if (!read_document_content(r, bare, out))
        return false;
    if (r->infinite)
        yaml_build_check(r, out);
    if (r->noted_step == YAML_STEP_NONE)
        return true;
    *r->e = r->noted;
    r->failed_at = r->noted_at;
    return false;
}

static bool read_first(struct yaml_reader *r, struct value *out)
{
    struct value v = value_null();
    bool more = false;

    if (!read_document(r, true, &v, &more))
        return false;
    *out = v;
    return true;
}

static bool read_all(struct yaml_reader *r, struct value *out)
{
    struct value all = value_list(r->a);
    bool more = true;

    for (bool first = true; more; first = false) {
        struct value v = value_null();
        if (!read_document(r, first, &v, &more))
            return false;
        if (v.kind != VALUE_NULL)
            list_push(r->a, all.list, v);
    }
    *out = all;
    return true;
}

/* ---- whole texts ---------------------------------------------------------------------------------- */

bool yaml_read_text(struct yaml_reader *r, struct str text, bool all, struct value *out)
{
    if (text.n > YAML_TEXT_MAX)
        return err_set(r->e, ERR_LIMIT, "yaml: text of %zu bytes; at most %zu are read", text.n, YAML_TEXT_MAX);
    yaml_scan_open(&r->scan, r->a, text);
    return all ? read_all(r, out) : read_first(r, out);
}

static bool parse(struct arena *a, struct str text, const char *name, bool all, struct value *out, struct err *e)
{
    struct yaml_reader r = { .a = a, .name = name, .e = e };

    if (text.n <= YAML_TEXT_MAX && yaml_read_simple(a, text, all, out))
        return true;
    return yaml_read_text(&r, text, all, out);
}

bool yaml_parse(struct arena *a, struct str text, const char *name, struct value *out, struct err *e)
{
    return parse(a, text, name, false, out, e);
}

bool yaml_parse_all(struct arena *a, struct str text, const char *name, struct value *out, struct err *e)
{
    return parse(a, text, name, true, out, e);
}

bool yaml_check_keys(struct str text, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf twice = { .a = &a };
    struct yaml_reader r = { .a = &a, .twice = &twice, .e = e };
    struct value v;

    if (!yaml_read_text(&r, text, false, &v))
        return false;
    return twice.n == 0 || err_set(e, ERR_INVALID, "yaml: unmarshal errors:%.*s", STR(buf_str(&twice)));
}
