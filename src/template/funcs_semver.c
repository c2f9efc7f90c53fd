/* sprig's semantic versions, and *semver.Version as templates see it. */
#include <ctype.h>

#include "data/semver.h"
#include "template/funcs.h"

struct version_object {
    struct template_object object;
    struct semver v;
};

static const struct semver *version_of(const struct template_object *self)
{
    return &((const struct version_object *)(const void *)self)->v;
}

static struct str version_print(struct arena *a, const struct template_object *self)
{
    return semver_str(a, version_of(self));
}

static struct value uint_value(uint64_t u)
{
    return tagged(value_int((int64_t)u), TEMPLATE_UINT64);
}

static const struct map *version_fields(struct arena *a, const struct template_object *self)
{
    const struct semver *v = version_of(self);
    struct map *m = value_map(a).map;
    map_put(a, m, S("major"), uint_value(v->major));
    map_put(a, m, S("minor"), uint_value(v->minor));
    map_put(a, m, S("patch"), uint_value(v->patch));
    map_put(a, m, S("pre"), value_str(v->pre));
    map_put(a, m, S("metadata"), value_str(v->meta));
    map_put(a, m, S("original"), value_str(v->original));
    return m;
}

static bool version_member(struct template_call *c, const struct template_object *self, struct str name,
                           const struct value *args, size_t n, struct value *out, struct err *e);
static const char *version_params(const struct template_object *self, struct str name);
static const struct template_class version_class = {
    .go_type = "*semver.Version",
    .member = version_member,
    .print = version_print,
    .params = version_params,
    .fields = version_fields,
};
/* What methods such as IncMajor return: no pointer, so that the methods of pointers (Original, Compare ...) are out of
 * reach. */
static const struct template_class version_value_class = {
    .go_type = "semver.Version",
    .member = version_member,
    .print = version_print,
    .params = version_params,
    .fields = version_fields,
};

static struct value version_value(struct arena *a, const struct template_class *class, const struct semver *v)
{
    struct version_object *o = arena_new(a, struct version_object, 1);
    *o = (struct version_object){ { class }, *v };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

/* The next patch of a prerelease is the release itself. */
static struct semver next_version(const struct semver *v, struct str which)
{
    struct semver next = { .major = v->major, .minor = v->minor, .patch = v->patch };
    if (str_is(which, "IncMajor"))
        next = (struct semver){ .major = v->major + 1 };
    else if (str_is(which, "IncMinor"))
        next = (struct semver){ .major = v->major, .minor = v->minor + 1 };
    else if (v->pre.n == 0)
        next.patch++;
    return next;
}

static struct value incremented(struct arena *a, const struct semver *v, struct str which)
{
    struct semver next = next_version(v, which);
    next.original = semver_str(a, &next);
    if (v->original.n > 0 && v->original.p[0] == 'v')
        next.original = arena_fmt(a, "v%.*s", STR(next.original));
    return version_value(a, &version_value_class, &next);
}

static bool version_question(struct arena *a, const struct semver *v, struct str name, struct value *out)
{
    if (str_is(name, "Major"))
        *out = uint_value(v->major);
    else if (str_is(name, "Minor"))
        *out = uint_value(v->minor);
    else if (str_is(name, "Patch"))
        *out = uint_value(v->patch);
    else if (str_is(name, "Prerelease"))
        *out = value_str(v->pre);
    else if (str_is(name, "Metadata"))
        *out = value_str(v->meta);
    else if (str_is(name, "String"))
        *out = value_str(semver_str(a, v));
    else if (str_is(name, "IncMajor") || str_is(name, "IncMinor") || str_is(name, "IncPatch"))
        *out = incremented(a, v, name);
    else
        return false;
    return true;
}

static bool version_relation(const struct semver *x, const struct semver *y, struct str name, struct value *out)
{
    int order = semver_compare(x, y);
    if (str_is(name, "Compare"))
        *out = value_int(order);
    else if (str_is(name, "Equal"))
        *out = value_bool(order == 0);
    else if (str_is(name, "LessThan"))
        *out = value_bool(order < 0);
    else if (str_is(name, "LessThanEqual"))
        *out = value_bool(order <= 0);
    else if (str_is(name, "GreaterThan"))
        *out = value_bool(order > 0);
    else if (str_is(name, "GreaterThanEqual"))
        *out = value_bool(order >= 0);
    else
        return false;
    return true;
}

static bool is_digits(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n == s.n;
}

static bool is_identifier(struct str s)
{
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

static bool check_segments(struct str part, bool pre, struct err *e)
{
    struct str segment;
    for (bool more = part.n > 0; more;) {
        more = str_split(&part, S("."), &segment);
        if (pre && is_digits(segment) && segment.n > 1 && segment.p[0] == '0')
            return err_set(e, ERR_INVALID, "version segment starts with 0");
        if (!is_identifier(segment))
            return err_set(e, ERR_INVALID, pre ? "invalid prerelease string" : "invalid metadata string");
    }
    return true;
}

/* SetPrerelease and SetMetadata give a changed copy. */
static bool version_change(struct template_call *c, const struct semver *v, struct str name, struct str part,
                           struct value *out, struct err *e)
{
    struct semver made = *v;
    bool pre = str_is(name, "SetPrerelease");
    if (!check_segments(part, pre, e))
        return false;
    if (pre)
        made.pre = part;
    else
        made.meta = part;
    made.original = semver_str(c->a, &made);
    return give(out, version_value(c->a, &version_value_class, &made));
}

static bool version_member(struct template_call *c, const struct template_object *self, struct str name,
                           const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct semver *v = version_of(self);
    const struct template_object *other = n == 1 ? as_object(&args[0]) : NULL;
    if (n == 0 && version_question(c->a, v, name, out))
        return true;
    if (n == 0 && self->class == &version_class && str_is(name, "Original"))
        return give_str(out, v->original);
    if (other != NULL && self->class == &version_class && other->class == &version_class
        && version_relation(v, version_of(other), name, out))
        return true;
    if (n == 1 && args[0].kind == VALUE_STRING && (str_is(name, "SetPrerelease") || str_is(name, "SetMetadata")))
        return version_change(c, v, name, str_at(args, 0), out, e);
    return err_set(e, ERR_NOT_FOUND, "no such method");
}

static const char *version_params(const struct template_object *self, struct str name)
{
    static const char *const relations[] = { "Compare",       "Equal",       "LessThan",
                                             "LessThanEqual", "GreaterThan", "GreaterThanEqual" };
    for (size_t i = 0; i < COUNT(relations); i++)
        if (str_is(name, relations[i]))
            return "v";
    return str_is(name, "SetPrerelease") || str_is(name, "SetMetadata") ? "s" : "";
}

FUNC(fn_semver)
{
    struct semver v;
    return semver_parse(str_at(args, 0), &v, e) && give(out, version_value(c->a, &version_class, &v));
}

FUNC(fn_semver_compare)
{
    struct semver_constraint *constraint;
    struct semver v;
    if (!semver_constraint_parse(c->a, str_at(args, 0), &constraint, e) || !semver_parse(str_at(args, 1), &v, e))
        return false;
    return give(out, value_bool(semver_constraint_check(constraint, &v)));
}
