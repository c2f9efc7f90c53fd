/*
 * What conditional requests need to remember: per URL and token, the ETag, the body and the next page.
 *
 * Bounded twice (entries, bytes); the entry that was used longest ago goes first. ETags are per token, so the token is
 * part of the key, as a hash: the cache never holds the secret itself.
 */
#include <stdlib.h>

#include "base/sys.h"
#include "forge/internal.h"

#define ENTRIES_MAX 4096
#define BYTES_MAX ((size_t)128 << 20)

struct entry {
    uint64_t url_hash, token_hash;
    uint64_t used; /* tick of the last use */
    struct str url, etag, next, body;
    char *bytes; /* one block behind the four slices */
};
struct forge_cache {
    pthread_mutex_t lock;
    struct entry *v;
    size_t n, cap, bytes;
    uint64_t tick;
    struct forge_counters counters;
};

struct forge_cache *forge_cache_open(void)
{
    struct forge_cache *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void forge_cache_close(struct forge_cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        free(c->v[i].bytes);
    free(c->v);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry *find(struct forge_cache *c, struct str url, struct str token)
{
    uint64_t url_hash = str_hash(url), token_hash = str_hash(token);

    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].url_hash == url_hash && c->v[i].token_hash == token_hash && str_eq(c->v[i].url, url))
            return &c->v[i];
    return NULL;
}

static size_t entry_bytes(const struct entry *x)
{
    return x->url.n + x->etag.n + x->next.n + x->body.n;
}

static void drop(struct forge_cache *c, size_t i)
{
    c->bytes -= entry_bytes(&c->v[i]);
    free(c->v[i].bytes);
    c->v[i] = c->v[--c->n];
}

static void drop_oldest(struct forge_cache *c)
{
    size_t oldest = 0;

    for (size_t i = 1; i < c->n; i++)
        if (c->v[i].used < c->v[oldest].used)
            oldest = i;
    drop(c, oldest);
}

static struct str keep(char **at, struct str s)
{
    char *p = *at;

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    *at = p + s.n;
    return (struct str){ p, s.n };
}

static struct entry *add(struct forge_cache *c)
{
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 16;
        struct entry *v = realloc(c->v, cap * sizeof *v);
        if (v == NULL)
            abort();
        c->v = v;
        c->cap = cap;
    }
    return &c->v[c->n++];
}

bool forge_cache_get(struct arena *a, struct forge_cache *c, struct str url, struct str token, struct forge_page *out)
{
    if (c == NULL)
        return false;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    struct entry *x = find(c, url, token);
    if (x == NULL)
        return false;
    x->used = ++c->tick;
    *out = (struct forge_page){ arena_str(a, x->etag), arena_str(a, x->next), arena_str(a, x->body) };
    return true;
}

void forge_cache_put(struct forge_cache *c, struct str url, struct str token, const struct forge_page *page)
{
    struct entry x = { .url_hash = str_hash(url), .token_hash = str_hash(token) };
    size_t n = url.n + page->etag.n + page->next.n + page->body.n;

    if (c == NULL || n > BYTES_MAX / 2)
        return;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    struct entry *old = find(c, url, token);
    if (old != NULL)
        drop(c, (size_t)(old - c->v));
    while (c->n > 0 && (c->n >= ENTRIES_MAX || n > BYTES_MAX - c->bytes))
        drop_oldest(c);
    if ((x.bytes = malloc(n > 0 ? n : 1)) == NULL)
        abort();
    char *at = x.bytes;
    x.url = keep(&at, url);
    x.etag = keep(&at, page->etag);
    x.next = keep(&at, page->next);
    x.body = keep(&at, page->body);
    x.used = ++c->tick;
    c->bytes += n;
    *add(c) = x;
}

void forge_cache_count(struct forge_cache *c, enum forge_outcome outcome)
{
    if (c == NULL)
        return;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    c->counters.requests++;
    c->counters.counted += outcome == FORGE_COUNTED;
    c->counters.not_modified += outcome == FORGE_NOT_MODIFIED;
    c->counters.errors += outcome == FORGE_FAILED;
}

struct forge_counters forge_cache_counters(struct forge_cache *c)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    return c->counters;
}
