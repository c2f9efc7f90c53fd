/*
 * chart/match.c - shell patterns in the two dialects that Helm uses.
 *
 * path_match is Go's path/filepath.Match (.helmignore, --show-only); glob_match is gobwas/glob with '/' as separator
 * (.Files.Glob). Both become a row of units that an automaton runs over the name once, so no pattern is slow.
 */
#include "chart/internal.h"

#define UNITS_MAX 512
#define ALTERNATIVES_MAX 256 /* of `{a,b}` after expansion */
#define BRACES_MAX 8         /* groups in one pattern */
#define PATTERN_MAX 1024     /* bytes */

struct unit {
    enum { UNIT_RUNE, UNIT_ONE, UNIT_STAR, UNIT_ANY, UNIT_CLASS } kind; /* STAR stops at '/', ANY does not */
    uint32_t rune;
    struct str class; /* what stands between the brackets */
    bool negated;
};
struct units {
    struct unit v[UNITS_MAX];
    size_t n;
};

static bool take_rune(struct str *s, bool escapes, uint32_t *out)
{
    if (s->n == 0)
        return false;
    if (escapes && s->p[0] == '\\') {
        str_cut(s, 1);
        if (s->n == 0)
            return false;
    }
    str_cut(s, utf8_decode(*s, out));
    return true;
}

/* One `a` or `a-z` of a class. */
static bool take_range(struct str *class, uint32_t *low, uint32_t *high)
{
    if (class->n > 0 && (class->p[0] == '-' || class->p[0] == ']'))
        return false;
    if (!take_rune(class, true, low))
        return false;
    *high = *low;
    if (class->n > 0 && class->p[0] == '-') {
        str_cut(class, 1);
        return class->n > 0 && class->p[0] != ']' && take_rune(class, true, high);
    }
    return true;
}

/* "[" [ not ] range { range } "]"; the opening bracket is gone already. */
static bool take_class(struct str *pattern, char not, struct unit *out)
{
    *out = (struct unit){ .kind = UNIT_CLASS };
    if (pattern->n > 0 && pattern->p[0] == not ) {
        out->negated = true;
        str_cut(pattern, 1);
    }
    const char *start = pattern->p;
    uint32_t low, high;
    do {
        if (!take_range(pattern, &low, &high))
            return false;
    } while (pattern->n > 0 && pattern->p[0] != ']');
    out->class = (struct str){ start, (size_t)(pattern->p - start) };
    return str_cut(pattern, 1).n == 1;
}

static bool class_has(const struct unit *u, uint32_t rune)
{
    struct str class = u->class;
    uint32_t low, high;
    bool in = false;

    while (class.n > 0 && take_range(&class, &low, &high))
        in = in || (low <= rune && rune <= high);
    return in != u->negated;
}

static bool compile(struct str pattern, bool gobwas, struct units *out)
{
    out->n = 0;
    while (pattern.n > 0) {
        if (out->n == UNITS_MAX)
            return false;
        struct unit *u = &out->v[out->n++];
        *u = (struct unit){ .kind = UNIT_RUNE };
        char c = pattern.p[0];
        if (c == '*') {
            str_cut(&pattern, 1);
            u->kind = UNIT_STAR;
            while (gobwas && pattern.n > 0 && pattern.p[0] == '*') {
                str_cut(&pattern, 1);
                u->kind = UNIT_ANY;
            }
        } else if (c == '?') {
            str_cut(&pattern, 1);
            u->kind = UNIT_ONE;
        } else if (c == '[') {
            str_cut(&pattern, 1);
            if (!take_class(&pattern, gobwas ? '!' : '^', u))
                return false;
        } else if (!take_rune(&pattern, true, &u->rune)) {
            return false;
        }
    }
    return true;
}

static bool unit_takes(const struct unit *u, uint32_t rune)
{
    switch (u->kind) {
    case UNIT_RUNE: return u->rune == rune;
    case UNIT_ONE:
    case UNIT_STAR: return rune != '/';
    case UNIT_ANY: return true;
    case UNIT_CLASS: return class_has(u, rune);
    }
    return false;
}

static bool repeats(const struct unit *u)
{
    return u->kind == UNIT_STAR || u->kind == UNIT_ANY;
}

/* A state is the number of units already matched; stars may be left without eating anything. */
static void close_over(const struct units *p, bool *states)
{
    for (size_t i = 0; i < p->n; i++)
        if (states[i] && repeats(&p->v[i]))
            states[i + 1] = true;
}

static bool run(const struct units *p, struct str name)
{
    bool now[UNITS_MAX + 1], next[UNITS_MAX + 1];

    memset(now, 0, p->n + 1);
    now[0] = true;
    close_over(p, now);
    while (name.n > 0) {
        uint32_t rune;
        str_cut(&name, utf8_decode(name, &rune));
        memset(next, 0, p->n + 1);
        for (size_t i = 0; i < p->n; i++)
            if (now[i] && unit_takes(&p->v[i], rune))
                next[repeats(&p->v[i]) ? i : i + 1] = true;
        close_over(p, next);
        memcpy(now, next, p->n + 1);
    }
    return now[p->n];
}

static bool is_plain(struct str pattern)
{
    for (size_t i = 0; i < pattern.n; i++)
        if (pattern.p[i] == '*' || pattern.p[i] == '?' || pattern.p[i] == '[' || pattern.p[i] == '\\')
            return false;
    return true;
}

bool path_match(struct str pattern, struct str name, bool *bad)
{
    struct units units;

    *bad = false;
    if (is_plain(pattern)) /* most lines of .helmignore */
        return str_eq(pattern, name);
    *bad = !compile(pattern, false, &units);
    return !*bad && run(&units, name);
}

/* The first unescaped `{` outside brackets and its partner. */
static bool find_braces(struct str pattern, size_t *open, size_t *close, bool *bad)
{
    int depth = 0;
    bool class = false;

    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        if (c == '\\') {
            i++;
        } else if (class) {
            class = c != ']';
        } else if (c == '[') {
            class = true;
        } else if (c == '{') {
            if (depth++ == 0)
                *open = i;
        } else if (c == '}' && depth > 0 && --depth == 0) {
            *close = i;
            return true;
        }
    }
    *bad = depth > 0;
    return false;
}

/* The end of the alternative that starts at `from`: the next comma at this level, or `to`. */
static size_t alternative_end(struct str pattern, size_t from, size_t to)
{
    int depth = 0;

    for (size_t i = from; i < to; i++) {
        char c = pattern.p[i];
        if (c == '\\')
            i++;
        else if (c == '{')
            depth++;
        else if (c == '}')
            depth--;
        else if (c == ',' && depth == 0)
            return i;
    }
    return to;
}

static bool glob_alternatives(struct str pattern, struct str name, int depth, int *budget, bool *bad)
{
    size_t open = 0, close = 0;
    bool matched = false;

    if (--*budget < 0 || depth > BRACES_MAX) {
        *bad = true;
        return false;
    }
    if (!find_braces(pattern, &open, &close, bad)) {
        struct units units;
        *bad = *bad || !compile(pattern, true, &units);
        return !*bad && run(&units, name);
    }
    for (size_t from = open + 1; !*bad;) {
        size_t end = alternative_end(pattern, from, close), tail = pattern.n - close - 1;
        char text[PATTERN_MAX];
        memcpy(text, pattern.p, open);
        memcpy(text + open, pattern.p + from, end - from);
        memcpy(text + open + (end - from), pattern.p + close + 1, tail);
        struct str one = { text, open + (end - from) + tail };
        matched = glob_alternatives(one, name, depth + 1, budget, bad) || matched;
        if (end >= close)
            break;
        from = end + 1;
    }
    return matched && !*bad;
}

bool glob_match(struct str pattern, struct str name, bool *bad)
{
    int budget = ALTERNATIVES_MAX;

    *bad = pattern.n > PATTERN_MAX;
    return !*bad && glob_alternatives(pattern, name, 0, &budget, bad);
}
