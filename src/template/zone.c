/* TZif: a header, then transition times, their types, and the abbreviations; version 2 repeats all with 64 bits and
 * adds a line with the rule for the time after the last transition. */
#include <fcntl.h>
#include <stdlib.h>

#include "base/sys.h"
#include "template/zone.h"
#include "template/zone_rule.h"

enum { ZONE_FILE_MAX = 1 << 20, HEADER = 44 };

struct zone_file {
    const uint8_t *times, *types, *infos;
    const char *names;
    size_t n_times, n_infos, n_names;
    size_t width; /* bytes of one time: 4 or 8 */
    struct str rule;
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t time_at(const struct zone_file *z, size_t i)
{
    const uint8_t *p = z->times + i * z->width;
    if (z->width == 4)
        return (int32_t)be32(p);
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* One block of data at *s, which is cut off. */
static bool read_block(struct str *s, size_t width, struct zone_file *z)
{
    if (s->n < HEADER || memcmp(s->p, "TZif", 4) != 0)
        return false;
    const uint8_t *h = (const uint8_t *)s->p;
    size_t utc = be32(h + 20), standard = be32(h + 24), leaps = be32(h + 28);
    *z =
        (struct zone_file){ .n_times = be32(h + 32), .n_infos = be32(h + 36), .n_names = be32(h + 40), .width = width };
    if (z->n_times > ZONE_FILE_MAX || z->n_infos > 256 || z->n_names > ZONE_FILE_MAX || leaps > ZONE_FILE_MAX
        || utc > 256 || standard > 256)
        return false;
    size_t size =
        HEADER + z->n_times * (width + 1) + z->n_infos * 6 + z->n_names + leaps * (width + 4) + standard + utc;
    if (size > s->n)
        return false;
    z->times = h + HEADER;
    z->types = z->times + z->n_times * width;
    z->infos = z->types + z->n_times;
    z->names = (const char *)z->infos + z->n_infos * 6;
    str_cut(s, size);
    return true;
}

static bool read_zone(struct str file, struct zone_file *z)
{
    bool wide = file.n > 4 && file.p[4] >= '2';
    if (!read_block(&file, 4, z))
        return false;
    if (!wide)
        return true;
    if (!read_block(&file, 8, z))
        return false;
    if (file.n > 2 && file.p[0] == '\n' && file.p[file.n - 1] == '\n')
        z->rule = str_slice(file, 1, file.n - 1);
    return true;
}

/* The type in force at `sec`; before the first transition the first one that is not daylight saving time. */
static size_t type_at(const struct zone_file *z, int64_t sec)
{
    size_t low = 0, high = z->n_times;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (time_at(z, middle) <= sec)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        return z->types[low - 1];
    for (size_t i = 0; i < z->n_infos; i++)
        if (z->infos[i * 6 + 4] == 0)
            return i;
    return 0;
}

static bool is_safe_name(struct str name)
{
    return name.n > 0 && name.n < 200 && name.p[0] != '/' && name.p[0] != '.' && str_find(name, S("..")) < 0
           && memchr(name.p, '\\', name.n) == NULL && memchr(name.p, '\0', name.n) == NULL;
}

static const char *zone_path(struct arena *a, struct str name)
{
    if (str_is(name, "Local")) {
        const char *tz = getenv("TZ");
        if (tz == NULL)
            return "/etc/localtime";
        name = str_c(tz + (*tz == ':'));
    }
    return is_safe_name(name) ? fs_join(a, "/usr/share/zoneinfo", arena_c(a, name)) : NULL;
}

bool zone_at(struct arena *a, struct str name, int64_t sec, int32_t *offset, struct str *abbreviation)
{
    struct err e;
    struct str file;
    struct zone_file z;
    *offset = 0;
    *abbreviation = S("UTC");
    if (name.n == 0 || str_is(name, "UTC"))
        return true;
    const char *path = zone_path(a, name);
    if (path == NULL || !fs_read(a, AT_FDCWD, path, ZONE_FILE_MAX, &file, &e) || !read_zone(file, &z))
        return str_is(name, "Local"); /* a machine without zones runs on UTC */
    bool is_after = z.n_times == 0 || time_at(&z, z.n_times - 1) <= sec;
    if (is_after && z.rule.n > 0 && zone_rule_at(z.rule, sec, offset, abbreviation)) {
        *abbreviation = arena_str(a, *abbreviation);
        return true;
    }
    size_t type = type_at(&z, sec);
    if (type >= z.n_infos || z.infos[type * 6 + 5] >= z.n_names)
        return false;
    *offset = (int32_t)be32(z.infos + type * 6);
    const char *text = z.names + z.infos[type * 6 + 5];
    *abbreviation = arena_str(a, (struct str){ text, strnlen(text, z.n_names - z.infos[type * 6 + 5]) });
    return true;
}
