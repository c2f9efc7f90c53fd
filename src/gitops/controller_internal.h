/* gitops/controller_internal.h - the controller's threads, its queue, and one pass over an Application. */
#pragma once
#include <pthread.h>

#include "base/sys.h"
#include "gitops/appset.h"
#include "gitops/controller.h"
#include "gitops/source.h"
#include "gitops/sync.h"

enum {
    REFRESH_MS = 120000,       /* a comparison with the repository at least this often ... */
    REFRESH_JITTER_MS = 60000, /* ... and up to this later, by name, so that not all come at once */
    SYNC_LOOK_MS = 30000,      /* a running operation looks at least this often */
    SOURCE_RETRY_MS = 2000,    /* first wait after an unreachable repository, doubled up to ... */
    SOURCE_RETRY_MAX_MS = 60000,
    SET_RETRY_MS = 5000, /* the same for an ApplicationSet */
    SET_RETRY_MAX_MS = 180000,
    IMAGE_LOOK_MS = 500, /* first wait for an image, grown by half up to ... */
    IMAGE_LOOK_MAX_MS = 10000,
    IMAGE_TIMEOUT_MS = 3600000,
    UNREACHABLE_TIMEOUT_MS = 600000,
    CACHE_KEEP = 512, /* rendered results on disk */
    CHARTS_KEEP = 64, /* parsed charts in memory, as many ... */
};
#define CHARTS_BYTES_KEEP ((size_t)64 << 20) /* ... and as large */

enum wake { WAKE_LIVE = 1, WAKE_REFRESH = 2, WAKE_HARD = 4 };

/* What is known of one Application or ApplicationSet between passes; nothing here is needed after a restart. */
struct entry {
    char *name;
    bool is_set;
    bool running, gone;
    unsigned wake;      /* why to look, enum wake */
    int64_t due_ms;     /* monotonic */
    uint64_t live_seen; /* fingerprint of the live objects at the last pass */
    unsigned failures;  /* in a row, of the source or the generators */
    int64_t failing_since_ms;
    int64_t retry_at_ms;     /* monotonic; not before, whatever else changes */
    unsigned image_looks;    /* in a row */
    int64_t image_at_ms;     /* monotonic; when to look for it again */
    char image_missing[400]; /* the image that is waited for, and what is wrong with its registry */
    int64_t image_since_ms;  /* waiting since (wall clock), or 0 */
    int64_t unreachable_since_ms;
};

struct controller {
    struct controller_options o;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct entry **entries; /* grown with realloc, guarded by lock */
    size_t n, cap;
    const struct config *config; /* guarded by lock */
    struct chart_cache *charts;
    bool closing;
    pthread_t *threads;
    unsigned n_threads;
    pthread_t watcher;
    bool has_watcher;
    int64_t seen; /* the destination's version that the watcher knows */
};

/* ---- queue.c ------------------------------------------------------------------------------ */
MUST_CHECK bool queue_start(struct controller *c, struct err *e);
void queue_stop(struct controller *c);
/* Look at `name` at once (adding it if new). */
void queue_wake(struct controller *c, struct str name, bool is_set, unsigned why);
void queue_wake_all(struct controller *c, bool is_set, unsigned why);

/* ---- one pass ----------------------------------------------------------------------------- */
/* What stands in the way of a sync. */
enum trouble { TROUBLE_NONE, TROUBLE_WAITING, TROUBLE_FAILURE, TROUBLE_ERROR };

struct pass {
    struct controller *c;
    struct entry *entry;
    const struct config *config;
    struct arena *a;
    unsigned why;
    int64_t now_ms;
    struct value app;       /* as stored when the pass began, then as last saved */
    struct value status;    /* working copy */
    struct value operation; /* working copy of `operation`, or null */
    bool drop_refresh;      /* take the refresh annotation away when saving */
    struct source_options source;
    struct str revision; /* the commit that is wanted now */
    struct source_manifests manifests;
    struct value targets, live;
    struct compare_result compare;
    enum trouble trouble; /* with the images */
    struct str trouble_why;
    int64_t next_ms; /* when to look again without a cause */
};

/* pass.c: returns the milliseconds until the next look, or -1 when the application is gone. */
int64_t application_pass(struct controller *c, struct entry *entry, const struct config *config, unsigned why);
/* The commit that statuses and images tell of: the pull request's head, else the revision. */
struct str pass_commit(const struct pass *p);
/* Store what changed, then tell. ERR_CONFLICT: somebody wrote meanwhile; the pass must be done again. */
MUST_CHECK bool pass_save(struct pass *p, struct err *e);
void pass_event(struct pass *p, const char *type, const char *reason, const char *fmt, ...) PRINTF(4, 5);

/* pass_status.c */
void status_write_comparison(struct pass *p, bool refreshed);
void status_write_unknown(struct pass *p, const char *condition, struct str message, bool health_unknown);
void status_add_history(struct pass *p);

/* operation.c */
void operation_start(struct pass *p, const struct autosync_decision *d);
/* Take the running operation one step further. */
MUST_CHECK bool operation_step(struct pass *p, struct err *e);
bool operation_is_running(const struct pass *p);
/* The automated operation under way is for another commit or source: end it. */
bool operation_is_superseded(const struct pass *p);
MUST_CHECK bool operation_supersede(struct pass *p, struct err *e);
/* An operation that cannot even begin: phase Error with this message. */
void operation_cannot_run(struct pass *p, struct str message); /* the caller saves */

/* image_wait.c: true when every image that carries the commit exists. Otherwise trouble and trouble_why of the pass say
 * what is missing: waiting, and a failure once the time allowed for it is over. Looking goes on either way. */
bool images_are_there(struct pass *p, const struct value *targets);

/* preview.c */
/* A new commit is pending at once. */
void preview_begin(struct pass *p);
/* Work out the state of the commit and tell it when it is news. trouble and why: what stands in the way of a sync. */
void preview_tell(struct pass *p, enum trouble trouble, struct str why);
/* Close what is still pending when the environment goes. */
void preview_close(struct pass *p, struct str why);
/* The decision alone, for tests: state and description for `sha` from the documents. */
void preview_decide(struct arena *a, const struct value *app, struct str sha, enum trouble trouble, struct str why,
                    const char **state, struct str *description);

/* station.c: when each station of a commit was reached; told as events with durations. */
void station_reached(struct pass *p, const char *station, const char *detail);
/* A commit came: the clock of its stations starts. */
void station_seen(struct arena *a, struct store *s, struct str app, struct str sha);
/* When the commit of this pass came (wall clock), over restarts, too. */
int64_t station_seen_ms(struct pass *p);

/* deletion.c: -1 when the application is gone. */
int64_t deletion_pass(struct pass *p);
MUST_CHECK bool deletion_begin(struct arena *a, struct store *s, const struct value *app, bool cascade, struct err *e);

/* set_pass.c */
int64_t applicationset_pass(struct controller *c, struct entry *entry, const struct config *config, unsigned why);

/* configured.c: put the configured documents into the store, begin the deletion of those that were taken away. */
MUST_CHECK bool configured_store(struct controller *c, const struct config *config, struct err *e);
