/* The prober: one thread keeps the calendar, a few others ask. */
#include "cluster/local/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cluster/local/engine.h"

#define PROBE_THREADS 6
#define PROBE_QUEUE_MAX 4096
#define EAGER_MS 50     /* first pause until a probe succeeds for the first time; doubles up to the period */
#define IDLE_MS 3600000 /* longest sleep of the calendar */
#define HEAD_MAX 1024   /* bytes of an answer that are looked at */

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_KINDS };
static const char *const members[PROBE_KINDS] = { "startupProbe", "livenessProbe", "readinessProbe" };
static const char *const titles[PROBE_KINDS] = { "Startup", "Liveness", "Readiness" };

struct calendar { /* of one probe; monotonic times */
    bool present, busy, ever_ok;
    int64_t next_ms;    /* when to ask again */
    int64_t counted_ms; /* from when on a failure counts */
    int64_t pause_ms;   /* between eager attempts */
    int successes, failures;
};

struct watch {
    struct watch *next;
    struct arena a;
    struct str env, pod_uid, ip, container;
    struct value doc; /* of the container */
    struct calendar probe[PROBE_KINDS];
    bool started, ready, failed;
    char message[200];
    int running; /* jobs under way */
    bool dropped;
};

struct prober {
    struct local *l;
    struct pool *pool;
    pthread_t thread;
    bool threaded, stopping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct watch *watches;
};

struct job {
    struct prober *p;
    struct watch *w;
    enum probe_kind kind;
};

/* ---- asking -------------------------------------------------------------------------------- */

static int port_of(const struct value *c, const struct value *port)
{
    const struct value *ports = value_get(c, "ports");
    if (value_is(port, VALUE_INT))
        return (int)port->i;
    for (size_t i = 0; i < value_len(ports); i++)
        if (str_eq(value_str_at(value_item(ports, i), "name"), value_as_str(port)))
            return (int)value_int_at(value_item(ports, i), "containerPort", 0);
    return 0;
}

static bool wait_fd(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - clock_mono_ms();
        struct pollfd p = { .fd = fd, .events = events };
        int n = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

static bool send_all(int fd, struct str bytes, int64_t deadline_ms, struct err *e)
{
    while (bytes.n > 0) {
        if (!wait_fd(fd, POLLOUT, deadline_ms))
            return err_set(e, ERR_UNAVAILABLE, "time-out while sending the request");
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n > 0)
            (void)str_cut(&bytes, (size_t)n);
        else if (errno != EAGAIN && errno != EINTR)
            return err_sys(e, "send");
    }
    return true;
}

static bool read_head(int fd, char *head, size_t *n, int64_t deadline_ms, struct err *e)
{
    while (*n < HEAD_MAX && memchr(head, '\n', *n) == NULL) {
        if (!wait_fd(fd, POLLIN, deadline_ms))
            return err_set(e, ERR_UNAVAILABLE, "time-out while waiting for the answer");
        ssize_t got = recv(fd, head + *n, HEAD_MAX - *n, 0);
        if (got > 0)
            *n += (size_t)got;
        else if (got == 0)
            return err_set(e, ERR_UNAVAILABLE, "the connection was closed without an answer");
        else if (errno != EAGAIN && errno != EINTR)
            return err_sys(e, "receive");
    }
    return true;
}

/* "HTTP/1.1 200 OK" -> 200; 0 when it is no HTTP answer. */
static int status_code(struct str head)
{
    struct str version, rest = head, code;
    int64_t n;
    if (!str_starts(head, S("HTTP/1.")) || !str_split(&rest, S(" "), &version))
        return 0;
    code = str_slice(rest, 0, 3);
    return str_to_int(code, &n) && n >= 100 && n <= 599 ? (int)n : 0;
}

static struct str request_text(struct arena *a, const struct watch *w, const struct value *get, int port)
{
    struct buf b = { .a = a };
    const struct value *headers = value_get(get, "httpHeaders");
    struct str path = value_str_at(get, "path"), host = S("");
    struct buf more = { .a = a };
    for (size_t i = 0; i < value_len(headers); i++) {
        struct str name = value_str_at(value_item(headers, i), "name"),
                   value = value_str_at(value_item(headers, i), "value");
        if (str_find(name, S("\n")) >= 0 || str_find(value, S("\n")) >= 0)
            continue;
        if (str_ieq(name, S("Host")))
            host = value;
        else
            buf_fmt(&more, "%.*s: %.*s\r\n", STR(name), STR(value));
    }
    buf_fmt(&b, "GET %s%.*s HTTP/1.1\r\n", str_starts(path, S("/")) ? "" : "/", STR(path));
    if (host.n > 0)
        buf_fmt(&b, "Host: %.*s\r\n", STR(host));
    else
        buf_fmt(&b, "Host: %.*s:%d\r\n", STR(w->ip), port);
    buf_c(&b, "User-Agent: kube-probe/1.33\r\nAccept: */*\r\nConnection: close\r\n");
    buf_add(&b, buf_str(&more));
    buf_c(&b, "\r\n");
    return buf_str(&b);
}

static bool ask_http(struct arena *a, struct prober *p, const struct watch *w, const struct value *get,
                     int64_t timeout_ms, struct err *e)
{
    char head[HEAD_MAX] = { 0 };
    size_t n = 0;
    int64_t deadline = clock_mono_ms() + timeout_ms;
    int port = port_of(&w->doc, value_get(get, "port"));
    CLEANUP(fd_close) int fd = -1;
    if (!runtime_dial(p->l->runtime, w->env, w->ip, port, timeout_ms, &fd, e)
        || !send_all(fd, request_text(a, w, get, port), deadline, e) || !read_head(fd, head, &n, deadline, e))
        return false;
    int code = status_code((struct str){ head, n });
    if (code >= 200 && code < 400)
        return true;
    return err_set(e, ERR_UNAVAILABLE, code == 0 ? "the answer is not HTTP" : "HTTP probe failed with statuscode: %d",
                   code);
}

static bool ask_tcp(struct prober *p, const struct watch *w, const struct value *socket_doc, int64_t timeout_ms,
                    struct err *e)
{
    CLEANUP(fd_close) int fd = -1;
    return runtime_dial(p->l->runtime, w->env, w->ip, port_of(&w->doc, value_get(socket_doc, "port")), timeout_ms, &fd,
                        e);
}

static bool ask_exec(struct arena *a, struct prober *p, const struct watch *w, const struct value *command,
                     int64_t timeout_ms, struct err *e)
{
    struct str *argv = arena_new(a, struct str, value_len(command) + 1), output;
    int exit_code = 0;
    for (size_t i = 0; i < value_len(command); i++)
        argv[i] = value_as_str(value_item(command, i));
    if (!runtime_exec(a, p->l->runtime, w->env, w->pod_uid, w->container, argv, value_len(command), timeout_ms,
                      &exit_code, &output, e))
        return false;
    return exit_code == 0
           || err_set(e, ERR_UNAVAILABLE, "exit code %d: %.*s", exit_code, STR(str_slice(str_trim(output), 0, 120)));
}

static bool ask(struct prober *p, const struct watch *w, enum probe_kind kind, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct value *doc = value_get(&w->doc, members[kind]);
    int64_t timeout_ms = value_int_at(doc, "timeoutSeconds", 1) * 1000;
    const struct value *get = value_get(doc, "httpGet"), *tcp = value_get(doc, "tcpSocket");
    if (timeout_ms <= 0)
        timeout_ms = 1000;
    if (value_is(get, VALUE_MAP))
        return ask_http(&a, p, w, get, timeout_ms, e);
    if (value_is(tcp, VALUE_MAP))
        return ask_tcp(p, w, tcp, timeout_ms, e);
    return ask_exec(&a, p, w, value_at(doc, "exec.command"), timeout_ms, e);
}

/* ---- counting ------------------------------------------------------------------------------ */

static int64_t millis(const struct watch *w, enum probe_kind kind, const char *member, int64_t otherwise)
{
    return value_int_at(value_get(&w->doc, members[kind]), member, otherwise) * 1000;
}

static int64_t period_ms(const struct watch *w, enum probe_kind kind)
{
    int64_t period = millis(w, kind, "periodSeconds", 10);
    return period > 0 ? period : 1000;
}

static int threshold(const struct watch *w, enum probe_kind kind, const char *member, int otherwise)
{
    int64_t n = value_int_at(value_get(&w->doc, members[kind]), member, otherwise);
    return n > 0 && n < 1000000 ? (int)n : otherwise;
}

static void succeed(struct watch *w, enum probe_kind kind, struct calendar *c)
{
    c->ever_ok = true;
    c->failures = 0;
    c->successes++;
    if (c->successes < threshold(w, kind, "successThreshold", 1))
        return;
    if (kind == PROBE_STARTUP)
        w->started = true;
    if (kind == PROBE_READINESS)
        w->ready = true;
}

static void fail(struct watch *w, enum probe_kind kind, struct calendar *c, const char *why, int64_t now)
{
    (void)snprintf(w->message, sizeof w->message, "%s probe failed: %.160s", titles[kind], why);
    if (now < c->counted_ms)
        return;
    c->counted_ms = now + period_ms(w, kind);
    c->successes = 0;
    c->failures++;
    if (c->failures < threshold(w, kind, "failureThreshold", 3))
        return;
    if (kind == PROBE_READINESS)
        w->ready = false;
    else
        w->failed = true;
}

static void plan_next(struct watch *w, enum probe_kind kind, struct calendar *c, int64_t now)
{
    int64_t pause = period_ms(w, kind);
    bool eager = !c->ever_ok && kind != PROBE_LIVENESS;
    if (eager) {
        c->pause_ms = c->pause_ms > 0 ? c->pause_ms * 2 : EAGER_MS;
        pause = c->pause_ms < pause ? c->pause_ms : pause;
    }
    c->next_ms = now + pause;
}

static bool serves(const struct watch *w)
{
    return w->started && w->ready;
}

static void watch_free(struct watch *w)
{
    struct arena a = w->a; /* the watch itself lives on the heap, its texts in the arena */
    arena_close(&a);
    free(w);
}

static void job_run(void *arg)
{
    struct job j = *(struct job *)arg;
    struct err e = { 0 };
    free(arg);
    bool ok = ask(j.p, j.w, j.kind, &e);
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&j.p->lock);
    struct watch *w = j.w;
    struct calendar *c = &w->probe[j.kind];
    bool started = w->started, served = serves(w), failed = w->failed;
    int64_t now = clock_mono_ms();
    c->busy = false;
    w->running--;
    if (w->dropped) {
        if (w->running == 0)
            watch_free(w);
        return;
    }
    if (ok)
        succeed(w, j.kind, c);
    else
        fail(w, j.kind, c, e.text, now);
    plan_next(w, j.kind, c, now);
    if (started != w->started || served != serves(w) || failed != w->failed)
        local_dirty(j.p->l, w->env);
    pthread_cond_signal(&j.p->wake);
}

/* ---- the calendar -------------------------------------------------------------------------- */

/* Liveness and readiness wait until the container has started; nothing is asked of one that gave up. */
static bool is_asked(const struct watch *w, enum probe_kind kind)
{
    if (!w->probe[kind].present || w->probe[kind].busy || w->failed)
        return false;
    return kind == PROBE_STARTUP ? !w->started : w->started;
}

static bool submit(struct prober *p, struct watch *w, enum probe_kind kind)
{
    struct job *j = malloc(sizeof *j);
    if (j == NULL)
        return false;
    *j = (struct job){ p, w, kind };
    if (!pool_submit(p->pool, job_run, j)) {
        free(j);
        return false;
    }
    w->probe[kind].busy = true;
    w->running++;
    return true;
}

static int64_t submit_due(struct prober *p)
{
    int64_t now = clock_mono_ms(), next = now + IDLE_MS;
    for (struct watch *w = p->watches; w != NULL; w = w->next)
        for (int k = 0; k < PROBE_KINDS; k++) {
            if (!is_asked(w, (enum probe_kind)k))
                continue;
            int64_t at = w->probe[k].next_ms;
            if (at <= now && !submit(p, w, (enum probe_kind)k))
                at = now + EAGER_MS;
            if (at > now && at < next)
                next = at;
        }
    return next;
}

static void *keep_calendar(void *arg)
{
    struct prober *p = arg;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    while (!p->stopping) {
        int64_t next = submit_due(p);
        (void)cond_wait_until(&p->wake, &p->lock, next);
    }
    return NULL;
}

/* ---- registration -------------------------------------------------------------------------- */

static void drop_where(struct prober *p, struct str pod_uid, struct str container)
{
    for (struct watch **at = &p->watches; *at != NULL;) {
        struct watch *w = *at;
        if (!str_eq(w->pod_uid, pod_uid) || (container.n > 0 && !str_eq(w->container, container))) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->dropped = true;
        if (w->running == 0)
            watch_free(w);
    }
}

void prober_watch(struct prober *p, struct str env, struct str pod_uid, struct str ip, const struct value *c,
                  bool served_before)
{
    struct watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return;
    int64_t now = clock_mono_ms();
    w->env = arena_str(&w->a, env);
    w->pod_uid = arena_str(&w->a, pod_uid);
    w->ip = arena_str(&w->a, ip);
    w->doc = value_clone(&w->a, c);
    w->container = value_str_at(&w->doc, "name");
    for (int k = 0; k < PROBE_KINDS; k++) {
        w->probe[k].present = value_is(value_get(c, members[k]), VALUE_MAP);
        w->probe[k].next_ms = w->probe[k].counted_ms =
            now + (served_before ? 0 : millis(w, (enum probe_kind)k, "initialDelaySeconds", 0));
    }
    w->started = served_before || !w->probe[PROBE_STARTUP].present;
    w->ready = served_before || !w->probe[PROBE_READINESS].present;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    drop_where(p, pod_uid, w->container);
    w->next = p->watches;
    p->watches = w;
    pthread_cond_signal(&p->wake);
}

void prober_forget(struct prober *p, struct str pod_uid, struct str container)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    drop_where(p, pod_uid, container);
}

void prober_read(struct prober *p, struct str pod_uid, struct str container, struct probe_verdict *out)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&p->lock);
    *out = (struct probe_verdict){ 0 };
    for (struct watch *w = p->watches; w != NULL; w = w->next) {
        if (!str_eq(w->pod_uid, pod_uid) || !str_eq(w->container, container))
            continue;
        out->started = w->started;
        out->ready = serves(w);
        out->failed = w->failed;
        memcpy(out->message, w->message, sizeof out->message);
        return;
    }
}

bool prober_open(struct local *l, struct prober **out, struct err *e)
{
    struct prober *p = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_IO, "open prober: out of memory");
    p->l = l;
    pthread_mutex_init(&p->lock, NULL);
    cond_init(&p->wake);
    *out = p; /* the owner closes it, complete or not */
    if (!pool_open("probe", PROBE_THREADS, PROBE_QUEUE_MAX, &p->pool, e))
        return false;
    p->threaded = thread_start(&p->thread, "local-probe", keep_calendar, p, e);
    return p->threaded;
}

void prober_close(struct prober *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    if (p->threaded)
        pthread_join(p->thread, NULL);
    pool_close(p->pool);
    while (p->watches != NULL) {
        struct watch *w = p->watches;
        p->watches = w->next;
        watch_free(w);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    free(p);
}
