/* Backtracking matcher; the work is bounded, a pattern that needs more does not match. */
#include "gitops/glob.h"

enum { WORK_MAX = 100000 };

struct glob {
    char separator;
    int work; /* calls left */
};

static bool match(struct glob *g, struct str p, struct str s);

static bool match_star(struct glob *g, struct str p, struct str s)
{
    bool across = g->separator == 0;
    while (p.n > 0 && p.p[0] == '*') {
        str_cut(&p, 1);
        if (p.n > 0 && p.p[0] == '*')
            across = true;
    }
    for (;;) {
        if (match(g, p, s))
            return true;
        if (s.n == 0 || (!across && s.p[0] == g->separator))
            return false;
        str_cut(&s, 1);
    }
}

/* "[...]" at the start of p: its end is cut off. False when it is not closed. */
static bool match_set(struct str *p, char c, bool *matched)
{
    struct str rest = *p;
    bool negated = false, found = false;
    str_cut(&rest, 1);
    if (rest.n > 0 && (rest.p[0] == '!' || rest.p[0] == '^')) {
        negated = true;
        str_cut(&rest, 1);
    }
    for (bool first = true; rest.n > 0 && (first || rest.p[0] != ']'); first = false) {
        char low = str_cut(&rest, 1).p[0], high = low;
        if (rest.n > 1 && rest.p[0] == '-' && rest.p[1] != ']')
            high = str_cut(&rest, 2).p[1];
        found = found || (c >= low && c <= high);
    }
    if (rest.n == 0)
        return false;
    str_cut(&rest, 1);
    *p = rest;
    *matched = found != negated;
    return true;
}

static bool match_alternatives(struct glob *g, struct str p, struct str s)
{
    struct str list = p, one;
    char joined[1024];
    str_cut(&list, 1);
    if (!str_split(&list, S("}"), &one))
        return false;
    struct str rest = list;
    for (bool more = true; more;) {
        struct str word;
        more = str_split(&one, S(","), &word);
        if (word.n + rest.n > sizeof joined)
            return false;
        memcpy(joined, word.p, word.n);
        memcpy(joined + word.n, rest.p, rest.n);
        if (match(g, (struct str){ joined, word.n + rest.n }, s))
            return true;
    }
    return false;
}

static bool match_one(struct str *p, char c, char separator)
{
    bool any = p->p[0] == '?';
    if (p->p[0] == '\\' && p->n > 1)
        str_cut(p, 1);
    char wanted = str_cut(p, 1).p[0];
    return any ? c != separator || separator == 0 : c == wanted;
}

static bool match(struct glob *g, struct str p, struct str s)
{
    while (p.n > 0) {
        bool matched = true;
        if (--g->work < 0)
            return false;
        if (p.p[0] == '*')
            return match_star(g, p, s);
        if (p.p[0] == '{')
            return match_alternatives(g, p, s);
        if (s.n == 0)
            return false;
        if (p.p[0] == '[' && match_set(&p, s.p[0], &matched)) {
            if (!matched)
                return false;
        } else if (!match_one(&p, s.p[0], g->separator)) {
            return false;
        }
        str_cut(&s, 1);
    }
    return s.n == 0;
}

bool glob_matches(struct str pattern, struct str subject, char separator)
{
    struct glob g = { separator, WORK_MAX };
    return match(&g, pattern, subject);
}
