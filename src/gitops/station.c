/*
 * The stations of a commit on its way to being served: Seen, Rendered, ImageFound, Applied, Healthy, Tested. Each is
 * told once, with the time since the commit was first seen and since the station before. The times live in the store,
 * so that they survive a restart.
 */
#include "data/json.h"
#include "gitops/controller_internal.h"

static struct str key_of(struct arena *a, struct str app)
{
    return arena_fmt(a, "stations/%.*s", STR(app));
}

static struct value read_stations(struct arena *a, struct store *s, struct str app, struct str sha)
{
    struct str text = { 0 };
    struct value v, fresh = value_map(a);
    struct err ignored = { 0 };
    int64_t now = clock_wall_ms();
    if (store_kv_get(a, s, key_of(a, app), &text, &ignored) && json_parse(a, text, &v, &ignored)
        && str_eq(value_str_at(&v, "sha"), sha))
        return v;
    value_set_str(a, &fresh, "sha", sha);
    value_set(a, &fresh, "Seen", value_int(now));
    value_set(a, &fresh, "last", value_int(now));
    return fresh;
}

static void write_stations(struct arena *a, struct store *s, struct str app, const struct value *v)
{
    struct err e = { 0 };
    if (!store_kv_put(s, key_of(a, app), json_str(a, v, 0), &e))
        log_warn("stations of %.*s: %s", STR(app), e.text);
}

void station_seen(struct arena *a, struct store *s, struct str app, struct str sha)
{
    struct value v = read_stations(a, s, app, sha);
    write_stations(a, s, app, &v);
}

int64_t station_seen_ms(struct pass *p)
{
    struct value v = read_stations(p->a, p->c->o.store, application_name(&p->app), pass_commit(p));
    return value_int_at(&v, "Seen", p->now_ms);
}

void station_reached(struct pass *p, const char *station, const char *detail)
{
    struct str app = application_name(&p->app), sha = pass_commit(p);
    if (sha.n == 0)
        return;
    struct value v = read_stations(p->a, p->c->o.store, app, sha);
    int64_t now = clock_wall_ms();
    if (!value_is(value_get(&v, station), VALUE_NULL))
        return;
    int64_t total = now - value_int_at(&v, "Seen", now), step = now - value_int_at(&v, "last", now);
    value_set(p->a, &v, station, value_int(now));
    value_set(p->a, &v, "last", value_int(now));
    write_stations(p->a, p->c->o.store, app, &v);
    pass_event(p, "Normal", station, "%.7s: +%lld.%03lld s (%lld.%03lld s since seen)%s%s", arena_c(p->a, sha),
               (long long)step / 1000, (long long)step % 1000, (long long)total / 1000, (long long)total % 1000,
               detail[0] != '\0' ? ": " : "", detail);
}
