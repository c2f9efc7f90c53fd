/*
 * chart/ignore.c - .helmignore: which files of a chart folder are not part of the chart.
 *
 * One pattern a line. Unlike .gitignore, a leading `!` means "everything that does not match is ignored", so one such
 * line hides nearly the whole chart; that is what Helm does. Dot files directly in templates/ are always ignored.
 */
#include "chart/internal.h"

struct ignore_rule {
    struct str pattern;
    enum { RULE_PATTERN, RULE_NAME, RULE_ENDING } kind; /* "*.swp": all but the star, of a name, decides */
    size_t n_plain; /* bytes at the start of the pattern that stand for themselves */
    bool negated, folders_only;
    bool whole_path; /* compare with the path, not only with its last part */
};
struct ignore_rules {
    VEC(struct ignore_rule) list;
};

/* The bytes before the first that is special, or no ASCII. */
static size_t count_plain(struct str s)
{
    size_t n = 0;

    while (n < s.n && (s.p[n] & 0x80) == 0 && strchr("*?[\\", s.p[n]) == NULL)
        n++;
    return n;
}

/* Nearly all patterns are a name or an ending. */
static void find_kind(struct ignore_rule *rule)
{
    struct str ending = str_slice(rule->pattern, 1, rule->pattern.n);

    rule->n_plain = count_plain(rule->pattern);
    if (rule->n_plain == rule->pattern.n) {
        rule->kind = RULE_NAME;
    } else if (!rule->whole_path && rule->pattern.p[0] == '*' && count_plain(ending) == ending.n) {
        rule->kind = RULE_ENDING;
        rule->pattern = ending;
    }
}

static bool add_rule(struct arena *a, struct ignore_rules *rules, struct str line, struct err *e)
{
    struct str pattern = go_trim_space(line);
    struct ignore_rule rule = { 0 };
    bool bad;

    if (pattern.n == 0 || pattern.p[0] == '#')
        return true;
    if (str_find(pattern, S("**")) >= 0)
        return err_set(e, ERR_INVALID, "double-star (**) syntax is not supported");
    path_match(pattern, S("abc"), &bad);
    if (bad)
        return err_set(e, ERR_INVALID, "syntax error in pattern");
    if (pattern.p[0] == '!') {
        rule.negated = true;
        str_cut(&pattern, 1);
    }
    if (pattern.n > 0 && pattern.p[pattern.n - 1] == '/') {
        rule.folders_only = true;
        pattern.n--;
    }
    rule.whole_path = str_find(pattern, S("/")) >= 0;
    if (pattern.n > 0 && pattern.p[0] == '/')
        str_cut(&pattern, 1);
    rule.pattern = pattern;
    find_kind(&rule);
    *vec_push(a, &rules->list) = rule;
    return true;
}

bool ignore_parse(struct arena *a, struct str text, struct ignore_rules **out, struct err *e)
{
    struct ignore_rules *rules = arena_new(a, struct ignore_rules, 1);

    if (str_starts(text, S("\xef\xbb\xbf")))
        str_cut(&text, 3);
    while (text.n > 0) {
        struct str line;
        str_split(&text, S("\n"), &line);
        if (!add_rule(a, rules, line, e))
            return false;
    }
    if (!add_rule(a, rules, S("templates/.?*"), e))
        return false;
    *out = rules;
    return true;
}

static bool rule_matches(const struct ignore_rule *rule, struct str path, struct str base)
{
    struct str name = rule->whole_path ? path : base;
    bool bad;

    switch (rule->kind) {
    case RULE_NAME: return str_eq(rule->pattern, name);
    case RULE_ENDING: return str_ends(name, rule->pattern);
    case RULE_PATTERN: break;
    }
    return str_starts(name, str_slice(rule->pattern, 0, rule->n_plain)) && path_match(rule->pattern, name, &bad);
}

bool ignore_matches(const struct ignore_rules *rules, struct str path, bool is_folder)
{
    struct str base = path_base(path);

    for (size_t i = 0; i < rules->list.n; i++) {
        const struct ignore_rule *rule = &rules->list.v[i];
        bool kind_fits = is_folder || !rule->folders_only;
        if (rule->negated) {
            if (!kind_fits || !rule_matches(rule, path, base))
                return true;
        } else if (kind_fits && rule_matches(rule, path, base)) {
            return true;
        }
    }
    return false;
}
