/*
 * What a hostile page in the user's browser can send to a server on loopback: requests that carry its Origin, or, with
 * a name of its own that suddenly means 127.0.0.1 (DNS rebinding), requests that carry that name as Host.
 */
#include "net/http.h"
#include "net/url.h"

bool http_is_foreign(const struct http_server_request *r)
{
    struct str origin = http_header_get(&r->headers, "Origin");
    ptrdiff_t at = str_find(origin, S("://"));
    if (origin.n == 0)
        return false;
    return at < 0 || !str_ieq(str_slice(origin, (size_t)at + 3, origin.n), r->host);
}

static bool is_address(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (strchr("0123456789.", name.p[i]) == NULL)
            return memchr(name.p, ':', name.n) != NULL;
    return true;
}

/* Nobody can register these in the public DNS. */
static bool is_private_name(struct str name)
{
    return url_is_loopback(name) || str_find(name, S(".")) < 0 || str_ends(name, S(".internal"));
}

bool http_host_is_rebound(const struct http_server_request *r, struct str also)
{
    const struct url asked = { .host = r->host };
    struct str name = url_hostname(&asked);
    struct url ours = { 0 };
    struct err ignored = { 0 };
    bool named = also.n > 0 && url_parse(also, &ours, &ignored) && str_ieq(url_hostname(&ours), name);
    return !named && !is_address(name) && !is_private_name(name);
}
