/*
 * The characters of a YAML text: UTF-16 becomes UTF-8, and what YAML forbids ends the text. go-yaml reads in pieces of
 * 512 bytes and complains when the scanner asks for the piece with the forbidden character, so the text ends where
 * that piece starts.
 */
#include <string.h>

#include "data/yaml_scan.h"

#define PIECE 512
#define PADDING 8 /* NUL bytes behind the text, more than the scanner ever looks ahead */

static const char bad_control[] = "control characters are not allowed";

static bool is_allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7e) || c == 0x85 || (c >= 0xa0 && c <= 0xd7ff)
           || (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

static unsigned lead_width(unsigned char c)
{
    return c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : (c & 0xf8) == 0xf0 ? 4 : 0;
}

/* What is wrong with the character at the front of `s`; NULL and its width when nothing is. */
static const char *check_utf8(struct str s, unsigned *width)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    unsigned char lead = (unsigned char)s.p[0];

    *width = lead_width(lead);
    if (*width == 0)
        return "invalid leading UTF-8 octet";
    if (*width > s.n)
        return "incomplete UTF-8 octet sequence";
    uint32_t c = lead & mask[*width];
    for (unsigned i = 1; i < *width; i++) {
        if (((unsigned char)s.p[i] & 0xc0) != 0x80)
            return "invalid trailing UTF-8 octet";
        c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
    }
    if (c < least[*width])
        return "invalid length of a UTF-8 sequence";
    if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
        return "invalid Unicode character";
    return is_allowed(c) ? NULL : bad_control;
}

/* Bytes of `text` that can be read. */
static size_t readable_utf8(struct str text, size_t from, struct yaml_text_fault *fault)
{
    size_t piece = 0, i = from;
    unsigned width = 1;

    while (i < text.n) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c <= 0x7e) {
            i++;
            continue;
        }
        piece = i - piece >= PIECE ? piece + (i - piece) / PIECE * PIECE : piece;
        *fault = (struct yaml_text_fault){ check_utf8(str_slice(text, i, text.n), &width), i };
        if (fault->problem != NULL)
            return piece > from ? piece : from;
        if (i + width > piece + PIECE)
            piece = i; /* a character that is cut belongs to the next piece */
        i += width;
    }
    return text.n;
}

static struct str padded(struct arena *a, struct str text)
{
    char *room = arena_alloc_raw(a, text.n + PADDING);

    memcpy(room, text.p, text.n);
    memset(room + text.n, 0, PADDING);
    return (struct str){ room, text.n };
}

/* One character of UTF-16; *low_first tells the byte order. */
static const char *check_utf16(struct str s, bool low_first, uint32_t *c, unsigned *width)
{
    const unsigned char *p = (const unsigned char *)s.p;
    unsigned low = low_first ? 0 : 1, high = 1 - low;

    *width = 2;
    if (s.n < 2)
        return "incomplete UTF-16 character";
    *c = (uint32_t)p[low] | (uint32_t)p[high] << 8;
    if ((*c & 0xfc00) == 0xdc00)
        return "unexpected low surrogate area";
    if ((*c & 0xfc00) == 0xd800) {
        *width = 4;
        if (s.n < 4)
            return "incomplete UTF-16 surrogate pair";
        uint32_t second = (uint32_t)p[low + 2] | (uint32_t)p[high + 2] << 8;
        if ((second & 0xfc00) != 0xdc00)
            return "expected low surrogate area";
        *c = 0x10000 + ((*c & 0x3ff) << 10) + (second & 0x3ff);
    }
    return is_allowed(*c) ? NULL : bad_control;
}

static struct str from_utf16(struct arena *a, struct str text, struct yaml_text_fault *fault)
{
    struct buf b = { .a = a };
    bool low_first = (unsigned char)text.p[0] == 0xff;
    size_t piece = 0, kept = 0;
    unsigned width = 2;
    uint32_t c = 0;

    buf_reserve(&b, text.n * 2 + PADDING);
    for (size_t i = 2; i < text.n; i += width) {
        *fault = (struct yaml_text_fault){ check_utf16(str_slice(text, i, text.n), low_first, &c, &width), i };
        if (fault->problem != NULL)
            return padded(a, (struct str){ buf_str(&b).p, kept });
        if (i + width > piece + PIECE) {
            piece = i;
            kept = b.n;
        }
        buf_rune(&b, c);
    }
    return padded(a, buf_str(&b));
}

struct str yaml_text_prepare(struct arena *a, struct str text, struct yaml_text_fault *fault)
{
    size_t from = str_starts(text, S("\xef\xbb\xbf")) ? 3 : 0;

    *fault = (struct yaml_text_fault){ 0 };
    if (str_starts(text, S("\xff\xfe")) || str_starts(text, S("\xfe\xff")))
        return from_utf16(a, text, fault);
    return padded(a, str_slice(text, from, readable_utf8(text, from, fault)));
}
