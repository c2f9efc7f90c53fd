/*
 * What triggers and templates see. Functions and objects are made once, as expr values; for Go templates an adapter
 * puts a template_object around each.
 */
#include "notify/internal.h"

/* ---- secrets ------------------------------------------------------------------------------ */

/* Private-use characters frame the name: no text of a user contains them by accident. */
#define MARK_OPEN "\xee\x80\x80"
#define MARK_CLOSE "\xee\x80\x81"

struct str notify_secret_mark(struct arena *a, struct str key)
{
    return arena_fmt(a, MARK_OPEN "%.*s" MARK_CLOSE, STR(key));
}

struct str notify_secrets_fill(struct arena *a, struct str text, const struct value *secrets)
{
    struct buf out = { .a = a };
    struct str plain, key;
    while (str_split(&text, S(MARK_OPEN), &plain)) {
        buf_add(&out, plain);
        str_split(&text, S(MARK_CLOSE), &key);
        const struct value *found = secrets->kind == VALUE_MAP ? map_get(secrets->map, key) : NULL;
        if (found != NULL)
            buf_add(&out, value_as_str(found));
    }
    buf_add(&out, plain);
    return buf_str(&out);
}

static struct value secret_marks(const struct notify *n, struct arena *a)
{
    struct value marks = value_map(a);
    for (size_t i = 0; i < n->secrets.map->n; i++)
        map_put(a, marks.map, n->secrets.map->v[i].key, value_str(notify_secret_mark(a, n->secrets.map->v[i].key)));
    return marks;
}

/* ---- the common part ---------------------------------------------------------------------- */

static struct value common_env(const struct notify *n, struct arena *a, const struct value *app, struct str type)
{
    struct value env = value_map(a), context = value_clone(a, &n->context);
    const struct value *project = config_document(n->o.config, CONFIG_PROJECT, value_str_at(app, "spec.project"));
    value_set_str(a, &context, "notificationType", type);
    value_set(a, &env, "app", *app);
    value_set(a, &env, "appProject", project->kind == VALUE_MAP ? *project : value_map(a));
    value_set(a, &env, "context", context);
    value_set(a, &env, "secrets", secret_marks(n, a));
    value_set(a, &env, "repo", notify_repo(n, a, app));
    expr_add_std(a, &env);
    return env;
}

struct value notify_expr_env(const struct notify *n, struct arena *a, const struct value *app)
{
    return common_env(n, a, app, S(""));
}

/* ---- the adapter -------------------------------------------------------------------------- */

struct wrapped {
    struct template_object base;
    const void *object; /* starts with a `const struct expr_class *` */
};

static const struct template_class wrapped_class;

static struct value wrap(struct arena *a, const struct value *v)
{
    if (v->kind == VALUE_OPAQUE) {
        struct wrapped *w = arena_new(a, struct wrapped, 1);
        *w = (struct wrapped){ { &wrapped_class }, v->opaque };
        return (struct value){ .kind = VALUE_OPAQUE, .opaque = w };
    }
    if (v->kind != VALUE_MAP)
        return *v;
    struct value made = value_map(a); /* a table of functions: shallow */
    for (size_t i = 0; i < v->map->n; i++)
        map_put(a, made.map, v->map->v[i].key,
                v->map->v[i].value.kind == VALUE_OPAQUE ? wrap(a, &v->map->v[i].value) : v->map->v[i].value);
    return made;
}

static const struct expr_class *class_of(const void *object)
{
    return *(const struct expr_class *const *)object;
}

/* Arguments may be wrapped objects themselves (times). */
static struct value *unwrap_args(struct arena *a, const struct value *args, size_t n)
{
    struct value *plain = arena_new(a, struct value, n + 1);
    for (size_t i = 0; i < n; i++) {
        plain[i] = args[i];
        const struct template_object *o = args[i].kind == VALUE_OPAQUE ? args[i].opaque : NULL;
        if (o != NULL && o->class == &wrapped_class)
            plain[i].opaque = ((const struct wrapped *)o)->object;
    }
    return plain;
}

static bool call_function(struct arena *a, const void *object, const struct value *args, size_t n, struct value *out,
                          struct err *e)
{
    const struct expr_function *f = object;
    if (f->class != &expr_function_class)
        return err_set(e, ERR_INVALID, "%s is not a function", f->class->name);
    return f->call(a, f, unwrap_args(a, args, n), n, out, e);
}

static bool wrapped_member(struct template_call *call, const struct template_object *self, struct str name,
                           const struct value *args, size_t n, struct value *out, struct err *e)
{
    struct arena *a = template_call_arena(call);
    const void *object = ((const struct wrapped *)self)->object;
    struct value made;
    if (name.n == 0) {
        if (!call_function(a, object, args, n, &made, e))
            return false;
    } else {
        const struct expr_class *class = class_of(object);
        if (class->member == NULL)
            return err_set(e, ERR_NOT_FOUND, "%s has no field or method %.*s", class->name, STR(name));
        if (!class->member(a, object, name, &made, e))
            return false;
        bool method = made.kind == VALUE_OPAQUE && class_of(made.opaque) == &expr_function_class;
        struct value result;
        if (method) { /* Go calls a method where it is named */
            if (!call_function(a, made.opaque, args, n, &result, e))
                return false;
            made = result;
        }
    }
    *out = wrap(a, &made);
    return true;
}

static struct str wrapped_print(struct arena *a, const struct template_object *self)
{
    const void *object = ((const struct wrapped *)self)->object;
    const struct expr_class *class = class_of(object);
    return class->print != NULL ? class->print(a, object) : str_c(class->name);
}

static const struct template_class wrapped_class = { "func", wrapped_member, wrapped_print, NULL };

struct value notify_template_data(const struct notify *n, struct arena *a, const struct value *app, struct str service,
                                  struct str recipient)
{
    static const char *const tables[] = { "repo", "time", "strings" };
    struct value data = common_env(n, a, app, service);
    for (size_t i = 0; i < COUNT(tables); i++)
        value_set(a, &data, tables[i], wrap(a, value_get(&data, tables[i])));
    value_set_str(a, &data, "serviceType", service);
    value_set_str(a, &data, "recipient", recipient);
    return data;
}
