/*
 * data/scan.h - the searches that readers and writers of text spend their time in. Inside src/data only.
 *
 * With SSE2 sixteen bytes at a time, without it one at a time; no byte at or behind `end` is looked at.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Can the byte not stand for itself in a JSON string? */
static inline bool scan_is_json_special(char c)
{
    return c == '"' || c == '\\' || (uint8_t)c < 0x20;
}

/* The first quote, backslash or control character. */
static inline const char *scan_json_string(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p), limit = _mm_set1_epi8(0x1f);
        __m128i found = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
            _mm_cmpeq_epi8(_mm_min_epu8(bytes, limit), bytes));
        int mask = _mm_movemask_epi8(found);
        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && !scan_is_json_special(*p))
        p++;
    return p;
}

/* The same, or a byte beyond ASCII; with `html` also < > and &. */
static inline const char *scan_json_ascii(const char *p, const char *end, bool html)
{
#ifdef __SSE2__
    /* '"' and '&' differ in one bit only, '<' and '>' in another */
    __m128i keep = _mm_set1_epi8(html ? (char)~4 : (char)~0), set = _mm_set1_epi8(html ? 2 : 0);
    __m128i angle = _mm_set1_epi8(html ? '>' : '"');
    for (; end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i found =
            _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_and_si128(bytes, keep), _mm_set1_epi8('"')));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_or_si128(bytes, set), angle));
        int mask = _mm_movemask_epi8(found);
        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && !scan_is_json_special(*p) && (uint8_t)*p < 0x80
           && !(html && (*p == '<' || *p == '>' || *p == '&')))
        p++;
    return p;
}

/* The first byte that is neither ASCII from blank to '~' nor a line feed. */
static inline const char *scan_printable(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i good = _mm_or_si128(
            _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x1f)), _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x7f))),
            _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
        int mask = _mm_movemask_epi8(good) ^ 0xffff;
        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && ((*p >= ' ' && *p < 0x7f) || *p == '\n'))
        p++;
    return p;
}

/* Blanks, eight at a time while that goes. */
static inline const char *scan_blanks(const char *p, const char *end)
{
    static const char eight[] = "        ";

    while (end - p >= 8 && memcmp(p, eight, 8) == 0)
        p += 8;
    while (p < end && *p == ' ')
        p++;
    return p;
}
