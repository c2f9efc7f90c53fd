/* store/internal.h - inside the store: one connection, one mutex, prepared statements by text. */
#pragma once
#include <sqlite3.h>

#include "base/sys.h"
#include "store/store.h"

enum { STATEMENTS_MAX = 64 };

struct store {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t version; /* of the newest object change */
    sqlite3 *db;
    int lock_fd;
    struct {
        const char *sql; /* the literal's address is the key */
        sqlite3_stmt *stmt;
    } statements[STATEMENTS_MAX];
    size_t n_statements;
};

/* A prepared, reset statement; `sql` must be a literal. NULL with *e set when SQLite refuses. The lock must be held. */
sqlite3_stmt *store_prepare(struct store *s, const char *sql, struct err *e);
void store_bind_str(sqlite3_stmt *q, int at, struct str text);
struct str store_column_str(struct arena *a, sqlite3_stmt *q, int at); /* copied */
/* Run a statement that returns no row, and reset it. */
MUST_CHECK bool store_run(struct store *s, sqlite3_stmt *q, struct err *e);
/* SQLite's word on what went wrong, as an error. */
bool store_fail(struct store *s, struct err *e);
MUST_CHECK bool store_begin(struct store *s, struct err *e);
/* Commits when `ok`, rolls back otherwise; returns whether the work is on disk. */
MUST_CHECK bool store_end(struct store *s, bool ok, struct err *e);
