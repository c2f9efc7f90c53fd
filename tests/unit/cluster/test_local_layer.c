/* Layers of images, friendly and hostile, and what is in the folder afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/layer_path.h"
#include "cluster/local/unpack.h"
#include "oci/digest.h"

/*
 * An archive is a list of words: "f NAME CONTENT", "d NAME", "l NAME TARGET", "h NAME TARGET" (hard link), "p NAME"
 * (fifo), "c NAME" (device), separated by ';'. A tree prints as "d NAME", "o NAME" (opaque folder), "f NAME=CONTENT",
 * "l NAME->TARGET", "w NAME" (whiteout), "p NAME".
 */
static const struct row {
    const char *name, *lower, *archive, *tree, *error;
} rows[] = {
    { "files and folders", "", "d a;f a/b hello;f c world", "d a;f a/b=hello;f c=world", NULL },
    { "leading slash and dots", "", "f /a x;f ./b y;f .//c//d z", "f a=x;f b=y;d c;f c/d=z", NULL },
    { "parents that are missing", "", "f x/y/z 1", "d x;d x/y;f x/y/z=1", NULL },
    { "the last of a name wins", "", "f a one;f a two", "f a=two", NULL },
    { "folder over file", "", "f a one;d a;f a/b two", "d a;f a/b=two", NULL },
    { "file over folder", "", "d a;f a/b two;f a one", "f a=one", NULL },
    { "symbolic link", "", "l a b;l c /etc/passwd", "l a->b;l c->/etc/passwd", NULL },
    { "hard link", "", "f a one;h b a;h c/d /a", "f a=one;f b=one;d c;f c/d=one", NULL },
    { "hard link to itself", "", "f a one;h a a", "f a=one", NULL },
    { "fifo; no device", "", "p a;c b", "p a", NULL },
    { "through a link inside", "", "d usr;d usr/bin;l bin usr/bin;f bin/sh x",
      "l bin->usr/bin;d usr;d usr/bin;f usr/bin/sh=x", NULL },
    { "through an absolute link", "", "d usr;l bin /usr;f bin/sh x", "l bin->/usr;d usr;f usr/sh=x", NULL },
    { "through a link to a parent", "", "d a;d a/b;l a/b/up ../..;f a/b/up/f x", "d a;d a/b;l a/b/up->../..;f f=x",
      NULL },
    { "whiteout", "", "d a;f a/.wh.gone x", "d a;w a/gone", NULL },
    { "whiteout of what the layer brings", "", "f a x;f .wh.a y", "f a=x", NULL },
    { "folder after its whiteout", "", "f .wh.a x;d a;f a/b y", "o a;f a/b=y", NULL },
    { "implied folder after its whiteout", "", "f .wh.a x;f a/b y", "o a;f a/b=y", NULL },
    { "whiteout after its folder", "", "d a;f a/b y;f .wh.a x", "o a;f a/b=y", NULL },
    { "opaque folder", "", "d a;f a/.wh..wh..opq x;f a/b y", "o a;f a/b=y", NULL },
    { "notes of an older format", "", "f .wh..wh.plnk x;f a y", "f a=y", NULL },
    { "names that are not ASCII", "", "f gr\xc3\xbc\xc3\x9f x;f latin-\xe9 y", "f gr\xc3\xbc\xc3\x9f=x;f latin-\xe9=y",
      NULL },
    /* what is below */
    { "lower link to a folder", "d usr;d usr/bin;l bin usr/bin", "f bin/tool x", "d usr;d usr/bin;f usr/bin/tool=x",
      NULL },
    { "lower link that the layer replaces", "d usr;l bin usr", "d bin;f bin/tool x", "d bin;f bin/tool=x", NULL },
    { "lower link that is whited out", "d usr;l bin usr", "f .wh.bin x;f bin/tool x", "o bin;f bin/tool=x", NULL },
    { "lower link below an opaque folder", "d a;l a/b /usr;d usr", "d a;f a/.wh..wh..opq x;f a/b/c y",
      "o a;d a/b;f a/b/c=y", NULL },
    /* ways out */
    { "dot dot", "", "f ../x y", NULL, "\"../x\" has a \"..\"" },
    { "dot dot inside", "", "f a/../../x y", NULL, "has a \"..\"" },
    { "link out, then through it", "", "l a /tmp;f a/escaped y", "l a->/tmp;d tmp;f tmp/escaped=y", NULL },
    { "link up and out, then through it", "", "l a ../../../../..;f a/escaped y", "l a->../../../../..;f escaped=y",
      NULL },
    { "link to /proc/self/root", "", "l a /proc/self/root;f a/escaped y",
      "l a->/proc/self/root;d proc;d proc/self;d proc/self/root;f proc/self/root/escaped=y", NULL },
    { "link to itself, then through it", "", "l a a;f a/b y", NULL, "too many symbolic links" },
    { "links in a circle", "", "l a b;l b a;f a/x y", NULL, "too many symbolic links" },
    { "file over a link out", "", "l a /etc/passwd;f a y", "f a=y", NULL },
    { "folder over a link out", "", "l a /etc;d a;f a/passwd y", "d a;f a/passwd=y", NULL },
    { "hard link out", "", "h a ../../outside/file", NULL, "has a \"..\"" },
    { "hard link to an absolute path", "", "h a /etc/passwd", NULL, "is no file of this layer" },
    { "hard link through a link out", "", "l e /etc;h a e/passwd", NULL, "is no file of this layer" },
    { "hard link to a link, then written", "", "l s /etc/passwd;h a s;f a y", "f a=y;l s->/etc/passwd", NULL },
    { "hard link to a folder", "", "d d;h a d", NULL, "is no file of this layer" },
    { "whiteout of the folder itself", "", "f .wh.. x", NULL, "whiteout without a name" },
    { "whiteout of the folder above", "", "f .wh... x", NULL, "whiteout without a name" },
    { "whiteout without a name", "", "f .wh. x", NULL, "whiteout without a name" },
    { "whiteout through a link out", "", "l a /etc;f a/.wh.passwd x", "l a->/etc;d etc;w etc/passwd", NULL },
    { "root as a file", "", "f . x;f / y;f a z", "f a=z", NULL },
};

static const char *base;
static const struct ids single, range = { .range = true, .first_uid = 100000, .first_gid = 100000 };

/* ---- archives --------------------------------------------------------------------------------------------- */

struct header { /* POSIX ustar */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[8], rest[247];
};

static void put_header(struct buf *b, char type, struct str name, struct str link, size_t size)
{
    struct header h = { .type = type, .magic = "ustar" };
    unsigned sum = 8 * ' ';
    assert_true(name.n <= sizeof h.name && link.n <= sizeof h.link);
    memcpy(h.name, name.p, name.n);
    memcpy(h.link, link.p, link.n);
    memcpy(h.magic + 6, "00", 2);
    snprintf(h.mode, sizeof h.mode, "%07o", type == '5' ? 0755 : 0644);
    snprintf(h.uid, sizeof h.uid, "%07o", 0);
    snprintf(h.gid, sizeof h.gid, "%07o", 0);
    snprintf(h.size, sizeof h.size, "%011zo", size);
    snprintf(h.mtime, sizeof h.mtime, "%011o", 1000);
    for (size_t i = 0; i < sizeof h; i++)
        if (i < offsetof(struct header, sum) || i >= offsetof(struct header, type))
            sum += ((unsigned char *)&h)[i];
    snprintf(h.sum, sizeof h.sum, "%06o", sum);
    buf_add(b, (struct str){ (char *)&h, sizeof h });
    buf_fill(b, '\0', 512 - sizeof h);
}

static void put_entry(struct buf *b, struct str words)
{
    struct str kind, name;
    str_split(&words, S(" "), &kind);
    str_split(&words, S(" "), &name);
    switch (kind.p[0]) {
    case 'f':
        put_header(b, '0', name, S(""), words.n);
        buf_add(b, words);
        buf_fill(b, '\0', (512 - words.n % 512) % 512);
        break;
    case 'd': put_header(b, '5', name, S(""), 0); break;
    case 'l': put_header(b, '2', name, words, 0); break;
    case 'h': put_header(b, '1', name, words, 0); break;
    case 'p': put_header(b, '6', name, S(""), 0); break;
    case 'c': put_header(b, '3', name, S(""), 0); break;
    default: fail_msg("bad row");
    }
}

static struct str make_archive(struct arena *a, const char *list)
{
    struct buf b = { .a = a };
    struct str rest = str_c(list), words;
    while (rest.n > 0) {
        str_split(&rest, S(";"), &words);
        put_entry(&b, words);
    }
    buf_fill(&b, '\0', 1024);
    return buf_str(&b);
}

/* ---- trees -------------------------------------------------------------------------------------------------- */

static void print_tree(struct arena *a, struct buf *out, const char *dir, const char *prefix);

static void print_entry(struct arena *a, struct buf *out, const char *path, const char *name)
{
    struct stat st;
    char text[256];
    struct str content;
    struct err e;
    assert_int_equal(lstat(path, &st), 0);
    buf_c(out, out->n > 0 ? ";" : "");
    if (S_ISDIR(st.st_mode)) {
        buf_fmt(out, "%c %s", lgetxattr(path, LAYER_OPAQUE, text, sizeof text) > 0 ? 'o' : 'd', name);
        print_tree(a, out, path, name);
    } else if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(path, text, sizeof text);
        buf_fmt(out, "l %s->%.*s", name, (int)n, text);
    } else if (S_ISREG(st.st_mode)) {
        assert_true(fs_read(a, AT_FDCWD, path, 4096, &content, &e));
        buf_fmt(out, "f %s=%.*s", name, STR(content));
    } else {
        buf_fmt(out, "%c %s", S_ISFIFO(st.st_mode) ? 'p' : layer_is_whiteout(st.st_mode, st.st_rdev) ? 'w' : '?', name);
    }
}

static void print_tree(struct arena *a, struct buf *out, const char *dir, const char *prefix)
{
    struct fs_names names;
    struct err e = { 0 };
    assert_true(fs_list(a, dir, &names, &e));
    for (size_t i = 0; i < names.n; i++)
        print_entry(a, out, fs_join(a, dir, names.v[i].p),
                    *prefix != '\0' ? fs_join(a, prefix, names.v[i].p) : names.v[i].p);
}

static struct str tree(struct arena *a, const char *dir)
{
    struct buf b = { .a = a };
    buf_c(&b, "");
    print_tree(a, &b, dir, "");
    return b.n > 0 ? buf_str(&b) : S("");
}

/* ---- rows ----------------------------------------------------------------------------------------------------- */

static int new_folder(struct arena *a, const char *name, const char **path)
{
    struct err e;
    *path = fs_join(a, base, name);
    assert_true(fs_remove_tree(*path, &e) && fs_mkdirs(*path, 0755, &e));
    int fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static bool unpack(struct arena *a, const char *archive, int root, const int *lowers, size_t n, bool *uses_lowers,
                   struct err *e)
{
    struct layer l;
    struct str bytes = make_archive(a, archive);
    CLEANUP(fd_close) int fd = memfd_create("layer", MFD_CLOEXEC);
    assert_true(fd_write_all(fd, bytes, e));
    layer_begin(&l, a, root, lowers, n, geteuid() == 0 ? &range : &single, NULL);
    bool ok = unpack_layer(&l, fd, oci_digest_of(a, bytes, S("")), e);
    layer_close(&l);
    *uses_lowers = l.uses_lowers;
    return ok;
}

static void unpacks_row(void **state)
{
    const struct row *r = *state;
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *lower_path, *root_path;
    struct err e = { 0 };
    bool uses = false;
    CLEANUP(fd_close) int lower = new_folder(&a, "deep/er/lower", &lower_path);
    CLEANUP(fd_close) int root = new_folder(&a, "deep/er/root", &root_path);
    if (!unpack(&a, r->lower, lower, NULL, 0, &uses, &e))
        fail_msg("lower layer: %s", e.text);
    bool ok = unpack(&a, r->archive, root, &lower, r->lower[0] != '\0', &uses, &e);
    if (r->error != NULL && strstr(e.text, r->error) == NULL)
        fail_msg("error is \"%s\", not \"%s\"", e.text, r->error);
    if (ok != (r->error == NULL))
        fail_msg("%s", e.text);
    if (ok)
        assert_string_equal(tree(&a, root_path).p, r->tree);
    assert_string_equal(tree(&a, fs_join(&a, base, "outside")).p, "f file=untouched");
    assert_false(fs_exists(fs_join(&a, base, "escaped")) || fs_exists("/tmp/escaped") || fs_exists("/escaped"));
}

static void shared_only_when_alone(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *lower_path, *root_path;
    struct err e = { 0 };
    bool uses = false;
    CLEANUP(fd_close) int lower = new_folder(&a, "lower", &lower_path);
    CLEANUP(fd_close) int root = new_folder(&a, "root", &root_path);
    assert_true(unpack(&a, "d usr;l bin usr", lower, NULL, 0, &uses, &e));
    assert_true(unpack(&a, "f usr/x y;f opt/x y", root, &lower, 1, &uses, &e));
    assert_false(uses);
    assert_true(unpack(&a, "f bin/x y", root, &lower, 1, &uses, &e));
    assert_true(uses);
}

static void wrong_diff_id(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *path;
    struct err e = { 0 };
    struct layer l;
    CLEANUP(fd_close) int root = new_folder(&a, "root", &path);
    CLEANUP(fd_close) int fd = memfd_create("layer", MFD_CLOEXEC);
    assert_true(fd_write_all(fd, make_archive(&a, "f a b"), &e));
    layer_begin(&l, &a, root, NULL, 0, &single, NULL);
    assert_false(unpack_layer(&l, fd, oci_digest_of(&a, S("other"), S("")), &e));
    layer_close(&l);
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.text, "but the image says sha256:"));
}

static void not_an_archive(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *path;
    struct err e = { 0 };
    struct layer l;
    struct str junk =
        S("this is not a tar file, whatever its name may be; it is long enough to be looked at, though.....");
    CLEANUP(fd_close) int root = new_folder(&a, "root", &path);
    CLEANUP(fd_close) int fd = memfd_create("layer", MFD_CLOEXEC);
    assert_true(fd_write_all(fd, junk, &e));
    layer_begin(&l, &a, root, NULL, 0, &single, NULL);
    assert_false(unpack_layer(&l, fd, oci_digest_of(&a, junk, S("")), &e));
    layer_close(&l);
    assert_int_equal(e.kind, ERR_INVALID);
}

static void too_much(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *path;
    struct err e = { 0 };
    struct layer l;
    int out;
    struct layer_entry huge = { .kind = LAYER_FILE, .path = S("a"), .size = LAYER_BYTES_MAX + 1 };
    CLEANUP(fd_close) int root = new_folder(&a, "root", &path);
    layer_begin(&l, &a, root, NULL, 0, &single, NULL);
    assert_false(layer_add(&l, &huge, &out, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    huge.size = 0;
    l.n_entries = LAYER_ENTRIES_MAX;
    assert_false(layer_add(&l, &huge, &out, &e));
    assert_int_equal(e.kind, ERR_LIMIT);
    layer_close(&l);
}

int main(void)
{
    static const struct CMUnitTest whole[] = { cmocka_unit_test(shared_only_when_alone),
                                               cmocka_unit_test(wrong_diff_id), cmocka_unit_test(not_an_archive),
                                               cmocka_unit_test(too_much) };
    struct CMUnitTest tests[COUNT(rows) + COUNT(whole)];
    struct arena a = { 0 };
    struct err e;
    size_t n = 0;
    if (!fs_temp_dir(&a, "vitrine-layer", &base, &e) || !fs_mkdirs(fs_join(&a, base, "outside"), 0755, &e)
        || !fs_write(fs_join(&a, base, "outside/file"), S("untouched"), 0644, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    if (setxattr(base, LAYER_OPAQUE, "y", 1, 0) != 0) {
        printf("skipped: %s has no user attributes\n", base);
        return 77;
    }
    for (; n < COUNT(rows); n++)
        tests[n] = (struct CMUnitTest){ rows[n].name, unpacks_row, NULL, NULL, (void *)(uintptr_t)&rows[n] };
    for (size_t i = 0; i < COUNT(whole); i++)
        tests[n++] = whole[i];
    int failed = _cmocka_run_group_tests("layer", tests, n, NULL, NULL);
    if (!fs_remove_tree(base, &e))
        fprintf(stderr, "%s\n", e.text);
    arena_close(&a);
    return failed;
}
