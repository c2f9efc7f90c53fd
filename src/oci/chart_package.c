/* oci/chart_package.c - Chart.yaml out of a packaged chart, without unpacking anything. */
#include <archive.h>
#include <archive_entry.h>

#include "data/semver.h"
#include "data/yaml.h"
#include "oci/registry_internal.h"

enum { CHART_YAML_MAX = 1 << 20, ENTRIES_MAX = 50000 };
#define UNPACKED_MAX ((int64_t)512 << 20)

static void free_archive(struct archive **tar)
{
    if (*tar != NULL)
        archive_read_free(*tar);
}

/* NAME/Chart.yaml: exactly one folder deep. */
static bool is_chart_yaml(const char *path)
{
    struct str rest = str_c(path), folder = { 0 };
    if (str_starts(rest, S("./")))
        str_cut(&rest, 2);
    return str_split(&rest, S("/"), &folder) && folder.n > 0 && str_is(rest, "Chart.yaml");
}

static bool read_entry(struct arena *a, struct archive *tar, struct str *out, struct err *e)
{
    char *bytes = arena_alloc(a, CHART_YAML_MAX);
    size_t n = 0;
    while (n < CHART_YAML_MAX) {
        la_ssize_t got = archive_read_data(tar, bytes + n, CHART_YAML_MAX - n);
        if (got < 0)
            return err_set(e, ERR_INVALID, "chart package is damaged: %s", archive_error_string(tar));
        if (got == 0) {
            *out = (struct str){ bytes, n };
            return true;
        }
        n += (size_t)got;
    }
    return err_set(e, ERR_LIMIT, "Chart.yaml is larger than %d bytes", CHART_YAML_MAX);
}

static bool find_chart_yaml(struct arena *a, struct archive *tar, struct str *out, struct err *e)
{
    struct archive_entry *entry = NULL;
    int result = archive_read_next_header(tar, &entry);
    for (int n = 0; result == ARCHIVE_OK || result == ARCHIVE_WARN; n++) {
        const char *path = archive_entry_pathname(entry);
        if (path != NULL && archive_entry_filetype(entry) == AE_IFREG && is_chart_yaml(path))
            return read_entry(a, tar, out, e);
        if (n >= ENTRIES_MAX || archive_filter_bytes(tar, 0) > UNPACKED_MAX)
            return err_set(e, ERR_LIMIT, "chart package is too large");
        result = archive_read_next_header(tar, &entry);
    }
    if (result != ARCHIVE_EOF)
        return err_set(e, ERR_INVALID, "not a chart package: %s", archive_error_string(tar));
    return err_set(e, ERR_INVALID, "chart package has no NAME/Chart.yaml");
}

static bool check_chart(const struct value *chart, struct err *e)
{
    struct str name = value_as_str(value_get(chart, "name")), version = value_as_str(value_get(chart, "version"));
    struct semver ignored = { 0 };
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                  || (c != 0 && strchr("-_.", c) != NULL && i > 0);
        if (!ok)
            return err_set(e, ERR_INVALID, "chart name \"%.*s\" is not valid", STR(utf8_prefix(name, 100)));
    }
    if (name.n == 0 || name.n > 250)
        return err_set(e, ERR_INVALID, "chart has no name");
    if (version.n > 250 || !semver_parse_strict(version, &ignored, e))
        return err_set(e, ERR_INVALID, "chart version \"%.*s\" is no semantic version", STR(utf8_prefix(version, 100)));
    return true;
}

bool chart_package_read(struct arena *a, struct str package, struct value *out, struct err *e)
{
    CLEANUP(free_archive) struct archive *tar = archive_read_new();
    struct str text = { 0 };
    struct value chart = { 0 };
    if (tar == NULL || archive_read_support_filter_gzip(tar) != ARCHIVE_OK
        || archive_read_support_format_tar(tar) != ARCHIVE_OK)
        return err_set(e, ERR_IO, "libarchive cannot be set up");
    if (archive_read_open_memory(tar, package.p, package.n) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "not a chart package: %s", archive_error_string(tar));
    if (!find_chart_yaml(a, tar, &text, e) || !yaml_parse(a, text, "Chart.yaml", &chart, e) || !check_chart(&chart, e))
        return false;
    *out = chart;
    return true;
}
