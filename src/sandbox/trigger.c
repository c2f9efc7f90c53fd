#include "sandbox/trigger.h"

#define INPUTS_MAX 25

const struct value *trigger_on(const struct value *doc)
{
    const struct value *on = value_get(doc, "on");

    return value_is(on, VALUE_NULL) ? value_get(doc, "true") : on;
}

/* ---- patterns ------------------------------------------------------------------------------------- */

/* One element of a pattern: a character, a set, or a star. */
struct element {
    struct str set; /* of [...]: what stands between the brackets; else the character itself */
    bool bracket, star, any_depth;
    char repeat; /* '?' or '+' behind it, or 0 */
};

static struct element take_element(struct str *p)
{
    struct element el = { .set = str_cut(p, 1) };
    char c = *el.set.p;

    if (c == '*') {
        el.star = true;
        el.any_depth = str_starts(*p, S("*"));
        while (str_starts(*p, S("*")))
            str_cut(p, 1);
        return el;
    }
    if (c == '[' && str_find(*p, S("]")) > 0) {
        el.bracket = true;
        str_split(p, S("]"), &el.set);
    } else if (c == '\\' && p->n > 0) {
        el.set = str_cut(p, 1);
    }
    if (p->n > 0 && (p->p[0] == '?' || p->p[0] == '+'))
        el.repeat = *str_cut(p, 1).p;
    return el;
}

static bool fits(const struct element *el, char c)
{
    if (!el->bracket)
        return *el->set.p == c;
    for (size_t i = 0; i < el->set.n; i++) {
        if (i + 2 < el->set.n && el->set.p[i + 1] == '-') {
            if (c >= el->set.p[i] && c <= el->set.p[i + 2])
                return true;
            i += 2;
        } else if (el->set.p[i] == c) {
            return true;
        }
    }
    return false;
}

/* steps: a bound on backtracking, for patterns of many stars */
static bool match(struct str pattern, struct str text, int *steps)
{
    if (--*steps < 0)
        return false;
    if (pattern.n == 0)
        return text.n == 0;
    struct element el = take_element(&pattern);
    size_t least = el.star || el.repeat == '?' ? 0 : 1, most = 0;
    size_t bound = el.star || el.repeat == '+' ? text.n : text.n < 1 ? text.n : 1;
    while (most < bound && (el.star ? el.any_depth || text.p[most] != '/' : fits(&el, text.p[most])))
        most++;
    for (size_t n = most + 1; n-- > least;)
        if (match(pattern, str_slice(text, n, text.n), steps))
            return true;
    return false;
}

bool trigger_glob(struct str pattern, struct str text)
{
    int steps = 10000;

    /* two stars and a slash in front match also at the top */
    if (str_starts(pattern, S("**/")) && trigger_glob(str_slice(pattern, 3, pattern.n), text))
        return true;
    return match(pattern, text, &steps);
}

/* ---- filters --------------------------------------------------------------------------------------- */

/* A filter is a list of patterns, or one. */
static struct str pattern_at(const struct value *filter, size_t i)
{
    return value_is(filter, VALUE_LIST) ? value_as_str(value_item(filter, i)) : value_as_str(filter);
}

static size_t pattern_count(const struct value *filter)
{
    return value_is(filter, VALUE_LIST) ? value_len(filter) : value_is(filter, VALUE_STRING);
}

static bool any_pattern(const struct value *filter, struct str text)
{
    bool matched = false;

    for (size_t i = 0; i < pattern_count(filter); i++) {
        struct str pattern = pattern_at(filter, i);
        bool negative = str_starts(pattern, S("!"));
        if (trigger_glob(str_slice(pattern, negative, pattern.n), text))
            matched = !negative;
    }
    return matched;
}

static bool name_passes(const struct value *spec, const char *wanted, const char *ignored, struct str name)
{
    const struct value *in = value_get(spec, wanted), *out = value_get(spec, ignored);

    return (pattern_count(in) == 0 || any_pattern(in, name)) && (pattern_count(out) == 0 || !any_pattern(out, name));
}

/* paths: some changed file matches; paths-ignore: some changed file does not */
static bool paths_pass(const struct value *spec, const struct value *paths)
{
    const struct value *in = value_get(spec, "paths"), *out = value_get(spec, "paths-ignore");
    bool some_in = pattern_count(in) == 0, some_kept = pattern_count(out) == 0;

    for (size_t i = 0; paths != NULL && i < value_len(paths); i++) {
        struct str path = value_as_str(value_item(paths, i));
        some_in = some_in || any_pattern(in, path);
        some_kept = some_kept || !any_pattern(out, path);
    }
    return some_in && some_kept;
}

static bool has_filter(const struct value *spec, const char *a, const char *b)
{
    return pattern_count(value_get(spec, a)) + pattern_count(value_get(spec, b)) > 0;
}

/* With filters for branches alone no tag passes, and the other way round. */
static bool push_passes(const struct value *spec, const struct trigger_event *ev)
{
    bool branches = has_filter(spec, "branches", "branches-ignore"), tags = has_filter(spec, "tags", "tags-ignore");
    struct str name = ev->git_ref, prefix = S("refs/heads/"), tag_prefix = S("refs/tags/");

    if (str_starts(name, tag_prefix)) {
        str_cut(&name, tag_prefix.n);
        return tags ? name_passes(spec, "tags", "tags-ignore", name) : !branches;
    }
    str_cut(&name, prefix.n);
    if (!(branches ? name_passes(spec, "branches", "branches-ignore", name) : !tags))
        return false;
    return paths_pass(spec, ev->paths);
}

static bool pull_passes(const struct value *spec, const struct trigger_event *ev)
{
    static const char *const usual[] = { "opened", "synchronize", "reopened" };
    const struct value *types = value_get(spec, "types");
    bool wanted = false;

    for (size_t i = 0; pattern_count(types) == 0 && i < COUNT(usual); i++)
        wanted = wanted || str_is(ev->action, usual[i]);
    for (size_t i = 0; i < pattern_count(types); i++)
        wanted = wanted || str_eq(pattern_at(types, i), ev->action);
    return wanted && name_passes(spec, "branches", "branches-ignore", ev->base) && paths_pass(spec, ev->paths);
}

bool trigger_wants(const struct value *doc, const struct trigger_event *ev)
{
    const struct value *on = trigger_on(doc), *spec = &value_nil;
    bool named = value_is(on, VALUE_STRING) && str_eq(value_as_str(on), ev->name);

    for (size_t i = 0; i < value_len(on); i++)
        named = named || str_eq(value_as_str(value_item(on, i)), ev->name);
    if (value_is(on, VALUE_MAP) && (spec = map_get(on->map, ev->name)) != NULL)
        named = true;
    if (!named || spec == NULL)
        return false;
    if (str_is(ev->name, "push"))
        return push_passes(spec, ev);
    if (str_is(ev->name, "pull_request"))
        return pull_passes(spec, ev);
    return str_is(ev->name, "workflow_dispatch");
}

/* ---- workflow_dispatch ------------------------------------------------------------------------------ */

static struct str text_of(struct arena *a, const struct value *v)
{
    if (value_is(v, VALUE_BOOL))
        return v->b ? S("true") : S("false");
    if (value_is(v, VALUE_INT))
        return arena_fmt(a, "%lld", (long long)v->i);
    return value_as_str(v);
}

static bool check_given(const struct value *declared, const struct value *given, struct err *e)
{
    for (size_t i = 0; value_is(given, VALUE_MAP) && i < given->map->n; i++) {
        struct str name = given->map->v[i].key;
        if (!value_is(declared, VALUE_MAP) || map_get(declared->map, name) == NULL)
            return err_set(e, ERR_INVALID, "Unexpected inputs provided: [\"%.*s\"]", STR(utf8_prefix(name, 100)));
    }
    return true;
}

static bool check_choice(struct arena *a, const struct value *input, struct str name, struct str text, struct err *e)
{
    const struct value *options = value_get(input, "options");

    if (!str_is(value_str_at(input, "type"), "choice"))
        return true;
    for (size_t i = 0; i < value_len(options); i++)
        if (str_eq(text_of(a, value_item(options, i)), text))
            return true;
    return err_set(e, ERR_INVALID, "Provided value '%.*s' for input '%.*s' not in the list of allowed values",
                   STR(utf8_prefix(text, 100)), STR(name));
}

bool trigger_inputs(struct arena *a, const struct value *doc, const struct value *given, struct value *out,
                    struct err *e)
{
    const struct value *declared = value_at(trigger_on(doc), "workflow_dispatch.inputs");
    struct value found = value_map(a);

    if (value_is(given, VALUE_MAP) && given->map->n > INPUTS_MAX)
        return err_set(e, ERR_INVALID, "More than %d inputs provided", INPUTS_MAX);
    if (!check_given(declared, given, e))
        return false;
    for (size_t i = 0; value_is(declared, VALUE_MAP) && i < declared->map->n; i++) {
        struct str name = declared->map->v[i].key;
        const struct value *input = &declared->map->v[i].value;
        const struct value *value = value_is(given, VALUE_MAP) ? map_get(given->map, name) : NULL;
        if (value == NULL)
            value = value_get(input, "default");
        if (value_is(value, VALUE_NULL) && value_bool_at(input, "required", false))
            return err_set(e, ERR_INVALID, "Required input '%.*s' not provided", STR(name));
        struct str text = text_of(a, value);
        if (!check_choice(a, input, name, text, e))
            return false;
        bool boolean = str_is(value_str_at(input, "type"), "boolean");
        map_put(a, found.map, name, boolean ? value_bool(str_is(text, "true")) : value_str(text));
    }
    *out = found;
    return true;
}
