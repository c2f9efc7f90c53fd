/* Substitution of parameters: the classic {{param}} form and the Go template form, over whole documents. */
#include "data/json.h"
#include "data/yaml.h"
#include "gitops/appset_internal.h"
#include "template/template.h"

enum { DEPTH_MAX = 200 };

/* ---- classic ------------------------------------------------------------------------------ */

/* "{{" and a later "}}" within one line. */
static bool is_templated(struct str text)
{
    struct str line, head;
    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        if (str_split(&line, S("{{"), &head) && str_find(line, S("}}")) >= 0)
            return true;
    }
    return false;
}

bool appset_substitute(struct arena *a, struct str text, const struct value *params, struct str *out, struct err *e)
{
    struct buf b = { .a = a };
    struct str rest = text, head, tag;
    if (!is_templated(text)) {
        *out = text;
        return true;
    }
    while (str_split(&rest, S("{{"), &head)) {
        struct str from = rest;
        buf_add(&b, head);
        if (!str_split(&rest, S("}}"), &tag))
            return err_set(
                e, ERR_INVALID,
                "invalid template: Cannot find end tag=\"}}\" in the template=\"%.*s\" starting from \"%.*s\"",
                STR(text), STR(from));
        const struct value *found = map_get(params->map, str_trim(tag));
        if (found != NULL && value_is(found, VALUE_STRING) && str_trim(tag).n > 0)
            buf_add(&b, value_as_str(found));
        else
            buf_fmt(&b, "{{%.*s}}", STR(tag)); /* unknown tags stay as they are: no error */
    }
    buf_add(&b, head);
    *out = buf_str(&b);
    return true;
}

/* ---- Go templates ------------------------------------------------------------------------- */

static bool fn_slugify(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    int64_t max = 50;
    bool smart = true;
    if (n > 1 && !value_is(&args[0], VALUE_INT))
        return err_set(e, ERR_INVALID, "slugify: the maximum must be a number");
    if (n > 2 && !value_is(&args[1], VALUE_BOOL))
        return err_set(e, ERR_INVALID, "slugify: the second argument must be true or false");
    if (n > 1)
        max = args[0].i;
    if (n > 2)
        smart = args[1].b;
    *out = value_str(slug_slugify(template_call_arena(call), max, smart, value_as_str(&args[n - 1])));
    return true;
}

static bool fn_normalize(struct template_call *call, const struct value *args, size_t n, struct value *out,
                         struct err *e)
{
    (void)n, (void)e;
    *out = value_str(slug_normalize(template_call_arena(call), value_as_str(&args[0])));
    return true;
}

static bool fn_to_yaml(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    (void)n, (void)e;
    struct str text = yaml_str(template_call_arena(call), &args[0]);
    *out = value_str(str_ends(text, S("\n")) ? str_slice(text, 0, text.n - 1) : text);
    return true;
}

static bool fn_from_yaml(struct template_call *call, const struct value *args, size_t n, struct value *out,
                         struct err *e)
{
    (void)n;
    return yaml_parse(template_call_arena(call), value_as_str(&args[0]), NULL, out, e);
}

/* Argo CD's own functions; unlike Helm's forms they raise their errors. */
static const struct template_func funcs_argo[] = {
    { "slugify", fn_slugify, 1, 3 },    { "normalize", fn_normalize, 1, 1 },     { "toYaml", fn_to_yaml, 1, 1 },
    { "fromYaml", fn_from_yaml, 1, 1 }, { "fromYamlArray", fn_from_yaml, 1, 1 }, { NULL, NULL, 0, 0 },
};

static bool missing_option(const struct value *options, struct template_options *out, struct err *e)
{
    static const struct {
        const char *text;
        int is;
    } rows[] = { { "missingkey=default", TEMPLATE_MISSING_DEFAULT },
                 { "missingkey=invalid", TEMPLATE_MISSING_DEFAULT },
                 { "missingkey=zero", TEMPLATE_MISSING_ZERO },
                 { "missingkey=error", TEMPLATE_MISSING_ERROR } };
    for (size_t i = 0; i < value_len(options); i++) {
        struct str option = value_as_str(value_item(options, i));
        size_t k = 0;
        while (k < COUNT(rows) && !str_is(option, rows[k].text))
            k++;
        if (k == COUNT(rows))
            return err_set(e, ERR_INVALID, "goTemplateOptions: unrecognized option: %.*s", STR(option));
        out->missing = rows[k].is;
    }
    return true;
}

static bool go_template_text(struct arena *a, struct str text, const struct value *params, const struct value *options,
                             struct str *out, struct err *e)
{
    static const struct template_func *const tables[] = { template_funcs_sprig, funcs_argo };
    struct template_options o = { .output_max = (size_t)4 << 20, .steps_max = 1000000 };
    struct template_set *set = NULL;
    struct buf b = { .a = a };
    if (str_find(text, S("{{")) < 0) {
        *out = text; /* most strings: no parser needed */
        return true;
    }
    if (!missing_option(options, &o, e) || !template_set_new(a, tables, COUNT(tables), &set, e))
        return false;
    if (!template_parse(set, (struct str){ "", 0 }, text, e))
        return err_wrap(e, "failed to parse template %.*s", STR(text));
    if (!template_execute(set, a, (struct str){ "", 0 }, params, &o, &b, e))
        return err_wrap(e, "failed to execute go template %.*s", STR(text));
    *out = buf_str(&b);
    return true;
}

/* ---- documents ---------------------------------------------------------------------------- */

struct rendering {
    struct arena *a;
    const struct value *params, *options;
    bool go;
};

static bool render_text(const struct rendering *r, struct str text, struct str *out, struct err *e)
{
    return r->go ? go_template_text(r->a, text, r->params, r->options, out, e)
                 : appset_substitute(r->a, text, r->params, out, e);
}

static bool render_value(const struct rendering *r, const struct value *v, int depth, struct value *out, struct err *e);

static bool render_map(const struct rendering *r, const struct map *m, int depth, struct value *out, struct err *e)
{
    struct value made = value_map(r->a);
    for (size_t i = 0; i < m->n; i++) {
        struct str key;
        struct value v;
        if (!render_text(r, m->v[i].key, &key, e) || !render_value(r, &m->v[i].value, depth, &v, e))
            return false;
        map_put(r->a, made.map, key, v);
    }
    *out = made;
    return true;
}

static bool render_list(const struct rendering *r, const struct list *l, int depth, struct value *out, struct err *e)
{
    struct value made = value_list(r->a);
    for (size_t i = 0; i < l->n; i++) {
        struct value v;
        if (!render_value(r, &l->v[i], depth, &v, e))
            return false;
        list_push(r->a, made.list, v);
    }
    *out = made;
    return true;
}

static bool render_value(const struct rendering *r, const struct value *v, int depth, struct value *out, struct err *e)
{
    struct str text;
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "the template is more than %d levels deep", DEPTH_MAX);
    if (value_is(v, VALUE_MAP))
        return render_map(r, v->map, depth + 1, out, e);
    if (value_is(v, VALUE_LIST))
        return render_list(r, v->list, depth + 1, out, e);
    if (!value_is(v, VALUE_STRING)) {
        *out = *v; /* integers and booleans cannot be templated: that is templatePatch's work */
        return true;
    }
    if (!render_text(r, value_as_str(v), &text, e))
        return false;
    *out = value_str(text);
    return true;
}

bool appset_render(struct arena *a, const struct value *document, const struct value *params, bool go_template,
                   const struct value *options, struct value *out, struct err *e)
{
    struct rendering r = { a, params, options, go_template };
    return render_value(&r, document, 0, out, e);
}
