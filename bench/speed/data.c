/*
 * data.c - how fast YAML and JSON become trees and text again: data [-n SAMPLES] [FILE...]
 *
 * Without files it makes a megabyte of each kind of text (texts.c). Every figure is the median of CPU time over the
 * samples; ours and the peers' take turns within each sample, so that a busy machine slows all of them alike. A reading
 * includes dropping the tree. Peak memory is measured in a child of its own that reads the text once.
 */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "data/yaml.h"
#include "peers.h"
#include "texts.h"

#define TEXT_BYTES ((size_t)1 << 20)
#define SAMPLES 15
#define SAMPLES_MAX 999
#define SAMPLE_NS 10000000 /* a sample repeats its work until this time has passed */
#define FILE_MAX ((size_t)64 << 20)

struct work { /* one thing to measure */
    const char *who;
    size_t (*run)(const struct work *w); /* returns the bytes that count */
    struct str text;
    const struct value *tree;
    const struct peer *peer;
    void *document;
    double rate[SAMPLES_MAX];
};

/* ---- what is measured ----------------------------------------------------------------------------- */

static void need(bool ok, const char *who)
{
    if (ok)
        return;
    fprintf(stderr, "bench/data: %s refuses the text\n", who);
    exit(1);
}

static size_t read_yaml(const struct work *w)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v;
    struct err e;

    need(yaml_parse_all(&a, w->text, NULL, &v, &e), "vitrine");
    return w->text.n;
}

static size_t read_json(const struct work *w)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v;
    struct err e;

    need(json_parse(&a, w->text, &v, &e), "vitrine");
    return w->text.n;
}

static size_t write_yaml(const struct work *w)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf b = { .a = &a };
    struct err e;

    for (size_t i = 0; i < w->tree->list->n; i++)
        need(yaml_marshal(&b, &w->tree->list->v[i], &e), "vitrine");
    return b.n;
}

static size_t write_json(const struct work *w)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    return json_str(&a, w->tree, 0).n;
}

static size_t write_go_json(const struct work *w)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    return json_str(&a, w->tree, JSON_SORT_KEYS | JSON_ESCAPE_HTML).n;
}

static size_t read_peer(const struct work *w)
{
    void *document = w->peer->read(w->text.p, w->text.n);

    need(document != NULL, w->who);
    w->peer->release(document);
    return w->text.n;
}

static size_t write_peer(const struct work *w)
{
    return w->peer->write(w->document);
}

/* ---- measuring ------------------------------------------------------------------------------------ */

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Megabytes (10^6) per second. */
static double sample(const struct work *w)
{
    int64_t start = cpu_ns(), now = start;
    size_t bytes = 0;

    while (now - start < SAMPLE_NS) {
        bytes += w->run(w);
        now = cpu_ns();
    }
    return (double)bytes * 1e3 / (double)(now - start);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void measure(struct work *works, size_t n, int samples)
{
    for (int i = 0; i < samples; i++)
        for (size_t k = 0; k < n; k++)
            works[k].rate[i] = sample(&works[k]);
    for (size_t k = 0; k < n; k++) {
        qsort(works[k].rate, (size_t)samples, sizeof works[k].rate[0], by_size);
        printf("  %s %.0f", works[k].who, works[k].rate[samples / 2]);
    }
}

static long peak_kib(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return use.ru_maxrss;
}

/* What a reading adds to the peak of a process, in bytes per byte of text; negative when it cannot be measured. */
static double memory_per_byte(const struct work *w)
{
    long grown = -1;
    int ends[2];

    malloc_trim(0);
    fflush(stdout);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        long before = peak_kib();
        w->run(w);
        grown = peak_kib() - before;
        _exit(write(ends[1], &grown, sizeof grown) != sizeof grown);
    }
    fd_close(&ends[1]);
    if (child > 0 && (read(ends[0], &grown, sizeof grown) != sizeof grown || waitpid(child, NULL, 0) != child))
        grown = -1;
    fd_close(&ends[0]);
    return child < 0 ? -1 : (double)grown * 1024 / (double)w->text.n;
}

/* ---- one text ------------------------------------------------------------------------------------- */

static size_t add_peers(struct work *works, size_t n, struct str text, void *documents[2])
{
    static const struct peer *const peers[] = { &peer_json_c, &peer_rapidjson };

    for (size_t i = 0; i < COUNT(peers); i++) {
        documents[i] = NULL;
        if (peers[i]->read == NULL)
            continue;
        need((documents[i] = peers[i]->read(text.p, text.n)) != NULL, peers[i]->name);
        works[n++] = (struct work){ peers[i]->name, read_peer, text, .peer = peers[i], .document = documents[i] };
    }
    return n;
}

static void measure_json(struct str text, int samples)
{
    static struct work in[3], out[4];
    CLEANUP(arena_close) struct arena a = { 0 };
    void *documents[2];
    struct value v;
    struct err e;

    need(json_parse(&a, text, &v, &e), "vitrine");
    in[0] = (struct work){ "vitrine", read_json, text };
    out[0] = (struct work){ "vitrine", write_json, .tree = &v };
    out[1] = (struct work){ "as Go", write_go_json, .tree = &v };
    size_t n = add_peers(in, 1, text, documents);
    for (size_t i = 1; i < n; i++) {
        out[i + 1] = in[i];
        out[i + 1].run = write_peer;
    }
    printf("    in ");
    measure(in, n, samples);
    printf("  memory");
    for (size_t i = 0; i < n; i++)
        printf(" %.1f", memory_per_byte(&in[i]));
    printf("\n    out");
    measure(out, n + 1, samples);
    printf("\n");
    for (size_t i = 1; i < n; i++)
        in[i].peer->release(in[i].document);
}

static void measure_yaml(struct str text, int samples)
{
    static struct work in[2], out[1];
    CLEANUP(arena_close) struct arena a = { 0 };
    struct value v;
    struct err e;

    need(yaml_parse_all(&a, text, NULL, &v, &e), "vitrine");
    in[0] = (struct work){ "vitrine", read_yaml, text };
    in[1] = (struct work){ peer_libyaml.name, read_peer, text, .peer = &peer_libyaml };
    out[0] = (struct work){ "vitrine", write_yaml, .tree = &v };
    printf("    in ");
    measure(in, peer_libyaml.read != NULL ? 2 : 1, samples);
    printf("  memory %.1f\n    out", memory_per_byte(&in[0]));
    measure(out, 1, samples);
    printf("\n");
}

static void measure_text(const char *name, bool json, struct str text, int samples)
{
    printf("%s: %s, %zu bytes\n", json ? "JSON" : "YAML", name, text.n);
    (json ? measure_json : measure_yaml)(text, samples);
}

static void measure_file(const char *path, int samples)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str text;
    struct err e;

    if (!fs_read(&a, AT_FDCWD, path, FILE_MAX, &text, &e)) {
        fprintf(stderr, "bench/data: %s\n", e.text);
        exit(1);
    }
    measure_text(path, str_ends(str_c(path), S(".json")), text, samples);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    int samples = SAMPLES, option;

    while ((option = getopt(argc, argv, "n:")) == 'n')
        samples = (int)strtol(optarg, NULL, 10);
    if (option != -1 || samples < 1 || samples > SAMPLES_MAX) {
        fprintf(stderr, "usage: bench/data [-n SAMPLES] [FILE...]     SAMPLES: 1 to %d\n", SAMPLES_MAX);
        return 2;
    }
    printf("MB/s of CPU time, medians of %d; memory: bytes at the peak per byte of text%s%s%s\n", samples,
           peer_libyaml.read == NULL ? "; libyaml is not installed" : "",
           peer_json_c.read == NULL ? "; json-c is not installed" : "",
           peer_rapidjson.read == NULL ? "; rapidjson is not installed" : "");
    for (int i = optind; i < argc; i++)
        measure_file(argv[i], samples);
    for (size_t i = 0; optind == argc && i < text_kind_count; i++) {
        struct arena_mark mark = arena_mark(&a);
        measure_text(text_kinds[i].name, text_kinds[i].json, text_make(&a, &text_kinds[i], TEXT_BYTES), samples);
        arena_rewind(&a, mark);
    }
    return 0;
}
