/* One attempt to deliver a row of the outbox: a webhook of the configuration, or vitrine's own commit status. */
#include <openssl/evp.h>

#include "base/sys.h"
#include "gitops/appset.h"
#include "net/http.h"
#include "notify/internal.h"

enum { DELIVERY_TIMEOUT_MS = 10000 };

/* ---- secrets in a service's options ------------------------------------------------------- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Every `$name` that is a key of the secret becomes its value; others stay. */
static struct str put_secrets(struct arena *a, struct str text, const struct value *secrets)
{
    struct buf out = { .a = a };
    for (size_t i = 0; i < text.n;) {
        size_t end = i + 1;
        while (text.p[i] == '$' && end < text.n && is_word(text.p[end]))
            end++;
        const struct value *found = end > i + 1 ? map_get(secrets->map, str_slice(text, i + 1, end)) : NULL;
        buf_add(&out, found != NULL ? value_as_str(found) : str_slice(text, i, end));
        i = end;
    }
    return buf_str(&out);
}

struct headers {
    VEC(struct http_header) v;
};

static void add_header(struct arena *a, struct headers *h, struct str name, struct str value)
{
    for (size_t i = 0; i < h->v.n; i++)
        if (str_ieq(h->v.v[i].name, name)) {
            h->v.v[i].value = value; /* the last one of a name wins */
            return;
        }
    *vec_push(a, &h->v) = (struct http_header){ name, value };
}

static void add_basic_auth(struct arena *a, struct headers *h, const struct value *options, const struct value *secrets)
{
    struct str user = put_secrets(a, value_str_at(options, "basicAuth.username"), secrets);
    struct str password = put_secrets(a, value_str_at(options, "basicAuth.password"), secrets);
    if (value_get(options, "basicAuth")->kind != VALUE_MAP)
        return;
    struct str plain = arena_fmt(a, "%.*s:%.*s", STR(user), STR(password));
    unsigned char *coded = arena_alloc(a, plain.n * 2 + 8);
    EVP_EncodeBlock(coded, (const unsigned char *)plain.p, (int)plain.n);
    add_header(a, h, S("Authorization"), arena_fmt(a, "Basic %s", (const char *)coded));
}

static struct http_headers headers_of(struct arena *a, const struct value *options, const struct value *secrets)
{
    struct headers h = { 0 };
    const struct value *list = value_get(options, "headers");
    for (size_t i = 0; i < value_len(list); i++)
        add_header(a, &h, put_secrets(a, value_str_at(value_item(list, i), "name"), secrets),
                   put_secrets(a, value_str_at(value_item(list, i), "value"), secrets));
    add_basic_auth(a, &h, options, secrets);
    return (struct http_headers){ h.v.v, h.v.n };
}

/* ---- webhook ------------------------------------------------------------------------------ */

/* url without its final slash + "/" + path without its first one; url alone when there is no path */
static struct str join_url(struct arena *a, struct str url, struct str path)
{
    path = str_trim(path);
    if (path.n == 0)
        return url;
    if (str_ends(url, S("/")))
        url.n--;
    if (str_starts(path, S("/")))
        str_cut(&path, 1);
    return arena_fmt(a, "%.*s/%.*s", STR(url), STR(path));
}

/* Refused for good: a client error that waiting or a mended token cannot change. */
static bool is_permanent(int status)
{
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 408 && status != 425
           && status != 429;
}

static enum err_kind kind_of(int status)
{
    return status == 401 || status == 403 ? ERR_DENIED : is_permanent(status) ? ERR_INVALID : ERR_UNAVAILABLE;
}

static bool deliver_webhook(struct arena *a, const struct notify *n, const struct outbox_item *i, struct str *detail,
                            bool *permanent, struct err *e)
{
    struct str name = value_str_at(&i->request, "service");
    const struct notify_service *s = notify_service_find(n, name);
    if (s == NULL)
        return err_set(e, ERR_NOT_FOUND, "notification service '%.*s' is not supported", STR(name));
    const struct value *notification = value_get(&i->request, "notification");
    const struct value *blocks = value_get(notification, "webhook");
    const struct value *block = blocks->kind == VALUE_MAP ? map_get(blocks->map, name) : NULL;
    struct str body = block != NULL ? value_str_at(block, "body") : value_str_at(notification, "message");
    struct str method = block != NULL ? value_str_at(block, "method") : S("");
    struct str path = block != NULL ? value_str_at(block, "path") : S("");
    struct http_request r = {
        .method = method.n > 0 ? arena_c(a, method) : "GET",
        .url = join_url(a, put_secrets(a, value_str_at(&s->options, "url"), &n->secrets),
                        notify_secrets_fill(a, path, &n->secrets)),
        .headers = headers_of(a, &s->options, &n->secrets),
        .body = notify_secrets_fill(a, body, &n->secrets),
        .timeout_ms = DELIVERY_TIMEOUT_MS,
        .response_max = 1 << 20,
        .insecure_tls = value_bool_at(&s->options, "insecureSkipVerify", false),
    };
    struct http_response answer;
    if (!http_do(a, &r, &answer, e))
        return false;
    *detail = arena_fmt(a, "%d", answer.status);
    if (answer.status >= 200 && answer.status < 300)
        return true;
    *permanent = is_permanent(answer.status);
    struct str start = utf8_prefix(str_trim(answer.body), 200);
    return err_set(e, kind_of(answer.status), "%s answered %d: %.*s", r.method, answer.status, STR(start));
}

/* ---- vitrine's own status ----------------------------------------------------------------- */

static bool is_repo(const struct forge_repo *r, struct str api, struct str full_name)
{
    struct str name = full_name, owner;
    return str_split(&name, S("/"), &owner) && str_eq(r->api, api) && str_ieq(r->owner, owner)
           && str_ieq(r->name, name);
}

/* The repository with the token of the ApplicationSet that watches it. */
static bool find_repo(struct arena *a, const struct config *config, struct str api, struct str full_name,
                      struct forge_repo *out)
{
    const struct value *sets = config_documents(config, CONFIG_APPLICATIONSET);
    for (size_t s = 0; s < value_len(sets); s++) {
        const struct value *set = value_item(sets, s), *generators = value_at(set, "spec.generators");
        for (size_t g = 0; g < value_len(generators); g++) {
            const struct value *generator = value_item(generators, g);
            struct err aside;
            if (value_get(generator, "pullRequest")->kind == VALUE_MAP
                && appset_repo(a, set, generator, config, out, &aside) && is_repo(out, api, full_name))
                return true;
        }
    }
    return false;
}

/* Is it the commit's newest of its context? Who may not read statuses never finds it: better twice than never. */
static bool has_arrived(struct arena *a, const struct forge_repo *repo, struct str sha,
                        const struct forge_status *wanted, bool *out, struct err *e)
{
    struct forge_status *all;
    size_t n;
    *out = false;
    if (!forge_status_list(a, repo, sha, &all, &n, e))
        return e->kind != ERR_UNAVAILABLE && e->kind != ERR_LIMIT;
    for (size_t i = 0; i < n; i++)
        if (str_eq(all[i].context, wanted->context)) {
            *out = str_eq(all[i].state, wanted->state);
            return true;
        }
    return true;
}

static bool deliver_status(struct arena *a, const struct config *config, const struct outbox_item *i, bool unsure,
                           struct str *detail, bool *permanent, struct err *e)
{
    bool arrived = false;
    struct forge_repo repo;
    struct str api = value_str_at(&i->request, "api"), full_name = value_str_at(&i->request, "repository"),
               sha = value_str_at(&i->request, "sha");
    if (!find_repo(a, config, api, full_name, &repo))
        return err_set(e, ERR_NOT_FOUND,
                       "no ApplicationSet watches %.*s any more, so there is no token for its statuses",
                       STR(full_name));
    struct forge_status status = { .state = value_str_at(&i->request, "state"),
                                   .context = value_str_at(&i->request, "context"),
                                   .description = value_str_at(&i->request, "description"),
                                   .target_url = value_str_at(&i->request, "target_url") };
    if (unsure && !has_arrived(a, &repo, sha, &status, &arrived, e))
        return false;
    if (!arrived && !forge_status_set(a, &repo, sha, &status, e)) {
        *permanent = e->kind == ERR_INVALID;
        return false;
    }
    *detail = arrived ? S("an earlier attempt had arrived") : S("201");
    return true;
}

bool notify_deliver(struct arena *a, const struct notify *n, const struct config *config, const struct outbox_item *i,
                    bool unsure, struct str *detail, bool *permanent, struct err *e)
{
    *permanent = false;
    *detail = S("");
    return str_is(i->service, "github-status") ? deliver_status(a, config, i, unsure, detail, permanent, e)
                                               : deliver_webhook(a, n, i, detail, permanent, e);
}
