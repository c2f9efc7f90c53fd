/* /_sandbox: what only a stand-in has. */
#include "sandbox/internal.h"

void list_faults(struct call *c)
{
    call_reply(c, 200, faults_list(c->a, c->s->faults));
}

void put_fault(struct call *c)
{
    struct str method = value_str_at(&c->body, "method");
    struct sandbox_fault f = { .kind = arena_c(c->a, value_str_at(&c->body, "kind")),
                               .path = arena_c(c->a, value_str_at(&c->body, "path")),
                               .method = method.n > 0 ? arena_c(c->a, method) : NULL,
                               .status = (int)value_int_at(&c->body, "status", 0),
                               .delay_ms = value_int_at(&c->body, "delay_ms", 0),
                               .times = value_int_at(&c->body, "times", 0) };
    struct err e = { 0 };

    if (faults_add(c->s->faults, &f, &e))
        call_reply(c, 201, faults_list(c->a, c->s->faults));
    else
        call_refuse(c, 422, "%s", e.text);
}

void clear_faults(struct call *c)
{
    faults_clear(c->s->faults);
    call_reply(c, 204, value_null());
}

/* ?wait_ms=N was waited for by call_execute, before it took the lock. */
void get_idle(struct call *c)
{
    struct value out = value_map(c->a);

    value_set(c->a, &out, "idle", value_bool(runner_idle(c->s) && deliveries_idle(c->s)));
    call_reply(c, 200, out);
}

void put_settings(struct call *c)
{
    int64_t lag = value_int_at(&c->body, "index_lag_ms", -1);
    struct value out = value_map(c->a);

    if (lag < 0) {
        call_refuse(c, 422, "index_lag_ms must be a number of milliseconds, 0 for none");
        return;
    }
    state_set_int(c->s, &c->s->state, "index_lag_ms", lag);
    value_set(c->a, &out, "index_lag_ms", value_int(lag));
    call_reply(c, 200, out);
}
