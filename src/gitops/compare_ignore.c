/* What a comparison does not look at: server-owned fields, and what ignoreDifferences names. */
#include <jq.h>
#include <jv.h>

#include "data/json.h"
#include "data/patch.h"
#include "gitops/compare_internal.h"
#include "gitops/glob.h"

static bool glob_field(const struct value *entry, const char *field, struct str subject)
{
    struct str pattern = value_str_at(entry, field);
    return str_is(pattern, "*") || glob_matches(pattern, subject, 0);
}

static bool exact_field(const struct value *entry, const char *field, struct str subject)
{
    struct str wanted = value_str_at(entry, field);
    return wanted.n == 0 || str_eq(wanted, subject);
}

/* Does one entry of ignoreDifferences speak of this object? */
static bool ignore_applies(const struct value *entry, const struct value *object)
{
    struct cluster_key k = { 0 };
    struct err ignored = { 0 };
    if (!cluster_key_of(object, &k, &ignored))
        return false;
    return glob_field(entry, "group", k.group) && glob_field(entry, "kind", k.kind)
           && exact_field(entry, "name", k.name) && exact_field(entry, "namespace", k.ns);
}

/* ---- jq path expressions ------------------------------------------------------------------ */

static void quiet(void *data, jv message)
{
    (void)data;
    jv_free(message);
}

/* del(EXPRESSION) over the document; a wrong expression changes nothing. */
static void jq_delete(struct arena *a, struct str expression, struct value *object)
{
    jq_state *jq = jq_init();
    if (jq == NULL)
        return;
    jq_set_error_cb(jq, quiet, NULL);
    if (jq_compile(jq, arena_fmt(a, "del(%.*s)", STR(expression)).p)) {
        struct str text = json_str(a, object, 0);
        struct value parsed;
        struct err ignored = { 0 };
        jq_start(jq, jv_parse_sized(text.p, (int)text.n), 0);
        jv result = jq_next(jq);
        if (jv_is_valid(result)) {
            result = jv_dump_string(result, 0);
            struct str out = arena_str(a, str_c(jv_string_value(result)));
            if (json_parse(a, out, &parsed, &ignored))
                *object = parsed;
        }
        jv_free(result);
    }
    jq_teardown(&jq);
}

static void remove_ignored(struct arena *a, const struct value *entry, struct value *object)
{
    const struct value *pointers = value_get(entry, "jsonPointers"), *paths = value_get(entry, "jqPathExpressions");
    for (size_t i = 0; i < value_len(pointers); i++)
        pointer_remove(object, value_as_str(value_item(pointers, i)));
    for (size_t i = 0; i < value_len(paths); i++)
        jq_delete(a, value_as_str(value_item(paths, i)), object);
}

/* ---- normalising -------------------------------------------------------------------------- */

static void normalize_secret(struct arena *a, const struct value *object)
{
    const struct value *plain = value_get(object, "stringData");
    if (!value_is(plain, VALUE_MAP))
        return;
    if (!value_is(value_get(object, "data"), VALUE_MAP))
        value_set(a, object, "data", value_map(a));
    for (size_t i = 0; i < plain->map->n; i++)
        map_put(a, value_get(object, "data")->map, plain->map->v[i].key,
                value_str(str_base64(a, value_as_str(&plain->map->v[i].value))));
    value_del(object, "stringData");
}

struct value compare_normalize(struct arena *a, const struct value *object, const struct value *ignore)
{
    static const char *const metadata[] = { "creationTimestamp", "managedFields", "resourceVersion",
                                            "generation",        "uid",           "selfLink",
                                            "deletionTimestamp" };
    struct value copy = value_clone(a, object);
    if (str_is(value_as_str(value_get(&copy, "kind")), "Secret"))
        normalize_secret(a, &copy);
    for (size_t i = 0; ignore != NULL && i < value_len(ignore); i++)
        if (ignore_applies(value_item(ignore, i), object))
            remove_ignored(a, value_item(ignore, i), &copy);
    value_del(&copy, "status");
    for (size_t i = 0; i < COUNT(metadata) && value_is(value_get(&copy, "metadata"), VALUE_MAP); i++)
        value_del(value_get(&copy, "metadata"), metadata[i]);
    return copy;
}

/* ---- RespectIgnoreDifferences ------------------------------------------------------------- */

/* What the pointer names in `from` goes to the same place in `into`, when the folder it stands in exists there. */
static void copy_pointed(struct arena *a, const struct value *from, const struct value *into, struct str pointer)
{
    ptrdiff_t cut = str_rfind(pointer, S("/"));
    const struct value *found = pointer_get(from, pointer);
    if (cut < 0 || found == NULL)
        return;
    struct value *target = pointer_get(into, pointer);
    const struct value *parent = pointer_get(into, str_slice(pointer, 0, (size_t)cut));
    struct buf key = { .a = a };
    if (target != NULL) {
        *target = *found;
        return;
    }
    if (parent == NULL || !value_is(parent, VALUE_MAP))
        return;
    struct str raw = str_slice(pointer, (size_t)cut + 1, pointer.n);
    for (size_t i = 0; i < raw.n; i++) { /* "~1" is '/', "~0" is '~' */
        bool escape = raw.p[i] == '~' && i + 1 < raw.n;
        buf_byte(&key, escape ? (raw.p[i + 1] == '1' ? '/' : '~') : raw.p[i]);
        i += escape;
    }
    map_put(a, parent->map, buf_str(&key), *found);
}

struct value compare_respect_ignored(struct arena *a, const struct value *target, const struct value *live,
                                     const struct value *ignore)
{
    struct value copy = value_clone(a, target);
    for (size_t i = 0; i < value_len(ignore); i++) {
        const struct value *entry = value_item(ignore, i), *pointers = value_get(entry, "jsonPointers");
        if (!ignore_applies(entry, target))
            continue;
        for (size_t k = 0; k < value_len(pointers); k++)
            if (!str_starts(value_as_str(value_item(pointers, k)), S("/status")))
                copy_pointed(a, live, &copy, value_as_str(value_item(pointers, k)));
    }
    return copy;
}
