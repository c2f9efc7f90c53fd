/*
 * oci/login.c - tokens: asking a registry's token server, remembering what it gave.
 *
 * A login is kept per (registry, repository, actions). The challenge of a registry is remembered too, so that the next
 * repository of that registry costs no 401. A second 401 to the same request means "denied" and is never answered
 * again.
 */
#include <stdlib.h>

#include "data/json.h"
#include "net/address.h"
#include "net/url.h"
#include "oci/challenge.h"
#include "oci/internal.h"

enum { LOGINS_MAX = 256, TOKEN_ANSWER_MAX = 64 << 10, DEFAULT_LIFE_S = 60, EARLY_MS = 10000 };

struct oci_login { /* one block: the strings follow the struct */
    struct oci_login *next;
    struct str key, value;
    int64_t until_ms; /* monotonic; 0: for ever */
};

/* ---- memory ------------------------------------------------------------------------------- */

void oci_logins_free(struct oci_client *c)
{
    while (c->logins != NULL) {
        struct oci_login *l = c->logins;
        c->logins = l->next;
        explicit_bzero((char *)(l + 1), l->key.n + l->value.n);
        free(l);
    }
}

static void drop(struct oci_login **at)
{
    struct oci_login *l = *at;
    *at = l->next;
    explicit_bzero((char *)(l + 1), l->key.n + l->value.n);
    free(l);
}

static struct str recall(struct arena *a, struct oci_client *c, struct str key)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    for (struct oci_login *l = c->logins; l != NULL; l = l->next)
        if (str_eq(l->key, key) && (l->until_ms == 0 || clock_mono_ms() < l->until_ms))
            return arena_str(a, l->value);
    return S("");
}

static void forget(struct oci_client *c, struct str key)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    size_t n = 0;
    for (struct oci_login **at = &c->logins; *at != NULL;) {
        if (str_eq((*at)->key, key) || ++n >= LOGINS_MAX)
            drop(at);
        else
            at = &(*at)->next;
    }
}

static void remember(struct oci_client *c, struct str key, struct str value, int64_t until_ms)
{
    forget(c, key);
    struct oci_login *l = malloc(sizeof *l + key.n + value.n);
    if (l == NULL)
        return; /* the next request asks again */
    char *bytes = (char *)(l + 1);
    memcpy(bytes, key.p, key.n);
    memcpy(bytes + key.n, value.p, value.n);
    *l = (struct oci_login){ .key = { bytes, key.n }, .value = { bytes + key.n, value.n }, .until_ms = until_ms };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    l->next = c->logins;
    c->logins = l;
}

/* ---- what is asked for -------------------------------------------------------------------- */

static const char *actions(const struct oci_call *call)
{
    return call->remove ? "pull,push,delete" : call->push ? "pull,push" : "pull";
}

static struct str token_key(struct arena *a, const struct oci_reference *r, const struct oci_call *call)
{
    return arena_fmt(a, "token %.*s %.*s %s %.*s", STR(r->registry), STR(r->repository), actions(call),
                     STR(call->mount_from));
}

static struct str registry_key(struct arena *a, const char *what, const struct oci_reference *r)
{
    return arena_fmt(a, "%s %.*s", what, STR(r->registry));
}

/* The scopes of a token request: ours first (some servers look only at the first), then what the registry named. */
static struct str scopes(struct arena *a, const struct oci_reference *r, const struct oci_call *call, struct str named)
{
    struct buf b = { .a = a };
    buf_fmt(&b, "repository:%.*s:%s", STR(r->repository), actions(call));
    if (call->mount_from.n > 0)
        buf_fmt(&b, " repository:%.*s:pull", STR(call->mount_from));
    struct str ours = arena_fmt(a, "repository:%.*s:", STR(r->repository)), one = { 0 };
    for (bool more = named.n > 0; more;) {
        more = str_split(&named, S(" "), &one);
        if (one.n > 0 && !str_starts(one, ours) && str_find(buf_str(&b), one) < 0)
            buf_fmt(&b, " %.*s", STR(one));
    }
    return buf_str(&b);
}

static bool find_credentials(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                             struct oci_credentials *out, struct err *e)
{
    if (c->options.credentials == NULL)
        return oci_credentials_find(a, r->registry, c->options.helm_first, out, e);
    *out = (struct oci_credentials){ 0 };
    if (c->options.credentials(c->options.user, a, r->registry, &out->username, &out->password))
        return true;
    *out = (struct oci_credentials){ 0 };
    return !c->options.files_too || oci_credentials_find(a, r->registry, c->options.helm_first, out, e);
}

static struct str basic(struct arena *a, const struct oci_credentials *k)
{
    struct str pair = arena_fmt(a, "%.*s:%.*s", STR(k->username), STR(k->password));
    return arena_fmt(a, "Basic %.*s", STR(str_base64(a, pair)));
}

/* ---- the token server --------------------------------------------------------------------- */

/* A foreign registry has no business sending us there. */
static bool is_inner(struct str host)
{
    return url_is_loopback(host) || address_is_inner(host);
}

static bool check_realm(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str realm,
                        struct err *e)
{
    struct url u = { 0 }, home = { 0 };
    if (!url_parse(realm, &u, e) || !url_parse(oci_base_url(a, c, r->registry), &home, e))
        return err_wrap(e, "token server of %.*s", STR(r->registry));
    bool plain = oci_is_plain(c, r->registry);
    if (!str_ieq(u.scheme, S("https")) && !(plain && str_ieq(u.scheme, S("http"))))
        return err_set(e, ERR_DENIED, "%.*s names a token server without https: %.*s", STR(r->registry),
                       STR(url_redact(a, realm)));
    if (!plain && is_inner(url_hostname(&u)) && !str_ieq(url_hostname(&u), url_hostname(&home)))
        return err_set(e, ERR_DENIED, "%.*s names a token server inside our network: %.*s", STR(r->registry),
                       STR(url_redact(a, realm)));
    return true;
}

static struct str token_url(struct arena *a, const struct oci_challenge *ch, struct str scope,
                            const struct oci_credentials *k)
{
    struct buf b = { .a = a };
    struct str one = { 0 };
    buf_add(&b, ch->realm);
    buf_byte(&b, str_find(ch->realm, S("?")) >= 0 ? '&' : '?');
    buf_fmt(&b, "service=%.*s", STR(url_escape_query(a, ch->service)));
    for (bool more = true; more;) {
        more = str_split(&scope, S(" "), &one);
        buf_fmt(&b, "&scope=%.*s", STR(url_escape_query(a, one)));
    }
    if (k->username.n > 0)
        buf_fmt(&b, "&account=%.*s", STR(url_escape_query(a, k->username)));
    return buf_str(&b);
}

static struct str token_form(struct arena *a, const struct oci_challenge *ch, struct str scope,
                             const struct oci_credentials *k)
{
    return arena_fmt(a, "grant_type=refresh_token&service=%.*s&client_id=vitrine&scope=%.*s&refresh_token=%.*s",
                     STR(url_escape_query(a, ch->service)), STR(url_escape_query(a, scope)),
                     STR(url_escape_query(a, k->identity_token)));
}

static bool ask_token_server(struct arena *a, struct oci_client *c, const struct oci_challenge *ch, struct str scope,
                             const struct oci_credentials *k, struct http_response *out, struct err *e)
{
    struct http_request request = { .method = "GET", .response_max = TOKEN_ANSWER_MAX };
    struct http_headers headers = { 0 };
    if (k->identity_token.n > 0) {
        request.method = "POST";
        request.url = ch->realm;
        request.body = token_form(a, ch, scope, k);
        http_header_add(a, &headers, "Content-Type", S("application/x-www-form-urlencoded"));
    } else {
        request.url = token_url(a, ch, scope, k);
        if (k->username.n > 0)
            http_header_add(a, &headers, "Authorization", basic(a, k));
    }
    request.headers = headers;
    return oci_http(a, c, &request, out, e);
}

/* The Authorization header that a token server's answer gives, remembered under `key` for its life. */
static bool take_token(struct arena *a, struct oci_client *c, struct str key, const struct http_response *response,
                       struct str *out, struct err *e)
{
    struct value v = { 0 };
    if (response->status == 401 || response->status == 403)
        return err_set(e, ERR_DENIED, "the token server refuses our credentials (status %d)", response->status);
    if (response->status != 200)
        return oci_fail(a, response, e);
    if (!json_parse(a, response->body, &v, e))
        return err_wrap(e, "answer of the token server");
    struct str token = value_as_str(value_get(&v, "token"));
    if (token.n == 0)
        token = value_as_str(value_get(&v, "access_token"));
    if (token.n == 0)
        return err_set(e, ERR_DENIED, "the token server gave no token");
    int64_t life_s = value_int_at(&v, "expires_in", DEFAULT_LIFE_S);
    life_s = life_s < DEFAULT_LIFE_S ? DEFAULT_LIFE_S : life_s > 86400 ? 86400 : life_s;
    *out = arena_fmt(a, "Bearer %.*s", STR(token));
    remember(c, key, *out, clock_mono_ms() + life_s * 1000 - EARLY_MS);
    return true;
}

static bool bearer_login(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                         const struct oci_call *call, const struct oci_challenge *ch, struct str *out, struct err *e)
{
    struct oci_credentials k = { 0 };
    struct http_response response = { 0 };
    if (!find_credentials(a, c, r, &k, e))
        return false;
    if (k.registry_token.n > 0) {
        *out = arena_fmt(a, "Bearer %.*s", STR(k.registry_token));
        return true;
    }
    struct str scope = scopes(a, r, call, ch->scope);
    if (!check_realm(a, c, r, ch->realm, e))
        return false;
    if (!ask_token_server(a, c, ch, scope, &k, &response, e)
        || !take_token(a, c, token_key(a, r, call), &response, out, e))
        return err_wrap(e, "log in to %.*s", STR(r->registry));
    return true;
}

static bool basic_login(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str *out,
                        struct err *e)
{
    struct oci_credentials k = { 0 };
    if (!find_credentials(a, c, r, &k, e))
        return false;
    if (k.username.n == 0)
        return err_set(e, ERR_DENIED, "%.*s wants a user and a password; log in with `docker login %.*s`",
                       STR(r->registry), STR(r->registry));
    *out = basic(a, &k);
    remember(c, registry_key(a, "basic", r), *out, 0);
    return true;
}

/* ---- for oci_send ------------------------------------------------------------------------- */

bool oci_login_known(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_call *call,
                     struct str *out, struct err *e)
{
    *out = recall(a, c, registry_key(a, "basic", r));
    if (out->n == 0)
        *out = recall(a, c, token_key(a, r, call));
    if (out->n == 0 && !call->push && !call->remove) { /* a token that may write may read */
        struct oci_call writing = { .push = true };
        *out = recall(a, c, token_key(a, r, &writing));
    }
    if (out->n > 0)
        return true;
    struct str realm = recall(a, c, registry_key(a, "realm", r));
    if (realm.n == 0)
        return true;
    struct oci_challenge ch = { .scheme = OCI_BEARER };
    str_split(&realm, S(" "), &ch.realm);
    ch.service = realm;
    return bearer_login(a, c, r, call, &ch, out, e);
}

static void forget_logins(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                          const struct oci_call *call)
{
    struct oci_call writing = { .push = true };
    forget(c, registry_key(a, "basic", r));
    forget(c, registry_key(a, "realm", r));
    forget(c, token_key(a, r, call));
    forget(c, token_key(a, r, &writing));
}

/* The first challenge among the WWW-Authenticate headers that we can answer. */
static bool find_challenge(struct arena *a, const struct http_response *refused, struct oci_challenge *out,
                           struct err *e)
{
    bool any = false;
    for (size_t i = 0; i < refused->headers.n; i++) {
        if (!str_ieq(refused->headers.v[i].name, S("WWW-Authenticate")))
            continue;
        any = true;
        if (oci_challenge_parse(a, refused->headers.v[i].value, out, e))
            return true;
    }
    return !any ? err_set(e, ERR_DENIED, "the registry denies access and names no way to log in (status 401)") : false;
}

bool oci_login_answer(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_call *call,
                      const struct http_response *refused, struct str *out, struct err *e)
{
    struct oci_challenge ch = { 0 };
    forget_logins(a, c, r, call);
    if (!find_challenge(a, refused, &ch, e))
        return err_wrap(e, "log in to %.*s", STR(r->registry));
    if (ch.scheme == OCI_BASIC)
        return basic_login(a, c, r, out, e);
    if (!bearer_login(a, c, r, call, &ch, out, e))
        return false;
    remember(c, registry_key(a, "realm", r), arena_fmt(a, "%.*s %.*s", STR(ch.realm), STR(ch.service)), 0);
    return true;
}
