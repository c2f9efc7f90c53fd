/* Faults: answers in place of the true ones, for tests of everything that must survive a sick forge. */
#include <stdlib.h>

#include "sandbox/internal.h"

#define FAULTS_MAX 64

struct fault {
    enum fault_kind kind;
    char path[256], method[16];
    int status;
    int64_t delay_ms, left, hits; /* left: -1 for ever */
};
struct faults {
    pthread_mutex_t lock;
    pthread_cond_t cleared;
    uint64_t generation; /* grows with every clearing */
    size_t n;
    struct fault v[FAULTS_MAX];
};

static const char *const kind_names[] = {
    [FAULT_NONE] = "none",
    [FAULT_STATUS] = "status",
    [FAULT_RATE_LIMIT] = "rate-limit",
    [FAULT_SECONDARY] = "secondary-limit",
    [FAULT_EMPTY_LIST] = "empty-list",
    [FAULT_TRUNCATED] = "truncated",
    [FAULT_HTML] = "html",
    [FAULT_NOTHING] = "nothing",
    [FAULT_HANG] = "hang",
    [FAULT_SLOW] = "slow",
    [FAULT_DROP] = "drop",
    [FAULT_DUPLICATE] = "duplicate",
};

struct faults *faults_open(void)
{
    struct faults *f = calloc(1, sizeof *f);

    if (f == NULL)
        abort();
    pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->cleared);
    return f;
}

void faults_close(struct faults *f)
{
    if (f == NULL)
        return;
    pthread_cond_destroy(&f->cleared);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static bool copy_text(char *to, size_t size, const char *from, const char *what, struct err *e)
{
    size_t n = from != NULL ? strlen(from) : 0;

    if (n >= size)
        return err_set(e, ERR_LIMIT, "the %s of a fault is longer than %zu bytes", what, size - 1);
    memcpy(to, from != NULL ? from : "", n);
    to[n] = '\0';
    return true;
}

static bool find_kind(const char *name, enum fault_kind *out, struct err *e)
{
    for (size_t i = 1; i < COUNT(kind_names); i++)
        if (name != NULL && strcmp(name, kind_names[i]) == 0) {
            *out = (enum fault_kind)i;
            return true;
        }
    return err_set(
        e, ERR_INVALID,
        "'%s' is not a fault: use status, rate-limit, secondary-limit, empty-list, truncated, html, nothing, "
        "hang, slow, drop or duplicate",
        name != NULL ? name : "");
}

bool faults_add(struct faults *f, const struct sandbox_fault *fault, struct err *e)
{
    struct fault made = { .status = fault->status,
                          .delay_ms = fault->delay_ms,
                          .left = fault->times > 0 ? fault->times : -1 };

    if (!find_kind(fault->kind, &made.kind, e) || !copy_text(made.path, sizeof made.path, fault->path, "path", e)
        || !copy_text(made.method, sizeof made.method, fault->method, "method", e))
        return false;
    if (made.kind == FAULT_STATUS && (made.status < 200 || made.status > 599))
        return err_set(e, ERR_INVALID, "a fault of kind status needs a status from 200 to 599");
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    if (f->n == FAULTS_MAX)
        return err_set(e, ERR_LIMIT, "there are %d faults already; clear them first", FAULTS_MAX);
    f->v[f->n++] = made;
    return true;
}

void faults_clear(struct faults *f)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    f->n = 0;
    f->generation++;
    pthread_cond_broadcast(&f->cleared);
}

static bool applies(const struct fault *f, struct str method, struct str path, bool webhook)
{
    bool of_webhooks = f->kind == FAULT_DROP || f->kind == FAULT_DUPLICATE;

    return f->left != 0 && of_webhooks == webhook && (webhook || str_find(path, str_c(f->path)) >= 0)
           && (f->method[0] == '\0' || str_is(method, f->method));
}

struct fault_hit faults_match(struct faults *f, struct str method, struct str path, bool webhook)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);

    for (size_t i = 0; i < f->n; i++) {
        struct fault *one = &f->v[i];
        if (!applies(one, method, path, webhook))
            continue;
        one->hits++;
        one->left -= one->left > 0;
        return (struct fault_hit){ one->kind, one->status, one->delay_ms };
    }
    return (struct fault_hit){ FAULT_NONE, 0, 0 };
}

void faults_wait(struct faults *f, int64_t most_ms)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    uint64_t generation = f->generation;
    int64_t deadline = clock_mono_ms() + most_ms;

    while (f->generation == generation && cond_wait_until(&f->cleared, &f->lock, deadline))
        ;
}

struct value faults_list(struct arena *a, struct faults *f)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&f->lock);
    struct value out = value_list(a);

    for (size_t i = 0; i < f->n; i++) {
        const struct fault *one = &f->v[i];
        struct value v = value_map(a);
        value_set(a, &v, "kind", value_c(kind_names[one->kind]));
        value_set_str(a, &v, "path", arena_str(a, str_c(one->path)));
        value_set_str(a, &v, "method", arena_str(a, str_c(one->method)));
        value_set(a, &v, "status", value_int(one->status));
        value_set(a, &v, "delay_ms", value_int(one->delay_ms));
        value_set(a, &v, "left", value_int(one->left));
        value_set(a, &v, "hits", value_int(one->hits));
        list_push(a, out.list, v);
    }
    return out;
}
