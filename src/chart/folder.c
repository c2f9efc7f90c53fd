/*
 * chart/folder.c - the files of a chart folder, in the order of their names.
 *
 * Everything is opened below the chart's own descriptor. A symbolic link is followed only when it stays inside the
 * chart, or inside the folder that the caller names (openat2 with RESOLVE_BENEATH); devices, sockets and pipes refuse
 * the chart, as in Helm.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "chart/internal.h"

struct walk {
    struct arena *a;
    const char *root_path;   /* for messages */
    int links_root;          /* where links may lead */
    struct str links_prefix; /* from there to the chart: "charts/demo/" */
    struct chart_links *links;
    const struct ignore_rules *rules;
    struct chart_files *out;
    size_t total, folders; /* bytes taken, folders entered */
    struct err *e;
};

static bool walk_folder(struct walk *w, int fd, struct str prefix, int depth);

/* Helm says so of every link: what it shows may come from elsewhere. */
static void tell_of_link(struct walk *w, struct str name, int fd)
{
    char resolved[PATH_MAX], *root = realpath(w->root_path, NULL);
    ssize_t n = readlink(arena_c(w->a, arena_fmt(w->a, "/proc/self/fd/%d", fd)), resolved, sizeof resolved);
    const struct str values[] = { arena_fmt(w->a, "%s/%.*s", root != NULL ? root : w->root_path, STR(name)),
                                  { resolved, n > 0 ? (size_t)n : 0 } };
    static const char *const keys[] = { "path", "resolved" };

    warn_log(&w->links->notices, "INFO", S("found symbolic link in path. Contents of linked file included and used"),
             keys, values, COUNT(keys));
    free(root);
}

static bool open_link(struct walk *w, struct str name, int *out)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    struct str path = arena_fmt(w->a, "%.*s%.*s", STR(w->links_prefix), STR(name));
    long fd = syscall(SYS_openat2, w->links_root, arena_c(w->a, path), &how, sizeof how);

    if (fd < 0 && errno == EXDEV)
        return err_set(w->e, ERR_DENIED, "link %.*s of chart %s leads outside of %s; copy the files into the chart%s",
                       STR(name), w->root_path, w->links->within != NULL ? w->links->within : "the chart",
                       w->links->within != NULL ? "" : ", or name the folder it may reach with --links-within");
    if (fd < 0)
        return err_sys(w->e, "open %s/%.*s", w->root_path, STR(name));
    tell_of_link(w, name, (int)fd);
    *out = (int)fd;
    return true;
}

/* Open an entry of a folder; a link is told apart by ELOOP. */
static bool open_entry(struct walk *w, int folder, const struct dirent *entry, struct str name, int *out)
{
    if (entry->d_type == DT_FIFO || entry->d_type == DT_SOCK || entry->d_type == DT_CHR || entry->d_type == DT_BLK)
        return err_set(w->e, ERR_INVALID, "cannot load irregular file %s/%.*s as it has file mode type bits set",
                       w->root_path, STR(name));
    *out = openat(folder, entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (*out < 0 && errno == ELOOP)
        return open_link(w, name, out);
    if (*out < 0)
        return err_sys(w->e, "open %s/%.*s", w->root_path, STR(name));
    return true;
}

static bool take_file(struct walk *w, int fd, const struct stat *st, struct str name)
{
    if (!S_ISREG(st->st_mode))
        return err_set(w->e, ERR_INVALID, "cannot load irregular file %s/%.*s as it has file mode type bits set",
                       w->root_path, STR(name));
    if ((size_t)st->st_size > CHART_FILE_MAX)
        return err_set(w->e, ERR_LIMIT, "chart file %.*s is larger than the maximum file size %zu",
                       STR(go_quote(w->a, path_base(name))), CHART_FILE_MAX);
    if (w->out->n == CHART_FILES_MAX)
        return err_set(w->e, ERR_LIMIT, "chart %s has more than %d files", w->root_path, CHART_FILES_MAX);

    size_t size = (size_t)st->st_size, n = 0;
    char *bytes = arena_alloc_raw(w->a, size + 1);
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(w->e, "error reading %.*s", STR(name));
        if (got == 0)
            break; /* it shrank meanwhile: what is there counts */
        n += (size_t)got;
    }
    bytes[n] = '\0';
    w->total += n;
    if (w->total > CHART_BYTES_MAX)
        return err_set(w->e, ERR_LIMIT, "chart %s is larger than the maximum size %zu", w->root_path, CHART_BYTES_MAX);
    chart_files_add(w->a, w->out, name, (struct str){ bytes, n });
    return true;
}

static bool walk_entry(struct walk *w, int folder, const struct dirent *entry, struct str prefix, int depth)
{
    struct str name = arena_fmt(w->a, "%.*s%s%s", STR(prefix), prefix.n > 0 ? "/" : "", entry->d_name);
    struct stat st;

    /* Ignored by its name alone: never opened, so it may be unreadable. */
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN
        && ignore_matches(w->rules, name, entry->d_type == DT_DIR))
        return true;
    CLEANUP(fd_close) int fd = -1;
    if (!open_entry(w, folder, entry, name, &fd))
        return false;
    if (fstat(fd, &st) != 0)
        return err_sys(w->e, "read %s/%.*s", w->root_path, STR(name));
    if (ignore_matches(w->rules, name, S_ISDIR(st.st_mode)))
        return true;
    if (S_ISDIR(st.st_mode))
        return walk_folder(w, fd_take(&fd), name, depth + 1);
    return take_file(w, fd, &st, name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct dirent *const *)a)->d_name, (*(const struct dirent *const *)b)->d_name);
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        closedir(*folder);
}

/* Takes `fd`. */
static bool walk_folder(struct walk *w, int fd, struct str prefix, int depth)
{
    CLEANUP(close_folder) DIR *folder = fdopendir(fd);
    VEC(struct dirent *) entries = { 0 };

    if (folder == NULL) {
        err_sys_(w->e, "read %s/%.*s", w->root_path, STR(prefix));
        close(fd);
        return false;
    }
    if (++w->folders > CHART_FILES_MAX) /* two links to where they stand double them at every level */
        return err_set(w->e, ERR_LIMIT, "chart %s has more than %d folders", w->root_path, CHART_FILES_MAX);
    if (depth > CHART_FOLDER_DEPTH_MAX)
        return err_set(w->e, ERR_LIMIT, "chart %s has folders more than %d deep", w->root_path, CHART_FOLDER_DEPTH_MAX);
    for (const struct dirent *d; (d = readdir(folder)) != NULL;) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        struct dirent *copy = arena_alloc_raw(w->a, d->d_reclen);
        memcpy(copy, d, d->d_reclen);
        *vec_push(w->a, &entries) = copy;
    }
    if (entries.n > 0)
        qsort(entries.v, entries.n, sizeof *entries.v, by_name);
    for (size_t i = 0; i < entries.n; i++)
        if (!walk_entry(w, dirfd(folder), entries.v[i], prefix, depth))
            return false;
    return true;
}

/* Anything but a file, and what cannot be opened, is left to the walk, which meets it again. */
static bool is_regular(int folder, const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static bool read_rules(struct arena *a, int root, const struct ignore_rules **out, struct err *e)
{
    struct ignore_rules *rules;
    struct str text = S("");

    if (is_regular(root, ".helmignore") && !fs_read(a, root, ".helmignore", CHART_FILE_MAX, &text, e))
        return err_wrap(e, "read .helmignore");
    if (!ignore_parse(a, text, &rules, e))
        return false;
    *out = rules;
    return true;
}

/* The way from the folder `within`, which must hold it, to the chart. */
static bool find_prefix(struct walk *w, const char *within)
{
    char top[PATH_MAX], chart[PATH_MAX];

    if (realpath(within, top) == NULL || realpath(w->root_path, chart) == NULL)
        return err_sys(w->e, "open %s", within);
    size_t n = strlen(top);
    if (strncmp(top, chart, n) != 0 || (chart[n] != '/' && chart[n] != '\0'))
        return err_set(w->e, ERR_INVALID, "chart %s does not lie in %s", w->root_path, within);
    if (chart[n] == '/')
        w->links_prefix = arena_fmt(w->a, "%s/", chart + n + 1);
    return true;
}

bool chart_read_folder(struct arena *a, const char *path, struct chart_links *links, struct chart_files *out,
                       struct err *e)
{
    struct chart_links none = { .notices.a = a };
    struct walk w = { .a = a, .root_path = path, .links = links != NULL ? links : &none, .out = out, .e = e };

    CLEANUP(fd_close) int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), within = -1;
    if (root < 0)
        return err_sys(e, "open chart %s", path);
    w.links_root = root;
    if (w.links->within != NULL) {
        within = open(w.links->within, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (within < 0)
            return err_sys(e, "open %s", w.links->within);
        if (!find_prefix(&w, w.links->within))
            return false;
        w.links_root = within;
    }
    if (!read_rules(a, root, &w.rules, e))
        return false;
    int top = fcntl(root, F_DUPFD_CLOEXEC, 3);
    if (top < 0)
        return err_sys(e, "open chart %s", path);
    return walk_folder(&w, top, S(""), 0);
}
