/*
 * chart/dependency_status.c - what `helm dependency list` says of a dependency.
 *
 * A package charts/NAME-*.tgz decides by itself; else the chart of that name, wherever in charts/ it lies.
 */
#include "base/sys.h"
#include "chart/internal.h"
#include "data/semver.h"

/* Empty when the version is the wanted one, or satisfies it as a constraint. */
static const char *version_complaint(struct arena *a, struct str wanted, struct str version)
{
    struct semver_constraint *constraint;
    struct semver found;
    struct err ignored;

    if (str_eq(wanted, version))
        return "";
    if (!semver_constraint_parse(a, wanted, &constraint, &ignored) || !semver_parse(version, &found, &ignored))
        return "invalid version";
    return semver_constraint_check(constraint, &found) ? "" : "wrong version";
}

static struct str package_status(struct arena *a, const struct chart_dependency *d, const char *path)
{
    struct chart *c;
    struct err ignored;

    if (!chart_load(a, path, &c, &ignored))
        return S("corrupt");
    if (!str_eq(c->name, d->name))
        return S("misnamed");
    const char *complaint = version_complaint(a, d->version, c->version);
    return complaint[0] != '\0' ? str_c(complaint) : S("ok");
}

/* NAME-*.tgz in charts/; of several only those whose rest is a whole version count. */
static size_t find_packages(struct arena *a, const char *charts, struct str name, struct str *first)
{
    struct str prefix = arena_fmt(a, "%.*s-", STR(name));
    struct fs_names names;
    struct semver version;
    struct err ignored;
    size_t n = 0, exact = 0;
    struct str named = S("");

    if (!fs_list(a, charts, &names, &ignored))
        return 0;
    for (size_t i = 0; i < names.n; i++) {
        struct str file = names.v[i];
        if (!str_starts(file, prefix) || !str_ends(file, S(".tgz")) || file.n < prefix.n + 4)
            continue;
        if (n++ == 0)
            *first = file;
        if (semver_parse_strict(str_slice(file, prefix.n, file.n - 4), &version, &ignored) && exact++ == 0)
            named = file;
    }
    if (n < 2)
        return n;
    *first = named;
    return exact;
}

struct str chart_dependency_status(struct arena *a, const struct chart *c, const char *dir, size_t i)
{
    const struct chart_dependency *d = &c->wants.v[i];
    const char *charts = fs_join(a, dir, "charts");
    const struct chart *found = NULL;
    struct str package;
    size_t packages = find_packages(a, charts, d->name, &package);

    if (packages > 1)
        return S("too many matches");
    if (packages == 1)
        return package_status(a, d, fs_join(a, charts, arena_c(a, package)));
    for (size_t k = 0; k < c->n_charts; k++)
        if (str_eq(c->charts[k]->name, d->name))
            found = c->charts[k];
    if (found == NULL)
        return S("missing");
    const char *complaint = version_complaint(a, d->version, found->version);
    return complaint[0] != '\0' ? str_c(complaint) : S("unpacked");
}
