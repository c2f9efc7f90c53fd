/*
 * chart/lint_metadata.c - the linter's rules about Chart.yaml.
 */
#include "chart/lint.h"
#include "data/yaml.h"
#include "net/url.h"

static const struct str chart_yaml = { "Chart.yaml", 10 };

#define FAIL(l, ...) lint_say(l, CHART_LINT_ERROR, chart_yaml, __VA_ARGS__)

/* ---- addresses ------------------------------------------------------------------------------ */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

static bool is_all(struct str s, const char *also)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(also, s.p[i]) == NULL))
            return false;
    return s.n > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* local@domain.top: dots in the local part stand alone, the domain's ends are letters or digits, the top's letters. */
static bool is_email(struct str s)
{
    struct str local, atom;

    if (!str_split(&s, S("@"), &local) || str_find(s, S("@")) >= 0)
        return false;
    for (bool more = true; more;) {
        more = str_split(&local, S("."), &atom);
        if (!is_all(atom, "!#$%&'*+-/=?^_`{|}~"))
            return false;
    }
    if (str_ends(s, S(".")))
        s.n--;
    ptrdiff_t dot = str_rfind(s, S("."));
    if (dot <= 0)
        return false;
    struct str domain = str_slice(s, 0, (size_t)dot), top = str_slice(s, (size_t)dot + 1, s.n);
    return is_all(domain, "-._~") && is_alnum(domain.p[0]) && is_alnum(domain.p[domain.n - 1]) && is_all(top, "-_~")
           && is_alnum(top.p[0]) && is_alnum(top.p[top.n - 1]) && !is_digit(top.p[0]) && !is_digit(top.p[top.n - 1]);
}

/* An absolute URL of any scheme. */
static bool is_request_url(struct str s)
{
    struct url u;
    struct err ignored;

    return url_parse(s, &u, &ignored) && u.scheme.n > 0;
}

static bool is_letters(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) || is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

/* An address, one word without '_', or labels of which the last is of letters only. */
static bool is_host(struct str host)
{
    struct str label;
    bool dotted = false, numeric = true;

    if (memchr(host.p, ':', host.n) != NULL)
        return true; /* an IPv6 address: url_parse has seen its brackets */
    if (str_ends(host, S(".")))
        host.n--;
    for (bool more = true; more;) {
        more = str_split(&host, S("."), &label);
        dotted = dotted || more;
        if (!is_all(label, "-_") || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            numeric = numeric && is_digit(label.p[i]);
    }
    return numeric || (dotted ? is_letters(label) : memchr(label.p, '_', label.n) == NULL);
}

static bool has_blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r'))
            return true;
    return false;
}

/* A web address, with or without its scheme. */
static bool is_web_url(struct str s)
{
    static const char *const schemes[] = { "http", "https", "ftp", "tcp", "udp", "ws", "wss", "ssh" };
    struct url u;
    struct err ignored;
    bool known = false;

    if (s.n <= 3 || s.n >= 2083 || has_blank(s))
        return false;
    if (str_starts(s, S("mailto:")))
        return is_email(str_slice(s, sizeof "mailto:" - 1, s.n));
    bool named = str_find(s, S("://")) >= 0;
    char text[2100];
    size_t n = named ? 0 : sizeof "http://" - 1;
    memcpy(text, "http://", n);
    memcpy(text + n, s.p, s.n);
    if (!url_parse((struct str){ text, n + s.n }, &u, &ignored) || u.host.n == 0)
        return false;
    for (size_t i = 0; i < COUNT(schemes); i++)
        known = known || (str_starts(s, str_c(schemes[i])) && str_is(u.scheme, schemes[i]));
    bool dotted = named || (str_find(u.host, S(".")) > 0 && s.n > 4);
    return (known || !named) && dotted && is_host(url_hostname(&u));
}

/* ---- the fields ----------------------------------------------------------------------------- */

static void check_name(struct linter *l, struct str name)
{
    if (name.n == 0)
        FAIL(l, "name is required");
    else if (!str_eq(name, path_base(name)))
        FAIL(l, "chart name %.*s is invalid", STR(go_quote(l->a, name)));
}

static void check_api_version(struct linter *l, struct str version)
{
    if (version.n == 0)
        FAIL(l, "apiVersion is required. The value must be either \"v1\" or \"v2\"");
    else if (!str_is(version, "v1") && !str_is(version, "v2"))
        FAIL(l, "apiVersion '%.*s' is not valid. The value must be either \"v1\" or \"v2\"", STR(version));
}

/* YAML reads 1.10 as a number, and writes 1.1. */
static void check_is_text(struct linter *l, const struct value *doc, const char *field)
{
    const struct value *v = doc->kind == VALUE_MAP ? map_get(doc->map, str_c(field)) : NULL;

    if (v == NULL || v->kind == VALUE_STRING)
        return;
    const char *type = v->kind == VALUE_NULL ? "<nil>" : v->kind == VALUE_BOOL ? "bool" : "float64";
    FAIL(l, "%s should be of type string but it's of type %s", field, type);
}

static void check_version(struct linter *l, struct str version)
{
    struct semver parsed;
    struct err ignored;

    if (version.n == 0)
        FAIL(l, "version is required");
    else if (!semver_parse(version, &parsed, &ignored))
        FAIL(l, "version '%.*s' is not a valid SemVer", STR(version));
}

static void check_strict_version(struct linter *l, struct str version)
{
    struct semver parsed;
    struct err ignored;

    if (!semver_parse_strict(version, &parsed, &ignored))
        lint_say(l, CHART_LINT_WARNING, chart_yaml, "version '%.*s' is not a valid SemVerV2", STR(version));
}

/* The first maintainer that is wrong. */
static void check_maintainers(struct linter *l, const struct value *list)
{
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *m = value_item(list, i);
        struct str name = value_str_at(m, "name"), email = value_str_at(m, "email"), url = value_str_at(m, "url");
        if (m->kind == VALUE_NULL)
            FAIL(l, "a maintainer entry is empty");
        else if (name.n == 0)
            FAIL(l, "each maintainer requires a name");
        else if (email.n > 0 && !is_email(email))
            FAIL(l, "invalid email '%.*s' for maintainer '%.*s'", STR(email), STR(name));
        else if (url.n > 0 && !is_web_url(url))
            FAIL(l, "invalid url '%.*s' for maintainer '%.*s'", STR(url), STR(name));
        else
            continue;
        return;
    }
}

static void check_sources(struct linter *l, const struct value *list)
{
    for (size_t i = 0; i < value_len(list); i++) {
        struct str source = value_as_str(value_item(list, i));
        if (is_request_url(source))
            continue;
        FAIL(l, "invalid source URL '%.*s'", STR(source));
        return;
    }
}

static void check_icon(struct linter *l, struct str icon)
{
    if (icon.n == 0)
        lint_say(l, CHART_LINT_INFO, chart_yaml, "icon is recommended");
    else if (!is_request_url(icon))
        FAIL(l, "invalid icon URL '%.*s'", STR(icon));
}

/* What came with apiVersion v2 only. */
static void check_newer_fields(struct linter *l, const struct value *m, struct str api_version)
{
    if (str_is(api_version, "v2"))
        return;
    if (value_str_at(m, "type").n > 0)
        FAIL(l, "chart type is not valid in apiVersion '%.*s'. It is valid in apiVersion 'v2'", STR(api_version));
    if (value_len(value_get(m, "dependencies")) > 0)
        FAIL(l,
             "dependencies are not valid in the Chart file with apiVersion '%.*s'. They are valid in apiVersion 'v2'",
             STR(api_version));
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void check_strictly(struct linter *l, struct str text, const struct value *doc)
{
    struct str unknown;
    struct err e;

    if (!yaml_check_keys(text, &e)) {
        lint_say(l, CHART_LINT_WARNING, chart_yaml,
                 "failed to strictly parse chart metadata file\n\terror converting YAML to JSON: %s", e.text);
    } else if ((unknown = metadata_unknown_field(l->a, doc)).n > 0) {
        lint_say(l, CHART_LINT_WARNING, chart_yaml,
                 "failed to strictly parse chart metadata file\n\terror unmarshaling JSON: while decoding JSON: json: "
                 "unknown field %.*s",
                 STR(go_quote(l->a, unknown)));
    }
}

void lint_chart_yaml(struct linter *l, struct str text)
{
    struct chart c = { 0 };
    struct value doc = { 0 };
    struct err e;

    if (!metadata_read(l->a, text, NULL, &c, &e) || !yaml_parse(l->a, text, NULL, &doc, &e)) {
        FAIL(l, "unable to parse YAML\n\t%s", e.text);
        return;
    }
    const struct value *m = &c.metadata;
    struct str version = value_str_at(m, "version"), api_version = value_str_at(m, "apiVersion");
    if (value_get(&doc, "apiVersion")->kind == VALUE_NULL)
        api_version = S(""); /* metadata_read has filled it in */
    check_strictly(l, text, &doc);
    check_name(l, value_str_at(m, "name"));
    check_api_version(l, api_version);
    check_is_text(l, &doc, "version");
    check_version(l, version);
    check_is_text(l, &doc, "appVersion");
    check_maintainers(l, value_get(m, "maintainers"));
    check_sources(l, value_get(m, "sources"));
    check_icon(l, value_str_at(m, "icon"));
    check_newer_fields(l, m, api_version);
    check_strict_version(l, version);
}
