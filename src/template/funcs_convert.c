/* sprig's conversions and questions about types. */
#include <errno.h>
#include <stdlib.h>

#include "template/funcs.h"

FUNC(fn_int)
{
    return give(out, value_int(to_int64(c->a, &args[0])));
}

FUNC(fn_int64)
{
    return give(out, tagged(value_int(to_int64(c->a, &args[0])), TEMPLATE_INT64));
}

FUNC(fn_float64)
{
    return give(out, value_float(to_float64(c->a, &args[0])));
}

/* strconv.ParseInt in one base without prefixes; the bound when it does not fit. */
static bool parse_in_base(struct arena *a, struct str s, int base, int64_t *out)
{
    const char *p = arena_c(a, s), *digits = p + (*p == '-' || *p == '+');
    char *end;
    *out = 0;
    if (*digits < '0' || *digits >= '0' + base || strlen(p) != s.n)
        return false;
    errno = 0;
    long long i = strtoll(p, &end, base);
    if (*end != '\0')
        return false;
    *out = i;
    return errno == 0;
}

FUNC(fn_atoi)
{
    int64_t i;
    parse_in_base(c->a, str_at(args, 0), 10, &i);
    return give(out, value_int(i));
}

/* Reads the text as octal, whatever it looks like. */
FUNC(fn_to_decimal)
{
    int64_t i;
    if (!parse_in_base(c->a, text_of(c->a, &args[0]), 8, &i))
        i = 0;
    return give(out, tagged(value_int(i), TEMPLATE_INT64));
}

FUNC(fn_type_of)
{
    return give_str(out, template_type_name(&args[0]));
}

FUNC(fn_type_is)
{
    return give(out, value_bool(str_eq(str_at(args, 0), template_type_name(&args[1]))));
}

FUNC(fn_type_is_like)
{
    struct str wanted = str_at(args, 0), type = template_type_name(&args[1]);
    bool pointer = type.n > 0 && type.p[0] == '*' && str_eq(wanted, str_slice(type, 1, type.n));
    return give(out, value_bool(pointer || str_eq(wanted, type)));
}

FUNC(fn_kind_of)
{
    return give(out, value_c(go_kind(&args[0])));
}

FUNC(fn_kind_is)
{
    return give(out, value_bool(str_is(str_at(args, 0), go_kind(&args[1]))));
}

FUNC(fn_deep_equal)
{
    bool same = go_deep_equal(&args[0], &args[1], &c->budget->steps_left);
    return call_spend(c, 0, e) && give(out, value_bool(same));
}

FUNC(fn_get_host_by_name)
{
    return give_str(out, S("")); /* no template asks the network */
}
