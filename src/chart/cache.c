/*
 * chart/cache.c - parsed charts in a list, the last used first; see cache.h.
 *
 * An entry lies in its own arena, with the bytes of its files. Files are read into an arena that becomes the entry's
 * when the chart turns out to be new, so nothing is copied. Reading and parsing happen outside of the lock: two threads
 * that meet the same new chart both parse it, and the second one drops its own.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/sys.h"
#include "chart/cache.h"
#include "chart/shared.h"

enum { KEY_SIZE = 32 };

struct cached_chart {
    struct cached_chart *next; /* used before */
    uint8_t key[KEY_SIZE];
    struct arena a; /* this struct lies in it */
    struct chart *chart;
    struct chart_shared shared;
    size_t bytes; /* as they were counted last */
    unsigned users;
};

struct chart_cache {
    pthread_mutex_t lock;
    struct cached_chart *first;
    size_t bytes_max, charts_max;
    size_t idle, idle_bytes; /* of the charts that nobody uses */
    int64_t hits, misses;
};

bool chart_cache_open(size_t bytes_max, size_t charts_max, struct chart_cache **out, struct err *e)
{
    struct chart_cache *k = calloc(1, sizeof *k);

    if (k == NULL)
        return err_set(e, ERR_LIMIT, "out of memory for the cache of charts");
    pthread_mutex_init(&k->lock, NULL);
    k->bytes_max = bytes_max;
    k->charts_max = charts_max;
    *out = k;
    return true;
}

static void entry_close(struct cached_chart *entry)
{
    struct arena a = entry->a;

    shared_destroy(&entry->shared);
    arena_close(&a);
}

static void close_all(struct cached_chart *list)
{
    while (list != NULL) {
        struct cached_chart *next = list->next;
        entry_close(list);
        list = next;
    }
}

void chart_cache_close(struct chart_cache *k)
{
    if (k == NULL)
        return;
    close_all(k->first);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- the list; the lock is held ------------------------------------------------------------- */

static void begin_use(struct chart_cache *k, struct cached_chart *entry)
{
    if (entry->users++ > 0)
        return;
    k->idle--;
    k->idle_bytes -= entry->bytes;
}

/* The entry of that key, in use from now on. */
static struct cached_chart *find(struct chart_cache *k, const uint8_t *key)
{
    for (struct cached_chart **at = &k->first; *at != NULL; at = &(*at)->next) {
        struct cached_chart *entry = *at;
        if (memcmp(entry->key, key, KEY_SIZE) != 0)
            continue;
        *at = entry->next;
        entry->next = k->first;
        k->first = entry;
        begin_use(k, entry);
        return entry;
    }
    return NULL;
}

static struct cached_chart **last_idle(struct chart_cache *k)
{
    struct cached_chart **found = NULL;

    for (struct cached_chart **at = &k->first; *at != NULL; at = &(*at)->next)
        if ((*at)->users == 0)
            found = at;
    return found;
}

/* Take an idle entry out, onto a list to be closed without the lock. */
static void take_out(struct chart_cache *k, struct cached_chart **at, struct cached_chart **dropped)
{
    struct cached_chart *entry = *at;

    *at = entry->next;
    k->idle--;
    k->idle_bytes -= entry->bytes;
    entry->next = *dropped;
    *dropped = entry;
}

static struct cached_chart **place_of(struct chart_cache *k, const struct cached_chart *entry)
{
    struct cached_chart **at = &k->first;

    while (*at != entry)
        at = &(*at)->next;
    return at;
}

/* Renders have added to the entry: it is counted again. One that is too large goes at once, not after all others. */
static struct cached_chart *end_use(struct chart_cache *k, struct cached_chart *entry)
{
    struct cached_chart *dropped = NULL;

    if (--entry->users > 0)
        return NULL;
    entry->bytes = shared_bytes(&entry->shared);
    k->idle++;
    k->idle_bytes += entry->bytes;
    if (entry->bytes > k->bytes_max / 2)
        take_out(k, place_of(k, entry), &dropped);
    while (k->idle_bytes > k->bytes_max || k->idle > k->charts_max)
        take_out(k, last_idle(k), &dropped);
    return dropped;
}

/* ---- loading -------------------------------------------------------------------------------- */

static void digest_text(EVP_MD_CTX *context, struct str text)
{
    uint64_t n = text.n; /* two texts never read as one */

    EVP_DigestUpdate(context, &n, sizeof n);
    EVP_DigestUpdate(context, text.p, text.n);
}

/* SHA-256 over the names and the bytes, in the order in which they are read. */
static bool digest_files(const struct chart_files *files, uint8_t key[static KEY_SIZE], struct err *e)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; ok && i < files->n; i++) {
        digest_text(context, files->v[i].name);
        digest_text(context, files->v[i].data);
    }
    ok = ok && EVP_DigestFinal_ex(context, key, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok || err_set(e, ERR_LIMIT, "out of memory for the digest of a chart");
}

static struct cached_chart *look_up(struct chart_cache *k, const uint8_t *key)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&k->lock);
    struct cached_chart *entry = find(k, key);

    if (entry != NULL)
        k->hits++;
    else
        k->misses++;
    return entry;
}

/* Takes the arena, in which the files lie. */
static bool parse(struct arena *own, const uint8_t *key, const struct chart_files *files, struct cached_chart **out,
                  struct err *e)
{
    struct cached_chart *entry = arena_new(own, struct cached_chart, 1);

    if (!chart_from_files(own, files, 0, &entry->chart, e))
        return false;
    memcpy(entry->key, key, KEY_SIZE);
    entry->users = 1;
    entry->a = *own;
    *own = (struct arena){ 0 };
    entry->bytes = entry->a.total;
    shared_init(&entry->shared, &entry->a);
    entry->chart->shared = &entry->shared;
    *out = entry;
    return true;
}

/* What another thread has put there meanwhile is as good; NULL when it is the first one. */
static struct cached_chart *insert(struct chart_cache *k, struct cached_chart *entry)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&k->lock);
    struct cached_chart *there = find(k, entry->key);

    if (there == NULL) {
        entry->next = k->first;
        k->first = entry;
    }
    return there;
}

static bool take(struct chart_cache *k, struct arena *own, const struct chart_files *files, struct cached_chart **out,
                 struct err *e)
{
    uint8_t key[KEY_SIZE];
    struct cached_chart *made;

    if (!digest_files(files, key, e))
        return false;
    *out = look_up(k, key);
    if (*out != NULL)
        return true;
    if (!parse(own, key, files, &made, e))
        return false;
    *out = insert(k, made);
    if (*out != NULL)
        entry_close(made);
    else
        *out = made;
    return true;
}

static bool load_alone(struct arena *a, const char *path, const char *links_within, struct chart_use *out,
                       struct err *e)
{
    struct chart *chart;

    *out = (struct chart_use){ 0 };
    if (!chart_load_within(a, path, links_within, &chart, e))
        return false;
    out->chart = chart;
    return true;
}

bool chart_cache_load(struct chart_cache *k, struct arena *a, const char *path, const char *links_within,
                      struct chart_use *out, struct err *e)
{
    CLEANUP(arena_close) struct arena own = { 0 };
    struct chart_links links = { .within = links_within, .notices.a = a };
    struct chart_files files = { 0 };
    struct cached_chart *entry;

    if (k == NULL)
        return load_alone(a, path, links_within, out, e);
    *out = (struct chart_use){ 0 };
    if (!chart_read(&own, path, &links, &files, e) || !take(k, &own, &files, &entry, e))
        return false;
    struct chart *view = arena_new(a, struct chart, 1); /* notices name this folder, not the one it came from first */
    *view = *entry->chart;
    chart_add_notices(a, &links.notices, view);
    *out = (struct chart_use){ view, k, entry };
    return true;
}

static struct cached_chart *end(struct chart_cache *k, struct cached_chart *entry)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&k->lock);

    return end_use(k, entry);
}

void chart_use_end(struct chart_use *use)
{
    if (use->entry != NULL)
        close_all(end(use->cache, use->entry));
    *use = (struct chart_use){ 0 };
}

struct chart_cache_counters chart_cache_counters(struct chart_cache *k)
{
    if (k == NULL)
        return (struct chart_cache_counters){ 0 };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&k->lock);
    struct chart_cache_counters c = { .hits = k->hits, .misses = k->misses };
    for (const struct cached_chart *entry = k->first; entry != NULL; entry = entry->next) {
        c.charts++;
        c.bytes += (int64_t)entry->bytes;
    }
    return c;
}
