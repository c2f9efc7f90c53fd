/* chart/schema_format_version.c - semantic versions (semver.org 2.0.0) of JSON Schema's `format`. */
#include "chart/schema_format.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters, digits and hyphens; *digits: nothing but digits. `where` names the part in messages. */
static bool check_identifier(struct arena *a, struct str id, const char *where, bool *digits, struct str *why)
{
    *digits = true;
    if (id.n == 0)
        return format_refuse(why, arena_fmt(a, "%s identifier is empty", where));
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i], letter = (char)(c | 0x20);
        if (is_digit(c))
            continue;
        *digits = false;
        if ((letter >= 'a' && letter <= 'z') || c == '-')
            continue;
        uint32_t rune = 0;
        size_t width = utf8_decode(str_slice(id, i, id.n), &rune);
        return format_refuse(why,
                             arena_fmt(a, "invalid character '%.*s' in %s identifier", (int)width, id.p + i, where));
    }
    return true;
}

/* Identifiers with dots between; a number among those of a prerelease has no leading zero. */
static bool check_identifiers(struct arena *a, struct str text, const char *where, bool prerelease, struct str *why)
{
    struct str id;
    bool digits = false;

    for (bool more = true; more;) {
        more = str_split(&text, S("."), &id);
        if (!check_identifier(a, id, where, &digits, why))
            return false;
        if (prerelease && digits && id.n > 1 && id.p[0] == '0')
            return format_refuse(why, S("pre-release numeric identifier starts with zero"));
    }
    return true;
}

static bool check_number(struct arena *a, struct str number, const char *name, struct str *why)
{
    if (number.n == 0)
        return format_refuse(why, arena_fmt(a, "%s is empty", name));
    if (number.n > 1 && number.p[0] == '0')
        return format_refuse(why, arena_fmt(a, "%s starts with zero", name));
    for (size_t i = 0; i < number.n; i++)
        if (!is_digit(number.p[i]))
            return format_refuse(why, arena_fmt(a, "%s contains non-digit", name));
    return true;
}

static bool check_core(struct arena *a, struct str core, struct str *why)
{
    static const char *const names[] = { "major", "minor", "patch" };
    struct str number;
    size_t dots = 0;

    for (size_t i = 0; i < core.n; i++)
        dots += core.p[i] == '.';
    if (dots != 2)
        return format_refuse(why, S("versionCore must have 3 numbers separated by dot"));
    for (size_t i = 0; i < COUNT(names); i++) {
        str_split(&core, S("."), &number);
        if (!check_number(a, number, names[i], why))
            return false;
    }
    return true;
}

bool format_semver(struct arena *a, struct str text, struct str *why)
{
    struct str front;

    if (str_split(&text, S("+"), &front)) {
        if (text.n == 0)
            return format_refuse(why, S("build is empty"));
        if (!check_identifiers(a, text, "build", false, why))
            return false;
    }
    struct str rest = front, core;
    if (str_split(&rest, S("-"), &core) && !check_identifiers(a, rest, "pre-release", true, why))
        return false;
    return check_core(a, core, why);
}
