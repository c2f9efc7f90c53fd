/* net/headers.c - what the client and the server share: header look-up, query parameters, the meaning of statuses. */
#include "net/http.h"
#include "net/url.h"

const char http_user_agent[] = "vitrine/" VITRINE_VERSION;

struct str http_header_get(const struct http_headers *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++)
        if (str_ieq(h->v[i].name, str_c(name)))
            return h->v[i].value;
    return S("");
}

void http_header_add(struct arena *a, struct http_headers *h, const char *name, struct str value)
{
    h->v = arena_grow(a, h->v, h->n * sizeof *h->v, (h->n + 1) * sizeof *h->v);
    h->v[h->n++] = (struct http_header){ str_c(name), value };
}

struct str http_query(struct http_server_request *r, const char *name)
{
    struct str rest = r->query, pair = { 0 };
    bool more = rest.n > 0;
    while (more) {
        more = str_split(&rest, S("&"), &pair);
        struct str key = { 0 };
        str_split(&pair, S("="), &key);
        if (str_is(url_unescape(r->a, key, true), name))
            return url_unescape(r->a, pair, true);
    }
    return S("");
}

enum err_kind http_status_kind(int status)
{
    switch (status) {
    case 401:
    case 403: return ERR_DENIED;
    case 404:
    case 410: return ERR_NOT_FOUND;
    case 409:
    case 412: return ERR_CONFLICT;
    case 413:
    case 429: return ERR_LIMIT;
    case 408: return ERR_UNAVAILABLE;
    default: return status >= 500 ? ERR_UNAVAILABLE : status >= 200 && status < 300 ? ERR_NONE : ERR_INVALID;
    }
}
