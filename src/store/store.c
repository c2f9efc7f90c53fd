/* Opening, the schema, and the small helpers that every statement uses. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/internal.h"

enum { SCHEMA = 1 };

static const char schema_sql[] =
    "CREATE TABLE objects(scope TEXT NOT NULL, grp TEXT NOT NULL, kind TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT "
    "NULL,"
    " version INTEGER NOT NULL, doc TEXT NOT NULL, PRIMARY KEY(scope, grp, kind, ns, name)) WITHOUT ROWID;"
    "CREATE INDEX objects_ns ON objects(scope, ns);"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, app TEXT NOT NULL, service "
    "TEXT NOT NULL,"
    " label TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER NOT "
    "NULL,"
    " created_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL, error TEXT NOT NULL, result TEXT NOT NULL);"
    "CREATE INDEX outbox_due ON outbox(state, next_ms);"
    "CREATE INDEX outbox_app ON outbox(app, id);"
    "CREATE TABLE once(key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE events(id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, type TEXT NOT NULL, app TEXT "
    "NOT NULL,"
    " reason TEXT NOT NULL, message TEXT NOT NULL);"
    "CREATE INDEX events_app ON events(app, id);"
    "CREATE TABLE deliveries(guid TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE kv(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

bool store_fail(struct store *s, struct err *e)
{
    int code = sqlite3_errcode(s->db);
    enum err_kind kind = code == SQLITE_FULL || code == SQLITE_IOERR ? ERR_IO : ERR_INVALID;
    return err_set(e, kind, "store: %s", sqlite3_errmsg(s->db));
}

sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct err *e)
{
    for (size_t i = 0; i < s->n_statements; i++)
        if (s->statements[i].sql == sql)
            return s->statements[i].stmt;
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) != SQLITE_OK) {
        store_fail(s, e);
        return NULL;
    }
    if (s->n_statements == STATEMENTS_MAX) {
        sqlite3_finalize(q);
        err_set_(e, ERR_LIMIT, "store: more than %d kinds of statements", STATEMENTS_MAX);
        return NULL;
    }
    s->statements[s->n_statements].sql = sql;
    s->statements[s->n_statements++].stmt = q;
    return q;
}

void store_bind_str(sqlite3_stmt *q, int at, struct str text)
{
    sqlite3_bind_text(q, at, text.n > 0 ? text.p : "", (int)text.n, SQLITE_TRANSIENT);
}

struct str store_column_str(struct arena *a, sqlite3_stmt *q, int at)
{
    const char *p = (const char *)sqlite3_column_text(q, at);
    size_t n = (size_t)sqlite3_column_bytes(q, at);
    return arena_str(a, (struct str){ p, p != NULL ? n : 0 });
}

bool store_run(struct store *s, sqlite3_stmt *q, struct err *e)
{
    int code = sqlite3_step(q);
    bool ok = code == SQLITE_DONE || code == SQLITE_ROW || store_fail(s, e);
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return ok;
}

bool store_begin(struct store *s, struct err *e)
{
    sqlite3_stmt *q = store_prepare(s, "BEGIN IMMEDIATE", e);
    return q != NULL && store_run(s, q, e);
}

bool store_end(struct store *s, bool ok, struct err *e)
{
    if (ok) {
        sqlite3_stmt *q = store_prepare(s, "COMMIT", e);
        if (q != NULL && store_run(s, q, e))
            return true;
    }
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool lock_dir(struct store *s, const char *dir, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    s->lock_fd = open(fs_join(&a, dir, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return err_sys(e, "create the lock in %s", dir);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return err_set(e, ERR_CONFLICT, "%s is in use by another vitrine: stop it, or choose another --data folder",
                       dir);
    return err_sys(e, "lock %s", dir);
}

static bool prepare_schema(struct store *s, struct err *e)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_exec(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;", NULL, NULL,
                     NULL)
            != SQLITE_OK
        || sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) != SQLITE_OK)
        return store_fail(s, e);
    int version = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : -1;
    sqlite3_finalize(q);
    if (version == SCHEMA)
        return true;
    if (version != 0)
        return err_set(e, ERR_INVALID, "store: written by another version of vitrine (schema %d, this one reads %d)",
                       version, SCHEMA);
    return sqlite3_exec(s->db, schema_sql, NULL, NULL, NULL) == SQLITE_OK || store_fail(s, e);
}

static bool read_version(struct store *s, struct err *e)
{
    sqlite3_stmt *q = store_prepare(s,
                                    "SELECT max(coalesce((SELECT value FROM kv WHERE key='object-version'), 0) + 0, "
                                    "coalesce(max(version), 0)) FROM objects",
                                    e);
    if (q == NULL)
        return false;
    s->version = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_reset(q);
    return true;
}

bool store_open(const char *dir, struct store **out, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    if (!fs_mkdirs(dir, 0700, e))
        return false;
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    s->lock_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->changed);
    bool ok = lock_dir(s, dir, e);
    if (ok
        && sqlite3_open_v2(fs_join(&a, dir, "vitrine.db"), &s->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)
               != SQLITE_OK)
        ok = store_fail(s, e);
    ok = ok && prepare_schema(s, e) && read_version(s, e);
    if (!ok) {
        store_close(s);
        return err_wrap(e, "open %s", dir);
    }
    *out = s;
    return true;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_statements; i++)
        sqlite3_finalize(s->statements[i].stmt);
    sqlite3_close(s->db);
    fd_close(&s->lock_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

/* ---- webhook deliveries and small settings ------------------------------------------------- */

static bool exists(struct store *s, const char *sql, struct str key, bool *out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q = store_prepare(s, sql, e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, key);
    int code = sqlite3_step(q);
    sqlite3_reset(q);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return store_fail(s, e);
    *out = code == SQLITE_ROW;
    return true;
}

bool store_delivery_seen(struct store *s, struct str guid, bool *seen, struct err *e)
{
    return exists(s, "SELECT 1 FROM deliveries WHERE guid=?", guid, seen, e);
}

bool store_once_seen(struct store *s, struct str key, bool *out, struct err *e)
{
    return exists(s, "SELECT 1 FROM once WHERE key=?", key, out, e);
}

bool store_delivery_mark(struct store *s, struct str guid, struct err *e)
{
    static const int64_t week_ms = 7 * 86400000LL;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *add = store_prepare(s, "INSERT OR IGNORE INTO deliveries VALUES(?, ?)", e);
    sqlite3_stmt *old = store_prepare(s, "DELETE FROM deliveries WHERE at_ms < ?", e);
    if (add == NULL || old == NULL)
        return false;
    store_bind_str(add, 1, guid);
    sqlite3_bind_int64(add, 2, clock_wall_ms());
    if (!store_run(s, add, e))
        return false;
    sqlite3_bind_int64(old, 1, clock_wall_ms() - week_ms);
    return store_run(s, old, e);
}

/* A statement with one or two texts to bind and no answer. */
static bool run_texts(struct store *s, const char *sql, struct str first, const struct str *second, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q = store_prepare(s, sql, e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, first);
    if (second != NULL)
        store_bind_str(q, 2, *second);
    return store_run(s, q, e);
}

bool store_once_forget(struct store *s, struct str key, struct err *e)
{
    return run_texts(s, "DELETE FROM once WHERE key=?", key, NULL, e);
}

bool store_kv_put(struct store *s, struct str key, struct str value, struct err *e)
{
    return run_texts(s, "INSERT INTO kv VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2", key, &value, e);
}

bool store_kv_delete(struct store *s, struct str key, struct err *e)
{
    return run_texts(s, "DELETE FROM kv WHERE key=?", key, NULL, e);
}

bool store_kv_get(struct arena *a, struct store *s, struct str key, struct str *out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q = store_prepare(s, "SELECT value FROM kv WHERE key=?", e);
    if (q == NULL)
        return false;
    store_bind_str(q, 1, key);
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        *out = store_column_str(a, q, 0);
    sqlite3_reset(q);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        return err_set(e, ERR_NOT_FOUND, "store: no setting %.*s", STR(key));
    return store_fail(s, e);
}
