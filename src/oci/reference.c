/* oci/reference.c - [host[:port]/]repository[:tag][@digest], with Docker Hub's short forms. */
#include "oci/digest.h"
#include "oci/internal.h"

enum { NAME_MAX_BYTES = 255, TAG_MAX_BYTES = 128 };

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* separator = "." / "_" / "__" / 1*"-" ; its length at the front of `s`, 0 when there is none */
static size_t separator_length(struct str s)
{
    size_t n = 0;
    if (s.n > 0 && s.p[0] == '-') {
        while (n < s.n && s.p[n] == '-')
            n++;
        return n;
    }
    if (str_starts(s, S("__")))
        return 2;
    return s.n > 0 && (s.p[0] == '.' || s.p[0] == '_') ? 1 : 0;
}

/* component = 1*( a-z / 0-9 ) *( separator 1*( a-z / 0-9 ) ) */
static bool is_component(struct str s)
{
    for (;;) {
        size_t n = 0;
        while (n < s.n && is_name_char(s.p[n]))
            n++;
        if (n == 0)
            return false;
        str_cut(&s, n);
        if (s.n == 0)
            return true;
        size_t separator = separator_length(s);
        if (separator == 0)
            return false;
        str_cut(&s, separator);
    }
}

bool oci_repository_valid(struct str name)
{
    struct str rest = name, component = { 0 };
    bool more = true;
    if (name.n == 0 || name.n > NAME_MAX_BYTES)
        return false;
    while (more) {
        more = str_split(&rest, S("/"), &component);
        if (!is_component(component))
            return false;
    }
    return true;
}

bool oci_tag_valid(struct str tag)
{
    if (tag.n == 0 || tag.n > TAG_MAX_BYTES || tag.p[0] == '.' || tag.p[0] == '-')
        return false;
    for (size_t i = 0; i < tag.n; i++) {
        char c = tag.p[i];
        if (!is_name_char(c) && !(c >= 'A' && c <= 'Z') && c != '_' && c != '.' && c != '-')
            return false;
    }
    return true;
}

/* Whether the first component of a reference is a host: it has a dot or a colon, or is localhost, or has upper case. */
static bool is_host(struct str s)
{
    if (str_is(s, "localhost"))
        return true;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '.' || s.p[i] == ':' || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
            return true;
    return false;
}

static bool host_valid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!is_name_char(c) && !(c >= 'A' && c <= 'Z') && (c == 0 || strchr(".:-[]_", c) == NULL))
            return false;
    }
    return s.n > 0;
}

static void split_host(struct arena *a, struct str *rest, struct oci_reference *r)
{
    ptrdiff_t slash = str_find(*rest, S("/"));
    struct str first = slash < 0 ? S("") : str_slice(*rest, 0, (size_t)slash);
    if (slash >= 0 && is_host(first)) {
        str_cut(rest, (size_t)slash + 1);
        r->registry = first;
    }
    if (r->registry.n == 0 || str_is(r->registry, "index.docker.io") || str_is(r->registry, "registry-1.docker.io"))
        r->registry = S("docker.io");
    if (str_is(r->registry, "docker.io") && rest->n > 0 && str_find(*rest, S("/")) < 0)
        *rest = arena_fmt(a, "library/%.*s", STR(*rest));
}

static void split_tag(struct str *rest, struct oci_reference *r, bool *has_tag)
{
    ptrdiff_t colon = str_rfind(*rest, S(":")), slash = str_rfind(*rest, S("/"));
    *has_tag = colon > slash;
    if (!*has_tag)
        return;
    r->tag = str_slice(*rest, (size_t)colon + 1, rest->n);
    *rest = str_slice(*rest, 0, (size_t)colon);
}

bool oci_reference_parse(struct arena *a, struct str text, struct oci_reference *out, struct err *e)
{
    struct oci_reference r = { 0 };
    struct str rest = text, name = { 0 };
    bool has_tag = false, has_digest = str_split(&rest, S("@"), &name);
    r.digest = rest;
    split_tag(&name, &r, &has_tag);
    split_host(a, &name, &r);
    r.repository = name;
    if (!host_valid(r.registry))
        return err_set(e, ERR_INVALID, "image reference \"%.*s\": bad host name", STR(text));
    if (!oci_repository_valid(r.repository))
        return err_set(
            e, ERR_INVALID,
            "image reference \"%.*s\": repository names are lower-case letters, digits, '.', '_', '-' and '/'",
            STR(text));
    if (has_tag && !oci_tag_valid(r.tag))
        return err_set(e, ERR_INVALID, "image reference \"%.*s\": a tag is 1 to 128 letters, digits, '_', '.', '-'",
                       STR(text));
    if (has_digest && !oci_digest_valid(r.digest))
        return err_set(e, ERR_INVALID, "image reference \"%.*s\": bad digest", STR(text));
    if (!has_tag && !has_digest)
        r.tag = S("latest");
    *out = r;
    return true;
}

struct str oci_reference_str(struct arena *a, const struct oci_reference *r)
{
    struct buf b = { .a = a };
    struct str name = r->repository;
    if (!str_is(r->registry, "docker.io"))
        buf_fmt(&b, "%.*s/", STR(r->registry));
    else if (str_starts(name, S("library/")) && str_find(str_slice(name, 8, name.n), S("/")) < 0)
        str_cut(&name, 8);
    buf_add(&b, name);
    if (r->tag.n > 0)
        buf_fmt(&b, ":%.*s", STR(r->tag));
    if (r->digest.n > 0)
        buf_fmt(&b, "@%.*s", STR(r->digest));
    return buf_str(&b);
}

struct oci_reference oci_reference_at(const struct oci_reference *r, struct str digest)
{
    return (struct oci_reference){ .registry = r->registry, .repository = r->repository, .digest = digest };
}
