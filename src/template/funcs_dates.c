/* sprig's dates; the objects they make and take live in time.c. */
#include <stdlib.h>

#include "base/sys.h"
#include "data/gotime.h"
#include "template/funcs.h"
#include "template/zone.h"

/* ---- formatting --------------------------------------------------------------------------- */

static struct gotime present(void)
{
    int64_t ns = clock_wall_ns();
    return (struct gotime){ .sec = ns / GOTIME_SECOND, .ns = (int32_t)(ns % GOTIME_SECOND), .zone = S("UTC") };
}

/* A time, or an integer of seconds; whatever else stands for now, as sprig has it. */
static struct gotime moment(const struct value *v)
{
    const struct gotime *t = as_time(v);
    if (t != NULL)
        return *t;
    if (v->kind == VALUE_INT && (type_tag(v) == TEMPLATE_PLAIN || type_tag(v) == TEMPLATE_INT64))
        return (struct gotime){ .sec = v->i, .zone = S("UTC") };
    return present();
}

static bool format_in_zone(struct template_call *c, struct str layout, const struct value *date, struct str zone,
                           struct value *out)
{
    struct gotime t = moment(date);
    if (!zone_at(c->a, zone, t.sec, &t.offset, &t.zone)) {
        t.offset = 0;
        t.zone = S("UTC");
    }
    return give_str(out, gotime_format_time(c->a, &t, layout));
}

FUNC(fn_date)
{
    return format_in_zone(c, str_at(args, 0), &args[1], S("Local"), out);
}

FUNC(fn_date_in_zone)
{
    return format_in_zone(c, str_at(args, 0), &args[1], str_at(args, 2), out);
}

FUNC(fn_html_date)
{
    return format_in_zone(c, S("2006-01-02"), &args[0], S("Local"), out);
}

FUNC(fn_html_date_in_zone)
{
    return format_in_zone(c, S("2006-01-02"), &args[0], str_at(args, 1), out);
}

FUNC(fn_now)
{
    struct gotime t = present();
    zone_at(c->a, S("Local"), t.sec, &t.offset, &t.zone);
    return give(out, time_value(c->a, &t));
}

FUNC(fn_unix_epoch)
{
    return give(out, value_fmt(c->a, "%lld", (long long)as_time(&args[0])->sec));
}

/* ---- parsing ------------------------------------------------------------------------------ */

FUNC(fn_must_to_date)
{
    struct gotime t;
    return gotime_parse_time(str_at(args, 0), str_at(args, 1), &t, e) && give(out, time_value(c->a, &t));
}

FUNC(fn_to_date)
{
    struct gotime zero = { .sec = GOTIME_ZERO_SEC, .zone = S("UTC") };
    return fn_must_to_date(c, args, n, out, e) || give(out, time_value(c->a, &zero));
}

/* ---- durations ---------------------------------------------------------------------------- */

static bool is_number_char(char ch)
{
    return (ch >= '0' && ch <= '9') || ch == '.';
}

static bool is_unit(struct str s)
{
    static const char *const units[] = { "ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h" };
    for (size_t i = 0; i < COUNT(units); i++)
        if (str_is(s, units[i]))
            return true;
    return false;
}

/* What time.ParseDuration says about a text that is no duration. */
static bool bad_duration(struct template_call *c, struct str text, struct err *e)
{
    struct buf whole = { .a = c->a }, unit = { .a = c->a };
    struct str s = text;
    quote_into(&whole, text, '"', 0);
    if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
        str_cut(&s, 1);
    while (s.n > 0 && is_number_char(s.p[0])) {
        size_t k = 0;
        bool point = false;
        while (s.n > 0 && is_number_char(s.p[0]) && !(point && s.p[0] == '.'))
            point |= *str_cut(&s, 1).p == '.';
        while (k < s.n && !is_number_char(s.p[k]))
            k++;
        struct str name = str_cut(&s, k);
        if (name.n == 0)
            return err_set(e, ERR_INVALID, "time: missing unit in duration %s", whole.p);
        if (!is_unit(name)) {
            quote_into(&unit, name, '"', 0);
            return err_set(e, ERR_INVALID, "time: unknown unit %s in duration %s", unit.p, whole.p);
        }
    }
    return err_set(e, ERR_INVALID, "time: invalid duration %s", whole.p);
}

FUNC(fn_must_date_modify)
{
    int64_t ns;
    if (!duration_parse(str_at(args, 0), &ns))
        return bad_duration(c, str_at(args, 0), e);
    struct gotime moved = time_add(*as_time(&args[1]), ns);
    return give(out, time_value(c->a, &moved));
}

FUNC(fn_date_modify)
{
    return fn_must_date_modify(c, args, n, out, e) || give(out, args[1]);
}

FUNC(fn_duration)
{
    int64_t seconds = 0;
    if (args[0].kind == VALUE_STRING && !str_to_int(str_at(args, 0), &seconds))
        seconds = 0;
    if (args[0].kind == VALUE_INT && type_tag(&args[0]) == TEMPLATE_INT64)
        seconds = args[0].i;
    return give_str(out, go_duration_str(c->a, (int64_t)((uint64_t)seconds * GOTIME_SECOND)));
}

static int64_t ns_since(const struct gotime *t)
{
    struct gotime now = present();
    return time_difference(&now, t);
}

FUNC(fn_duration_round)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = { { 365 * 86400, "y" }, { 30 * 86400, "mo" }, { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } };
    const struct gotime *t = as_time(&args[0]);
    int64_t ns = t != NULL ? ns_since(t) : 0;
    if (args[0].kind == VALUE_STRING && !duration_parse(str_at(args, 0), &ns))
        ns = 0;
    if (args[0].kind == VALUE_INT && type_tag(&args[0]) == TEMPLATE_INT64)
        ns = args[0].i;
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    for (size_t i = 0; i < COUNT(units); i++) {
        uint64_t unit = (uint64_t)units[i].seconds * GOTIME_SECOND;
        if (size > unit)
            return give(out, value_fmt(c->a, "%llu%s", (unsigned long long)(size / unit), units[i].unit));
    }
    return give_str(out, S("0s"));
}

FUNC(fn_ago)
{
    struct gotime t = moment(&args[0]);
    int64_t ns = ns_since(&t), rest = ns % GOTIME_SECOND, whole = ns - rest; /* to the nearest second */
    if (rest >= GOTIME_SECOND / 2 && __builtin_add_overflow(whole, GOTIME_SECOND, &whole))
        whole = INT64_MAX;
    if (rest <= -GOTIME_SECOND / 2 && __builtin_sub_overflow(whole, GOTIME_SECOND, &whole))
        whole = INT64_MIN;
    return give_str(out, go_duration_str(c->a, whole));
}
