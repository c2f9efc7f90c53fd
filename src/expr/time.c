/*
 * Go's time.Time, time.Duration, months and weekdays as objects with methods.
 */
#include <math.h>

#include "expr/internal.h"

#define NS_PER_S 1000000000
#define ZERO_SEC 62135596800 /* from the year 1 to 1970 */

__extension__ typedef __int128 int128;

/* ---- arithmetic ----------------------------------------------------------------------------------- */

int time_compare(const struct gotime *a, const struct gotime *b)
{
    if (a->sec != b->sec)
        return a->sec < b->sec ? -1 : 1;
    return (a->ns > b->ns) - (a->ns < b->ns);
}

/* Nanoseconds since the year 1: too many for 64 bits. */
static int128 since_zero(const struct gotime *t)
{
    return (int128)(t->sec + ZERO_SEC) * NS_PER_S + t->ns;
}

static int64_t saturate(int128 ns)
{
    return ns > INT64_MAX ? INT64_MAX : ns < INT64_MIN ? INT64_MIN : (int64_t)ns;
}

int64_t time_subtract(const struct gotime *a, const struct gotime *b)
{
    return saturate(since_zero(a) - since_zero(b));
}

struct gotime expr_time_add(const struct gotime *t, int64_t ns)
{
    struct gotime out = *t;
    int64_t sum = t->ns + ns % NS_PER_S;

    out.sec += ns / NS_PER_S + (sum < 0 ? -1 : sum >= NS_PER_S ? 1 : 0);
    out.ns = (int32_t)(sum < 0 ? sum + NS_PER_S : sum >= NS_PER_S ? sum - NS_PER_S : sum);
    return out;
}

static struct gotime in_utc(const struct gotime *t)
{
    struct gotime out = *t;

    out.offset = 0;
    out.zone = S("UTC");
    return out;
}

static int64_t unix_ns(const struct gotime *t)
{
    return (int64_t)((uint64_t)t->sec * NS_PER_S + (uint64_t)t->ns);
}

/* The remainder of the time since the year 1, 0 <= r < d. */
static int64_t remainder_of(const struct gotime *t, int64_t d)
{
    int128 left = since_zero(t) % d;

    return (int64_t)(left < 0 ? left + d : left);
}

static int64_t truncate(int64_t ns, int64_t m)
{
    return m <= 0 ? ns : ns - ns % m;
}

/* Halves away from zero. */
static int64_t round_to(int64_t ns, int64_t m)
{
    if (m <= 0)
        return ns;
    int128 left = ns % m, size = left < 0 ? -left : left;
    if (size + size < m)
        return (int64_t)(ns - left);
    return saturate(ns < 0 ? (int128)ns - left - m : (int128)ns - left + m);
}

/* ---- making objects ------------------------------------------------------------------------------- */

struct value expr_time_value(struct arena *a, struct gotime t)
{
    struct time_object *o = arena_new(a, struct time_object, 1);

    *o = (struct time_object){ &time_class, t };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

struct value duration_value(struct arena *a, int64_t ns)
{
    struct duration_object *o = arena_new(a, struct duration_object, 1);

    *o = (struct duration_object){ &duration_class, ns };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

static struct value named_value(struct arena *a, int64_t number, const char *name)
{
    struct named_object *o = arena_new(a, struct named_object, 1);

    *o = (struct named_object){ &named_class, number, name };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

/* ---- methods -------------------------------------------------------------------------------------- */

struct call { /* what a method gets */
    struct arena *a;
    const struct value *args;
    size_t n;
    struct value *out;
    struct err *e;
};

struct method {
    const char *name;
    size_t args;
    bool (*call)(const struct call *c, const void *self);
};

struct bound { /* a method taken from its object */
    const struct method *method;
    const void *self;
};

static bool call_bound(struct arena *a, const struct expr_function *f, const struct value *args, size_t n,
                       struct value *out, struct err *e)
{
    const struct bound *b = f->user;

    if (n != b->method->args)
        return err_set(e, ERR_INVALID, "%s takes %zu arguments, not %zu", b->method->name, b->method->args, n);
    return b->method->call(&(struct call){ a, args, n, out, e }, b->self);
}

static bool bind(struct arena *a, const struct method *methods, const char *class, const void *self, struct str name,
                 struct value *out, struct err *e)
{
    for (const struct method *m = methods; m->name != NULL; m++) {
        if (!str_is(name, m->name))
            continue;
        struct bound *b = arena_new(a, struct bound, 1);
        *b = (struct bound){ m, self };
        *out = expr_function_value(a, call_bound, b);
        return true;
    }
    return err_set(e, ERR_INVALID, "%s has no method %.*s", class, STR(name));
}

static bool arg_time(const struct call *c, size_t i, const struct gotime **out)
{
    const struct time_object *t = object_of(&c->args[i], &time_class);

    if (t == NULL)
        return err_set(c->e, ERR_INVALID, "expected a time, not %s", type_name(&c->args[i]));
    *out = &t->time;
    return true;
}

static bool arg_duration(const struct call *c, size_t i, int64_t *out)
{
    const struct duration_object *d = object_of(&c->args[i], &duration_class);

    if (d == NULL && c->args[i].kind != VALUE_INT) /* Go's untyped constants count nanoseconds */
        return err_set(c->e, ERR_INVALID, "expected a duration, not %s", type_name(&c->args[i]));
    *out = d != NULL ? d->ns : c->args[i].i;
    return true;
}

/* ---- time.Time ------------------------------------------------------------------------------------ */

#define TIME_METHOD(name) static bool name(const struct call *c, const void *self)
#define SELF_TIME (&((const struct time_object *)self)->time)

TIME_METHOD(time_add_call)
{
    int64_t ns = 0;

    if (!arg_duration(c, 0, &ns))
        return false;
    *c->out = expr_time_value(c->a, expr_time_add(SELF_TIME, ns));
    return true;
}

TIME_METHOD(time_sub_call)
{
    const struct gotime *other = NULL;

    if (!arg_time(c, 0, &other))
        return false;
    *c->out = duration_value(c->a, time_subtract(SELF_TIME, other));
    return true;
}

TIME_METHOD(time_add_date_call)
{
    struct gotime t = *SELF_TIME;
    struct gotime_fields f = gotime_fields(&t);

    for (size_t i = 0; i < 3; i++)
        if (c->args[i].kind != VALUE_INT || c->args[i].i < -100000 || c->args[i].i > 100000)
            return err_set(c->e, ERR_INVALID, "AddDate takes years, months and days");
    t.sec = gotime_seconds(f.year + c->args[0].i, f.month + (int)c->args[1].i, f.day + (int)c->args[2].i, f.hour,
                           f.minute, f.second)
            - t.offset;
    *c->out = expr_time_value(c->a, t);
    return true;
}

static bool compare_call(const struct call *c, const void *self, int *out)
{
    const struct gotime *other = NULL;

    if (!arg_time(c, 0, &other))
        return false;
    *out = time_compare(SELF_TIME, other);
    return true;
}

TIME_METHOD(time_before_call)
{
    int order = 0;
    bool ok = compare_call(c, self, &order);

    *c->out = value_bool(order < 0);
    return ok;
}

TIME_METHOD(time_after_call)
{
    int order = 0;
    bool ok = compare_call(c, self, &order);

    *c->out = value_bool(order > 0);
    return ok;
}

TIME_METHOD(time_equal_call)
{
    int order = 0;
    bool ok = compare_call(c, self, &order);

    *c->out = value_bool(order == 0);
    return ok;
}

TIME_METHOD(time_compare_call)
{
    int order = 0;
    bool ok = compare_call(c, self, &order);

    *c->out = value_int(order);
    return ok;
}

TIME_METHOD(time_format_call)
{
    if (c->args[0].kind != VALUE_STRING)
        return err_set(c->e, ERR_INVALID, "expected a layout, not %s", type_name(&c->args[0]));
    *c->out = value_str(gotime_format_time(c->a, SELF_TIME, value_as_str(&c->args[0])));
    return true;
}

TIME_METHOD(time_string_call)
{
    *c->out = value_str(gotime_format_time(c->a, SELF_TIME, S(GOTIME_STRING)));
    return true;
}

TIME_METHOD(time_truncate_call)
{
    int64_t d = 0;

    if (!arg_duration(c, 0, &d))
        return false;
    *c->out = expr_time_value(c->a, d <= 0 ? *SELF_TIME : expr_time_add(SELF_TIME, -remainder_of(SELF_TIME, d)));
    return true;
}

TIME_METHOD(time_round_call)
{
    int64_t d = 0;

    if (!arg_duration(c, 0, &d))
        return false;
    int64_t left = d <= 0 ? 0 : remainder_of(SELF_TIME, d);
    *c->out = expr_time_value(c->a, expr_time_add(SELF_TIME, left < d - left ? -left : left == 0 ? 0 : d - left));
    return true;
}

TIME_METHOD(time_utc_call)
{
    *c->out = expr_time_value(c->a, in_utc(SELF_TIME));
    return true;
}

TIME_METHOD(time_unix_call)
{
    *c->out = value_int(SELF_TIME->sec);
    return true;
}

TIME_METHOD(time_unix_milli_call)
{
    *c->out = value_int((int64_t)((uint64_t)SELF_TIME->sec * 1000 + (uint64_t)(SELF_TIME->ns / 1000000)));
    return true;
}

TIME_METHOD(time_unix_micro_call)
{
    *c->out = value_int((int64_t)((uint64_t)SELF_TIME->sec * 1000000 + (uint64_t)(SELF_TIME->ns / 1000)));
    return true;
}

TIME_METHOD(time_unix_nano_call)
{
    *c->out = value_int(unix_ns(SELF_TIME));
    return true;
}

TIME_METHOD(time_nanosecond_call)
{
    *c->out = value_int(SELF_TIME->ns);
    return true;
}

TIME_METHOD(time_is_zero_call)
{
    *c->out = value_bool(SELF_TIME->sec == -ZERO_SEC && SELF_TIME->ns == 0);
    return true;
}

TIME_METHOD(time_year_call)
{
    *c->out = value_int(gotime_fields(SELF_TIME).year);
    return true;
}

TIME_METHOD(time_month_call)
{
    static const char *const names[] = { "January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December" };
    int month = gotime_fields(SELF_TIME).month;

    *c->out = named_value(c->a, month, names[month - 1]);
    return true;
}

TIME_METHOD(time_weekday_call)
{
    static const char *const names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    int day = gotime_fields(SELF_TIME).weekday;

    *c->out = named_value(c->a, day, names[day]);
    return true;
}

TIME_METHOD(time_day_call)
{
    *c->out = value_int(gotime_fields(SELF_TIME).day);
    return true;
}

TIME_METHOD(time_year_day_call)
{
    *c->out = value_int(gotime_fields(SELF_TIME).yday);
    return true;
}

TIME_METHOD(time_hour_call)
{
    *c->out = value_int(gotime_fields(SELF_TIME).hour);
    return true;
}

TIME_METHOD(time_minute_call)
{
    *c->out = value_int(gotime_fields(SELF_TIME).minute);
    return true;
}

TIME_METHOD(time_second_call)
{
    *c->out = value_int(gotime_fields(SELF_TIME).second);
    return true;
}

static const struct method time_methods[] = {
    { "Add", 1, time_add_call },
    { "AddDate", 3, time_add_date_call },
    { "After", 1, time_after_call },
    { "Before", 1, time_before_call },
    { "Compare", 1, time_compare_call },
    { "Day", 0, time_day_call },
    { "Equal", 1, time_equal_call },
    { "Format", 1, time_format_call },
    { "Hour", 0, time_hour_call },
    { "IsZero", 0, time_is_zero_call },
    { "Local", 0, time_utc_call }, /* the controller's clock is UTC */
    { "Minute", 0, time_minute_call },
    { "Month", 0, time_month_call },
    { "Nanosecond", 0, time_nanosecond_call },
    { "Round", 1, time_round_call },
    { "Second", 0, time_second_call },
    { "String", 0, time_string_call },
    { "Sub", 1, time_sub_call },
    { "Truncate", 1, time_truncate_call },
    { "UTC", 0, time_utc_call },
    { "Unix", 0, time_unix_call },
    { "UnixMicro", 0, time_unix_micro_call },
    { "UnixMilli", 0, time_unix_milli_call },
    { "UnixNano", 0, time_unix_nano_call },
    { "Weekday", 0, time_weekday_call },
    { "Year", 0, time_year_call },
    { "YearDay", 0, time_year_day_call },
    { 0 },
};

static bool time_member(struct arena *a, const void *self, struct str name, struct value *out, struct err *e)
{
    return bind(a, time_methods, "time.Time", self, name, out, e);
}

static struct str time_print(struct arena *a, const void *self)
{
    return gotime_format_time(a, SELF_TIME, S(GOTIME_STRING));
}

const struct expr_class time_class = { "time.Time", time_member, time_print };

/* ---- time.Duration -------------------------------------------------------------------------------- */

#define SELF_NS (((const struct duration_object *)self)->ns)

/* Whole units and the rest apart, as Go divides them. */
static struct value in_units(int64_t ns, int64_t unit)
{
    return value_float((double)(ns / unit) + (double)(ns % unit) / (double)unit);
}

TIME_METHOD(duration_hours_call)
{
    *c->out = in_units(SELF_NS, (int64_t)3600 * NS_PER_S);
    return true;
}

TIME_METHOD(duration_minutes_call)
{
    *c->out = in_units(SELF_NS, (int64_t)60 * NS_PER_S);
    return true;
}

TIME_METHOD(duration_seconds_call)
{
    *c->out = in_units(SELF_NS, NS_PER_S);
    return true;
}

TIME_METHOD(duration_milliseconds_call)
{
    *c->out = value_int(SELF_NS / 1000000);
    return true;
}

TIME_METHOD(duration_microseconds_call)
{
    *c->out = value_int(SELF_NS / 1000);
    return true;
}

TIME_METHOD(duration_nanoseconds_call)
{
    *c->out = value_int(SELF_NS);
    return true;
}

TIME_METHOD(duration_abs_call)
{
    *c->out = duration_value(c->a, SELF_NS == INT64_MIN ? INT64_MAX : SELF_NS < 0 ? -SELF_NS : SELF_NS);
    return true;
}

TIME_METHOD(duration_truncate_call)
{
    int64_t d = 0;

    if (!arg_duration(c, 0, &d))
        return false;
    *c->out = duration_value(c->a, truncate(SELF_NS, d));
    return true;
}

TIME_METHOD(duration_round_call)
{
    int64_t d = 0;

    if (!arg_duration(c, 0, &d))
        return false;
    *c->out = duration_value(c->a, round_to(SELF_NS, d));
    return true;
}

TIME_METHOD(duration_string_call)
{
    *c->out = value_str(go_duration_str(c->a, SELF_NS));
    return true;
}

static const struct method duration_methods[] = {
    { "Abs", 0, duration_abs_call },
    { "Hours", 0, duration_hours_call },
    { "Microseconds", 0, duration_microseconds_call },
    { "Milliseconds", 0, duration_milliseconds_call },
    { "Minutes", 0, duration_minutes_call },
    { "Nanoseconds", 0, duration_nanoseconds_call },
    { "Round", 1, duration_round_call },
    { "Seconds", 0, duration_seconds_call },
    { "String", 0, duration_string_call },
    { "Truncate", 1, duration_truncate_call },
    { 0 },
};

static bool duration_member(struct arena *a, const void *self, struct str name, struct value *out, struct err *e)
{
    return bind(a, duration_methods, "time.Duration", self, name, out, e);
}

static struct str duration_print(struct arena *a, const void *self)
{
    return go_duration_str(a, SELF_NS);
}

const struct expr_class duration_class = { "time.Duration", duration_member, duration_print };

/* ---- months and weekdays -------------------------------------------------------------------------- */

TIME_METHOD(named_string_call)
{
    *c->out = value_c(((const struct named_object *)self)->name);
    return true;
}

static const struct method named_methods[] = { { "String", 0, named_string_call }, { 0 } };

static bool named_member(struct arena *a, const void *self, struct str name, struct value *out, struct err *e)
{
    return bind(a, named_methods, "a month or weekday", self, name, out, e);
}

static struct str named_print(struct arena *a, const void *self)
{
    return str_c(((const struct named_object *)self)->name);
}

const struct expr_class named_class = { "int", named_member, named_print };
