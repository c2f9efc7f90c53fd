/* Helm's repositories.yaml: unknown fields of the file and of its entries stay. */
#include "cli/repositories.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "base/sys.h"
#include "data/yaml.h"

enum { FILE_MAX_BYTES = 4 << 20 };

static const char *usual_path(struct arena *a)
{
    static const struct {
        const char *variable, *suffix;
    } places[] = {
        { "HELM_REPOSITORY_CONFIG", "" },
        { "HELM_CONFIG_HOME", "/repositories.yaml" },
        { "XDG_CONFIG_HOME", "/helm/repositories.yaml" },
        { "HOME", "/.config/helm/repositories.yaml" },
    };

    for (size_t i = 0; i < COUNT(places); i++) {
        const char *start = getenv(places[i].variable);
        if (start != NULL && start[0] != '\0')
            return arena_fmt(a, "%s%s", start, places[i].suffix).p;
    }
    return NULL;
}

bool repositories_read(struct arena *a, const char *path, struct repositories *out, struct err *e)
{
    struct str text = S("");

    *out = (struct repositories){ .path = path != NULL ? path : usual_path(a), .doc = value_map(a) };
    if (out->path == NULL)
        return true;
    if (!fs_read(a, AT_FDCWD, out->path, FILE_MAX_BYTES, &text, e))
        return e->kind == ERR_NOT_FOUND || err_wrap(e, "read chart repositories");
    if (!yaml_parse(a, text, out->path, &out->doc, e))
        return false;
    if (out->doc.kind == VALUE_NULL)
        out->doc = value_map(a);
    return out->doc.kind == VALUE_MAP || err_set(e, ERR_INVALID, "%s: it is no list of repositories", out->path);
}

static bool make_folder(struct arena *a, const char *path, struct err *e)
{
    ptrdiff_t slash = str_rfind(str_c(path), S("/"));

    return slash <= 0 || fs_mkdirs(arena_c(a, str_slice(str_c(path), 0, (size_t)slash)), 0700, e);
}

/* Beside the file, with .lock for what follows the last dot: Helm's lock. */
bool repositories_lock(struct arena *a, const char *path, int *fd, struct err *e)
{
    if (path == NULL)
        return err_set(e, ERR_NOT_FOUND, "nowhere to keep chart repositories: set HOME or HELM_REPOSITORY_CONFIG");
    struct str stem = str_c(path);
    ptrdiff_t dot = str_rfind(stem, S("."));
    if (dot > str_rfind(stem, S("/")))
        stem.n = (size_t)dot;
    const char *lock = arena_fmt(a, "%.*s.lock", STR(stem)).p;
    if (!make_folder(a, path, e))
        return false;
    *fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (*fd >= 0 && flock(*fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return err_sys(e, "lock %s", lock);
    return *fd >= 0 || err_sys(e, "open %s", lock);
}

bool repositories_write(struct arena *a, struct repositories *r, struct err *e)
{
    value_set(a, &r->doc, "apiVersion", value_str(value_str_at(&r->doc, "apiVersion")));
    value_set(a, &r->doc, "generated", value_str(clock_rfc3339(a, clock_wall_ms())));
    return fs_write(r->path, yaml_str(a, &r->doc), 0600, e);
}

static const struct value *entries(const struct repositories *r)
{
    return value_get(&r->doc, "repositories");
}

size_t repositories_count(const struct repositories *r)
{
    return value_len(entries(r));
}

struct repository repositories_at(const struct repositories *r, size_t i)
{
    const struct value *v = value_item(entries(r), i);

    return (struct repository){
        .name = value_str_at(v, "name"),
        .url = value_str_at(v, "url"),
        .username = value_str_at(v, "username"),
        .password = value_str_at(v, "password"),
        .ca_file = value_str_at(v, "caFile"),
        .cert_file = value_str_at(v, "certFile"),
        .key_file = value_str_at(v, "keyFile"),
        .insecure_tls = value_bool_at(v, "insecure_skip_tls_verify", false),
        .pass_credentials = value_bool_at(v, "pass_credentials_all", false),
    };
}

ptrdiff_t repositories_find(const struct repositories *r, struct str name)
{
    for (size_t i = 0; i < repositories_count(r); i++)
        if (str_eq(repositories_at(r, i).name, name))
            return (ptrdiff_t)i;
    return -1;
}

static struct str without_slash(struct str url)
{
    while (str_ends(url, S("/")))
        url.n--;
    return url;
}

ptrdiff_t repositories_find_url(const struct repositories *r, struct str url)
{
    for (size_t i = 0; i < repositories_count(r); i++)
        if (str_eq(without_slash(repositories_at(r, i).url), without_slash(url)))
            return (ptrdiff_t)i;
    return -1;
}

void repositories_put(struct arena *a, struct repositories *r, const struct repository *one)
{
    ptrdiff_t at = repositories_find(r, one->name);
    struct value v = at >= 0 ? *value_item(entries(r), (size_t)at) : value_map(a);

    value_set(a, &v, "name", value_str(one->name));
    value_set(a, &v, "url", value_str(one->url));
    value_set(a, &v, "username", value_str(one->username));
    value_set(a, &v, "password", value_str(one->password));
    value_set(a, &v, "caFile", value_str(one->ca_file));
    value_set(a, &v, "certFile", value_str(one->cert_file));
    value_set(a, &v, "keyFile", value_str(one->key_file));
    value_set(a, &v, "insecure_skip_tls_verify", value_bool(one->insecure_tls));
    value_set(a, &v, "pass_credentials_all", value_bool(one->pass_credentials));
    if (at >= 0)
        return; /* the map was changed in place */
    if (entries(r)->kind != VALUE_LIST)
        value_set(a, &r->doc, "repositories", value_list(a));
    list_push(a, entries(r)->list, v);
}

void repositories_remove(struct arena *a, struct repositories *r, size_t i)
{
    struct value kept = value_list(a);

    for (size_t k = 0; k < repositories_count(r); k++)
        if (k != i)
            list_push(a, kept.list, *value_item(entries(r), k));
    value_set(a, &r->doc, "repositories", kept);
}
