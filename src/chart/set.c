/*
 * chart/set.c - the grammar of --set, --set-string, --set-json, --set-file and --set-literal.
 *
 *     items   = item { "," item }
 *     item    = path "=" value
 *     path    = name { "." name | "[" index "]" }
 *     value   = text up to the next "," | "{" text { "," text } "}" | JSON, for --set-json
 *
 * A backslash makes the next character literal, except in --set-literal, where one item takes the whole text. The
 * oddities (a trailing comma is fine, "=b" and "a[0" are ignored) are Helm's; its words are kept in every error.
 */
#include "base/sys.h"
#include "chart/internal.h"
#include "chart/schema.h"
#include "data/json.h"

#define INDEX_MAX 65536
#define NESTING_MAX 30
#define LISTS_MAX 100               /* indexes in one path, where Helm has no limit */
#define CELLS_MAX ((size_t)1 << 20) /* list elements made by one text, all lists together */

/* What a production met: something read, the end of the text, or an error. */
enum outcome { READ, END, FAILED };

struct setter {
    struct arena *a;
    enum chart_set_kind kind;
    struct str in; /* what is left to read */
    size_t cells;
    int lists; /* indexes in the path that is being read */
    struct err *e;
};

static enum outcome fail(struct setter *s, const char *fmt, ...) PRINTF(2, 3);
static enum outcome fail(struct setter *s, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str text = arena_vfmt(s->a, fmt, args);
    va_end(args);
    err_set_(s->e, ERR_INVALID, "%.*s", STR(text));
    return FAILED;
}

static const char *go_type(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL: return "bool";
    case VALUE_INT: return "int64";
    case VALUE_FLOAT: return "float64";
    case VALUE_STRING: return "string";
    case VALUE_LIST: return "[]interface {}";
    case VALUE_MAP: return "map[string]interface {}";
    case VALUE_NULL:
    case VALUE_OPAQUE: break;
    }
    return "nil";
}

static enum outcome fail_conversion(struct setter *s, const struct value *v, const char *wanted)
{
    return fail(s, "unable to parse key: interface conversion: interface {} is %s, not %s", go_type(v), wanted);
}

/* Text up to one of `stops`, escapes resolved; *last is the stop, or 0 at the end of the input. */
static struct str until(struct setter *s, const char *stops, char *last)
{
    struct buf b = { .a = s->a };

    while (s->in.n > 0) {
        char c = *str_cut(&s->in, 1).p;
        if (c != '\0' && strchr(stops, c) != NULL) {
            *last = c;
            return buf_str(&b);
        }
        if (c == '\\' && s->kind != CHART_SET_LITERAL) {
            if (s->in.n == 0)
                break;
            c = *str_cut(&s->in, 1).p;
        }
        buf_byte(&b, c);
    }
    *last = '\0';
    return buf_str(&b);
}

/* Helm drops what has an empty name. */
static void put(struct setter *s, struct map *data, struct str key, struct value v)
{
    if (key.n > 0)
        map_put(s->a, data, key, v);
}

/* ---- values --------------------------------------------------------------------------------- */

static struct value typed(struct str text)
{
    int64_t number;

    if (str_ieq(text, S("true")) || str_ieq(text, S("false")))
        return value_bool((text.p[0] | 0x20) == 't');
    if (str_ieq(text, S("null")))
        return value_null();
    if (str_is(text, "0") || (text.n > 0 && text.p[0] != '0' && str_to_int(text, &number)))
        return (struct value){ .kind = VALUE_INT, .tag = TEMPLATE_INT64, .i = str_is(text, "0") ? 0 : number };
    return value_str(text);
}

static enum outcome read_file(struct setter *s, struct str path, struct value *out)
{
    struct str content;
    struct err e;

    if (!chart_read_value_file(s->a, path, &content, &e))
        return fail(s, "%s", e.text);
    *out = value_str(content);
    return READ;
}

static enum outcome scalar(struct setter *s, struct str text, struct value *out)
{
    if (s->kind == CHART_SET_FILE)
        return read_file(s, text, out);
    *out = s->kind == CHART_SET ? typed(text) : value_str(text);
    return READ;
}

/* "{" text { "," text } "}", the opening brace already read; a comma right behind it goes too. */
static enum outcome braces(struct setter *s, struct value *out)
{
    struct value list = value_list(s->a), item;
    char last;

    do {
        struct str text = until(s, ",}", &last);
        if (last == '\0')
            return fail(s, "list must terminate with '}'");
        if (scalar(s, text, &item) == FAILED)
            return FAILED;
        list_push(s->a, list.list, item);
    } while (last == ',');
    if (s->in.n > 0 && s->in.p[0] == ',')
        str_cut(&s->in, 1);
    *out = list;
    return READ;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Skip blanks and one comma; true when there was nothing else before it. */
static bool skip_blanks_and_comma(struct setter *s)
{
    while (s->in.n > 0 && is_blank(s->in.p[0]))
        str_cut(&s->in, 1);
    if (s->in.n > 0 && s->in.p[0] != ',')
        return false;
    str_cut(&s->in, 1);
    return true;
}

static size_t json_string_length(struct str s)
{
    size_t i = 1;

    while (i < s.n && s.p[i] != '"')
        i += s.p[i] == '\\' ? 2 : 1;
    return i < s.n ? i + 1 : s.n;
}

/* How many bytes the JSON value at the start of `s` takes, as far as its brackets tell. */
static size_t json_length(struct str s)
{
    static const struct str words[] = { { "true", 4 }, { "false", 5 }, { "null", 4 } };
    size_t i = 0, depth = 0;

    for (size_t k = 0; k < COUNT(words); k++)
        if (str_starts(s, words[k]))
            return words[k].n;
    if (s.n > 0 && s.p[0] != '{' && s.p[0] != '[' && s.p[0] != '"') {
        while (i < s.n && strchr("+-.eE0123456789", s.p[i]) != NULL && s.p[i] != '\0')
            i++;
        return i;
    }
    while (i < s.n) {
        char c = s.p[i];
        i += c == '"' ? json_string_length(str_slice(s, i, s.n)) : 1;
        depth += c == '{' || c == '[';
        depth -= (c == '}' || c == ']') && depth > 0;
        if (depth == 0)
            break;
    }
    return i;
}

static enum outcome json_value(struct setter *s, struct value *out)
{
    struct err e;

    *out = value_null();
    if (skip_blanks_and_comma(s))
        return READ;
    struct str text = str_cut(&s->in, json_length(s->in));
    if (!json_parse(s->a, text, out, &e))
        return fail(s, "%s", e.text);
    values_to_floats(out);
    skip_blanks_and_comma(s);
    return READ;
}

/* What follows the '='. */
static enum outcome value_of(struct setter *s, struct value *out)
{
    char last;

    if (s->kind == CHART_SET_JSON)
        return json_value(s, out);
    if (s->kind == CHART_SET_LITERAL) {
        *out = value_str(str_cut(&s->in, s->in.n));
        return READ;
    }
    if (s->in.n == 0) {
        *out = value_c("");
        return END;
    }
    if (s->in.p[0] == '{') {
        str_cut(&s->in, 1);
        return braces(s, out);
    }
    return scalar(s, until(s, ",", &last), out);
}

/* ---- paths ---------------------------------------------------------------------------------- */

static enum outcome path(struct setter *s, struct map *data, int nesting);

/* The number before "]"; the opening bracket is gone already. */
static enum outcome index_of(struct setter *s, int64_t *out)
{
    char last;
    struct str text = until(s, "]", &last);

    if (last == '\0')
        return END;
    if (!str_to_int(text, out))
        return fail(s, "error parsing index: strconv.Atoi: parsing %.*s: %s", STR(go_quote(s->a, text)),
                    text.n > 18 ? "value out of range" : "invalid syntax");
    return READ;
}

static enum outcome put_at(struct setter *s, struct list *list, int64_t i, struct value v)
{
    if (i > INDEX_MAX)
        return fail(s, "index of %lld is greater than maximum supported index of %d", (long long)i, INDEX_MAX);
    while (list->n <= (size_t)i) {
        if (++s->cells > CELLS_MAX)
            return fail(s, "lists of more than %zu elements in one --set text", CELLS_MAX);
        list_push(s->a, list, value_null());
    }
    list->v[i] = v;
    return READ;
}

static enum outcome list_item(struct setter *s, struct list *list, int64_t i, int nesting);

static enum outcome nested_list(struct setter *s, struct list *list, int64_t i, int nesting)
{
    struct value inner = value_list(s->a);
    int64_t next;
    enum outcome got = index_of(s, &next);

    if (got != READ)
        return got;
    if ((size_t)i < list->n && list->v[i].kind != VALUE_NULL) {
        inner = list->v[i];
        if (inner.kind != VALUE_LIST)
            return fail_conversion(s, &inner, "[]interface {}");
    }
    got = list_item(s, inner.list, next, nesting);
    return got == READ ? put_at(s, list, i, inner) : got;
}

static enum outcome nested_map(struct setter *s, struct list *list, int64_t i, int nesting)
{
    struct value inner = value_map(s->a);

    if ((size_t)i < list->n) {
        if (list->v[i].kind != VALUE_MAP)
            list->v[i] = inner;
        inner = list->v[i];
    }
    enum outcome got = path(s, inner.map, nesting);
    return got == READ ? put_at(s, list, i, inner) : got;
}

/* What follows "]". */
static enum outcome list_item(struct setter *s, struct list *list, int64_t i, int nesting)
{
    struct value v;
    char last;

    if (++s->lists > LISTS_MAX)
        return fail(s, "more than %d indexes in one path", LISTS_MAX);
    if (i < 0)
        return fail(s, "negative %lld index not allowed", (long long)i);
    struct str extra = until(s, "[.=", &last);
    if (extra.n > 0) {
        struct buf runes = { .a = s->a };
        while (extra.n > 0) {
            uint32_t r;
            struct str one = str_cut(&extra, utf8_decode(extra, &r));
            buf_fmt(&runes, "%s%.*s", runes.n > 0 ? " " : "", STR(schema_quote(s->a, one)));
        }
        return fail(s, "unexpected data at end of array index: [%.*s]", STR(buf_str(&runes)));
    }
    if (last == '\0')
        return END;
    if (last == '[')
        return nested_list(s, list, i, nesting);
    if (last == '.')
        return nested_map(s, list, i, nesting);
    if (value_of(s, &v) == FAILED)
        return FAILED;
    return put_at(s, list, i, v);
}

static enum outcome indexed(struct setter *s, struct map *data, struct str key, int nesting)
{
    struct value list = value_list(s->a);
    const struct value *there = map_get(data, key);
    int64_t i;
    enum outcome got = index_of(s, &i);

    if (got != READ)
        return got;
    if (there != NULL && there->kind != VALUE_LIST)
        return fail_conversion(s, there, "[]interface {}");
    if (there != NULL)
        list = *there;
    got = list_item(s, list.list, i, nesting);
    put(s, data, key, list);
    return got;
}

static enum outcome dotted(struct setter *s, struct map *data, struct str key, int nesting)
{
    struct value inner = value_map(s->a);
    const struct value *there = map_get(data, key);

    if (nesting + 1 > NESTING_MAX)
        return fail(s, "value name nested level is greater than maximum supported nested level of %d", NESTING_MAX);
    if (there != NULL && there->kind != VALUE_MAP)
        return fail_conversion(s, there, "map[string]interface {}");
    if (there != NULL)
        inner = *there;
    enum outcome got = path(s, inner.map, nesting + 1);
    if (got == READ && inner.map->n == 0)
        return fail(s, "key map %.*s has no value", STR(go_quote(s->a, key)));
    if (inner.map->n > 0)
        put(s, data, key, inner);
    return got;
}

/* One name and all that hangs on it. */
static enum outcome path(struct setter *s, struct map *data, int nesting)
{
    char last;
    struct str key = until(s, s->kind == CHART_SET_LITERAL ? "=[." : "=[,.", &last);

    switch (last) {
    case '\0':
        if (key.n == 0)
            return END;
        return fail(s, "key %.*s has no value", STR(go_quote(s->a, key)));
    case '[': return indexed(s, data, key, nesting);
    case '.': return dotted(s, data, key, nesting);
    case ',': return fail(s, "key %.*s has no value (cannot end with ,)", STR(go_quote(s->a, key)));
    default: break;
    }
    struct value v;
    enum outcome got = value_of(s, &v);
    if (got != FAILED)
        put(s, data, key, v);
    return got;
}

/* ---- entry ---------------------------------------------------------------------------------- */

/* --set-json '{"a": ...}' */
static bool set_json_object(struct arena *a, const struct value *values, struct str text, struct str original,
                            struct err *e)
{
    struct value object;
    struct err ignored;

    if (!json_parse(a, text, &object, &ignored) || object.kind != VALUE_MAP)
        return err_set(e, ERR_INVALID, "failed parsing --set-json data JSON: %.*s", STR(original));
    values_to_floats(&object);
    struct value merged = chart_merge_values(a, values, &object);
    for (size_t i = 0; i < merged.map->n; i++)
        map_put(a, values->map, merged.map->v[i].key, merged.map->v[i].value);
    return true;
}

bool chart_set(struct arena *a, const struct value *values, enum chart_set_kind kind, struct str text, struct err *e)
{
    static const char *const flags[] = {
        [CHART_SET] = "--set",           [CHART_SET_STRING] = "--set-string",   [CHART_SET_JSON] = "--set-json",
        [CHART_SET_FILE] = "--set-file", [CHART_SET_LITERAL] = "--set-literal",
    };
    struct setter s = { .a = a, .kind = kind, .in = text, .e = e };
    struct str trimmed = go_trim_space(text);
    enum outcome got;

    if (kind == CHART_SET_JSON && trimmed.n > 0 && trimmed.p[0] == '{')
        return set_json_object(a, values, trimmed, text, e);
    do {
        s.lists = 0;
        got = path(&s, values->map, 0);
    } while (got == READ);
    if (got == END)
        return true;
    if (kind == CHART_SET_JSON)
        return err_set(e, ERR_INVALID, "failed parsing --set-json data %.*s", STR(text));
    return err_wrap(e, "failed parsing %s data", flags[kind]);
}
