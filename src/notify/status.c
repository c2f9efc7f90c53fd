/*
 * Vitrine's own commit status: `pending` at once, then exactly one terminal state per sha. The outbox keeps their
 * order: a verdict waits until the forge has taken (or refused) the pending one.
 */
#include "notify/internal.h"

bool notify_preview_state(const struct notify *n, struct store *s, const struct preview_state *p, struct str target_url,
                          struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    bool pending = strcmp(p->state, "pending") == 0;
    if (n->o.status_context.n == 0 || p->repository.n == 0 || p->sha.n == 0)
        return true;
    struct str prefix = arena_fmt(&a, "status/%.*s/%.*s@%.*s/%.*s/", STR(p->api), STR(p->repository), STR(p->sha),
                                  STR(n->o.status_context));
    struct str key = arena_fmt(&a, "%.*s%s", STR(prefix), pending ? "pending" : "final");
    struct value r = value_map(&a);
    value_set_str(&a, &r, "api", p->api);
    value_set_str(&a, &r, "repository", p->repository);
    value_set_str(&a, &r, "sha", p->sha);
    value_set_str(&a, &r, "state", str_c(p->state));
    value_set_str(&a, &r, "context", n->o.status_context);
    value_set_str(&a, &r, "description", p->description);
    value_set_str(&a, &r, "target_url", target_url);
    struct outbox_item i = { .key = key,
                             .app = p->app,
                             .service = S("github-status"),
                             .label = arena_fmt(&a, "%.*s: %s", STR(n->o.status_context), p->state),
                             .request = r };
    bool over = false;
    if (pending && !store_once_seen(s, arena_fmt(&a, "%.*sfinal", STR(prefix)), &over, e))
        return false;
    if (over) /* a late pending must not cover the verdict */
        return true;
    return store_outbox_add(s, &i, NULL, e);
}
