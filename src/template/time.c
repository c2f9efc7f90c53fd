/* Go's time.Time, and the numbers with names that its methods give: time.Month, time.Weekday, time.Duration. */
#include "data/gotime.h"
#include "template/funcs.h"
#include "template/zone.h"

/* ---- numbers with a String method ---------------------------------------------------------- */

struct named_number {
    struct template_object object;
    int64_t n;
};

static int64_t number_of(const struct template_object *self)
{
    return ((const struct named_number *)(const void *)self)->n;
}

static struct value named_number(struct arena *a, const struct template_class *class, int64_t n)
{
    struct named_number *o = arena_new(a, struct named_number, 1);
    *o = (struct named_number){ { class }, n };
    return (struct value){ .kind = VALUE_OPAQUE, .opaque = o };
}

static struct value int64_value(int64_t n)
{
    return tagged(value_int(n), TEMPLATE_INT64);
}

static struct value plain_number(const struct template_object *self)
{
    return value_int(number_of(self));
}

static struct value written_number(struct arena *a, const struct template_object *self)
{
    return self->class->number(self);
}

static struct str month_print(struct arena *a, const struct template_object *self)
{
    static const char *const names[] = { "January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December" };
    return str_c(names[(number_of(self) - 1) % 12]);
}

static struct str weekday_print(struct arena *a, const struct template_object *self)
{
    static const char *const names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
    return str_c(names[number_of(self) % 7]);
}

static bool named_member(struct template_call *c, const struct template_object *self, struct str name,
                         const struct value *args, size_t n, struct value *out, struct err *e)
{
    if (str_is(name, "String"))
        return give_str(out, self->class->print(c->a, self));
    return err_set(e, ERR_NOT_FOUND, "no such method");
}

static const struct template_class month_class = { .go_type = "time.Month",
                                                   .member = named_member,
                                                   .print = month_print,
                                                   .plain = written_number,
                                                   .number = plain_number };
static const struct template_class weekday_class = { .go_type = "time.Weekday",
                                                     .member = named_member,
                                                     .print = weekday_print,
                                                     .plain = written_number,
                                                     .number = plain_number };

/* ---- time.Duration ------------------------------------------------------------------------- */

static struct value duration_number(const struct template_object *self)
{
    return int64_value(number_of(self));
}

static struct str duration_print(struct arena *a, const struct template_object *self)
{
    return go_duration_str(a, number_of(self));
}

/* Whole units and the fraction apart, as Go adds them up. */
static struct value in_units(int64_t ns, int64_t unit)
{
    return value_float((double)(ns / unit) + (double)(ns % unit) / (double)unit);
}

static bool duration_member(struct template_call *c, const struct template_object *self, struct str name,
                            const struct value *args, size_t n, struct value *out, struct err *e)
{
    int64_t ns = number_of(self);
    if (str_is(name, "Hours"))
        *out = in_units(ns, 3600 * GOTIME_SECOND);
    else if (str_is(name, "Minutes"))
        *out = in_units(ns, 60 * GOTIME_SECOND);
    else if (str_is(name, "Seconds"))
        *out = in_units(ns, GOTIME_SECOND);
    else if (str_is(name, "Milliseconds"))
        *out = int64_value(ns / 1000000);
    else if (str_is(name, "Microseconds"))
        *out = int64_value(ns / 1000);
    else if (str_is(name, "Nanoseconds"))
        *out = int64_value(ns);
    else
        return named_member(c, self, name, args, n, out, e);
    return true;
}

static const struct template_class duration_class = { .go_type = "time.Duration",
                                                      .member = duration_member,
                                                      .print = duration_print,
                                                      .plain = written_number,
                                                      .number = duration_number };

/* ---- time.Time ---------------------------------------------------------------------------- */

struct time_object {
    struct template_object object;
    struct gotime t;
};

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
        { "Month", named_number(a, &month_class, f.month) },
        { "Day", value_int(f.day) },
        { "Weekday", named_number(a, &weekday_class, f.weekday) },
        { "YearDay", value_int(f.yday) },
        { "Hour", value_int(f.hour) },
        { "Minute", value_int(f.minute) },
        { "Second", value_int(f.second) },
        { "Nanosecond", value_int(t->ns) },
        { "Unix", int64_value(t->sec) },
        { "UnixMilli", int64_value(t->sec * 1000 + t->ns / 1000000) },
        { "UnixMicro", int64_value(t->sec * 1000000 + t->ns / 1000) },
        { "UnixNano", int64_value((int64_t)((uint64_t)t->sec * GOTIME_SECOND + (uint64_t)t->ns)) },
        { "IsZero", value_bool(t->sec == GOTIME_ZERO_SEC && t->ns == 0) },
        { "String", value_str(gotime_format_time(a, t, S(GOTIME_STRING))) },
        { "UTC", time_value(a, &(struct gotime){ t->sec, t->ns, 0, S("UTC") }) },
    };
    for (size_t i = 0; i < COUNT(answers); i++)
        if (str_is(name, answers[i].name))
            return give(out, answers[i].v);
    return false;
}

struct gotime time_add(struct gotime t, int64_t ns)
{
    int64_t sum = t.ns + ns % GOTIME_SECOND;
    t.sec += ns / GOTIME_SECOND + (sum < 0 ? -1 : sum >= GOTIME_SECOND);
    t.ns = (int32_t)(sum < 0 ? sum + GOTIME_SECOND : sum >= GOTIME_SECOND ? sum - GOTIME_SECOND : sum);
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

int64_t time_difference(const struct gotime *x, const struct gotime *y)
{
    int64_t seconds = x->sec - y->sec, ns;
    if (__builtin_mul_overflow(seconds, GOTIME_SECOND, &ns) || __builtin_add_overflow(ns, x->ns - y->ns, &ns))
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
        *out = named_number(a, &duration_class, time_difference(x, y));
    else
        return false;
    return true;
}

__extension__ typedef __int128 wide;

/* To a multiple of `step` nanoseconds since the zero time: the last one, or with `round` the nearest. */
static struct gotime whole_steps(struct gotime t, int64_t step, bool round)
{
    if (step <= 0)
        return t;
    int64_t rest = (int64_t)(((wide)(t.sec - GOTIME_ZERO_SEC) * GOTIME_SECOND + t.ns) % step);
    return time_add(t, round && rest >= step - rest ? step - rest : -rest);
}

/* Methods that Go's template language cannot call, with what it says of each. */
static const char *uncallable(struct str name)
{
    static const char *const methods[][2] = {
        { "Date", "function Date has 3 return values; should be 1 or 2" },
        { "Clock", "function Clock has 3 return values; should be 1 or 2" },
        { "ISOWeek", "invalid function signature for ISOWeek: second return value should be error; is int" },
        { "Zone", "invalid function signature for Zone: second return value should be error; is int" },
        { "ZoneBounds",
          "invalid function signature for ZoneBounds: second return value should be error; is time.Time" },
    };
    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(name, methods[i][0]))
            return methods[i][1];
    return NULL;
}

static bool time_moved(struct template_call *c, const struct gotime *t, struct str name, int64_t ns, struct value *out)
{
    struct gotime moved;
    if (str_is(name, "Add"))
        moved = time_add(*t, ns);
    else if (str_is(name, "Round") || str_is(name, "Truncate"))
        moved = whole_steps(*t, ns, str_is(name, "Round"));
    else
        return false;
    return give(out, time_value(c->a, &moved));
}

static bool time_local(struct template_call *c, struct gotime t, struct value *out)
{
    if (!zone_at(c->a, S("Local"), t.sec, &t.offset, &t.zone))
        t = (struct gotime){ t.sec, t.ns, 0, S("UTC") };
    return give(out, time_value(c->a, &t));
}

static bool time_member(struct template_call *c, const struct template_object *self, struct str name,
                        const struct value *args, size_t n, struct value *out, struct err *e)
{
    const struct gotime *t = &((const struct time_object *)(const void *)self)->t, *other;
    struct gotime moved;
    if (n == 0 && time_question(c->a, t, name, out))
        return true;
    if (n == 0 && str_is(name, "Local"))
        return time_local(c, *t, out);
    if (uncallable(name) != NULL)
        return err_set(e, ERR_DENIED, "%s", uncallable(name));
    if (n == 1 && str_is(name, "Format") && args[0].kind == VALUE_STRING)
        return give_str(out, gotime_format_time(c->a, t, str_at(args, 0)));
    if (n == 1 && (other = as_time(&args[0])) != NULL && time_relation(c->a, t, other, name, out))
        return true;
    if (n == 1 && as_number(&args[0]).kind == VALUE_INT && time_moved(c, t, name, as_number(&args[0]).i, out))
        return true;
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
        { "Format", "s" }, { "Before", "t" }, { "After", "t" }, { "Equal", "t" },    { "Compare", "t" },
        { "Sub", "t" },    { "Add", "d" },    { "Round", "d" }, { "Truncate", "d" }, { "AddDate", "iii" },
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
