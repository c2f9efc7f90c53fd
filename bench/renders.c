/*
 * renders.c - how many value sets a second does one parsed chart render, in one process?
 *
 *     renders CHART SET COUNT THREADS   SET is an argument of --set, in which every # becomes the number of the render
 *
 *     renders CHART SET @N              prints what render N gives, to be compared with other programs
 *
 * As the server does it: the chart comes from the cache of parsed charts and is shared by the threads, every render has
 * an arena of its own and closes it.
 */
#include "base/base.h"
#include "chart/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define THREADS_MAX 64

struct work {
    const struct chart *chart;
    struct str set;
    size_t count;
    atomic_size_t next, bytes;
    _Atomic uint64_t digest; /* the sum of the texts' hashes: the same for any number of threads */
};

static struct str numbered(struct arena *a, struct str set, size_t number)
{
    struct str part, out = S("");
    while (str_split(&set, S("#"), &part))
        out = arena_fmt(a, "%.*s%.*s%zu", STR(out), STR(part), number);
    return arena_fmt(a, "%.*s%.*s", STR(out), STR(part));
}

static bool render(struct arena *a, const struct work *w, size_t number, struct str *out, struct err *e)
{
    struct chart_render o = { .release_name = S("rel"), .values = value_map(a) };
    struct chart_rendered rendered = { 0 };
    if (!chart_set(a, &o.values, CHART_SET, numbered(a, w->set, number), e)
        || !chart_render(a, w->chart, &o, &rendered, e))
        return false;
    *out = chart_output_text(a, &rendered);
    return true;
}

static _Noreturn void die(const struct err *e)
{
    fprintf(stderr, "renders: %s\n", e->text);
    exit(1);
}

static void *run(void *user)
{
    struct work *w = user;
    for (size_t i; (i = atomic_fetch_add(&w->next, 1)) < w->count;) {
        CLEANUP(arena_close) struct arena a = { 0 };
        struct err e = { 0 };
        struct str text;
        if (!render(&a, w, i, &text, &e))
            die(&e);
        atomic_fetch_add(&w->bytes, text.n);
        atomic_fetch_add(&w->digest, str_hash(text));
    }
    return NULL;
}

static double seconds(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double clock_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return seconds(t);
}

static void measure(struct work *w, size_t threads)
{
    pthread_t ids[THREADS_MAX];
    struct rusage used;
    double wall = clock_now(CLOCK_MONOTONIC), cpu = clock_now(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, run, w) != 0)
            exit(1);
    for (size_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    wall = clock_now(CLOCK_MONOTONIC) - wall;
    cpu = clock_now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    getrusage(RUSAGE_SELF, &used);
    printf(
        "{\"renders\": %zu, \"wall\": %.6f, \"cpu\": %.6f, \"bytes\": %zu, \"peak\": %ld, \"digest\": \"%016llx\"}\n",
        w->count, wall, cpu, (size_t)w->bytes, used.ru_maxrss, (unsigned long long)w->digest);
}

static void print_one(struct work *w, size_t number)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    struct str text;
    if (!render(&a, w, number, &text, &e))
        die(&e);
    fwrite(text.p, 1, text.n, stdout);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct err e = { 0 };
    struct chart_cache *cache;
    struct chart_use use;
    bool one = argc == 4 && argv[3][0] == '@';
    if (!one && argc != 5) {
        fprintf(stderr, "usage: renders CHART SET COUNT THREADS | renders CHART SET @NUMBER\n");
        return 2;
    }
    if (!chart_cache_open((size_t)1 << 30, 1, &cache, &e) || !chart_cache_load(cache, &a, argv[1], NULL, &use, &e))
        die(&e);
    struct work w = { .chart = use.chart, .set = str_c(argv[2]), .count = strtoul(argv[3], NULL, 10) };
    size_t threads = one ? 1 : strtoul(argv[4], NULL, 10);
    if (one)
        print_one(&w, strtoul(argv[3] + 1, NULL, 10));
    else
        measure(&w, threads > THREADS_MAX ? THREADS_MAX : threads);
    chart_use_end(&use);
    chart_cache_close(cache);
    return 0;
}
