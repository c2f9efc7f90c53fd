/*
 * base/sys.h - the world outside: time, randomness, files, processes, logs, threads.
 *
 * Rooms reach these things only through this header, so that tests can control them.
 */
#pragma once
#include <pthread.h>
#include <sys/types.h>

#include "base/base.h"

/* ---- time --------------------------------------------------------------------------------- */

int64_t clock_wall_ms(void); /* since the epoch, UTC */
int64_t clock_wall_ns(void);
int64_t clock_mono_ms(void); /* for deadlines; never set back */
/* Tests: freeze the wall clock at `ms`, or follow the real one again with a negative value. */
void clock_freeze_wall(int64_t ms);
/* RFC 3339 in UTC with whole seconds, "2024-03-24T16:02:22Z", as Kubernetes writes times. */
struct str clock_rfc3339(struct arena *a, int64_t wall_ms);
bool clock_parse_rfc3339(struct str text, int64_t *out_wall_ms);
/* Go durations ("1h2m3.5s", "300ms", "-2m"); false when malformed. */
bool duration_parse(struct str text, int64_t *out_ns);

/* ---- randomness --------------------------------------------------------------------------- */

void random_bytes(void *out, size_t n); /* getrandom(2), or the seeded stream in tests */
void random_seed_for_tests(uint64_t seed);
struct str random_uuid(struct arena *a);             /* version 4, lower case */
struct str random_suffix(struct arena *a, size_t n); /* Kubernetes name suffix alphabet */

/* ---- logs (only the top of a unit of work logs; rooms return errors) ---------------------- */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
/* From now on lines below that level are not written; LOG_INFO before. */
void log_set_level(enum log_level least);
/* One line on standard error: time, level, message; control characters are escaped. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* ---- files -------------------------------------------------------------------------------- */

#define FS_READ_MAX ((size_t)256 << 20)

/* Whole file below `dir` (AT_FDCWD for none), at most `max` bytes (ERR_LIMIT). ERR_NOT_FOUND. */
MUST_CHECK bool fs_read(struct arena *a, int dir, const char *path, size_t max, struct str *out, struct err *e);
/* New name, fsync, rename, fsync of the folder: a crash leaves the old or the new content. */
MUST_CHECK bool fs_write(const char *path, struct str content, mode_t mode, struct err *e);
MUST_CHECK bool fs_mkdirs(const char *path, mode_t mode, struct err *e); /* mkdir -p */
/* rm -rf without following links; an absent path is success. */
MUST_CHECK bool fs_remove_tree(const char *path, struct err *e);
bool fs_exists(const char *path);
bool fs_is_dir(const char *path);
/* Names in a folder, sorted by bytes, without "." and "..". */
struct fs_names {
    struct str *v;
    size_t n;
};
MUST_CHECK bool fs_list(struct arena *a, const char *path, struct fs_names *out, struct err *e);
/* dir + "/" + name, NUL-terminated. */
const char *fs_join(struct arena *a, const char *dir, const char *name);
/* A new private folder below $TMPDIR or /tmp. */
MUST_CHECK bool fs_temp_dir(struct arena *a, const char *prefix, const char **out, struct err *e);
/* Removes a folder with all in it, as far as that goes; NULL: there is none. For CLEANUP, and after failures. */
void fs_discard(const char **dir);
/* write(2) until all is written or an error. */
MUST_CHECK bool fd_write_all(int fd, struct str bytes, struct err *e);
/* The same for many pieces in few system calls. */
MUST_CHECK bool fd_write_slices(int fd, const struct str *slices, size_t n, struct err *e);

/* ---- child processes ---------------------------------------------------------------------- */

struct proc_options {
    const char *const *argv; /* NULL-terminated; argv[0] searched in PATH */
    const char *const *env;  /* NULL: inherit; else the whole environment, NULL-terminated */
    const char *cwd;         /* NULL: inherit */
    struct str stdin_bytes;  /* empty: /dev/null */
    int64_t timeout_ms;      /* 0: 10 minutes; on expiry the process group is killed */
    size_t output_max;       /* 0: 64 MiB for stdout and stderr each */
    bool merge_stderr;       /* stderr goes to stdout */
};
struct proc_result {
    int status;          /* exit code, or 128 + signal */
    struct str out, err; /* captured, in the arena */
};
/* Run to the end. True whenever the program ran, whatever its status. Errors: ERR_NOT_FOUND when
 * there is no such program, ERR_UNAVAILABLE on the time-out, ERR_LIMIT, ERR_IO. */
MUST_CHECK bool proc_run(struct arena *a, const struct proc_options *o, struct proc_result *out, struct err *e);
/* Absolute path of the running program's file. */
const char *proc_self(struct arena *a);
/* Another program of the same installation: `beside` as in a build folder, else `installed`; both are relative to the
 * running program's folder. NULL when neither file exists. */
const char *proc_sibling(struct arena *a, const char *beside, const char *installed);

/* ---- threads ------------------------------------------------------------------------------ */

void mutex_release(pthread_mutex_t **m); /* for CLEANUP only */
/* CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&m); */
pthread_mutex_t *mutex_hold(pthread_mutex_t *m);
/* Wait on `c` until `deadline_mono_ms`; false on time-out. `c` must come from cond_init. */
void cond_init(pthread_cond_t *c);
bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *m, int64_t deadline_mono_ms);
/* Start a thread with a 1 MiB stack, all signals blocked, and a name of at most 15 bytes. */
MUST_CHECK bool thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *arg, struct err *e);

struct pool; /* a fixed set of threads and a bounded queue */
MUST_CHECK bool pool_open(const char *name, unsigned threads, size_t queue_max, struct pool **out, struct err *e);
/* False when the queue is full or the pool is closing. */
MUST_CHECK bool pool_submit(struct pool *p, void (*run)(void *), void *arg);
/* Refuse new jobs, finish the running and queued ones, join. NULL is fine. */
void pool_close(struct pool *p);
