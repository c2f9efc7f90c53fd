/* The server's API as commands see it. */
#include <stdlib.h>

#include "cli/cli.h"
#include "data/json.h"
#include "net/http.h"

#define DEFAULT_SERVER "http://127.0.0.1:8090"

struct cli_api cli_api_of(struct arena *a, const char *server_flag)
{
    const char *base = server_flag != NULL ? server_flag : getenv("VITRINE_SERVER");
    struct str url = str_c(base != NULL && *base != '\0' ? base : DEFAULT_SERVER);
    if (str_find(url, S("://")) < 0)
        url = arena_fmt(a, "http://%.*s", STR(url));
    while (str_ends(url, S("/")))
        url.n--;
    return (struct cli_api){ url, str_c(getenv("VITRINE_TOKEN")) };
}

static bool refused(const struct http_response *r, struct arena *a, struct err *e)
{
    struct value v;
    struct err aside;
    struct str why = utf8_prefix(str_trim(r->body), 300);
    if (json_parse(a, r->body, &v, &aside) && value_str_at(&v, "error").n > 0)
        why = value_str_at(&v, "error");
    enum err_kind kind = r->status == 404                       ? ERR_NOT_FOUND
                         : r->status == 409                     ? ERR_CONFLICT
                         : r->status == 401 || r->status == 403 ? ERR_DENIED
                         : r->status >= 500                     ? ERR_UNAVAILABLE
                                                                : ERR_INVALID;
    return err_set(e, kind, "%.*s", STR(why));
}

bool cli_api_call(struct arena *a, const struct cli_api *api, const char *method, struct str path,
                  const struct value *body, struct value *out, struct err *e)
{
    struct http_header headers[2] = { { S("Content-Type"), S("application/json") } };
    size_t n = 1;
    if (api->token.n > 0)
        headers[n++] = (struct http_header){ S("Authorization"), arena_fmt(a, "Bearer %.*s", STR(api->token)) };
    struct http_request r = { .method = method,
                              .url = arena_fmt(a, "%.*s%.*s", STR(api->base), STR(path)),
                              .headers = { headers, n },
                              .body = body != NULL ? json_str(a, body, 0) : S("") };
    struct http_response answer;
    if (!http_do(a, &r, &answer, e)) {
        if (e->kind == ERR_UNAVAILABLE)
            return err_wrap(e, "no vitrine server at %.*s (start one with `vitrine server`, or name it with --server)",
                            STR(api->base));
        return false;
    }
    if (answer.status < 200 || answer.status > 299)
        return refused(&answer, a, e);
    *out = value_map(a);
    return answer.body.n == 0 || json_parse(a, answer.body, out, e);
}
