/* vitrine chart index: makes a folder of packages a repository, as `helm repo index`. */
#include <fcntl.h>

#include "base/sys.h"
#include "chart/chart.h"
#include "cli/chart.h"

#define INDEX_MAX ((size_t)64 << 20)

static bool write_index(struct arena *a, const char *dir, const char *url, const char *merge, struct err *e)
{
    struct str index, other;

    if (!chart_repo_index(a, dir, str_c(url), &index, e))
        return false;
    if (merge != NULL) {
        bool there = fs_read(a, AT_FDCWD, merge, INDEX_MAX, &other, e);
        if (!there && e->kind != ERR_NOT_FOUND)
            return false;
        if (there && !chart_repo_index_merge(a, index, other, &index, e))
            return err_wrap(e, "merge %s", merge);
    }
    return fs_write(fs_join(a, dir, "index.yaml"), index, 0644, e);
}

int chart_index(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *url = NULL, *merge = NULL;
    const struct cli_flag flags[] = {
        { "url", 0, NULL, &url, NULL, "URL that the packages will have, without their names" },
        { "merge", 0, NULL, &merge, NULL, "an index whose entries are kept" },
        { NULL },
    };
    struct cli_words words = { 0 };
    struct err e = { 0 };
    int status;

    if (!cli_start(argc, argv, "chart index FOLDER [flags]", flags, &words, &status))
        return status;
    if (words.n != 1)
        return cli_usage("chart index", "give one folder");
    return write_index(&a, words.v[0], url, merge, &e) ? CLI_OK : cli_fail(&e);
}
