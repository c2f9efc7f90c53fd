#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/local/unpack.h"
#include "oci/digest.h"

enum { CHUNK = 128 << 10 };

/* The inner archive's source: bytes of the outer one, unpacked, counted and hashed. */
struct stream {
    struct archive *outer;
    struct oci_hash hash;
    int64_t n;
    bool too_large;
    char bytes[CHUNK];
};

static void archive_close(struct archive **a)
{
    archive_read_free(*a);
}

static la_ssize_t next_bytes(struct archive *inner, void *user, const void **out)
{
    struct stream *s = user;
    la_ssize_t n = archive_read_data(s->outer, s->bytes, sizeof s->bytes);
    if (n < 0) {
        archive_set_error(inner, EIO, "%s", archive_error_string(s->outer));
        return -1;
    }
    s->n += n;
    if (s->n > UNPACK_BYTES_MAX) {
        s->too_large = true;
        archive_set_error(inner, EFBIG, "it unpacks to more than %lld bytes", (long long)UNPACK_BYTES_MAX);
        return -1;
    }
    oci_hash_add(&s->hash, (struct str){ s->bytes, (size_t)n });
    *out = s->bytes;
    return n;
}

static bool reading_failed(struct archive *a, const struct stream *s, struct err *e)
{
    const char *why = archive_error_string(a);
    return err_set(e, s->too_large ? ERR_LIMIT : ERR_INVALID, "read the layer's archive: %s",
                   why != NULL ? why : "not an archive");
}

/* Plain headers have bytes, extended ones UTF-8, which libarchive cannot turn into a C locale's text. */
static struct str or_utf8(const char *plain, const char *utf8)
{
    return str_c(plain != NULL ? plain : utf8);
}

static enum layer_kind kind_of(struct archive_entry *entry)
{
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return LAYER_FILE;
    case AE_IFDIR: return LAYER_FOLDER;
    case AE_IFLNK: return LAYER_SYMLINK;
    case AE_IFIFO: return LAYER_FIFO;
    default: return LAYER_SKIPPED;
    }
}

static void describe(struct archive_entry *entry, struct layer_entry *out)
{
    *out = (struct layer_entry){
        .kind = kind_of(entry),
        .path = or_utf8(archive_entry_pathname(entry), archive_entry_pathname_utf8(entry)),
        .mode = archive_entry_perm(entry),
        .uid = archive_entry_uid(entry),
        .gid = archive_entry_gid(entry),
        .size = archive_entry_size(entry),
        .mtime_s = archive_entry_mtime(entry),
    };
    struct str link = or_utf8(archive_entry_hardlink(entry), archive_entry_hardlink_utf8(entry));
    if (link.n > 0) {
        out->kind = LAYER_HARDLINK;
        out->target = link;
        out->size = 0;
    } else if (out->kind == LAYER_SYMLINK) {
        out->target = or_utf8(archive_entry_symlink(entry), archive_entry_symlink_utf8(entry));
    }
    if (out->kind != LAYER_FILE)
        out->size = 0;
}

static bool write_at(int fd, const void *bytes, size_t n, int64_t offset, struct err *e)
{
    for (size_t done = 0; done < n;) {
        ssize_t w = pwrite(fd, (const char *)bytes + done, n - done, offset + (int64_t)done);
        if (w < 0 && errno != EINTR)
            return err_sys(e, "write");
        done += w > 0 ? (size_t)w : 0;
    }
    return true;
}

/* Blocks with their offsets: holes of a sparse file stay holes. */
static bool copy_content(struct archive *a, const struct stream *s, int fd, int64_t size, struct err *e)
{
    for (;;) {
        const void *bytes;
        size_t n;
        la_int64_t offset;
        int r = archive_read_data_block(a, &bytes, &n, &offset);
        if (r == ARCHIVE_EOF)
            return true;
        if (r < ARCHIVE_WARN)
            return reading_failed(a, s, e);
        if (offset < 0 || offset > size || (int64_t)n > size - offset)
            return err_set(e, ERR_INVALID, "a file has more content than its header says");
        if (!write_at(fd, bytes, n, offset, e))
            return false;
    }
}

static bool one_entry(struct layer *l, struct archive *a, const struct stream *s, struct archive_entry *entry,
                      struct err *e)
{
    struct layer_entry what;
    int fd;
    describe(entry, &what);
    if (!layer_add(l, &what, &fd, e))
        return false;
    if (fd < 0)
        return true;
    if (copy_content(a, s, fd, what.size, e))
        return layer_file_end(l, &what, fd, e);
    close(fd);
    return err_wrap(e, "entry \"%.*s\"", STR(what.path));
}

static bool all_entries(struct layer *l, struct archive *a, const struct stream *s, struct err *e)
{
    for (;;) {
        struct archive_entry *entry;
        int r = archive_read_next_header(a, &entry);
        if (r == ARCHIVE_EOF)
            return true;
        if (r < ARCHIVE_WARN)
            return reading_failed(a, s, e);
        if (!one_entry(l, a, s, entry, e))
            return false;
    }
}

/* What follows the archive's end belongs to the diff ID too. */
static bool verify(struct arena *scratch, struct stream *s, struct str diff_id, struct err *e)
{
    la_ssize_t n;
    while ((n = archive_read_data(s->outer, s->bytes, sizeof s->bytes)) > 0) {
        oci_hash_add(&s->hash, (struct str){ s->bytes, (size_t)n });
        s->n += n;
        if (s->n > UNPACK_BYTES_MAX)
            return err_set(e, ERR_LIMIT, "it unpacks to more than %lld bytes", (long long)UNPACK_BYTES_MAX);
    }
    if (n < 0)
        return reading_failed(s->outer, s, e);
    struct str found = oci_hash_end(scratch, &s->hash);
    return str_eq(found, diff_id)
           || err_set(e, ERR_INVALID, "its content is %.*s, but the image says %.*s", STR(found), STR(diff_id));
}

static bool open_outer(struct stream *s, int fd, struct err *e)
{
    struct archive_entry *entry;
    bool ok = lseek(fd, 0, SEEK_SET) == 0 && archive_read_support_filter_gzip(s->outer) == ARCHIVE_OK
              && archive_read_support_filter_zstd(s->outer) == ARCHIVE_OK
              && archive_read_support_format_raw(s->outer) == ARCHIVE_OK
              && archive_read_open_fd(s->outer, fd, CHUNK) == ARCHIVE_OK
              && archive_read_next_header(s->outer, &entry) == ARCHIVE_OK;
    return ok || reading_failed(s->outer, s, e);
}

static bool unpack(struct layer *l, struct stream *s, int fd, struct str diff_id, struct err *e)
{
    CLEANUP(arena_close) struct arena scratch = { 0 };
    CLEANUP(archive_close) struct archive *inner = archive_read_new();
    if (s->outer == NULL || inner == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    if (!open_outer(s, fd, e))
        return false;
    if (archive_read_support_format_tar(inner) != ARCHIVE_OK
        || archive_read_open(inner, s, NULL, next_bytes, NULL) != ARCHIVE_OK)
        return reading_failed(inner, s, e);
    return all_entries(l, inner, s, e) && verify(&scratch, s, diff_id, e) && layer_end(l, e);
}

bool unpack_layer(struct layer *l, int fd, struct str diff_id, struct err *e)
{
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    s->outer = archive_read_new();
    oci_hash_open(&s->hash, oci_digest_algorithm(diff_id));
    bool ok = unpack(l, s, fd, diff_id, e);
    oci_hash_close(&s->hash);
    archive_read_free(s->outer);
    free(s);
    return ok;
}
