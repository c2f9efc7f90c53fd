/*
 * oci/multipart.c - one field of a multipart/form-data body (RFC 7578), as `helm cm-push` and `curl -F chart=@...`
 * send.
 *
 *   body = *( "--" boundary CRLF headers CRLF content CRLF ) "--" boundary "--"
 */
#include "oci/registry_internal.h"

enum { BOUNDARY_MAX = 200 };

/* The value of `name=` in a header: a token or a quoted string without escapes. */
static struct str parameter(struct str header, const char *name)
{
    struct str part = { 0 };
    for (bool more = true; more;) {
        more = str_split(&header, S(";"), &part);
        struct str value = str_trim(part), key = { 0 };
        str_split(&value, S("="), &key);
        if (str_ieq(str_trim(key), str_c(name)))
            return str_trim_set(str_trim(value), "\"");
    }
    return S("");
}

/* Whether the part with these headers is the field. */
static bool is_field(struct str headers, const char *name)
{
    struct str line = { 0 };
    for (bool more = true; more;) {
        more = str_split(&headers, S("\r\n"), &line);
        struct str value = line, key = { 0 };
        str_split(&value, S(":"), &key);
        if (str_ieq(str_trim(key), S("Content-Disposition")) && str_is(parameter(value, "name"), name))
            return true;
    }
    return false;
}

bool multipart_field(struct str content_type, struct str body, const char *name, struct str *out)
{
    char text[BOUNDARY_MAX + 4] = "\r\n--";
    struct str boundary = parameter(content_type, "boundary"), part = { 0 }, headers = { 0 };
    if (boundary.n == 0 || boundary.n > BOUNDARY_MAX - 4)
        return false;
    memcpy(text + 4, boundary.p, boundary.n);
    struct str mark = { text, boundary.n + 4 };
    if (!str_starts(body, str_slice(mark, 2, mark.n))) { /* a preamble comes first */
        if (!str_split(&body, mark, &part))
            return false;
    } else {
        str_cut(&body, mark.n - 2);
    }
    while (str_split(&body, mark, &part)) {
        if (str_starts(part, S("\r\n")))
            str_cut(&part, 2);
        if (str_split(&part, S("\r\n\r\n"), &headers) && is_field(headers, name)) {
            *out = part;
            return true;
        }
    }
    return false;
}
