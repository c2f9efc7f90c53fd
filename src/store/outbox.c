/*
 * The outbox: a delivery is a row before it is an HTTP request. The key of a row is remembered in `once` for ever
 * (until it is forgotten on purpose), so that a crash between sending and noting can repeat a delivery but a finished
 * one never comes again.
 */
#include "data/json.h"
#include "store/internal.h"

enum { KEEP_DONE = 5000 };

static bool insert_once(struct store *s, struct str key, bool *fresh, struct err *e)
{
    sqlite3_stmt *q = store_prepare(s, "INSERT OR IGNORE INTO once VALUES(?, ?)", e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, key);
    sqlite3_bind_int64(q, 2, clock_wall_ms());
    if (!store_run(s, q, e))
        return false;
    *fresh = sqlite3_changes(s->db) > 0;
    return true;
}

static bool insert_item(struct arena *a, struct store *s, const struct outbox_item *i, struct err *e)
{
    /* the key of a forgotten delivery may be used again: its old row makes room */
    sqlite3_stmt *old = store_prepare(s, "DELETE FROM outbox WHERE key=?", e);
    sqlite3_stmt *q =
        store_prepare(s,
                      "INSERT INTO outbox(key,app,service,label,request,state,attempts,next_ms,created_ms,"
                      "done_ms,error,result) VALUES(?,?,?,?,?,'pending',0,?,?,0,'','')",
                      e);
    if (old == NULL || q == NULL)
        return false;
    store_bind_str(old, 1, i->key);
    if (!store_run(s, old, e))
        return false;
    store_bind_str(q, 1, i->key);
    store_bind_str(q, 2, i->app);
    store_bind_str(q, 3, i->service);
    store_bind_str(q, 4, i->label);
    store_bind_str(q, 5, json_str(a, &i->request, 0));
    sqlite3_bind_int64(q, 6, i->next_ms);
    sqlite3_bind_int64(q, 7, clock_wall_ms());
    return store_run(s, q, e);
}

static bool trim_done(struct store *s, struct err *e)
{
    sqlite3_stmt *q = store_prepare(s,
                                    "DELETE FROM outbox WHERE state<>'pending' AND id <= "
                                    "(SELECT max(id) FROM outbox) - ?",
                                    e);
    if (q == NULL)
        return false;
    sqlite3_bind_int64(q, 1, KEEP_DONE);
    return store_run(s, q, e);
}

bool store_outbox_add(struct store *s, const struct outbox_item *i, bool *added, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    bool fresh = false;
    if (!store_begin(s, e))
        return false;
    bool ok = insert_once(s, i->key, &fresh, e) && (!fresh || (insert_item(&a, s, i, e) && trim_done(s, e)));
    if (!store_end(s, ok, e))
        return false;
    if (added != NULL)
        *added = fresh;
    return true;
}

static bool read_item(struct arena *a, sqlite3_stmt *q, struct outbox_item *out, struct err *e)
{
    struct outbox_item i = {
        .id = sqlite3_column_int64(q, 0),
        .key = store_column_str(a, q, 1),
        .app = store_column_str(a, q, 2),
        .service = store_column_str(a, q, 3),
        .label = store_column_str(a, q, 4),
        .state = store_column_str(a, q, 6),
        .attempts = sqlite3_column_int64(q, 7),
        .next_ms = sqlite3_column_int64(q, 8),
        .created_ms = sqlite3_column_int64(q, 9),
        .done_ms = sqlite3_column_int64(q, 10),
        .last_error = store_column_str(a, q, 11),
        .result = store_column_str(a, q, 12),
    };
    if (!json_parse(a, store_column_str(a, q, 5), &i.request, e))
        return false;
    *out = i;
    return true;
}

static bool read_items(struct arena *a, struct store *s, sqlite3_stmt *q, struct outbox_item **out, size_t *out_n,
                       struct err *e)
{
    VEC(struct outbox_item) items = { 0 };
    int code = SQLITE_DONE;
    bool ok = true;
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW)
        ok = read_item(a, q, vec_push(a, &items), e);
    sqlite3_reset(q);
    if (ok && code != SQLITE_DONE)
        return store_fail(s, e);
    *out = items.v;
    *out_n = ok ? items.n : 0;
    return ok;
}

bool store_outbox_due(struct arena *a, struct store *s, int64_t now_ms, size_t max, struct outbox_item **out,
                      size_t *out_n, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    /* only the oldest pending item of each (service, app): a later status must not overtake an earlier one */
    sqlite3_stmt *q =
        store_prepare(s,
                      "SELECT * FROM outbox o WHERE state='pending' AND next_ms <= ? AND NOT EXISTS (SELECT 1 "
                      "FROM outbox p WHERE p.state='pending' AND p.app=o.app AND p.service=o.service AND "
                      "p.id < o.id) ORDER BY id LIMIT ?",
                      e);
    if (q == NULL)
        return false;
    sqlite3_bind_int64(q, 1, now_ms);
    sqlite3_bind_int64(q, 2, (int64_t)max);
    return read_items(a, s, q, out, out_n, e);
}

/* A statement whose one row is one number. */
static bool read_number(struct store *s, const char *sql, int64_t *out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q = store_prepare(s, sql, e);
    if (q == NULL)
        return false;
    bool ok = sqlite3_step(q) == SQLITE_ROW || store_fail(s, e);
    if (ok)
        *out = sqlite3_column_int64(q, 0);
    sqlite3_reset(q);
    return ok;
}

bool store_outbox_next(struct store *s, int64_t *out_ms, struct err *e)
{
    return read_number(s, "SELECT coalesce(min(next_ms), -1) FROM outbox WHERE state='pending'", out_ms, e);
}

bool store_outbox_waiting(struct store *s, int64_t *out, struct err *e)
{
    return read_number(s, "SELECT count(*) FROM outbox WHERE state='pending'", out, e);
}

bool store_outbox_result(struct store *s, int64_t id, const char *state, int64_t next_ms, struct str result,
                         struct str error, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q =
        store_prepare(s,
                      "UPDATE outbox SET state=?, next_ms=?, result=?, error=?, attempts=attempts+1, done_ms=? "
                      "WHERE id=? AND state='pending'",
                      e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, str_c(state));
    sqlite3_bind_int64(q, 2, next_ms);
    store_bind_str(q, 3, result);
    store_bind_str(q, 4, error);
    sqlite3_bind_int64(q, 5, strcmp(state, "pending") == 0 ? 0 : clock_wall_ms());
    sqlite3_bind_int64(q, 6, id);
    return store_run(s, q, e);
}

bool store_outbox_list(struct arena *a, struct store *s, struct str app, size_t max, struct outbox_item **out,
                       size_t *out_n, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q = store_prepare(s, "SELECT * FROM outbox WHERE ?1='' OR app=?1 ORDER BY id DESC LIMIT ?2", e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, app);
    sqlite3_bind_int64(q, 2, (int64_t)max);
    return read_items(a, s, q, out, out_n, e);
}
