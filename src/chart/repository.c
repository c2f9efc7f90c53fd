/*
 * chart/repository.c - index.yaml of a chart repository: reading one chart's versions, and writing an index.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/sys.h"
#include "chart/repository.h"
#include "data/json.h"
#include "data/yaml.h"
#include "net/url.h"

#define INDEX_MAX ((size_t)64 << 20) /* bytes; the largest public index is below 30 MiB */

struct sortable {
    struct semver version;
    struct repository_entry entry;
};

static int newest_first(const void *left, const void *right)
{
    return semver_compare(&((const struct sortable *)right)->version, &((const struct sortable *)left)->version);
}

/* JSON is much the faster to read, and Helm tells the two apart the same way. */
static bool parse_index(struct arena *a, struct str text, struct value *out, struct err *e)
{
    struct err ignored;

    if (text.n > INDEX_MAX)
        return err_set(e, ERR_LIMIT, "index of %zu bytes; at most %zu are read", text.n, INDEX_MAX);
    if (go_trim_space(text).n == 0)
        return err_set(e, ERR_INVALID, "empty index.yaml file");
    bool json = go_trim_space(text).p[0] == '{' && json_parse(a, text, out, &ignored);
    if (!json && !yaml_parse(a, text, NULL, out, e))
        return false;
    if (out->kind != VALUE_MAP)
        return err_set(e, ERR_INVALID, "it is no chart repository index");
    if (value_str_at(out, "apiVersion").n == 0)
        return err_set(e, ERR_INVALID, "no API version specified");
    return true;
}

/* Repositories may or may not be written with a slash at the end; what is listed lies below them. */
static struct str absolute_url(struct arena *a, struct str base, struct str url)
{
    return url_resolve(a, str_ends(base, S("/")) ? base : arena_fmt(a, "%.*s/", STR(base)), url);
}

bool repository_find(struct arena *a, struct str text, struct str base, struct str chart,
                     struct repository_entries *out, struct err *e)
{
    struct value index;
    struct err ignored;
    size_t n = 0;

    if (!parse_index(a, text, &index, e))
        return false;
    const struct value *entries = value_get(&index, "entries");
    const struct value *list = entries->kind == VALUE_MAP ? map_get(entries->map, chart) : NULL;
    if (list == NULL || list->kind != VALUE_LIST)
        return err_set(e, ERR_NOT_FOUND, "%.*s chart not found in repo %.*s", STR(chart), STR(url_redact(a, base)));

    struct sortable *sorted = arena_new(a, struct sortable, value_len(list) + 1);
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *one = value_item(list, i);
        struct str url = value_as_str(value_item(value_get(one, "urls"), 0));
        struct sortable s = { .entry = { .version = value_str_at(one, "version"),
                                         .digest = value_str_at(one, "digest") } };
        if (url.n == 0 || !semver_parse(s.entry.version, &s.version, &ignored))
            continue;
        s.entry.url = absolute_url(a, base, url);
        sorted[n++] = s;
    }
    qsort(sorted, n, sizeof *sorted, newest_first);
    *out = (struct repository_entries){ arena_new(a, struct repository_entry, n + 1), n };
    for (size_t i = 0; i < n; i++)
        out->v[i] = sorted[i].entry;
    return true;
}

const struct repository_entry *repository_pick(const struct repository_entries *entries,
                                               const struct semver_constraint *wanted)
{
    struct semver version;
    struct err ignored;

    for (size_t i = 0; i < entries->n; i++)
        if (semver_parse(entries->v[i].version, &version, &ignored) && semver_constraint_check(wanted, &version))
            return &entries->v[i];
    return NULL;
}

bool chart_index_find(struct arena *a, struct str index, struct str base, struct str chart, struct str version,
                      struct chart_listed *out, struct err *e)
{
    struct repository_entries entries;
    struct semver_constraint *wanted;
    const struct repository_entry *found = NULL;

    if (!repository_find(a, index, base, chart, &entries, e))
        return false;
    for (size_t i = 0; i < entries.n && found == NULL; i++)
        if (str_eq(entries.v[i].version, version))
            found = &entries.v[i];
    if (found == NULL) {
        if (!semver_constraint_parse(a, version.n > 0 ? version : S("*"), &wanted, e))
            return err_wrap(e, "version %.*s of chart %.*s", STR(go_quote(a, version)), STR(chart));
        found = repository_pick(&entries, wanted);
    }
    if (found == NULL)
        return err_set(e, ERR_NOT_FOUND, "chart %.*s version %.*s not found in %.*s repository",
                       STR(go_quote(a, chart)), STR(go_quote(a, version.n > 0 ? version : S("*"))),
                       STR(url_redact(a, base)));
    *out = (struct chart_listed){ found->version, found->url, found->digest };
    return true;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool index_entry(struct arena *a, const char *path, struct str name, struct str url_prefix, struct str *chart,
                        struct value *out, struct err *e)
{
    CLEANUP(arena_close) struct arena scratch = { 0 }; /* all packages together may not fit into memory */
    struct str bytes;
    struct chart *c;
    struct value urls = value_list(a);

    if (!fs_read(&scratch, AT_FDCWD, path, CHART_BYTES_MAX, &bytes, e) || !chart_load(&scratch, path, &c, e))
        return false;
    bool slash = url_prefix.n == 0 || str_ends(url_prefix, S("/"));
    list_push(a, urls.list, value_fmt(a, "%.*s%s%.*s", STR(url_prefix), slash ? "" : "/", STR(name)));
    const struct value metadata = metadata_written(&scratch, c);
    *out = value_clone(a, &metadata);
    value_set(a, out, "created", value_str(clock_rfc3339(a, clock_wall_ms())));
    value_set(a, out, "digest", value_str(sha256_hex(a, bytes)));
    value_set(a, out, "urls", urls);
    *chart = arena_str(a, c->name);
    return true;
}

static int entries_newest_first(const void *left, const void *right)
{
    struct semver a, b;
    struct err ignored;

    if (!semver_parse(value_str_at(left, "version"), &a, &ignored)
        || !semver_parse(value_str_at(right, "version"), &b, &ignored))
        return 0;
    return semver_compare(&b, &a);
}

static bool has_version(const struct value *list, struct str version)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (str_eq(value_str_at(value_item(list, i), "version"), version))
            return true;
    return false;
}

static struct value *versions_of(struct arena *a, struct map *entries, struct str chart)
{
    if (map_get(entries, chart) == NULL)
        map_put(a, entries, chart, value_list(a));
    return map_get(entries, chart);
}

static void sort_versions(struct map *entries)
{
    for (size_t i = 0; i < entries->n; i++) {
        struct list *list = entries->v[i].value.list;
        if (list->n > 0)
            qsort(list->v, list->n, sizeof *list->v, entries_newest_first);
    }
}

bool chart_repo_index_merge(struct arena *a, struct str index, struct str other, struct str *out, struct err *e)
{
    struct value into, from;

    if (!parse_index(a, index, &into, e) || !parse_index(a, other, &from, e))
        return false;
    const struct value *entries = value_get(&into, "entries"), *more = value_get(&from, "entries");
    for (size_t i = 0; entries->kind == VALUE_MAP && more->kind == VALUE_MAP && i < more->map->n; i++) {
        const struct map_entry *chart = &more->map->v[i];
        struct value *list = versions_of(a, entries->map, chart->key);
        for (size_t k = 0; k < value_len(&chart->value); k++) {
            const struct value *one = value_item(&chart->value, k);
            if (!has_version(list, value_str_at(one, "version")))
                list_push(a, list->list, *one);
        }
    }
    sort_versions(entries->map);
    *out = yaml_str(a, &into);
    return true;
}

/* The packages in `folder` (below `dir`, or empty); those in its own folders too when `deeper`. */
static bool index_folder(struct arena *a, const char *dir, struct str folder, struct str url_prefix, bool deeper,
                         struct map *entries, struct err *e)
{
    struct fs_names names;

    if (!fs_list(a, fs_join(a, dir, arena_c(a, folder)), &names, e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        struct str name = arena_fmt(a, "%.*s%.*s", STR(folder), STR(names.v[i])), chart;
        const char *path = fs_join(a, dir, name.p);
        struct value entry;
        struct err broken;
        if (fs_is_dir(path)) {
            struct str inner = arena_fmt(a, "%.*s/", STR(name));
            if (deeper && !index_folder(a, dir, inner, url_prefix, false, entries, e))
                return false;
            continue;
        }
        if (!str_ends(name, S(".tgz")) || !index_entry(a, path, name, url_prefix, &chart, &entry, &broken))
            continue; /* no chart: another kind of archive may lie here too */
        list_push(a, versions_of(a, entries, chart)->list, entry);
    }
    return true;
}

bool chart_repo_index(struct arena *a, const char *dir, struct str url_prefix, struct str *out, struct err *e)
{
    struct value index = value_map(a), entries = value_map(a);

    if (!index_folder(a, dir, S(""), url_prefix, true, entries.map, e))
        return false;
    sort_versions(entries.map);
    value_set(a, &index, "apiVersion", value_c("v1"));
    value_set(a, &index, "entries", entries);
    value_set(a, &index, "generated", value_str(clock_rfc3339(a, clock_wall_ms())));
    *out = yaml_str(a, &index);
    return true;
}
