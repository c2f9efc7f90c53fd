/* Writes a folder of a commit to disk: plain files only, nothing of git, no link that leads out. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "git/internal.h"

enum { FILES_MAX = 100000 };
static const int64_t bytes_max = (int64_t)1 << 30;

/* One record of `ls-tree -r -l -z`: "<mode> <type> <sha> <size>\t<path>". */
struct tree_file {
    struct str mode, path;
    int64_t size;
};

static bool parse_record(struct str record, struct tree_file *out)
{
    struct str head, type, sha, size;
    if (!str_split(&record, S("\t"), &head) || !str_split(&head, S(" "), &out->mode) || !str_split(&head, S(" "), &type)
        || !str_split(&head, S(" "), &sha))
        return false;
    size = str_trim(head);
    out->path = record;
    if (!str_to_int(size, &out->size))
        out->size = 0; /* "-": a submodule */
    return true;
}

typedef VEC(struct str) paths;

/* Count files and bytes before anything is written; collect the links. */
static bool survey(struct arena *a, struct str listing, paths *links, struct err *e)
{
    int64_t bytes = 0, files = 0;
    struct str record;
    while (listing.n > 0) {
        struct tree_file f = { 0 };
        str_split(&listing, S("\0"), &record);
        if (!parse_record(record, &f))
            continue;
        bytes += f.size;
        if (++files > FILES_MAX || bytes > bytes_max)
            return err_set(e, ERR_LIMIT, "the repository has more than %d files or 1 GiB", FILES_MAX);
        if (str_is(f.mode, "120000"))
            *vec_push(a, links) = f.path;
    }
    return true;
}

/* Does `target`, read from the folder of `path`, climb above the root? For links that point to nothing (yet). */
static bool climbs_out(struct str path, struct str target)
{
    int depth = 0;
    for (size_t i = 0; i < path.n; i++)
        depth += path.p[i] == '/';
    while (target.n > 0) {
        struct str part;
        str_split(&target, S("/"), &part);
        if (str_is(part, ".."))
            depth--;
        else if (part.n > 0 && !str_is(part, "."))
            depth++;
        if (depth < 0)
            return true;
    }
    return false;
}

/* The kernel's own reading decides: chains of links can leave the tree although each one alone looks harmless. */
static bool check_link(struct arena *a, const char *root, struct str path, struct err *e)
{
    char target[4096], real[PATH_MAX];
    const char *link = fs_join(a, root, arena_c(a, path));
    ssize_t n = readlink(link, target, sizeof target);
    if (n < 0)
        return err_sys(e, "read link %s", link);
    bool inside = n > 0 && target[0] != '/';
    if (inside && realpath(link, real) != NULL) {
        size_t len = strlen(root);
        inside = strncmp(real, root, len) == 0 && (real[len] == '/' || real[len] == '\0');
    } else if (inside) {
        inside = !climbs_out(path, (struct str){ target, (size_t)n });
    }
    return inside || err_set(e, ERR_DENIED, "%.*s: symbolic link leaves the repository", STR(path));
}

static bool check_links(struct arena *a, const char *dest, const paths *links, struct err *e)
{
    char root[PATH_MAX];
    if (links->n > 0 && realpath(dest, root) == NULL)
        return err_sys(e, "open %s", dest);
    for (size_t i = 0; i < links->n; i++)
        if (!check_link(a, root, links->v[i], e))
            return false;
    return true;
}

static bool check_out(struct arena *a, const char *git_dir, const char *tree, const char *dest, struct err *e)
{
    const char *work_tree = arena_fmt(a, "--work-tree=%s", dest).p;
    const char *index = arena_fmt(a, "%s.index", dest).p; /* beside the tree, not in it */
    bool ok = git_must(a, NULL, index, (const char *[]){ git_dir, work_tree, "read-tree", tree, NULL }, NULL, e)
              && git_must(a, NULL, index, (const char *[]){ git_dir, work_tree, "checkout-index", "-a", "-q", NULL },
                          NULL, e);
    unlink(index);
    return ok;
}

bool git_export(struct arena *a, const char *mirror, struct str sha, struct str path, const char *dest, struct err *e)
{
    struct str tree = { 0 }, listing = { 0 };
    const char *git_dir = arena_fmt(a, "--git-dir=%s", mirror).p;
    paths links = { 0 };
    if (!git_tree_id(a, mirror, sha, path, &tree, e))
        return false;
    const char *list[] = { git_dir, "ls-tree", "-r", "-l", "-z", arena_c(a, tree), NULL };
    if (!git_must(a, NULL, NULL, list, &listing, e))
        return e->kind == ERR_NOT_FOUND ? false
                                        : err_set(e, ERR_NOT_FOUND, "%.*s: app path is not a folder", STR(path));
    return survey(a, listing, &links, e) && fs_mkdirs(dest, 0700, e) && check_out(a, git_dir, arena_c(a, tree), dest, e)
           && check_links(a, dest, &links, e);
}
