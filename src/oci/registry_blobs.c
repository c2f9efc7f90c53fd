/* oci/registry_blobs.c - GET, HEAD and DELETE of blobs, and uploads in all their forms. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/url.h"
#include "oci/digest.h"
#include "oci/registry_internal.h"

/* ---- reading ------------------------------------------------------------------------------ */

enum range { RANGE_NONE, RANGE_PART, RANGE_BAD };

/* Range: bytes=a-b, a- or -n. Several ranges, or anything else unreadable, mean "all of it" (RFC 9110 section 14.2). */
static enum range parse_range(struct str text, int64_t size, int64_t *first, int64_t *last)
{
    struct str a = { 0 };
    if (!str_starts(text, S("bytes=")))
        return RANGE_NONE;
    str_cut(&text, 6);
    if (str_find(text, S(",")) >= 0 || !str_split(&text, S("-"), &a))
        return RANGE_NONE;
    struct str b = text;
    *last = size - 1;
    if (a.n == 0) {
        int64_t n = 0;
        if (!str_to_int(b, &n) || n <= 0)
            return RANGE_BAD;
        *first = n < size ? size - n : 0;
        return size > 0 ? RANGE_PART : RANGE_BAD;
    }
    if (!str_to_int(a, first) || (b.n > 0 && !str_to_int(b, last)))
        return RANGE_NONE;
    if (*first < 0 || *first >= size || *last < *first)
        return RANGE_BAD;
    if (*last >= size)
        *last = size - 1;
    return RANGE_PART;
}

static void send_blob(struct visit *v, int fd, int64_t size)
{
    int64_t first = 0, last = size - 1;
    enum range range = parse_range(http_header_get(&v->q->headers, "Range"), size, &first, &last);
    reg_header(v, "Accept-Ranges", S("bytes"));
    if (range == RANGE_BAD) {
        fd_close(&fd);
        reg_header(v, "Content-Range", arena_fmt(v->a, "bytes */%lld", (long long)size));
        {
            reg_refuse(v, 416, "SIZE_INVALID", "the range lies outside of the blob", S(""));
            return;
        }
    }
    reg_header(v, "Docker-Content-Digest", v->name);
    reg_header(v, "ETag", arena_fmt(v->a, "\"%.*s\"", STR(v->name)));
    if (range == RANGE_NONE) {
        http_reply_fd(v->x, 200, "application/octet-stream", fd, 0, size);
        return;
    }
    reg_header(v, "Content-Range",
               arena_fmt(v->a, "bytes %lld-%lld/%lld", (long long)first, (long long)last, (long long)size));
    http_reply_fd(v->x, 206, "application/octet-stream", fd, first, last - first + 1);
}

static void get_blob(struct visit *v)
{
    struct stat st;
    const char *link = reg_link_path(v, v->repo, "_blobs", v->name);
    CLEANUP(fd_close) int fd = -1;
    reg_touch(link);
    if (fs_exists(link))
        fd = open(reg_blob_path(v, v->name), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        reg_refuse(v, 404, "BLOB_UNKNOWN", "blob unknown to registry", v->name);
        return;
    }
    send_blob(v, fd_take(&fd), st.st_size);
}

static void delete_blob(struct visit *v)
{
    if (unlink(reg_link_path(v, v->repo, "_blobs", v->name)) != 0) {
        reg_refuse(v, 404, "BLOB_UNKNOWN", "blob unknown to registry", v->name);
        return;
    }
    http_reply(v->x, 202, NULL, S(""));
}

void reg_blob(struct visit *v)
{
    if (!oci_digest_valid(v->name)) {
        reg_refuse(v, 400, "DIGEST_INVALID", "invalid digest", v->name);
        return;
    }
    if (str_is(v->q->method, "GET")) {
        get_blob(v);
        return;
    }
    if (str_is(v->q->method, "DELETE")) {
        delete_blob(v);
        return;
    }
    reg_refuse(v, 405, "UNSUPPORTED", "blobs are read or deleted here", S(""));
}

/* ---- sessions ----------------------------------------------------------------------------- */

static bool session_valid(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'))
            return false;
    }
    return id.n == 36;
}

static void session_headers(struct visit *v, int64_t size)
{
    reg_header(v, "Location", arena_fmt(v->a, "/v2/%.*s/blobs/uploads/%.*s", STR(v->repo), STR(v->name)));
    reg_header(v, "Range", arena_fmt(v->a, "0-%lld", (long long)(size > 0 ? size - 1 : 0)));
    reg_header(v, "Docker-Upload-UUID", v->name);
}

static void answer_created(struct visit *v, struct str digest)
{
    reg_header(v, "Location", arena_fmt(v->a, "/v2/%.*s/blobs/%.*s", STR(v->repo), STR(digest)));
    reg_header(v, "Docker-Content-Digest", digest);
    http_reply(v->x, 201, NULL, S(""));
}

/* The request's body at the end of the session's file. */
static bool append_body(struct visit *v, int fd, struct err *e)
{
    struct stat st;
    if (v->q->body_fd < 0)
        return fd_write_all(fd, v->q->body, e);
    if (fstat(v->q->body_fd, &st) != 0)
        return err_sys(e, "read an upload");
    return reg_append(fd, v->q->body_fd, st.st_size, e);
}

static bool link_blob(struct visit *v, struct str digest, struct err *e)
{
    return reg_write(v, reg_link_path(v, v->repo, "_blobs", digest), S(""), e);
}

/* Check what arrived against the digest that was promised, and give it its name. */
static void finish(struct visit *v, int fd, const char *path, struct str digest)
{
    struct stat st;
    struct str actual = { 0 };
    struct err e = { 0 };
    if (fstat(fd, &st) != 0 || !oci_digest_of_fd(v->a, fd, 0, st.st_size, digest, &actual, &e)) {
        if (e.kind == ERR_NONE)
            err_sys_(&e, "read %s", path);
        {
            reg_broken(v, &e);
            return;
        }
    }
    if (!str_eq(actual, digest)) {
        unlink(path);
        {
            reg_refuse(v, 400, "DIGEST_INVALID", "the content does not have this digest", actual);
            return;
        }
    }
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->lock); /* no sweep between the two */
    if (!reg_publish(v, path, digest, &e) || !link_blob(v, digest, &e)) {
        reg_broken(v, &e);
        return;
    }
    answer_created(v, digest);
}

static int create_session(struct visit *v, const char **path, struct err *e)
{
    v->name = random_uuid(v->a);
    *path = reg_repo_path(v, "_uploads", v->name);
    if (!fs_mkdirs(reg_repo_path(v, "_uploads", S("")), 0755, e))
        return -1;
    int fd = open(*path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        err_sys_(e, "create %s", *path);
    return fd;
}

/* A mount needs the blob in the other repository, or, when none is named, anywhere. */
static bool try_mount(struct visit *v)
{
    struct str digest = http_query(v->q, "mount"), from = http_query(v->q, "from");
    struct err e = { 0 };
    if (!oci_digest_valid(digest) || (from.n > 0 && !oci_repository_valid(from)))
        return false;
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->lock); /* no sweep between look and link */
    bool there = from.n > 0 ? reg_has(v, from, "_blobs", digest) : fs_exists(reg_blob_path(v, digest));
    if (!there)
        return false;
    if (link_blob(v, digest, &e))
        answer_created(v, digest);
    else
        reg_broken(v, &e);
    return true;
}

void reg_uploads(struct visit *v)
{
    struct str digest = http_query(v->q, "digest");
    const char *path = NULL;
    struct err e = { 0 };
    if (!str_is(v->q->method, "POST")) {
        reg_refuse(v, 405, "UNSUPPORTED", "uploads start with POST", S(""));
        return;
    }
    if (digest.n > 0 && !oci_digest_valid(digest)) {
        reg_refuse(v, 400, "DIGEST_INVALID", "invalid digest", digest);
        return;
    }
    if (try_mount(v))
        return;
    CLEANUP(fd_close) int fd = create_session(v, &path, &e);
    if (fd < 0) {
        reg_broken(v, &e);
        return;
    }
    if (digest.n > 0) { /* the whole blob in one request */
        if (!append_body(v, fd, &e)) {
            reg_broken(v, &e);
            return;
        }
        {
            finish(v, fd, path, digest);
            return;
        }
    }
    session_headers(v, 0);
    http_reply(v->x, 202, NULL, S(""));
}

/* Content-Range: a-b must go on where the session ends. */
static bool continues(struct visit *v, int64_t size)
{
    struct str range = http_header_get(&v->q->headers, "Content-Range"), first = { 0 };
    int64_t at = -1;
    if (range.n == 0)
        return true;
    return str_split(&range, S("-"), &first) && str_to_int(str_trim(first), &at) && at == size;
}

static void answer_session(struct visit *v, int status, int64_t size)
{
    session_headers(v, size);
    http_reply(v->x, status, NULL, S(""));
}

/* PATCH and PUT: more bytes, and with PUT the end. */
static void extend(struct visit *v, int fd, const char *path, int64_t size, bool closing)
{
    struct str digest = http_query(v->q, "digest");
    struct stat st;
    struct err e = { 0 };
    if (closing && !oci_digest_valid(digest)) {
        reg_refuse(v, 400, "DIGEST_INVALID", "the closing request needs a valid digest", digest);
        return;
    }
    if (!continues(v, size)) {
        session_headers(v, size);
        {
            reg_refuse(v, 416, "BLOB_UPLOAD_INVALID", "the chunk does not follow the last one", S(""));
            return;
        }
    }
    bool ok = lseek(fd, 0, SEEK_END) >= 0 && append_body(v, fd, &e) && fstat(fd, &st) == 0;
    if (!ok) {
        if (ftruncate(fd, size) != 0) /* what was good stays good */
            unlink(path);
        {
            reg_broken(v, &e);
            return;
        }
    }
    if (closing) {
        finish(v, fd, path, digest);
        return;
    }
    answer_session(v, 202, st.st_size);
}

void reg_upload(struct visit *v)
{
    struct stat st;
    CLEANUP(fd_close) int fd = -1;
    const char *path = session_valid(v->name) ? reg_repo_path(v, "_uploads", v->name) : NULL;
    if (path != NULL)
        fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &st) != 0 || st.st_nlink == 0) {
        reg_refuse(v, 404, "BLOB_UPLOAD_UNKNOWN", "no such upload, or another request is at work on it", S(""));
        return;
    }
    if (str_is(v->q->method, "PATCH") || str_is(v->q->method, "PUT")) {
        extend(v, fd, path, st.st_size, str_is(v->q->method, "PUT"));
        return;
    }
    if (str_is(v->q->method, "GET")) {
        answer_session(v, 204, st.st_size);
        return;
    }
    if (!str_is(v->q->method, "DELETE")) {
        reg_refuse(v, 405, "UNSUPPORTED", "uploads take PATCH, PUT, GET and DELETE", S(""));
        return;
    }
    unlink(path);
    http_reply(v->x, 204, NULL, S(""));
}
