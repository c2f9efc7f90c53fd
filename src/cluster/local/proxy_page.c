/* What the proxy says itself: to browsers as a page, to programs as one line. */
#include "cluster/local/proxy_internal.h"

#define HOSTS_SHOWN 200 /* on the page for an unknown host */

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto 0;padding:0 1.5rem;color:#222;"
    "background:#fafafa}h1{font-size:1.4rem}a{color:#0b57d0}code{background:#eee;padding:.1em .3em;"
    "border-radius:3px}.dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;background:#d93;"
    "margin-right:.5em;animation:p 1.2s infinite}@keyframes p{50%{opacity:.25}}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}code{background:#333}a{color:#8ab4f8}}";

static const char *reason_of(int status)
{
    switch (status) {
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Error";
    }
}

static struct str escape(struct arena *a, struct str s)
{
    struct buf b = { .a = a };
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '<': buf_c(&b, "&lt;"); break;
        case '>': buf_c(&b, "&gt;"); break;
        case '&': buf_c(&b, "&amp;"); break;
        case '"': buf_c(&b, "&quot;"); break;
        default: buf_byte(&b, s.p[i]); break;
        }
    }
    return buf_str(&b);
}

static struct str response(struct arena *a, int status, const char *more, bool html, struct str body)
{
    return arena_fmt(
        a,
        "HTTP/1.1 %d %s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n%.*s",
        status, reason_of(status), html ? "html" : "plain", body.n, more, STR(body));
}

static struct str document(struct arena *a, const char *head, struct str title, struct str content)
{
    return arena_fmt(
        a,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\">%s<title>%.*s</title><style>%s</style></head><body>%.*s</body></html>\n",
        head, STR(title), style, STR(content));
}

struct str page_error(struct arena *a, int status, const char *why, bool html)
{
    struct str text = arena_fmt(a, "%d %s: %s\n", status, reason_of(status), why);
    if (html) {
        struct str title = arena_fmt(a, "%d %s", status, reason_of(status));
        text = document(a, "", title, arena_fmt(a, "<h1>%.*s</h1><p>%.*s</p>", STR(title), STR(escape(a, str_c(why)))));
    }
    return response(a, status, "", html, text);
}

struct str page_not_ready(struct arena *a, const struct route_choice *c, bool html)
{
    struct str text = arena_fmt(a, "503 %s is starting: service %s has no ready pod yet\n", c->env, c->service);
    if (html)
        text = document(
            a, "<meta http-equiv=\"refresh\" content=\"2\">", arena_fmt(a, "%s is starting", c->env),
            arena_fmt(
                a,
                "<h1><span class=\"dot\"></span>%s is starting</h1><p>Service <code>%s</code> has no ready pod yet. "
                "This page looks again every two seconds.</p>",
                c->env, c->service));
    return response(a, 503, "Retry-After: 2\r\n", html, text);
}

struct str page_unknown_host(struct arena *a, struct route_table *t, struct str host, int port, bool html)
{
    struct str *hosts;
    size_t n = routes_hosts(a, t, &hosts);
    struct buf list = { .a = a };
    for (size_t i = 0; i < n && i < HOSTS_SHOWN; i++) {
        struct str label, rest = hosts[i], shown = escape(a, hosts[i]);
        (void)str_split(&rest, S("."), &label);
        if (html)
            buf_fmt(&list, "<li><a href=\"http://%.*s.localhost:%d/\">%.*s</a></li>", STR(escape(a, label)), port,
                    STR(shown));
        else
            buf_fmt(&list, "  %.*s\n", STR(hosts[i]));
    }
    if (!html)
        return response(a, 404, "", false,
                        arena_fmt(a, "404 no Ingress has the host \"%.*s\"; there %s:\n%.*s", STR(host),
                                  n > 0 ? "are" : "are none yet", STR(buf_str(&list))));
    struct str content =
        arena_fmt(a, "<h1>Nothing is served as <code>%.*s</code></h1><p>%s</p><ul>%.*s</ul>", STR(escape(a, host)),
                  n > 0 ? "These hosts exist:" : "No Ingress exists yet.", STR(buf_str(&list)));
    return response(a, 404, "", true, document(a, "", S("Unknown host"), content));
}
