/* sprig's dates, and Go's time.Time as templates see it. */
#include <stdlib.h>

#include "base/sys.h"
#include "data/gotime.h"
#include "template/funcs.h"
#include "template/zone.h"

#define SECOND INT64_C(1000000000)

/* ---- time.Time ---------------------------------------------------------------------------- */

struct time_object {
    struct template_object object;
    struct gotime t;
};

/* A number with a name, such as time.Month. */
struct named_number {
    struct template_object object;
    const char *name;
};

static struct str named_print(struct arena *a, const struct template_object *self)
{
    return str_c(((const struct named_number *)(const void *)self)->name);
}

static bool named_member(struct template_call *c, const struct template_object *self, struct str name,
                         const struct value *args, size_t n, struct value *out, struct err *e)
{
    if (str_is(name, "String"))
        return give_str(out, named_print(c->a, self));
    return err_set(e, ERR_NOT_FOUND, "no such method");
}

static const struct template_class month_class = { .go_type = "time.Month",
                                                   .member = named_member,
                                                   .print = named_print };
static const struct template_class weekday_class = { .go_type = "time.Weekday",
                                                     .member = named_member,
                                                     .print = named_print };

static struct value named(struct arena *a, const struct template_class *class, const char *name)
{
    struct named_number *o = arena_new(a, struct named_number, 1);
    *o = (struct named_number){ { class }, name };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

static struct value month_value(struct arena *a, int month)
{
    static const char *const names[] = { "January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December" };
    return named(a, &month_class, names[(month - 1) % 12]);
}

static struct value weekday_value(struct arena *a, int day)
{
    static const char *const names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    return named(a, &weekday_class, names[day % 7]);
}

static struct str time_print(struct arena *a, const struct template_object *self)
{
    return gotime_format_time(a, &((const struct time_object *)(const void *)self)->t, S(GOTIME_STRING));
}

/* Methods without arguments. */
static bool time_question(struct arena *a, const struct gotime *t, struct str name, struct value *out)
{
    struct gotime_fields f = gotime_fields(t);
    const struct {
        const char *name;
        struct value v;
    } answers[] = {
        { "Year", value_int(f.year) },
        { "Month", month_value(a, f.month) },
        { "Day", value_int(f.day) },
        { "Weekday", weekday_value(a, f.weekday) },
        { "YearDay", value_int(f.yday) },
        { "Hour", value_int(f.hour) },
        { "Minute", value_int(f.minute) },
        { "Second", value_int(f.second) },
        { "Nanosecond", value_int(t->ns) },
        { "Unix", tagged(value_int(t->sec), TEMPLATE_INT64) },
        { "UnixMilli", tagged(value_int(t->sec * 1000 + t->ns / 1000000), TEMPLATE_INT64) },
        { "UnixNano", tagged(value_int((int64_t)((uint64_t)t->sec * SECOND + (uint64_t)t->ns)), TEMPLATE_INT64) },
        { "IsZero", value_bool(t->sec == GOTIME_ZERO_SEC && t->ns == 0) },
        { "String", value_str(gotime_format_time(a, t, S(GOTIME_STRING))) },
        { "UTC", time_value(a, &(struct gotime){ t->sec, t->ns, 0, S("UTC") }) },
    };
    for (size_t i = 0; i < COUNT(answers); i++)
        if (str_is(name, answers[i].name))
            return give(out, answers[i].v);
    return false;
}

static struct gotime add_ns(struct gotime t, int64_t ns)
{
    int64_t sum = t.ns + ns % SECOND;
    t.sec += ns / SECOND + (sum < 0 ? -1 : sum >= SECOND);
    t.ns = (int32_t)(sum < 0 ? sum + SECOND : sum >= SECOND ? sum - SECOND : sum);
    return t;
}

static struct gotime add_date(struct gotime t, const struct value *args)
{
    struct gotime_fields f = gotime_fields(&t);
    t.sec =
        gotime_seconds(f.year + args[0].i, f.month + (int)args[1].i, f.day + (int)args[2].i, f.hour, f.minute, f.second)
        - t.offset;
    return t;
}

static int compare_times(const struct gotime *x, const struct gotime *y)
{
    if (x->sec != y->sec)
        return x->sec < y->sec ? -1 : 1;
    return x->ns < y->ns ? -1 : x->ns > y->ns;
}

/* x - y in nanoseconds, clamped as Go does. */
static int64_t difference(const struct gotime *x, const struct gotime *y)
{
    int64_t seconds = x->sec - y->sec, ns;
    if (__builtin_mul_overflow(seconds, SECOND, &ns) || __builtin_add_overflow(ns, x->ns - y->ns, &ns))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

/* Methods on another time: Before, After, Equal, Compare, Sub. */
static bool time_relation(struct arena *a, const struct gotime *x, const struct gotime *y, struct str name,
                          struct value *out)
{
    int order = compare_times(x, y);
    if (str_is(name, "Before"))
        *out = value_bool(order < 0);
    else if (str_is(name, "After"))
        *out = value_bool(order > 0);
    else if (str_is(name, "Equal"))
        *out = value_bool(order == 0);
    else if (str_is(name, "Compare"))
        *out = value_int(order);
    else if (str_is(name, "Sub"))
        *out = value_str(go_duration_str(a, difference(x, y)));
    else
        return false;
    return true;
}

static bool time_member(struct template_call *c, const struct template_object *self, struct str name,
                        const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct gotime *t = &((const struct time_object *)(const void *)self)->t, *other;
    struct gotime moved;
    if (n == 0 && time_question(c->a, t, name, out))
        return true;
    if (n == 1 && str_is(name, "Format") && args[0].kind == VALUE_STRING)
        return give_str(out, gotime_format_time(c->a, t, str_at(args, 0)));
    if (n == 1 && (other = as_time(&args[0])) != NULL && time_relation(c->a, t, other, name, out))
        return true;
    if (n == 1 && str_is(name, "Add") && args[0].kind == VALUE_INT) {
        moved = add_ns(*t, args[0].i);
        return give(out, time_value(c->a, &moved));
    }
    bool ints = n == 3 && args[0].kind == VALUE_INT && args[1].kind == VALUE_INT && args[2].kind == VALUE_INT;
    if (ints && str_is(name, "AddDate")) {
        moved = add_date(*t, args);
        return give(out, time_value(c->a, &moved));
    }
    return err_set(e, ERR_NOT_FOUND, "no such method");
}

static const char *time_params(const struct template_object *self, struct str name)
{
    static const struct {
        const char *name, *params;
    } methods[] = {
        { "Format", "s" },  { "Before", "t" }, { "After", "t" }, { "Equal", "t" },
        { "Compare", "t" }, { "Sub", "t" },    { "Add", "i" },   { "AddDate", "iii" },
    };
    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(name, methods[i].name))
            return methods[i].params;
    return "";
}

static const struct template_class time_class = {
    .go_type = "time.Time", .member = time_member, .print = time_print, .params = time_params
};

struct value time_value(struct arena *a, const struct gotime *t)
{
    struct time_object *o = arena_new(a, struct time_object, 1);
    *o = (struct time_object){ { &time_class }, *t };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

const struct gotime *as_time(const struct value *v)
{
    const struct template_object *o = as_object(v);
    return o != NULL && o->class == &time_class ? &((const struct time_object *)(const void *)o)->t : NULL;
}

/* ---- formatting --------------------------------------------------------------------------- */

static struct gotime present(void)
{
    int64_t ns = clock_wall_ns();
    return (struct gotime){ .sec = ns / SECOND, .ns = (int32_t)(ns % SECOND), .zone = S("UTC") };
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
        size_t k = 0, number = 0;
        while (number < s.n && is_number_char(s.p[number]))
            number++;
        str_cut(&s, number);
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
    struct gotime moved = add_ns(*as_time(&args[1]), ns);
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
    return give_str(out, go_duration_str(c->a, (int64_t)((uint64_t)seconds * SECOND)));
}

static int64_t ns_since(const struct gotime *t)
{
    struct gotime now = present();
    return difference(&now, t);
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
        uint64_t unit = (uint64_t)units[i].seconds * SECOND;
        if (size > unit)
            return give(out, value_fmt(c->a, "%llu%s", (unsigned long long)(size / unit), units[i].unit));
    }
    return give_str(out, S("0s"));
}

FUNC(fn_ago)
{
    struct gotime t = moment(&args[0]);
    int64_t ns = ns_since(&t), rest = ns % SECOND, whole = ns - rest; /* to the nearest second */
    if (rest >= SECOND / 2 && __builtin_add_overflow(whole, SECOND, &whole))
        whole = INT64_MAX;
    if (rest <= -SECOND / 2 && __builtin_sub_overflow(whole, SECOND, &whole))
        whole = INT64_MIN;
    return give_str(out, go_duration_str(c->a, whole));
}
