/*
 * data/regex.h - Go regular expressions (RE2 syntax) on PCRE2.
 *
 * RE2 needs time in proportion to the text; PCRE2 goes back and tries again. So there are limits, and passing one is an
 * error, never a wrong answer: 5 million steps for one match; ten seconds of processor time and 64 MiB for a text with
 * replacements.
 */
#pragma once
#include "base/base.h"

struct regex; /* compiled; owned by the caller */
/* RE2's syntax is checked: what RE2 refuses (look-around, back-references) is ERR_INVALID, with Go's words
 * "error parsing regexp: ...". */
MUST_CHECK bool regex_compile(struct str pattern, struct regex **out, struct err *e);
void regex_free(struct regex **re);          /* for CLEANUP too; NULL is fine */
size_t regex_groups(const struct regex *re); /* without group 0 */
/* The name of group `i` (1 to regex_groups); empty for a group without one. */
struct str regex_group_name(const struct regex *re, size_t i);

struct regex_span {
    ptrdiff_t from, to; /* -1 when the group took no part */
};
/* Leftmost-first match at or after `start`; `spans` has room for 1 + groups. False in *found for none.
 * errors: ERR_LIMIT when a limit is passed. */
MUST_CHECK bool regex_match(const struct regex *re, struct str subject, size_t start, struct regex_span *spans,
                            bool *found, struct err *e);
/* One text that is searched again and again: whether it is UTF-8, which takes a look at all of it, is asked once. */
struct regex_search {
    const struct regex *re;
    struct str subject;
    struct pcre2_real_code_8 *loose; /* the expression for a text that is no UTF-8; else NULL */
    struct pcre2_real_match_data_8 *data;
};
MUST_CHECK bool regex_search_open(const struct regex *re, struct str subject, struct regex_search *out, struct err *e);
void regex_search_close(struct regex_search *s); /* for CLEANUP too; a zeroed one is fine */
/* As regex_match. */
MUST_CHECK bool regex_search_from(const struct regex_search *s, size_t start, struct regex_span *spans, bool *found,
                                  struct err *e);
/* Go's ReplaceAllString ($1, ${name}); literal: ReplaceAllLiteralString. */
MUST_CHECK bool regex_replace(struct arena *a, const struct regex *re, struct str subject, struct str with,
                              bool literal, struct str *out, struct err *e);
