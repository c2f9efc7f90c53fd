/*
 * chart/lint_objects.c - the linter's rules about the documents of a rendered template and of a file in crds/.
 *
 * Texts are cut into documents as Kubernetes' own stream reader cuts them: a text that begins with `{` is a stream of
 * JSON values until one is none, everything else is YAML between lines of `---`.
 */
#include "chart/lint.h"
#include "data/json.h"
#include "data/yaml.h"

struct stream {
    struct arena *a;
    struct str text;
    size_t at;
    bool json;
};

/* ---- documents ------------------------------------------------------------------------------ */

static size_t line_end(struct str text, size_t at)
{
    const char *end = at < text.n ? memchr(text.p + at, '\n', text.n - at) : NULL;

    return end != NULL ? (size_t)(end - text.p) + 1 : text.n;
}

/* The next piece between `---` lines that is not empty; *end: there is none. */
static bool next_piece(struct stream *s, struct str *out, bool *end, struct err *e)
{
    size_t from = s->at;

    *end = false;
    while (s->at < s->text.n) {
        size_t begin = s->at;
        struct str line = str_slice(s->text, begin, line_end(s->text, begin));
        s->at = begin + line.n;
        if (!str_starts(line, S("---")))
            continue;
        struct str rest = go_trim_space(str_slice(line, 3, line.n));
        if (rest.n > 0 && rest.p[0] != '#')
            return err_set(e, ERR_INVALID, "invalid Yaml document separator: %.*s", STR(rest));
        if (begin > from) {
            *out = str_slice(s->text, from, begin);
            return true;
        }
        from = s->at;
    }
    *out = str_slice(s->text, from, s->text.n);
    *end = out->n == 0;
    return true;
}

static bool check_shape(const struct value *doc, struct err *e)
{
    static const struct {
        const char *field, *go_type;
    } inner[] = { { "metadata", "rules.k8sYamlMetadata" } };

    if (doc->kind != VALUE_NULL && doc->kind != VALUE_MAP)
        return err_set(e, ERR_INVALID,
                       "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go value of type "
                       "rules.k8sYamlStruct",
                       json_kind_word(doc));
    const struct value *m = value_get(doc, inner[0].field);
    if (m->kind != VALUE_NULL && m->kind != VALUE_MAP)
        return err_set(e, ERR_INVALID,
                       "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go struct field "
                       "k8sYamlStruct.Metadata of type %s",
                       json_kind_word(m), inner[0].go_type);
    return true;
}

static bool next_yaml(struct stream *s, struct value *out, bool *end, struct err *e)
{
    struct str piece;

    if (!next_piece(s, &piece, end, e))
        return false;
    *out = value_null();
    if (*end)
        return true;
    if (!yaml_parse(s->a, piece, NULL, out, e))
        return err_wrap(e, "error converting YAML to JSON");
    return check_shape(out, e);
}

/* Where the JSON object that begins at `at` ends; 0 when it does not. */
static size_t object_end(struct str text, size_t at)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = at; i < text.n; i++) {
        char c = text.p[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* What Go's decoder says of the text at `at`. */
static void json_complaint(struct stream *s, size_t at, struct err *e)
{
    struct str rest = str_slice(s->text, at, s->text.n);
    size_t offset = 0;

    json_go_error_at(s->a, rest, &offset, e);
    if (offset >= rest.n)
        err_set_(e, ERR_INVALID, "unexpected EOF");
    else
        err_wrap_(e, "json: offset %zu", at + offset + 1);
}

/* A value that is no JSON may still be YAML; if not, what is wrong with the JSON is told. */
static bool next_json(struct stream *s, struct value *out, bool *end, struct err *e)
{
    struct err yaml_error;

    while (s->at < s->text.n && strchr(" \t\r\n", s->text.p[s->at]) != NULL)
        s->at++;
    *end = s->at == s->text.n;
    if (*end)
        return true;
    size_t at = s->at, stop = s->text.p[at] == '{' ? object_end(s->text, at) : 0;
    if (stop > 0 && json_parse(s->a, str_slice(s->text, at, stop), out, e) && check_shape(out, e)) {
        s->at = stop;
        return true;
    }
    s->json = false;
    if (next_yaml(s, out, end, &yaml_error))
        return true;
    json_complaint(s, at, e);
    return false;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void check_name(struct linter *l, struct str path, const struct value *doc)
{
    struct str kind = S(""), name = S("");

    if (!metadata_scalar(l->a, value_get(doc, "kind"), &kind)
        || !metadata_scalar(l->a, value_at(doc, "metadata.name"), &name))
        return;
    struct str why = lint_object_name(l->a, kind, name);
    if (why.n > 0)
        lint_say(l, CHART_LINT_WARNING, path,
                 "object name does not conform to Kubernetes naming requirements: %.*s: %.*s",
                 STR(go_quote(l->a, name)), STR(why));
}

static void check_deprecation(struct linter *l, struct str path, const struct value *doc)
{
    struct str said = lint_deprecation(l->a, value_str_at(doc, "apiVersion"), value_str_at(doc, "kind"), &l->kube);

    if (said.n > 0)
        lint_say(l, CHART_LINT_WARNING, path, "%.*s", STR(said));
}

/* Only a List's items are looked at that closely. */
static bool check_items(const struct value *doc, struct err *e)
{
    const struct value *items = value_get(doc, "items");

    if (!str_is(value_str_at(doc, "kind"), "List") || items->kind == VALUE_NULL || items->kind == VALUE_LIST)
        return true;
    return err_set(
        e, ERR_INVALID,
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go struct field .Items "
        "of type []struct { Metadata struct { Annotations map[string]string } }",
        json_kind_word(items));
}

/* The whole text is searched, not the document: so does Helm. */
static void check_selector(struct linter *l, struct str path, const struct value *doc, struct str text)
{
    static const char *const kinds[] = { "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet" };

    if (str_find(text, S("matchLabels")) >= 0 || str_find(text, S("matchExpressions")) >= 0)
        return;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(value_str_at(doc, "kind"), kinds[i]))
            lint_say(l, CHART_LINT_ERROR, path, "a %s must contain matchLabels or matchExpressions, and %.*s does not",
                     kinds[i], STR(go_quote(l->a, value_str_at(doc, "metadata.name"))));
}

static void check_list(struct linter *l, struct str path, const struct value *doc)
{
    const struct value *items = value_get(doc, "items");

    struct err e;

    if (!check_items(doc, &e)) {
        lint_say(l, CHART_LINT_ERROR, path, "unable to parse YAML: %s", e.text);
        return;
    }
    if (!str_is(value_str_at(doc, "kind"), "List"))
        return;
    for (size_t i = 0; i < value_len(items); i++) {
        const struct value *annotations = value_at(value_item(items, i), "metadata.annotations");
        if (value_get(annotations, "helm.sh/resource-policy")->kind == VALUE_NULL)
            continue;
        lint_say(l, CHART_LINT_ERROR, path, "annotation 'helm.sh/resource-policy' within List objects are ignored");
        return;
    }
}

static void check_crd(struct linter *l, struct str path, const struct value *doc)
{
    if (!str_starts(value_str_at(doc, "apiVersion"), S("apiextensions.k8s.io")))
        lint_say(l, CHART_LINT_ERROR, path, "apiVersion is not in 'apiextensions.k8s.io'");
    if (!str_is(value_str_at(doc, "kind"), "CustomResourceDefinition"))
        lint_say(l, CHART_LINT_ERROR, path, "object kind is not 'CustomResourceDefinition'");
}

bool lint_objects(struct linter *l, struct str path, struct str text, bool crds)
{
    struct stream s = { .a = l->a, .text = text, .json = str_starts(go_trim_space(text), S("{")) };

    for (;;) {
        struct value doc;
        struct err e = { 0 };
        bool end = false;
        if (!(s.json ? next_json : next_yaml)(&s, &doc, &end, &e)) {
            lint_say(l, CHART_LINT_ERROR, path, "unable to parse YAML: %s", e.text);
            return false;
        }
        if (end)
            return true;
        if (doc.kind != VALUE_MAP)
            continue;
        if (crds) {
            check_crd(l, path, &doc);
            continue;
        }
        check_name(l, path, &doc);
        check_deprecation(l, path, &doc);
        check_selector(l, path, &doc, text);
        check_list(l, path, &doc);
    }
}
