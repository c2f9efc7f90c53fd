/* What happened, for people: bounded, newest first. */
#include "store/internal.h"

enum { KEEP_EVENTS = 10000 };

/* Whether the newest event of the app says the same already. */
static bool is_repeat(struct store *s, struct str app, const char *reason, struct str message, bool *out, struct err *e)
{
    sqlite3_stmt *q =
        store_prepare(s, "SELECT reason=?2 AND message=?3 FROM events WHERE app=?1 ORDER BY id DESC LIMIT 1", e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, app);
    store_bind_str(q, 2, str_c(reason));
    store_bind_str(q, 3, message);
    int code = sqlite3_step(q);
    *out = code == SQLITE_ROW && sqlite3_column_int(q, 0) != 0;
    sqlite3_reset(q);
    return code == SQLITE_ROW || code == SQLITE_DONE || store_fail(s, e);
}

bool store_event_add(struct store *s, const char *type, struct str app, const char *reason, struct str message,
                     struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    bool repeat = false;
    if (!is_repeat(s, app, reason, message, &repeat, e))
        return false;
    if (repeat)
        return true;
    sqlite3_stmt *add = store_prepare(s, "INSERT INTO events(at_ms,type,app,reason,message) VALUES(?,?,?,?,?)", e);
    sqlite3_stmt *trim = store_prepare(s, "DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", e);
    if (add == NULL || trim == NULL)
        return false;
    sqlite3_bind_int64(add, 1, clock_wall_ms());
    store_bind_str(add, 2, str_c(type));
    store_bind_str(add, 3, app);
    store_bind_str(add, 4, str_c(reason));
    store_bind_str(add, 5, message);
    if (!store_run(s, add, e))
        return false;
    sqlite3_bind_int64(trim, 1, KEEP_EVENTS);
    return store_run(s, trim, e);
}

bool store_events(struct arena *a, struct store *s, struct str app, int64_t after_id, size_t max,
                  struct store_event **out, size_t *out_n, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q =
        store_prepare(s,
                      "SELECT id,at_ms,type,app,reason,message FROM events WHERE (?1='' OR app=?1) AND id > ?2 "
                      "ORDER BY id DESC LIMIT ?3",
                      e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, app);
    sqlite3_bind_int64(q, 2, after_id);
    sqlite3_bind_int64(q, 3, (int64_t)max);
    VEC(struct store_event) events = { 0 };
    int code;
    while ((code = sqlite3_step(q)) == SQLITE_ROW)
        *vec_push(a, &events) =
            (struct store_event){ sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), store_column_str(a, q, 2),
                                  store_column_str(a, q, 3),  store_column_str(a, q, 4),  store_column_str(a, q, 5) };
    sqlite3_reset(q);
    if (code != SQLITE_DONE)
        return store_fail(s, e);
    *out = events.v;
    *out_n = events.n;
    return true;
}
