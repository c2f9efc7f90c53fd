/* One API call: what it asks, its answer in GitHub's shapes, and pages. */
#include "base/sys.h"
#include "data/json.h"
#include "net/url.h"
#include "sandbox/internal.h"

#define PAGE_DEFAULT 30
#define PAGE_MAX 100
#define DOCS "https://docs.github.com/rest"

void call_header(struct call *c, const char *name, struct str value)
{
    struct http_headers *h = &c->headers;

    h->v = arena_grow(c->a, h->v, h->n * sizeof *h->v, (h->n + 1) * sizeof *h->v);
    h->v[h->n++] = (struct http_header){ str_c(name), value };
}

void call_reply(struct call *c, int status, struct value v)
{
    c->status = status;
    c->answer = v;
}

static struct value refusal(struct call *c, int status, struct str message)
{
    struct value out = value_map(c->a);

    value_set_str(c->a, &out, "message", message);
    value_set(c->a, &out, "documentation_url", value_c(DOCS));
    value_set(c->a, &out, "status", value_fmt(c->a, "%d", status));
    return out;
}

void call_refuse(struct call *c, int status, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    struct str message = arena_vfmt(c->a, fmt, args);
    va_end(args);
    call_reply(c, status, refusal(c, status, message));
}

void call_refuse_field(struct call *c, const char *resource, const char *field, const char *code, const char *fmt, ...)
{
    struct value out = refusal(c, 422, S("Validation Failed")), errors = value_list(c->a), one = value_map(c->a);

    value_set(c->a, &one, "resource", value_c(resource));
    value_set(c->a, &one, "code", value_c(code));
    value_set(c->a, &one, "field", value_c(field));
    if (fmt != NULL) {
        va_list args;
        va_start(args, fmt);
        value_set(c->a, &one, "message", value_str(arena_vfmt(c->a, fmt, args)));
        va_end(args);
    }
    list_push(c->a, errors.list, one);
    value_set(c->a, &out, "errors", errors);
    call_reply(c, 422, out);
}

struct str call_query(struct call *c, const char *name)
{
    struct str rest = c->query, pair, key;

    while (rest.n > 0) {
        str_split(&rest, S("&"), &pair);
        str_split(&pair, S("="), &key);
        if (str_is(url_unescape(c->a, key, true), name))
            return url_unescape(c->a, pair, true);
    }
    return S("");
}

struct str call_repo_url(struct call *c)
{
    return arena_fmt(c->a, "%.*s/repos/%.*s", STR(c->view.api), STR(repo_full_name(c->a, &c->repo)));
}

struct str call_repo_page(struct call *c)
{
    return arena_fmt(c->a, "%.*s/%.*s", STR(c->s->url), STR(repo_full_name(c->a, &c->repo)));
}

int64_t call_param_int(struct call *c, size_t i)
{
    int64_t n = -1;

    return str_to_int(c->params[i], &n) ? n : -1;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static size_t query_size(struct call *c, const char *name, size_t otherwise, size_t most)
{
    int64_t n = 0;

    if (!str_to_int(call_query(c, name), &n) || n < 1)
        return otherwise;
    return (uint64_t)n > most ? most : (size_t)n;
}

/* The request's own query with another page. */
static struct str page_url(struct call *c, size_t page)
{
    struct buf b = { .a = c->a };
    struct str rest = c->query, pair;

    buf_fmt(&b, "%.*s%.*s?", STR(c->view.api), STR(c->path));
    while (rest.n > 0) {
        str_split(&rest, S("&"), &pair);
        if (pair.n > 0 && !str_starts(pair, S("page=")))
            buf_fmt(&b, "%.*s&", STR(pair));
    }
    buf_fmt(&b, "page=%zu", page);
    return buf_str(&b);
}

static void add_link(struct call *c, struct buf *b, size_t page, const char *rel)
{
    buf_fmt(b, "%s<%.*s>; rel=\"%s\"", b->n > 0 ? ", " : "", STR(page_url(c, page)), rel);
}

void call_page(struct call *c, size_t n, size_t *first, size_t *last)
{
    size_t size = query_size(c, "per_page", PAGE_DEFAULT, PAGE_MAX);
    size_t pages = n == 0 ? 1 : (n - 1) / size + 1;
    size_t page = query_size(c, "page", 1, (size_t)1 << 30);
    struct buf b = { .a = c->a };

    *first = (page - 1) * size < n ? (page - 1) * size : n;
    *last = n - *first > size ? *first + size : n;
    if (page > 1)
        add_link(c, &b, page - 1 < pages ? page - 1 : pages, "prev");
    if (page < pages) {
        add_link(c, &b, page + 1, "next");
        add_link(c, &b, pages, "last");
    }
    if (page > 1)
        add_link(c, &b, 1, "first");
    if (b.n > 0)
        call_header(c, "Link", buf_str(&b));
}

void call_reply_page(struct call *c, const struct value *list)
{
    struct value out = value_list(c->a);
    size_t first, last;

    call_page(c, value_len(list), &first, &last);
    for (size_t i = first; i < last; i++)
        list_push(c->a, out.list, *value_item(list, i));
    call_reply(c, 200, out);
}
