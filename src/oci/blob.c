/* oci/blob.c - blobs: reading with a check, sending what is missing, mounting what another repository has. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/url.h"
#include "oci/digest.h"
#include "oci/internal.h"

enum { SEEN_MAX = 256 };

struct oci_seen { /* one block: the strings follow the struct */
    struct oci_seen *next;
    struct str registry, repository, digest;
};

/* ---- where blobs were seen: sources for mounts -------------------------------------------- */

void oci_seen_free(struct oci_client *c)
{
    while (c->seen != NULL) {
        struct oci_seen *s = c->seen;
        c->seen = s->next;
        free(s);
    }
}

static struct str put_bytes(char **at, struct str s)
{
    struct str copy = { *at, s.n };
    memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

static void note_seen(struct oci_client *c, const struct oci_reference *r, struct str digest)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    size_t n = 0;
    for (struct oci_seen **at = &c->seen; *at != NULL; at = &(*at)->next) {
        if (str_eq((*at)->digest, digest) && str_eq((*at)->repository, r->repository))
            return;
        if (++n == SEEN_MAX - 1 && (*at)->next != NULL) { /* the oldest makes room */
            free((*at)->next);
            (*at)->next = NULL;
        }
    }
    struct oci_seen *s = malloc(sizeof *s + r->registry.n + r->repository.n + digest.n);
    if (s == NULL)
        return;
    char *at = (char *)(s + 1);
    s->registry = put_bytes(&at, r->registry);
    s->repository = put_bytes(&at, r->repository);
    s->digest = put_bytes(&at, digest);
    s->next = c->seen;
    c->seen = s;
}

static struct str find_seen(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str digest)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&c->lock);
    for (struct oci_seen *s = c->seen; s != NULL; s = s->next)
        if (str_eq(s->digest, digest) && str_eq(s->registry, r->registry) && !str_eq(s->repository, r->repository))
            return arena_str(a, s->repository);
    return S("");
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool check_descriptor(const struct oci_descriptor *d, struct err *e)
{
    if (!oci_digest_valid(d->digest))
        return err_set(e, ERR_INVALID, "blob has a bad digest \"%.*s\"", STR(utf8_prefix(d->digest, 100)));
    return d->size >= 0 || err_set(e, ERR_INVALID, "blob %.*s has no size", STR(d->digest));
}

static struct oci_call blob_call(struct arena *a, const char *method, const struct oci_descriptor *d)
{
    return (struct oci_call){ .method = method, .path = arena_fmt(a, "blobs/%.*s", STR(d->digest)), .bytes = d->size };
}

static bool wrong_blob(const struct oci_descriptor *d, int64_t size, struct str digest, struct err *e)
{
    if (size != d->size)
        return err_set(e, ERR_INVALID, "blob %.*s has %lld bytes instead of %lld", STR(d->digest), (long long)size,
                       (long long)d->size);
    return err_set(e, ERR_INVALID, "blob %.*s arrived with digest %.*s", STR(d->digest), STR(digest));
}

static bool get_to_fd(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                      const struct oci_descriptor *d, int fd, int64_t start, struct err *e)
{
    struct http_response response = { 0 };
    struct str digest = { 0 };
    struct oci_call call = blob_call(a, "GET", d);
    call.sink_fd = fd;
    call.response_max = d->size > 0 ? (size_t)d->size : 1;
    if (!check_descriptor(d, e) || !oci_send(a, c, r, &call, &response, e))
        return false;
    if (response.body_bytes != d->size)
        return wrong_blob(d, response.body_bytes, S(""), e);
    if (!oci_digest_of_fd(a, fd, start, d->size, d->digest, &digest, e))
        return false;
    return str_eq(digest, d->digest) || wrong_blob(d, d->size, digest, e);
}

bool oci_blob_get(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_descriptor *d,
                  int fd, struct err *e)
{
    off_t start = lseek(fd, 0, SEEK_CUR);
    if (start < 0)
        return err_sys(e, "blob %.*s: the target is not a file", STR(d->digest));
    if (get_to_fd(a, c, r, d, fd, start, e)) {
        note_seen(c, r, d->digest);
        return true;
    }
    if (ftruncate(fd, start) == 0) /* nothing of use stays in the file */
        lseek(fd, start, SEEK_SET);
    return err_wrap(e, "%.*s/%.*s", STR(r->registry), STR(r->repository));
}

bool oci_blob_read(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_descriptor *d,
                   size_t max, struct str *out, struct err *e)
{
    struct http_response response = { 0 };
    struct oci_call call = blob_call(a, "GET", d);
    call.response_max = max;
    if (!check_descriptor(d, e))
        return false;
    if (d->size > (int64_t)max)
        return err_set(e, ERR_LIMIT, "blob %.*s is larger than %zu bytes", STR(d->digest), max);
    if (!oci_send(a, c, r, &call, &response, e))
        return err_wrap(e, "blob %.*s", STR(d->digest));
    struct str digest = oci_digest_of(a, response.body, d->digest);
    if ((int64_t)response.body.n != d->size || !str_eq(digest, d->digest))
        return wrong_blob(d, (int64_t)response.body.n, digest, e);
    *out = response.body;
    return true;
}

bool oci_blob_exists(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str digest, bool *out,
                     struct err *e)
{
    struct http_response response = { 0 };
    struct oci_descriptor d = { .digest = digest };
    struct oci_call call = blob_call(a, "HEAD", &d);
    call.also_404 = true;
    call.push = true; /* a write follows such a question: one token serves both */
    if (!check_descriptor(&d, e) || !oci_send(a, c, r, &call, &response, e))
        return err_wrap(e, "%.*s/%.*s: blob %.*s", STR(r->registry), STR(r->repository), STR(digest));
    *out = response.status != 404;
    if (*out)
        note_seen(c, r, digest);
    return true;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* POST: a mount when a source is known (201), else the session to send to (202 and its location). */
static bool start_upload(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str digest,
                         struct str *location, struct err *e)
{
    struct http_response response = { 0 };
    struct str source = find_seen(a, c, r, digest);
    struct oci_call call = { .method = "POST", .path = S("blobs/uploads/"), .push = true, .mount_from = source };
    if (source.n > 0)
        call.path = arena_fmt(a, "blobs/uploads/?mount=%.*s&from=%.*s", STR(url_escape_query(a, digest)),
                              STR(url_escape_query(a, source)));
    if (!oci_send(a, c, r, &call, &response, e))
        return false;
    *location = S("");
    if (response.status == 201)
        return true;
    struct str where = http_header_get(&response.headers, "Location");
    if (where.n == 0)
        return err_set(e, ERR_INVALID, "the registry names no place to upload to");
    *location = url_resolve(a, response.final_url, where);
    return true;
}

static bool send_bytes(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                       const struct oci_descriptor *d, struct str bytes, int fd, struct str location, struct err *e)
{
    struct http_response response = { 0 };
    struct http_header type = { S("Content-Type"), S("application/octet-stream") };
    struct oci_call call = {
        .method = "PUT", .headers = { &type, 1 }, .body = bytes, .body_fd = fd, .bytes = d->size, .push = true
    };
    const char *glue = str_find(location, S("?")) >= 0 ? "&" : "?";
    call.path = arena_fmt(a, "%.*s%sdigest=%.*s", STR(location), glue, STR(url_escape_query(a, d->digest)));
    return oci_send(a, c, r, &call, &response, e);
}

static bool put(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_descriptor *d,
                struct str bytes, int fd, struct err *e)
{
    struct str location = { 0 };
    bool there = false;
    if (!oci_blob_exists(a, c, r, d->digest, &there, e))
        return false;
    if (there)
        return true;
    if (!start_upload(a, c, r, d->digest, &location, e)
        || (location.n > 0 && !send_bytes(a, c, r, d, bytes, fd, location, e)))
        return err_wrap(e, "%.*s/%.*s: upload blob %.*s", STR(r->registry), STR(r->repository), STR(d->digest));
    note_seen(c, r, d->digest);
    return true;
}

bool oci_blob_put(struct arena *a, struct oci_client *c, const struct oci_reference *r, const struct oci_descriptor *d,
                  struct str bytes, int fd, struct err *e)
{
    struct stat st;
    int64_t size = (int64_t)bytes.n;
    if (fd > 0) {
        if (fstat(fd, &st) != 0)
            return err_sys(e, "read the size of blob %.*s", STR(d->digest));
        size = st.st_size;
    }
    if (!check_descriptor(d, e))
        return false;
    return size == d->size ? put(a, c, r, d, bytes, fd, e) : wrong_blob(d, size, S(""), e);
}
