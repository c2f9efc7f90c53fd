/*
 * chart/engine.c - parses and executes the templates of a whole tree of charts.
 *
 * All files of all charts form one template set. They are taken deepest and last in the alphabet first, for parsing and
 * for executing alike, so that a definition in a shallow, early file is the one that stays. Every chart has one data
 * map, which its templates may change; the change is seen by the files that run later.
 */
#include <stdlib.h>

#include "chart/mistake_internal.h"
#include "chart/shared.h"

struct renderable {
    struct str name;      /* "demo/charts/sub/templates/x.yaml" */
    struct str base_path; /* "demo/charts/sub/templates" */
    struct str text;
    struct value data;
    size_t slashes;
};
struct renderables {
    struct renderable *v;
    size_t n, cap;
};

struct gatherer {
    struct arena *a;
    struct value release, capabilities;
    struct renderables list;
};

static size_t count_slashes(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '/';
    return n;
}

static void gather_templates(struct gatherer *g, const struct chart *c, struct value data)
{
    struct str root = chart_full_path(g->a, c);
    struct str base = arena_fmt(g->a, "%.*s/templates", STR(root));

    for (size_t i = 0; i < c->templates.n; i++) {
        const struct chart_file *f = &c->templates.v[i];
        if (chart_is_library(c) && !str_starts(path_base(f->name), S("_")))
            continue;
        struct str name = arena_fmt(g->a, "%.*s/%.*s", STR(root), STR(f->name));
        *vec_push(g->a, &g->list) = (struct renderable){ name, base, f->data, data, count_slashes(name) };
    }
}

/* The section of a subchart in its parent's values; a name with dots is a path, as in Helm. */
static struct value section_of(struct gatherer *g, const struct chart *c, const struct value *parent_values)
{
    struct str missing;
    const struct value *table = values_table(parent_values, c->name, &missing);

    return table != NULL ? *table : value_map(g->a);
}

/* The data of one chart and of those below it; `values` are its own. */
static struct value gather(struct gatherer *g, const struct chart *c, struct value values)
{
    struct value data = value_map(g->a), subcharts = value_map(g->a);

    values.tag = TEMPLATE_VALUES;
    value_set(g->a, &data, "Chart", metadata_object(g->a, c));
    value_set(g->a, &data, "Files", files_object(g->a, &c->files));
    value_set(g->a, &data, "Release", g->release);
    value_set(g->a, &data, "Capabilities", g->capabilities);
    value_set(g->a, &data, "Values", values);
    value_set(g->a, &data, "Subcharts", subcharts);
    for (size_t i = 0; i < c->n_charts; i++) {
        const struct chart *sub = c->charts[i];
        map_put(g->a, subcharts.map, sub->name, gather(g, sub, section_of(g, sub, &values)));
    }
    gather_templates(g, c, data);
    return data;
}

static struct value release_object(struct arena *a, const struct chart_render *o)
{
    struct value r = value_map(a);

    value_set(a, &r, "Name", value_str(o->release_name));
    value_set(a, &r, "Namespace", o->namespace.n > 0 ? value_str(o->namespace) : value_c("default"));
    value_set(a, &r, "IsUpgrade", value_bool(o->is_upgrade));
    value_set(a, &r, "IsInstall", value_bool(!o->is_upgrade));
    value_set(a, &r, "Revision", value_int(1));
    value_set(a, &r, "Service", value_c("Helm"));
    return r;
}

/* Deepest first, then from Z to A. */
static int by_depth_reversed(const void *left, const void *right)
{
    const struct renderable *a = left, *b = right;

    if (a->slashes != b->slashes)
        return a->slashes < b->slashes ? 1 : -1;
    return str_cmp(b->name, a->name);
}

static struct str without_no_value(struct arena *a, struct str text)
{
    static const struct str marker = { "<no value>", 10 };
    struct buf b = { .a = a };
    struct str piece;

    if (str_find(text, marker) < 0)
        return text;
    bool more = true;
    while (more) {
        more = str_split(&text, marker, &piece);
        buf_add(&b, piece);
    }
    return buf_str(&b);
}

/* ---- functions ------------------------------------------------------------------------------ */

#define INCLUDE_MAX 1000                /* of one name inside itself */
#define TPL_BYTES_MAX ((size_t)5 << 20) /* as a template file; a tree takes many times its text */
#define TPL_MAX 200                     /* tpl inside tpl; each repeats the whole text in an error */
#define NESTED_MAX 1100                 /* of include and tpl, whatever their names */

static struct str as_text(const struct value *v)
{
    return value_as_str(v);
}

static bool include(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct engine_state *state = template_call_user(call);
    struct arena *a = template_call_arena(call);
    struct str name = as_text(&args[0]);
    struct buf b = { .a = a };
    struct value *depth = map_get(state->included, name);

    if (depth == NULL) {
        map_put(a, state->included, name, value_int(0));
        depth = map_get(state->included, name);
    }
    if (depth->i > INCLUDE_MAX)
        return template_call_fail(
            call,
            arena_fmt(a, "rendering template has a nested reference name: %.*s: unable to execute template", STR(name)),
            e);
    if (!template_has(template_call_set(call), name))
        return template_call_fail(
            call, arena_fmt(a, "template: no template %.*s associated with template \"gotpl\"", STR(go_quote(a, name))),
            e);
    depth->i++;
    bool ok = template_call_execute(call, template_call_set(call), name, &args[1], &b, e);
    map_get(state->included, name)->i--; /* the map may have grown */
    *out = value_str(buf_str(&b));
    return ok;
}

static bool tpl(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    static const struct str name = { "gotpl", 5 };
    struct arena *a = template_call_arena(call);
    struct str text = as_text(&args[0]);
    struct engine_state *state = template_call_user(call);
    struct template_set *set;
    struct buf b = { .a = a };

    if (state->tpl_depth == TPL_MAX)
        return err_set(e, ERR_LIMIT, "tpl is nested more than %d deep", TPL_MAX);
    if (text.n > TPL_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "tpl of a text of %zu bytes; at most %zu are parsed", text.n, TPL_BYTES_MAX);
    if (!template_call_spend(call, 20 + (int64_t)(text.n / 4), e)) /* parsing takes about so long */
        return false;
    if (!template_set_over(a, template_call_set(call), &set, e))
        return false;
    if (!template_parse(set, name, text, e))
        return template_call_fail(call, arena_fmt(a, "cannot parse template %.*s: %s", STR(go_quote(a, text)), e->text),
                                  e);
    state->tpl_depth++;
    bool ok = template_call_execute(call, set, name, &args[1], &b, e);
    state->tpl_depth--;
    if (!ok)
        return template_call_fail(call,
                                  arena_fmt(a, "error during tpl function execution for %.*s: %.*s",
                                            STR(go_quote(a, text)), STR(template_call_failure(call, e))),
                                  e);
    *out = value_str(without_no_value(a, buf_str(&b)));
    return true;
}

static bool fail_with(struct template_call *call, struct str message, struct err *e)
{
    struct engine_state *state = template_call_user(call);

    state->has_failed = true;
    state->failed = message;
    return template_call_fail(call, message, e);
}

/* The linter renders on, and says on the side what would have failed. */
static bool warn_instead(struct template_call *call, const char *level, const char *message, struct str text,
                         struct value *out)
{
    static const char *const keys[] = { "message" };
    struct engine_state *state = template_call_user(call);

    if (state->lint == NULL)
        return false;
    warn_log(state->lint, level, str_c(message), keys, &text, 1);
    *out = value_c("");
    return true;
}

static bool fail(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    if (warn_instead(call, "INFO", "funcMap fail", as_text(&args[0]), out))
        return true;
    return fail_with(call, as_text(&args[0]), e);
}

static bool required(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct value *v = &args[1];

    if (v->kind == VALUE_NULL || (v->kind == VALUE_STRING && v->tag != TEMPLATE_BYTES && v->n == 0))
        return warn_instead(call, "WARN", v->kind == VALUE_NULL ? "missing required value" : "missing required values",
                            as_text(&args[0]), out)
               || fail_with(call, as_text(&args[0]), e);
    *out = *v;
    return true;
}

/* No cluster is asked while rendering. */
static bool lookup(struct template_call *call, const struct value *args, size_t n, struct value *out, struct err *e)
{
    *out = value_map(template_call_arena(call));
    return true;
}

/* No name server is asked either, as in Helm without --enable-dns. */
static bool get_host_by_name(struct template_call *call, const struct value *args, size_t n, struct value *out,
                             struct err *e)
{
    *out = value_c("");
    return true;
}

const struct template_func engine_funcs[] = {
    /* by name */
    { "fail", fail, 1, 1, "s" },          { "getHostByName", get_host_by_name, 1, 1, "s" },
    { "include", include, 2, 2, "sv" },   { "lookup", lookup, 4, 4, "ssss" },
    { "required", required, 2, 2, "sv" }, { "tpl", tpl, 2, 2, "sv" },
    { NULL, NULL, 0, 0, NULL },
};

/* ---- one render ----------------------------------------------------------------------------- */

static bool parse_one(struct arena *a, struct template_set *set, const struct renderable *r,
                      const struct rendered_files *out, struct str *message, struct err *e)
{
    if (template_parse(set, r->name, r->text, e))
        return true;
    if (out->mistakes != NULL)
        explain_parse(a, set, r->name, r->text, arena_str(a, str_c(e->text)), out->mistakes);
    engine_word_parse_error(a, message, e);
    return false;
}

static bool parse_all(struct arena *a, struct template_set *set, const struct renderables *list,
                      struct chart_shared *shared, const struct template_budget *budget,
                      const struct rendered_files *out, struct str *message, struct err *e)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct renderable *r = &list->v[i];
        const struct template_definitions *kept =
            shared != NULL ? shared_template(shared, set, r->name, r->text) : NULL;
        if (a->total > budget->memory_end)
            return err_set(e, ERR_LIMIT, "parsing the templates takes more than %zu bytes of memory",
                           budget->memory_max);
        if (kept != NULL)
            template_add(set, kept);
        else if (!parse_one(a, set, r, out, message, e))
            return false;
    }
    return true;
}

static bool is_traced(const struct rendered_files *files, struct str name)
{
    return files->traced.n > 0 && str_eq(files->traced, name);
}

/* All that an execution makes but its output lies in `scratch`. *kept: something leads there still. */
static bool execute_one(struct arena *a, struct arena *scratch, const struct template_set *set,
                        const struct renderable *r, struct engine_state *state, struct str *out, bool *kept,
                        struct err *e)
{
    struct template_failure failure = { 0 };
    const struct template_options options = { .missing = TEMPLATE_MISSING_ZERO,
                                              .budget = state->budget,
                                              .output_max = (state->budget->memory_end - scratch->total) / 2 + 1,
                                              .depth_max = NESTED_MAX,
                                              .user = state,
                                              .failure = &failure,
                                              .changed = kept,
                                              .trace = is_traced(state->files, r->name) ? state->files->trace : NULL };
    struct value data = r->data, here = value_map(a), included = value_map(scratch);
    struct buf b = { .a = a };

    value_set(a, &here, "Name", value_str(r->name));
    value_set(a, &here, "BasePath", value_str(r->base_path));
    buf_reserve(&b, r->text.n + r->text.n / 4); /* most of a template is copied as it is */
    here.tag = TEMPLATE_VALUES;
    value_set(a, &data, "Template", here);
    data.tag = TEMPLATE_VALUES;
    state->included = included.map;
    *kept = options.trace != NULL;
    if (!template_execute(set, scratch, r->name, &data, &options, &b, e)) {
        *kept = true;
        if (state->files->mistakes != NULL)
            explain_execution(a, set, value_get(&r->data, "Values"), &failure, state->has_failed,
                              state->files->mistakes);
        engine_word_error(a, state, &failure, state->message, e);
        return false;
    }
    *out = without_no_value(a, buf_done(&b));
    return true;
}

/* What the templates of a chart may still take counts from the arena that they work in. */
static bool execute_apart(struct arena *a, struct arena *scratch, const struct template_set *set,
                          const struct renderable *r, struct engine_state *state, struct str *out, struct err *e)
{
    size_t all = state->budget->memory_end, left = all > a->total ? all - a->total : 0;
    bool kept;

    state->budget->memory_end = scratch->total + left;
    bool ok = execute_one(a, scratch, set, r, state, out, &kept, e);
    state->budget->memory_end = all;
    if (kept)
        arena_adopt(a, scratch);
    else
        arena_reset(scratch);
    return ok;
}

static bool execute_all(struct arena *a, const struct template_set *set, const struct renderables *list,
                        struct template_budget *budget, struct rendered_files *out, struct warnings *lint,
                        struct str *message, struct err *e)
{
    CLEANUP(arena_close) struct arena scratch = { 0 };
    struct engine_state state = { .files = out, .budget = budget, .lint = lint, .message = message };

    for (size_t i = 0; i < list->n; i++) {
        const struct renderable *r = &list->v[i];
        struct str text;
        if (str_starts(path_base(r->name), S("_")))
            continue;
        if (i > 0 && str_eq(r->name, list->v[i - 1].name))
            continue; /* two charts of one name: one of them is seen */
        if (!execute_apart(a, &scratch, set, r, &state, &text, e))
            return false;
        *vec_push(a, out) = (struct rendered_file){ r->name, text };
    }
    return true;
}

bool engine_render(struct arena *a, const struct chart *root, const struct chart_render *o, const struct value *values,
                   const struct capabilities *caps, struct rendered_files *out, struct warnings *w, struct str *message,
                   struct err *e)
{
    static const struct template_func *const tables[] = { template_funcs_sprig, template_funcs_data, engine_funcs };
    struct gatherer g = { .a = a, .release = release_object(a, o), .capabilities = capabilities_object(caps) };
    struct template_budget budget = template_budget(a, o->memory_max > 0 ? o->memory_max : CHART_RENDER_MEMORY_MAX,
                                                    o->steps_max > 0 ? o->steps_max : CHART_RENDER_STEPS_MAX);
    struct template_set *set;

    gather(&g, root, *values);
    if (g.list.n > 0)
        qsort(g.list.v, g.list.n, sizeof *g.list.v, by_depth_reversed);
    if (!template_set_new(a, tables, COUNT(tables), &set, e))
        return false;
    return parse_all(a, set, &g.list, root->shared, &budget, out, message, e)
           && execute_all(a, set, &g.list, &budget, out, o->lint ? w : NULL, message, e);
}
