/* Directives, anchors, aliases and tags of a YAML text. */
#include "base/hex.h"
#include "data/yaml_scan.h"

#define VERSION_DIGITS_MAX 2

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static struct str take_word(struct yaml_scan *s)
{
    const char *start = s->p;

    while (is_word(*s->p))
        yaml_step_byte(s);
    return (struct str){ start, (size_t)(s->p - start) };
}

/* ---- anchors -------------------------------------------------------------------------------------- */

bool yaml_scan_anchor(struct yaml_scan *s, struct yaml_token *out)
{
    out->kind = *s->p == '*' ? YAML_ALIAS_TOKEN : YAML_ANCHOR_TOKEN;
    yaml_step_byte(s);
    out->value = take_word(s);
    bool ends = yaml_blank_or_end(s->p) || strchr("?:,]}%@`", *s->p) != NULL;
    if (out->value.n == 0 || !ends)
        return yaml_scan_fail_here(s, "did not find expected alphabetic or numeric character");
    return true;
}

/* ---- tags ----------------------------------------------------------------------------------------- */

/* "!", "!!" or "!name!"; in a directive nothing else may stand there. */
static bool take_handle(struct yaml_scan *s, bool directive, struct str *out)
{
    const char *start = s->p;

    if (*s->p != '!')
        return yaml_scan_fail_here(s, "did not find expected '!'");
    yaml_step_byte(s);
    take_word(s);
    if (*s->p == '!')
        yaml_step_byte(s);
    else if (directive && s->p - start > 1)
        return yaml_scan_fail_here(s, "did not find expected '!'");
    *out = (struct str){ start, (size_t)(s->p - start) };
    return true;
}

/* One character that is written as %XX octets. */
static bool take_escape(struct yaml_scan *s, struct buf *out)
{
    unsigned left = 1;

    for (bool first = true; left > 0; first = false, left--) {
        int high = *s->p == '%' ? hex_digit(s->p[1]) : -1, low = high >= 0 ? hex_digit(s->p[2]) : -1;
        if (low < 0)
            return yaml_scan_fail_here(s, "did not find URI escaped octet");
        unsigned octet = (unsigned)(high << 4 | low);
        if (first)
            left = octet < 0x80             ? 1
                   : (octet & 0xe0) == 0xc0 ? 2
                   : (octet & 0xf0) == 0xe0 ? 3
                   : (octet & 0xf8) == 0xf0 ? 4
                                            : 0;
        if (left == 0)
            return yaml_scan_fail_here(s, "found an incorrect leading UTF-8 octet");
        if (!first && (octet & 0xc0) != 0x80)
            return yaml_scan_fail_here(s, "found an incorrect trailing UTF-8 octet");
        buf_byte(out, (char)octet);
        yaml_step(s, s->p + 3);
    }
    return true;
}

/* The characters of a URI; `head` is what was read as a handle and turned out to be none. */
static bool take_uri(struct yaml_scan *s, struct str head, struct str *out)
{
    struct buf b = { .a = s->a };
    bool found = head.n > 0;

    buf_add(&b, str_slice(head, 1, head.n));
    for (; *s->p != '\0' && (is_word(*s->p) || strchr(";/?:@&=+$,.!~*'()[]%", *s->p) != NULL); found = true) {
        if (*s->p == '%') {
            if (!take_escape(s, &b))
                return false;
            continue;
        }
        buf_byte(&b, *s->p);
        yaml_step_byte(s);
    }
    *out = buf_str(&b);
    return found || yaml_scan_fail_here(s, "did not find expected tag URI");
}

/* "!<uri>" */
static bool take_verbatim(struct yaml_scan *s, struct yaml_token *out)
{
    yaml_step(s, s->p + 2);
    if (!take_uri(s, S(""), &out->suffix))
        return false;
    if (*s->p != '>')
        return yaml_scan_fail_here(s, "did not find the expected '>'");
    yaml_step_byte(s);
    return true;
}

/* "!handle!suffix", "!!suffix", "!suffix" or "!" alone */
static bool take_shorthand(struct yaml_scan *s, struct yaml_token *out)
{
    struct str handle;

    if (!take_handle(s, false, &handle))
        return false;
    if (handle.n > 1 && handle.p[handle.n - 1] == '!') {
        out->value = handle;
        return take_uri(s, S(""), &out->suffix);
    }
    if (!take_uri(s, handle, &out->suffix))
        return false;
    out->value = S("!");
    if (out->suffix.n == 0) {
        out->value = S("");
        out->suffix = S("!");
    }
    return true;
}

bool yaml_scan_tag(struct yaml_scan *s, struct yaml_token *out)
{
    out->kind = YAML_TAG_TOKEN;
    if (s->p[1] == '<' ? !take_verbatim(s, out) : !take_shorthand(s, out))
        return false;
    return yaml_blank_or_end(s->p) || yaml_scan_fail_here(s, "did not find expected whitespace or line break");
}

/* ---- directives ----------------------------------------------------------------------------------- */

static bool take_version_number(struct yaml_scan *s)
{
    unsigned digits = 0;

    for (; *s->p >= '0' && *s->p <= '9'; yaml_step_byte(s))
        if (++digits > VERSION_DIGITS_MAX)
            return yaml_scan_fail_here(s, "found extremely long version number");
    return digits > 0 || yaml_scan_fail_here(s, "did not find expected version number");
}

static bool take_version(struct yaml_scan *s, struct yaml_token *out)
{
    yaml_step_blanks(s);
    const char *start = s->p;
    if (!take_version_number(s))
        return false;
    if (*s->p != '.')
        return yaml_scan_fail_here(s, "did not find expected digit or '.' character");
    yaml_step_byte(s);
    if (!take_version_number(s))
        return false;
    out->kind = YAML_VERSION_TOKEN;
    out->value = (struct str){ start, (size_t)(s->p - start) };
    return true;
}

static bool take_tag_directive(struct yaml_scan *s, struct yaml_token *out)
{
    out->kind = YAML_TAG_DIRECTIVE_TOKEN;
    yaml_step_blanks(s);
    if (!take_handle(s, true, &out->value))
        return false;
    if (!yaml_blank(*s->p))
        return yaml_scan_fail_here(s, "did not find expected whitespace");
    yaml_step_blanks(s);
    if (!take_uri(s, S(""), &out->suffix))
        return false;
    return yaml_blank_or_end(s->p) || yaml_scan_fail_here(s, "did not find expected whitespace or line break");
}

bool yaml_scan_directive(struct yaml_scan *s, struct yaml_token *out)
{
    yaml_step_byte(s);
    struct str name = take_word(s);
    if (name.n == 0)
        return yaml_scan_fail_here(s, "could not find expected directive name");
    if (!yaml_blank_or_end(s->p))
        return yaml_scan_fail_here(s, "found unexpected non-alphabetical character");
    bool version = str_is(name, "YAML");
    if (!version && !str_is(name, "TAG"))
        return yaml_scan_fail_here(s, "found unknown directive name");
    if (version ? !take_version(s, out) : !take_tag_directive(s, out))
        return false;
    return yaml_scan_line_end(s);
}
