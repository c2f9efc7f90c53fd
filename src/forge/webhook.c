/* Webhooks of the forge: the signature, and the few fields that are hints of what to read again. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hex.h"
#include "data/json.h"
#include "forge/forge.h"
#include "net/url.h"

#define BODY_MAX ((size_t)25 << 20) /* GitHub never sends more */
#define DIGEST_BYTES 32

struct str webhook_sign(struct arena *a, struct str secret, struct str body)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)body.p, body.n, digest, &n);
    return arena_fmt(a, "sha256=%.*s", STR(hex_text(a, (struct str){ (const char *)digest, n })));
}

static bool read_signature(struct str signature, unsigned char out[DIGEST_BYTES])
{
    struct str prefix = S("sha256=");

    if (!str_starts(signature, prefix) || signature.n != prefix.n + 2 * DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = hex_digit(signature.p[prefix.n + 2 * i]), low = hex_digit(signature.p[prefix.n + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

bool webhook_verify(struct str secret, struct str body, struct str signature)
{
    unsigned char given[DIGEST_BYTES], digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (secret.n == 0 || !read_signature(str_trim(signature), given))
        return false;
    HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)body.p, body.n, digest, &n);
    return n == DIGEST_BYTES && CRYPTO_memcmp(given, digest, DIGEST_BYTES) == 0;
}

static const char *const known_events[] = {
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "issue_comment",
    "ping",
    "pull_request",
    "push",
    "repository",
    "status",
    "workflow_dispatch",
    "workflow_job",
    "release",
    "installation",
    "workflow_run",
    "pull_request_review",
    "issues",
    "installation_repositories",
};

static bool is_known(struct str event)
{
    for (size_t i = 0; i < COUNT(known_events); i++)
        if (str_is(event, known_events[i]))
            return true;
    return false;
}

/* Hooks of content type "form" send payload=ESCAPED-JSON. */
static struct str json_of(struct arena *a, struct str body)
{
    struct str prefix = S("payload=");

    return str_starts(body, prefix) ? url_unescape(a, str_slice(body, prefix.n, body.n), true) : body;
}

/* owner.login everywhere, but owner.name in some pushes; full_name always has it. */
static void read_repository(const struct value *repository, struct webhook_event *ev)
{
    struct str full = value_str_at(repository, "full_name");

    str_split(&full, S("/"), &ev->owner);
    ev->repo = full;
    if (value_str_at(repository, "owner.login").n > 0)
        ev->owner = value_str_at(repository, "owner.login");
    if (value_str_at(repository, "name").n > 0)
        ev->repo = value_str_at(repository, "name");
    ev->repo_url = value_str_at(repository, "html_url");
}

static void read_pull(const struct value *doc, struct webhook_event *ev)
{
    const struct value *pull = value_get(doc, "pull_request");

    ev->number = value_int_at(pull, "number", value_int_at(doc, "number", 0));
    ev->merged = value_bool_at(pull, "merged", false);
    ev->merge_commit_sha = value_str_at(pull, "merge_commit_sha");
    ev->head_sha = value_str_at(pull, "head.sha");
}

/* Where each event keeps the commit that it speaks of. */
static struct str event_sha(const struct value *doc, struct str event)
{
    static const struct {
        const char *event, *path;
    } places[] = {
        { "status", "sha" },
        { "workflow_run", "workflow_run.head_sha" },
        { "check_suite", "check_suite.head_sha" },
        { "check_run", "check_run.head_sha" },
        { "deployment", "deployment.sha" },
        { "deployment_status", "deployment.sha" },
        { "push", "after" },
    };

    for (size_t i = 0; i < COUNT(places); i++)
        if (str_is(event, places[i].event))
            return value_str_at(doc, places[i].path);
    return S("");
}

bool webhook_parse(struct arena *a, struct str event, struct str delivery, struct str body, struct webhook_event *out,
                   struct err *e)
{
    struct webhook_event ev = { .event = event, .delivery = delivery };
    struct value doc;

    if (event.n == 0)
        return err_set(e, ERR_INVALID, "webhook has no X-GitHub-Event header");
    if (!is_known(event))
        return err_set(e, ERR_INVALID, "webhook event '%.*s' is unknown", STR(utf8_prefix(event, 60)));
    if (body.n > BODY_MAX)
        return err_set(e, ERR_INVALID, "webhook body of %zu bytes is over the limit of %zu", body.n, BODY_MAX);
    if (!json_parse(a, json_of(a, body), &doc, e))
        return err_wrap(e, "webhook body of event %.*s", STR(event));
    if (!value_is(&doc, VALUE_MAP))
        return err_set(e, ERR_INVALID, "webhook body of event %.*s is no JSON object", STR(event));
    ev.action = value_str_at(&doc, "action");
    ev.git_ref = value_str_at(&doc, "ref");
    ev.before = value_str_at(&doc, "before");
    ev.after = value_str_at(&doc, "after");
    read_repository(value_get(&doc, "repository"), &ev);
    ev.head_sha = event_sha(&doc, event);
    if (str_is(event, "pull_request"))
        read_pull(&doc, &ev);
    else
        ev.number = value_int_at(&doc, "issue.number", 0);
    *out = ev;
    return true;
}
