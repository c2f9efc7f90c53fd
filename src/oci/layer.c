/*
 * oci/layer.c - one file or folder as a reproducible layer.
 *
 * The same content gives the same bytes wherever and whenever it is packed: entries in byte order with parents first,
 * owner 0:0 without names, one fixed time, modes 0755 or 0644, plain ustar records (pax only where ustar cannot say a
 * name), and a gzip head without time or name. The tar passes through once: hashed, compressed, hashed again, written.
 */
#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "oci/digest.h"
#include "oci/internal.h"

enum { PIECE = 128 << 10, ENTRIES_MAX = 1000000, DEPTH_MAX = 128, LINK_MAX = 4096 };
enum { GZIP_WINDOW = 15 + 16, GZIP_LEVEL = 6 };

struct packer {
    struct arena *a;
    struct archive *tar;
    int64_t time_s;
    size_t entries;
    z_stream gzip;
    int fd;
    int64_t bytes; /* written to fd */
    struct oci_hash plain, packed;
    char *piece; /* PIECE bytes, for reading files */
    struct err *e;
    bool failed; /* e is set: libarchive's callbacks cannot carry it */
};

/* ---- the pipe below libarchive ------------------------------------------------------------ */

static bool drain(struct packer *p, struct str in, int flush)
{
    unsigned char out[16 << 10];
    p->gzip.next_in = (unsigned char *)(uintptr_t)in.p;
    p->gzip.avail_in = (unsigned)in.n;
    do {
        p->gzip.next_out = out;
        p->gzip.avail_out = sizeof out;
        deflate(&p->gzip, flush);
        struct str packed = { (char *)out, sizeof out - p->gzip.avail_out };
        oci_hash_add(&p->packed, packed);
        p->bytes += (int64_t)packed.n;
        if (!fd_write_all(p->fd, packed, p->e)) {
            p->failed = true;
            return false;
        }
    } while (p->gzip.avail_out == 0);
    return true;
}

static la_ssize_t on_tar_bytes(struct archive *tar, void *arg, const void *bytes, size_t n)
{
    struct packer *p = arg;
    struct str piece = { bytes, n };
    oci_hash_add(&p->plain, piece);
    return drain(p, piece, Z_NO_FLUSH) ? (la_ssize_t)n : -1;
}

static bool tar_error(struct packer *p, const char *name, struct err *e)
{
    if (p->failed)
        return err_wrap(e, "pack %s", name);
    return err_set(e, ERR_INVALID, "pack %s: %s", name, archive_error_string(p->tar));
}

/* ---- entries ------------------------------------------------------------------------------ */

static void free_entry(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

static bool write_head(struct packer *p, struct archive_entry *entry, const char *name, struct err *e)
{
    if (++p->entries > ENTRIES_MAX)
        return err_set(e, ERR_LIMIT, "a layer holds at most %d entries", ENTRIES_MAX);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_mtime(entry, p->time_s, 0);
    return archive_write_header(p->tar, entry) == ARCHIVE_OK || tar_error(p, name, e);
}

static bool add_file(struct packer *p, int fd, const struct stat *st, const char *name, struct err *e)
{
    CLEANUP(free_entry) struct archive_entry *entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, (st->st_mode & 0111) != 0 ? 0755 : 0644);
    archive_entry_set_size(entry, st->st_size);
    if (!write_head(p, entry, name, e))
        return false;
    for (int64_t done = 0; done < st->st_size;) {
        ssize_t n = read(fd, p->piece, PIECE);
        if (n < 0)
            return err_sys(e, "read %s", name);
        if (n == 0)
            return err_set(e, ERR_CONFLICT, "%s became shorter while it was packed", name);
        if (archive_write_data(p->tar, p->piece, (size_t)n) < 0)
            return tar_error(p, name, e);
        done += n;
    }
    return true;
}

static bool add_link(struct packer *p, int dir, const char *base, const char *name, struct err *e)
{
    char target[LINK_MAX + 1];
    ssize_t n = readlinkat(dir, base, target, LINK_MAX);
    if (n < 0)
        return err_sys(e, "read link %s", name);
    target[n] = 0;
    CLEANUP(free_entry) struct archive_entry *entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_perm(entry, 0777);
    archive_entry_set_symlink(entry, target);
    return write_head(p, entry, name, e);
}

static bool add_folder(struct packer *p, const char *name, struct err *e)
{
    CLEANUP(free_entry) struct archive_entry *entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFDIR);
    archive_entry_set_perm(entry, 0755);
    return write_head(p, entry, arena_fmt(p->a, "%s/", name).p, e);
}

static bool add_tree(struct packer *p, const char *path, const char *prefix, int depth, struct err *e);

/* One name of a folder; `name` is its path inside the layer. */
static bool add_any(struct packer *p, const char *folder, const char *base, const char *name, int depth, struct err *e)
{
    struct stat st;
    const char *path = fs_join(p->a, folder, base);
    if (lstat(path, &st) != 0)
        return err_sys(e, "read %s", path);
    if (S_ISLNK(st.st_mode))
        return add_link(p, AT_FDCWD, path, name, e);
    if (S_ISDIR(st.st_mode))
        return add_folder(p, name, e) && add_tree(p, path, name, depth + 1, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "%s is neither file, folder nor symbolic link", path);
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "read %s", path);
    return add_file(p, fd, &st, name, e);
}

static bool add_tree(struct packer *p, const char *path, const char *prefix, int depth, struct err *e)
{
    struct fs_names names = { 0 };
    if (depth > DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "%s: folders are nested deeper than %d", path, DEPTH_MAX);
    if (!fs_list(p->a, path, &names, e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        const char *base = arena_c(p->a, names.v[i]);
        const char *name = prefix[0] == 0 ? base : fs_join(p->a, prefix, base);
        if (!add_any(p, path, base, name, depth, e))
            return false;
    }
    return true;
}

static bool add_root(struct packer *p, const char *path, struct str name, struct err *e)
{
    struct stat st;
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return err_sys(e, "read %s", path);
    if (S_ISDIR(st.st_mode))
        return add_tree(p, path, "", 0, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "%s is neither a file nor a folder", path);
    return add_file(p, fd, &st, arena_c(p->a, name), e);
}

/* ---- the layer ---------------------------------------------------------------------------- */

static void packer_close(struct packer *p)
{
    if (p->tar != NULL)
        archive_write_free(p->tar);
    deflateEnd(&p->gzip);
    oci_hash_close(&p->plain);
    oci_hash_close(&p->packed);
    fd_close(&p->fd);
}

static bool open_output(struct packer *p, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    const char *path = arena_fmt(p->a, "%s/vitrine-layer-XXXXXX", dir != NULL && dir[0] != 0 ? dir : "/tmp").p;
    p->fd = mkostemp((char *)(uintptr_t)path, O_CLOEXEC);
    if (p->fd < 0)
        return err_sys(e, "create %s", path);
    unlink(path);
    return true;
}

static bool open_pipe(struct packer *p, struct err *e)
{
    if (!open_output(p, e))
        return false;
    oci_hash_open(&p->plain, S("sha256"));
    oci_hash_open(&p->packed, S("sha256"));
    p->tar = archive_write_new();
    bool ok = p->tar != NULL
              && deflateInit2(&p->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) == Z_OK
              && archive_write_set_format_pax_restricted(p->tar) == ARCHIVE_OK
              && archive_write_set_format_option(p->tar, "pax", "hdrcharset", "BINARY") == ARCHIVE_OK
              && archive_write_set_bytes_per_block(p->tar, 64 << 10) == ARCHIVE_OK
              && archive_write_set_bytes_in_last_block(p->tar, 512) == ARCHIVE_OK
              && archive_write_open(p->tar, p, NULL, on_tar_bytes, NULL) == ARCHIVE_OK;
    return ok || err_set(e, ERR_IO, "libarchive or zlib cannot be set up");
}

bool oci_layer_make(struct arena *a, const char *path, struct str name, int64_t time_s, struct oci_layer *out,
                    struct err *e)
{
    CLEANUP(packer_close) struct packer p = { .a = a, .time_s = time_s, .fd = -1, .e = e };
    p.piece = arena_alloc_raw(a, PIECE);
    if (!open_pipe(&p, e) || !add_root(&p, path, name, e))
        return false;
    if (archive_write_close(p.tar) != ARCHIVE_OK || !drain(&p, S(""), Z_FINISH))
        return tar_error(&p, path, e);
    *out = (struct oci_layer){
        .diff_id = oci_hash_end(a, &p.plain),
        .descriptor = { .media_type = S(OCI_LAYER_GZIP), .digest = oci_hash_end(a, &p.packed), .size = p.bytes },
    };
    out->fd = fd_take(&p.fd);
    return true;
}

/* ---- for whom a program is ---------------------------------------------------------------- */

struct str oci_architecture_of(const char *path)
{
    static const struct {
        int machine;
        const char *name;
    } names[] = {
        { EM_X86_64, "amd64" }, { EM_AARCH64, "arm64" }, { EM_ARM, "arm" },       { EM_386, "386" },
        { EM_S390, "s390x" },   { EM_RISCV, "riscv64" }, { EM_PPC64, "ppc64le" },
    };
    unsigned char head[20] = { 0 };
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, head, sizeof head) != sizeof head || memcmp(head, ELFMAG, SELFMAG) != 0)
        return oci_platform_architecture();
    bool big = head[EI_DATA] == ELFDATA2MSB;
    int machine = big ? head[18] << 8 | head[19] : head[19] << 8 | head[18];
    for (size_t i = 0; i < COUNT(names); i++)
        if (names[i].machine == machine)
            return str_c(names[i].name);
    return oci_platform_architecture();
}
