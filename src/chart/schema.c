/*
 * chart/schema.c - the values of every chart of a tree against its values.schema.json, and the report.
 */
#include "chart/schema.h"

struct finding *finding_add(struct arena *a, struct findings *list, struct str at, struct str message)
{
    struct finding *f = vec_push(a, list);

    *f = (struct finding){ .at = at, .message = message };
    return f;
}

struct str schema_pointer(struct arena *a, struct str at, struct str token)
{
    struct buf b = { .a = a };

    buf_add(&b, at);
    buf_byte(&b, '/');
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] == '~' || token.p[i] == '/')
            buf_c(&b, token.p[i] == '~' ? "~0" : "~1");
        else
            buf_byte(&b, token.p[i]);
    }
    return buf_str(&b);
}

struct str schema_quote(struct arena *a, struct str s)
{
    struct str quoted = go_quote(a, s);
    struct buf b = { .a = a };

    buf_byte(&b, '\'');
    for (size_t i = 1; i + 1 < quoted.n; i++) {
        if (quoted.p[i] == '\\' && quoted.p[i + 1] == '"')
            continue;            /* \" needs no escape here */
        if (quoted.p[i] == '\\') /* another escape: both of its characters */
            buf_byte(&b, quoted.p[i++]);
        else if (quoted.p[i] == '\'')
            buf_byte(&b, '\\');
        buf_byte(&b, quoted.p[i]);
    }
    buf_byte(&b, '\'');
    return buf_str(&b);
}

const char *schema_type_name(const struct value *v)
{
    return v->kind == VALUE_BOOL ? "boolean" : json_kind_word(v);
}

/* ---- the report ----------------------------------------------------------------------------- */

static void print_findings(struct buf *b, const struct findings *list, int depth)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *f = &list->v[i];
        bool hidden = f->reference && f->causes.n == 1;
        if (!hidden) {
            if (b->n > 0)
                buf_byte(b, '\n');
            buf_fill(b, ' ', (size_t)depth * 2);
            buf_fmt(b, "- at %.*s: %.*s", STR(schema_quote(b->a, f->at)), STR(f->message));
        }
        print_findings(b, &f->causes, hidden ? depth : depth + 1);
    }
}

struct str schema_report(struct arena *a, const struct chart *c, const struct value *values)
{
    struct schema_document d;
    struct findings found = { 0 };
    struct buf b = { .a = a };
    struct err e;

    if (!schema_open(a, c->schema, &d, &e))
        return arena_fmt(a, "%s", e.text);
    schema_check_itself(&d, &found);
    if (found.n > 0) {
        print_findings(&b, &found, 0);
        return arena_fmt(a, "\"%.*s#\" is not valid against metaschema: jsonschema validation failed with '%s#'\n%.*s",
                         STR(SCHEMA_URL), schema_draft_url(d.draft), STR(buf_str(&b)));
    }
    if (!schema_validate(&d, values, &found, &e))
        return arena_fmt(a, "%s", e.text);
    if (found.n == 0)
        return S("");
    print_findings(&b, &found, 0);
    buf_byte(&b, '\n');
    return buf_str(&b);
}

static void check_tree(struct buf *report, const struct chart *c, const struct value *values)
{
    if (c->has_schema) {
        struct str wrong = schema_report(report->a, c, values);
        if (wrong.n > 0) {
            buf_fmt(report, "%.*s:\n", STR(c->name));
            buf_add(report, wrong);
        }
    }
    for (size_t i = 0; i < c->n_charts; i++) {
        const struct value *section = map_get(values->map, c->charts[i]->name);
        if (section != NULL && section->kind == VALUE_MAP)
            check_tree(report, c->charts[i], section);
    }
}

bool schema_check(struct arena *a, const struct chart *root, const struct value *values, struct str *message,
                  struct err *e)
{
    struct buf report = { .a = a };

    check_tree(&report, root, values);
    if (report.n == 0)
        return true;
    *message = arena_fmt(a, "values don't meet the specifications of the schema(s) in the following chart(s):\n%.*s",
                         STR(buf_str(&report)));
    return err_set(e, ERR_INVALID, "%.*s", STR(*message));
}
