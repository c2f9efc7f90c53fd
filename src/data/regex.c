/*
 * Matching with PCRE2. It backtracks, so a match limit takes the place of RE2's promise of linear time.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <time.h>

#include "data/regex.h"
#include "data/regex_syntax.h"

#define MATCH_LIMIT 5000000 /* steps of the matcher: about a tenth of a second */
#define HEAP_LIMIT_KIB (64 << 10)
#define CPU_SECONDS_MAX 10 /* of all matches of one replacement */
#define LOOK_EVERY 8       /* of them between two looks at the clock */
#define REPLACED_MAX ((size_t)64 << 20)

struct regex {
    struct arena arena; /* of the names */
    pcre2_code *code;
    pcre2_match_context *limits;
    struct regex_translation translation;
};

void regex_free(struct regex **re)
{
    struct regex *r = *re;

    *re = NULL;
    if (r == NULL)
        return;
    pcre2_match_context_free(r->limits);
    pcre2_code_free(r->code);
    arena_close(&r->arena);
    free(r);
}

/* NULL: too large for PCRE2, or no memory. `utf` says what it may rely on: that texts are UTF-8, or that they may not
 * be.
 */
static pcre2_code *compile_for(struct str pattern, uint32_t utf)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_code *made = NULL;

    if (context == NULL)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, 2 * REGEX_DEPTH_MAX);
    made = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, utf | PCRE2_NEVER_UCP | PCRE2_DOLLAR_ENDONLY, &code, &at,
                         context);
    pcre2_compile_context_free(context);
    return made;
}

/* Compile the translated pattern; what RE2 accepts can only be too large for PCRE2. */
static bool compile(struct regex *r, struct str pattern, struct err *e)
{
    r->limits = pcre2_match_context_create(NULL);
    if (r->limits == NULL)
        return err_set(e, ERR_UNAVAILABLE, "compile regular expression: out of memory");
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    r->code = compile_for(r->translation.pattern, PCRE2_UTF);
    if (r->code == NULL)
        return err_set(e, ERR_LIMIT, "error parsing regexp: expression too large: `%.*s`", STR(pattern));
    return true;
}

bool regex_compile(struct str pattern, struct regex **out, struct err *e)
{
    CLEANUP(regex_free) struct regex *r = calloc(1, sizeof *r);

    if (r == NULL)
        return err_set(e, ERR_UNAVAILABLE, "compile regular expression: out of memory");
    pattern = arena_str(&r->arena, pattern); /* the names live in it */
    if (!regex_translate(&r->arena, pattern, &r->translation, e) || !compile(r, pattern, e))
        return false;
    *out = r;
    r = NULL;
    return true;
}

size_t regex_groups(const struct regex *re)
{
    return re->translation.names.n;
}

struct str regex_group_name(const struct regex *re, size_t i)
{
    return i > 0 && i <= re->translation.names.n ? re->translation.names.v[i - 1] : (struct str){ "", 0 };
}

/* ---- matching ------------------------------------------------------------------------------------- */

static bool too_long(struct str subject, struct err *e)
{
    return err_set(e, ERR_LIMIT,
                   "regular expression takes too long or too much memory on %zu bytes of text: make it simpler, above "
                   "all repetitions inside repetitions",
                   subject.n);
}

bool regex_search_open(const struct regex *re, struct str subject, struct regex_search *out, struct err *e)
{
    *out = (struct regex_search){ .re = re, .subject = subject };
    if (!utf8_valid(subject) && (out->loose = compile_for(re->translation.pattern, PCRE2_MATCH_INVALID_UTF)) == NULL)
        return err_set(e, ERR_LIMIT, "regular expression is too large for a text that is no UTF-8");
    out->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    return out->data != NULL || err_set(e, ERR_UNAVAILABLE, "match regular expression: out of memory");
}

void regex_search_close(struct regex_search *s)
{
    pcre2_match_data_free(s->data);
    pcre2_code_free(s->loose);
    *s = (struct regex_search){ 0 };
}

static bool match(const struct regex_search *s, size_t start, bool *found, struct err *e)
{
    static const char nothing[] = "";
    PCRE2_SPTR text = (PCRE2_SPTR)(s->subject.n > 0 ? s->subject.p : nothing);
    int code = PCRE2_ERROR_NOMATCH;

    if (start <= s->subject.n && s->loose != NULL)
        code = pcre2_match(s->loose, text, s->subject.n, start, 0, s->data, s->re->limits);
    else if (start <= s->subject.n)
        code = pcre2_match(s->re->code, text, s->subject.n, start, PCRE2_NO_UTF_CHECK, s->data, s->re->limits);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        return too_long(s->subject, e);
    *found = code >= 0;
    return true;
}

static struct regex_span span_at(const PCRE2_SIZE *ends, size_t i)
{
    if (ends[2 * i] == PCRE2_UNSET)
        return (struct regex_span){ -1, -1 };
    return (struct regex_span){ (ptrdiff_t)ends[2 * i], (ptrdiff_t)ends[2 * i + 1] };
}

bool regex_search_from(const struct regex_search *s, size_t start, struct regex_span *spans, bool *found, struct err *e)
{
    if (!match(s, start, found, e))
        return false;
    for (size_t i = 0; *found && i <= regex_groups(s->re); i++)
        spans[i] = span_at(pcre2_get_ovector_pointer(s->data), i);
    return true;
}

bool regex_match(const struct regex *re, struct str subject, size_t start, struct regex_span *spans, bool *found,
                 struct err *e)
{
    CLEANUP(regex_search_close) struct regex_search s = { 0 };

    return regex_search_open(re, subject, &s, e) && regex_search_from(&s, start, spans, found, e);
}

/* ---- replacing ------------------------------------------------------------------------------------ */

static bool is_name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
           || (unsigned char)c >= 0x80;
}

/* Behind a '$': "name" or "{name}"; false when the '$' stands for itself. */
static bool take_reference(struct str *s, struct str *name)
{
    struct str rest = *s;
    bool braced = rest.n > 0 && rest.p[0] == '{';
    size_t n = 0;

    if (braced)
        str_cut(&rest, 1);
    while (n < rest.n && is_name_byte(rest.p[n]))
        n++;
    *name = str_cut(&rest, n);
    if (n == 0 || (braced && (rest.n == 0 || *str_cut(&rest, 1).p != '}')))
        return false;
    *s = rest;
    return true;
}

/* The group that a reference means, or -1; a number without leading zeros is a position. */
static ptrdiff_t group_of(const struct regex *re, const PCRE2_SIZE *ends, struct str name)
{
    int64_t number = 0;
    bool is_number = name.p[0] >= '0' && name.p[0] <= '9' && name.n < 9 && !(name.p[0] == '0' && name.n > 1);

    if (is_number && str_to_int(name, &number))
        return (size_t)number <= regex_groups(re) ? (ptrdiff_t)number : -1;
    for (size_t i = 1; i <= regex_groups(re); i++)
        if (str_eq(name, regex_group_name(re, i)) && ends[2 * i] != PCRE2_UNSET)
            return (ptrdiff_t)i;
    return -1;
}

static void expand(struct buf *b, const struct regex *re, const PCRE2_SIZE *ends, struct str subject, struct str with)
{
    struct str text, name;

    while (b->n <= REPLACED_MAX && str_split(&with, S("$"), &text)) {
        buf_add(b, text);
        if (with.n > 0 && with.p[0] == '$') {
            buf_byte(b, *str_cut(&with, 1).p);
            continue;
        }
        if (!take_reference(&with, &name)) {
            buf_byte(b, '$');
            continue;
        }
        ptrdiff_t group = group_of(re, ends, name);
        if (group >= 0 && ends[2 * group] != PCRE2_UNSET)
            buf_add(b, str_slice(subject, ends[2 * group], ends[2 * group + 1]));
    }
    buf_add(b, text);
}

/* Where the search goes on: behind the match, at least one rune further. */
static size_t next_position(struct str subject, size_t at, size_t match_end)
{
    uint32_t c = 0;
    size_t width = at < subject.n ? utf8_decode(str_slice(subject, at, subject.n), &c) : 1;

    return at + width > match_end ? at + width : match_end;
}

static int64_t cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec;
}

/* Many matches, each below its own limit, may still be too much: asked before each one. */
static bool check_limits(struct str subject, size_t done, size_t matches, int64_t since, struct err *e)
{
    if (done > REPLACED_MAX)
        return err_set(e, ERR_LIMIT, "the text with replacements would be larger than %zu bytes", REPLACED_MAX);
    return matches % LOOK_EVERY != 0 || cpu_seconds() - since <= CPU_SECONDS_MAX || too_long(subject, e);
}

bool regex_replace(struct arena *a, const struct regex *re, struct str subject, struct str with, bool literal,
                   struct str *out, struct err *e)
{
    CLEANUP(regex_search_close) struct regex_search s = { 0 };
    struct buf b = { .a = a };
    size_t copied = 0; /* also the end of the last match */
    size_t matches = 0;
    int64_t since = cpu_seconds();
    bool found = false;

    if (!regex_search_open(re, subject, &s, e))
        return false;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(s.data);
    for (size_t at = 0; at <= subject.n; at = next_position(subject, at, ends[1])) {
        if (!check_limits(subject, b.n, ++matches, since, e) || !match(&s, at, &found, e))
            return false;
        if (!found)
            break;
        buf_add(&b, str_slice(subject, copied, ends[0]));
        if (ends[1] > copied || ends[0] == 0) { /* an empty match right behind a match does not count */
            if (literal)
                buf_add(&b, with);
            else
                expand(&b, re, ends, subject, with);
        }
        copied = ends[1];
    }
    buf_add(&b, str_slice(subject, copied, subject.n));
    *out = b.n == 0 ? S("") : buf_str(&b);
    return true;
}
