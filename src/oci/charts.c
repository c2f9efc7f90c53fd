/*
 * oci/charts.c - the chart repository beside the registry.
 *
 *     GET    /charts/index.yaml, /charts/NAME-VERSION.tgz
 *     PUT    /charts/NAME-VERSION.tgz
 *     POST   /api/charts (also PUT; the package, or a form with the field "chart"; ?force replaces)
 *     GET    /api/charts[/NAME[/VERSION]]      DELETE /api/charts/NAME/VERSION
 *
 * ChartMuseum's clients put the repository's name in the middle: /api/charts/charts and /charts/api/charts mean the
 * same. The index is made from the packages themselves whenever the folder's names, sizes or times changed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/semver.h"
#include "data/yaml.h"
#include "oci/digest.h"
#include "oci/registry_internal.h"

#define PACKAGE_MAX ((size_t)25 << 20)

void charts_close(struct chart_shelf *s)
{
    arena_close(&s->arena);
    pthread_mutex_destroy(&s->lock);
}

/* ---- the index ---------------------------------------------------------------------------- */

static const char *shelf_path(struct visit *v, struct str file)
{
    return arena_fmt(v->a, "%s/charts%s%.*s", v->reg->dir, file.n > 0 ? "/" : "", STR(file)).p;
}

static bool is_package(struct str name)
{
    return str_ends(name, S(".tgz")) && name.p[0] != '.';
}

static uint64_t fingerprint(struct visit *v, const struct fs_names *names)
{
    struct buf b = { .a = v->a };
    for (size_t i = 0; i < names->n; i++) {
        struct stat st = { 0 };
        if (is_package(names->v[i]) && stat(shelf_path(v, names->v[i]), &st) == 0)
            buf_fmt(&b, "%.*s %lld %lld.%ld\n", STR(names->v[i]), (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                    st.st_mtim.tv_nsec);
    }
    return str_hash(buf_str(&b)) | 1; /* 0: never made */
}

/* Newest version first, as Helm keeps an index. */
static int newest_first(const void *a, const void *b)
{
    struct semver x = { 0 }, y = { 0 };
    struct err ignored = { 0 };
    bool ok = semver_parse(value_as_str(value_get(a, "version")), &x, &ignored)
              && semver_parse(value_as_str(value_get(b, "version")), &y, &ignored);
    return ok ? semver_compare(&y, &x) : 0;
}

static bool add_package(struct visit *v, struct arena *a, const struct value *entries, struct str file, struct err *e)
{
    struct str bytes = { 0 };
    struct value chart = { 0 };
    struct stat st = { 0 };
    const char *path = shelf_path(v, file);
    if (stat(path, &st) != 0 || !fs_read(v->a, AT_FDCWD, path, PACKAGE_MAX, &bytes, e)
        || !chart_package_read(v->a, bytes, &chart, e))
        return false;
    struct value entry = value_clone(a, &chart), urls = value_list(a);
    list_push(a, urls.list, value_str(arena_str(a, file)));
    value_set(a, &entry, "urls", urls);
    value_set_str(a, &entry, "created", clock_rfc3339(a, (int64_t)st.st_mtim.tv_sec * 1000));
    value_set_str(a, &entry, "digest", arena_str(a, oci_digest_hex(oci_digest_of(v->a, bytes, S("")))));
    struct str name = value_as_str(value_get(&entry, "name"));
    struct value *versions = map_get(entries->map, name);
    if (versions == NULL) {
        map_put(a, entries->map, name, value_list(a));
        versions = map_get(entries->map, name);
    }
    list_push(a, versions->list, entry);
    return true;
}

static struct str newest_time(const struct value *entries)
{
    struct str newest = S("1970-01-01T00:00:00Z");
    for (size_t i = 0; i < entries->map->n; i++)
        for (size_t k = 0; k < value_len(&entries->map->v[i].value); k++) {
            struct str created = value_str_at(value_item(&entries->map->v[i].value, k), "created");
            if (str_cmp(created, newest) > 0)
                newest = created;
        }
    return newest;
}

static void make_index(struct visit *v, struct chart_shelf *s, const struct fs_names *names)
{
    arena_close(&s->arena);
    struct arena *a = &s->arena;
    struct value entries = value_map(a);
    for (size_t i = 0; i < names->n; i++) {
        struct err e = { 0 };
        if (is_package(names->v[i]) && !add_package(v, a, &entries, names->v[i], &e))
            log_warn("chart repository: %.*s is left out: %s", STR(names->v[i]), e.text);
    }
    for (size_t i = 0; i < entries.map->n; i++) {
        struct list *versions = entries.map->v[i].value.list;
        qsort(versions->v, versions->n, sizeof *versions->v, newest_first);
    }
    s->index = value_map(a);
    value_set_str(a, &s->index, "apiVersion", S("v1"));
    value_set(a, &s->index, "entries", entries);
    value_set_str(a, &s->index, "generated", newest_time(&entries));
    s->text = yaml_str(a, &s->index);
}

/* The shelf's lock is held by the caller while it uses the index. */
static void refresh(struct visit *v)
{
    struct chart_shelf *s = &v->reg->charts;
    struct fs_names names = { 0 };
    struct err none = { 0 };
    if (!fs_list(v->a, shelf_path(v, S("")), &names, &none))
        names.n = 0;
    uint64_t now = fingerprint(v, &names);
    if (now == s->fingerprint)
        return;
    make_index(v, s, &names);
    s->fingerprint = now;
}

static void get_index(struct visit *v)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->charts.lock);
    refresh(v);
    http_reply(v->x, 200, "application/x-yaml", v->reg->charts.text);
}

/* ---- files -------------------------------------------------------------------------------- */

static bool file_name_valid(struct str name)
{
    if (name.n == 0 || name.p[0] == '.' || str_find(name, S("/")) >= 0)
        return false;
    return str_ends(name, S(".tgz")) || str_ends(name, S(".tgz.prov"));
}

static void api_error(struct visit *v, int status, struct str text)
{
    struct value doc = value_map(v->a);
    value_set_str(v->a, &doc, "error", text);
    http_reply_json(v->x, status, &doc);
}

static void api_done(struct visit *v, int status, const char *what)
{
    struct value doc = value_map(v->a);
    value_set(v->a, &doc, what, value_bool(true));
    http_reply_json(v->x, status, &doc);
}

static void get_file(struct visit *v, struct str name)
{
    struct stat st;
    CLEANUP(fd_close) int fd = file_name_valid(name) ? open(shelf_path(v, name), O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &st) != 0) {
        api_error(v, 404, S("no such chart package"));
        return;
    }
    http_reply_fd(v->x, 200, "application/gzip", fd_take(&fd), 0, st.st_size);
}

static bool save(struct visit *v, struct str name, struct str bytes, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->charts.lock);
    const char *path = shelf_path(v, name);
    if (fs_exists(path) && str_find(v->q->query, S("force")) < 0) {
        struct str old = { 0 };
        bool same = fs_read(v->a, AT_FDCWD, path, PACKAGE_MAX, &old, e) && str_eq(old, bytes);
        return same || err_set(e, ERR_CONFLICT, "file already exists");
    }
    return reg_write(v, path, bytes, e);
}

static struct str uploaded(struct visit *v, const char *field)
{
    struct str type = http_header_get(&v->q->headers, "Content-Type"), bytes = v->q->body;
    if (str_starts(type, S("multipart/form-data")) && !multipart_field(type, v->q->body, field, &bytes))
        return S("");
    return bytes;
}

/* A package keeps the name that its Chart.yaml gives; `asked` (empty: none) must agree. */
static void put_package(struct visit *v, struct str asked)
{
    struct str bytes = uploaded(v, "chart");
    struct value chart = { 0 };
    struct err e = { 0 };
    if (!chart_package_read(v->a, bytes, &chart, &e)) {
        api_error(v, 400, str_c(e.text));
        return;
    }
    struct str name =
        arena_fmt(v->a, "%.*s-%.*s.tgz", STR(value_str_at(&chart, "name")), STR(value_str_at(&chart, "version")));
    if (asked.n > 0 && !str_eq(asked, name)) {
        api_error(v, 400, arena_fmt(v->a, "this package is %.*s", STR(name)));
        return;
    }
    if (save(v, name, bytes, &e)) {
        api_done(v, 201, "saved");
        return;
    }
    if (e.kind != ERR_CONFLICT)
        log_error("chart repository: %s", e.text);
    api_error(v, e.kind == ERR_CONFLICT ? 409 : 500, str_c(e.text));
}

/* ---- ChartMuseum's interface -------------------------------------------------------------- */

static const struct value *find_version(const struct value *versions, struct str version)
{
    for (size_t i = 0; i < value_len(versions); i++)
        if (str_eq(value_str_at(value_item(versions, i), "version"), version))
            return value_item(versions, i);
    return NULL;
}

static void get_entries(struct visit *v, struct str name, struct str version)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->charts.lock);
    refresh(v);
    const struct value *found = value_get(&v->reg->charts.index, "entries");
    if (name.n > 0)
        found = map_get(found->map, name);
    if (found != NULL && version.n > 0)
        found = find_version(found, version);
    if (found == NULL) {
        api_error(v, 404, S("no such chart or version"));
        return;
    }
    http_reply_json(v->x, 200, found);
}

static void delete_version(struct visit *v, struct str name, struct str version)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->charts.lock);
    struct str file = arena_fmt(v->a, "%.*s-%.*s.tgz", STR(name), STR(version));
    if (!file_name_valid(file) || unlink(shelf_path(v, file)) != 0) {
        api_error(v, 404, S("no such chart or version"));
        return;
    }
    unlink(shelf_path(v, arena_fmt(v->a, "%.*s.prov", STR(file))));
    api_done(v, 200, "deleted");
}

/* `rest` is what follows /api/charts. */
static void run_api(struct visit *v, struct str rest)
{
    struct str name = { 0 };
    str_cut(&rest, rest.n > 0 ? 1 : 0);
    str_split(&rest, S("/"), &name);
    if (str_is(v->q->method, "GET")) {
        get_entries(v, name, rest);
        return;
    }
    if (str_is(v->q->method, "DELETE") && rest.n > 0) {
        delete_version(v, name, rest);
        return;
    }
    if ((str_is(v->q->method, "POST") || str_is(v->q->method, "PUT")) && name.n == 0) {
        put_package(v, S(""));
        return;
    }
    api_error(v, 405, S("charts are read, posted or deleted here"));
}

/* The path's rest after one of the names of the interface; false when it is none of them. */
static bool api_rest(struct str path, struct str *out)
{
    static const char *const names[] = { "/api/charts/charts", "/charts/api/charts", "/api/charts" };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct str rest = path;
        if (!str_starts(path, str_c(names[i])))
            continue;
        str_cut(&rest, strlen(names[i]));
        if (rest.n == 0 || rest.p[0] == '/') {
            *out = rest;
            return true;
        }
    }
    return false;
}

bool charts_own(struct str path)
{
    struct str rest = { 0 };
    return api_rest(path, &rest) || str_starts(path, S("/charts/"));
}

void charts_handle(struct visit *v)
{
    struct str rest = { 0 };
    if (api_rest(v->q->path, &rest)) {
        run_api(v, rest);
        return;
    }
    rest = v->q->path;
    str_cut(&rest, sizeof "/charts/" - 1);
    bool writes = str_is(v->q->method, "PUT") || str_is(v->q->method, "POST");
    if (writes && file_name_valid(rest)) {
        put_package(v, rest);
        return;
    }
    if (!str_is(v->q->method, "GET")) {
        api_error(v, 405, S("charts are read or put here"));
        return;
    }
    if (str_is(rest, "index.yaml")) {
        get_index(v);
        return;
    }
    get_file(v, rest);
}
