/*
 * "time" and "strings" of the notification environment.
 */
#include "base/sys.h"
#include "expr/internal.h"

static bool time_now(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                     struct value *out, struct err *e)
{
    int64_t now = clock_wall_ns();

    if (n != 0)
        return err_set(e, ERR_INVALID, "time.Now takes no arguments");
    *out = expr_time_value(
        a, (struct gotime){ .sec = now / 1000000000, .ns = (int32_t)(now % 1000000000), .zone = S("UTC") });
    return true;
}

static bool time_parse(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                       struct value *out, struct err *e)
{
    struct gotime t;

    if (n != 1 || args[0].kind != VALUE_STRING)
        return err_set(e, ERR_INVALID, "time.Parse takes one string, as 2006-01-02T15:04:05Z");
    if (!gotime_parse_time(S(GOTIME_RFC3339), value_as_str(&args[0]), &t, e))
        return false;
    *out = expr_time_value(a, t);
    return true;
}

/* `n` string arguments, or an error that names the function. */
static bool want_texts(const char *what, const struct value *args, size_t n, size_t wanted, struct err *e)
{
    for (size_t i = 0; i < n && n == wanted; i++)
        if (args[i].kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "%s: argument %zu is %s, not a string", what, i + 1, type_name(&args[i]));
    return n == wanted || err_set(e, ERR_INVALID, "%s takes %zu strings, not %zu", what, wanted, n);
}

/* An empty `from` matches before each rune and at the end, as in Go. */
static void replace_empty(struct buf *b, struct str s, struct str to)
{
    uint32_t c = 0;

    while (s.n > 0) {
        buf_add(b, to);
        buf_add(b, str_cut(&s, utf8_decode(s, &c)));
    }
    buf_add(b, to);
}

static bool strings_replace_all(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                                struct value *out, struct err *e)
{
    struct buf b = { .a = a };
    struct str s, from, to, piece;

    if (!want_texts("strings.ReplaceAll", args, n, 3, e))
        return false;
    s = value_as_str(&args[0]);
    from = value_as_str(&args[1]);
    to = value_as_str(&args[2]);
    if (to.n > 0 && s.n > EXPR_MEMORY_MAX / to.n)
        return err_set(e, ERR_LIMIT, "strings.ReplaceAll: the result may be too large");
    if (from.n == 0) {
        replace_empty(&b, s, to);
    } else {
        while (str_split(&s, from, &piece)) {
            buf_add(&b, piece);
            buf_add(&b, to);
        }
        buf_add(&b, piece);
    }
    *out = value_str(b.n == 0 ? S("") : buf_str(&b));
    return true;
}

static struct value change_case(struct arena *a, struct str s, char from, char to)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < s.n; i++)
        buf_byte(&b, s.p[i] >= from && s.p[i] <= to ? (char)(s.p[i] ^ 0x20) : s.p[i]);
    return value_str(b.n == 0 ? S("") : buf_str(&b));
}

static bool strings_to_upper(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                             struct value *out, struct err *e)
{
    if (!want_texts("strings.ToUpper", args, n, 1, e))
        return false;
    *out = change_case(a, value_as_str(&args[0]), 'a', 'z');
    return true;
}

static bool strings_to_lower(struct arena *a, const struct expr_function *self, const struct value *args, size_t n,
                             struct value *out, struct err *e)
{
    if (!want_texts("strings.ToLower", args, n, 1, e))
        return false;
    *out = change_case(a, value_as_str(&args[0]), 'A', 'Z');
    return true;
}

static const struct {
    const char *name, *layout;
} layouts[] = {
    { "Layout", "01/02 03:04:05PM '06 -0700" },
    { "ANSIC", "Mon Jan _2 15:04:05 2006" },
    { "UnixDate", "Mon Jan _2 15:04:05 MST 2006" },
    { "RubyDate", "Mon Jan 02 15:04:05 -0700 2006" },
    { "RFC822", "02 Jan 06 15:04 MST" },
    { "RFC822Z", "02 Jan 06 15:04 -0700" },
    { "RFC850", "Monday, 02-Jan-06 15:04:05 MST" },
    { "RFC1123", "Mon, 02 Jan 2006 15:04:05 MST" },
    { "RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700" },
    { "RFC3339", GOTIME_RFC3339 },
    { "RFC3339Nano", GOTIME_RFC3339_NANO },
    { "Kitchen", "3:04PM" },
    { "Stamp", "Jan _2 15:04:05" },
    { "StampMilli", "Jan _2 15:04:05.000" },
    { "StampMicro", "Jan _2 15:04:05.000000" },
    { "StampNano", "Jan _2 15:04:05.000000000" },
};

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    { "Nanosecond", 1 },      { "Microsecond", 1000 },   { "Millisecond", 1000000 },
    { "Second", 1000000000 }, { "Minute", 60000000000 }, { "Hour", 3600000000000 },
};

void expr_add_std(struct arena *a, const struct value *env)
{
    struct value times = value_map(a), strings = value_map(a);

    value_set(a, &times, "Now", expr_function_value(a, time_now, NULL));
    value_set(a, &times, "Parse", expr_function_value(a, time_parse, NULL));
    for (size_t i = 0; i < COUNT(layouts); i++)
        value_set(a, &times, layouts[i].name, value_c(layouts[i].layout));
    for (size_t i = 0; i < COUNT(units); i++)
        value_set(a, &times, units[i].name, duration_value(a, units[i].ns));
    value_set(a, &strings, "ReplaceAll", expr_function_value(a, strings_replace_all, NULL));
    value_set(a, &strings, "ToUpper", expr_function_value(a, strings_to_upper, NULL));
    value_set(a, &strings, "ToLower", expr_function_value(a, strings_to_lower, NULL));
    value_set(a, env, "time", times);
    value_set(a, env, "strings", strings);
}
