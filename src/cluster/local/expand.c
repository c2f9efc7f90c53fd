/* Small languages inside pod specifications: $(NAME), quantities, field paths. */
#include "cluster/local/pod_run.h"
#include "data/quantity.h"

static bool lookup(const struct str *env, size_t n, struct str name, struct str *out)
{
    for (size_t i = n; i-- > 0;) /* the last definition wins */
        if (str_starts(env[i], name) && env[i].n > name.n && env[i].p[name.n] == '=') {
            *out = str_slice(env[i], name.n + 1, env[i].n);
            return true;
        }
    return false;
}

struct str expand_variables(struct arena *a, struct str text, const struct str *env, size_t n)
{
    struct buf out = { .a = a };
    if (str_find(text, S("$")) < 0)
        return text;
    while (text.n > 0) {
        struct str value, name = text;
        ptrdiff_t end = str_find(text, S(")"));
        if (str_starts(text, S("$$"))) {
            buf_byte(&out, '$');
            (void)str_cut(&text, 2);
        } else if (str_starts(text, S("$(")) && end > 0) {
            name = str_slice(text, 2, (size_t)end);
            struct str whole = str_cut(&text, (size_t)end + 1);
            buf_add(&out, lookup(env, n, name, &value) ? value : whole);
        } else {
            buf_add(&out, str_cut(&text, 1));
        }
    }
    return buf_str(&out);
}

/* ---- quantities --------------------------------------------------------------------------- */

bool quantity_parse(struct str text, int64_t scale, int64_t *out)
{
    double n;
    if (!quantity_read(text, &n))
        return false;
    double scaled = n * (double)scale;
    if (!(scaled >= 0 && scaled < 9e18))
        return false;
    int64_t whole = (int64_t)scaled;
    *out = whole + ((double)whole + 1e-6 < scaled ? 1 : 0);
    return true;
}

/* ---- the downward API --------------------------------------------------------------------- */

/* "labels['app']" -> app */
static bool subscript(struct str path, const char *of, struct str *out)
{
    struct str prefix = str_c(of);
    if (!str_starts(path, prefix) || !str_ends(path, S("']")))
        return false;
    *out = str_slice(path, prefix.n, path.n - 2);
    return true;
}

static struct str map_lines(struct arena *a, const struct value *map)
{
    struct buf out = { .a = a };
    const struct map_entry **sorted = value_is(map, VALUE_MAP) ? map_sorted(a, map->map) : NULL;
    for (size_t i = 0; sorted != NULL && i < map->map->n; i++)
        buf_fmt(&out, "%.*s=\"%.*s\"\n", STR(sorted[i]->key), STR(value_as_str(&sorted[i]->value)));
    return str_trim(buf_str(&out));
}

bool pod_field(struct world *w, const struct value *pod, const struct podlet *p, struct str path, struct str *out)
{
    struct str key;
    *out = S("");
    if (subscript(path, "metadata.labels['", &key) || subscript(path, "metadata.annotations['", &key)) {
        bool label = str_starts(path, S("metadata.labels"));
        const struct value *map = value_at(pod, label ? "metadata.labels" : "metadata.annotations");
        const struct value *found = value_is(map, VALUE_MAP) ? map_get(map->map, key) : NULL;
        *out = found != NULL ? value_as_str(found) : S("");
        return true;
    }
    static const char *const plain[] = { "metadata.name", "metadata.namespace", "metadata.uid" };
    for (size_t i = 0; i < COUNT(plain); i++)
        if (str_is(path, plain[i])) {
            *out = value_str_at(pod, plain[i]);
            return true;
        }
    if (str_is(path, "metadata.labels") || str_is(path, "metadata.annotations"))
        *out = map_lines(w->a, value_at(pod, arena_c(w->a, path)));
    else if (str_is(path, "status.podIP") || str_is(path, "status.podIPs"))
        *out = str_c(p->ip);
    else if (str_is(path, "status.hostIP") || str_is(path, "status.hostIPs"))
        *out = S("198.18.0.1"); /* the holder: the only "node" a pod can see */
    else if (str_is(path, "spec.nodeName"))
        *out = S("local");
    else if (str_is(path, "spec.serviceAccountName"))
        *out = value_str_at(pod, "spec.serviceAccountName").n > 0 ? value_str_at(pod, "spec.serviceAccountName")
                                                                  : S("default");
    else
        return false;
    return true;
}
