/* A pattern, a line break, a subject. What RE2's rules accept must compile, and spans must lie in the subject. */
#include <assert.h>

#include "data/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    CLEANUP(regex_free) struct regex *re = NULL;
    struct str subject = { (const char *)data, size < 1024 ? size : 1024 }, pattern, out;
    struct err e = { 0 };
    bool found = false;

    str_split(&subject, S("\n"), &pattern);
    if (!regex_compile(pattern, &re, &e))
        return 0;
    struct regex_span *spans = arena_new(&a, struct regex_span, 1 + regex_groups(re));
    if (!regex_match(re, subject, 0, spans, &found, &e)) {
        assert(e.kind == ERR_LIMIT);
        return 0;
    }
    for (size_t i = 0; found && i <= regex_groups(re); i++)
        assert(spans[i].from <= spans[i].to && spans[i].to <= (ptrdiff_t)subject.n);
    if (!regex_replace(&a, re, subject, S("<$1${0}$$>"), false, &out, &e))
        assert(e.kind == ERR_LIMIT);
    return 0;
}
