#include "data/patch.h"

/* ---- pointers ------------------------------------------------------------------------------------- */

/* Cut "/token" off the front; ~1 and ~0 are resolved later. False for anything that does not start with '/'. */
static bool take_token(struct str *pointer, struct str *token)
{
    if (pointer->n == 0 || pointer->p[0] != '/')
        return false;
    str_cut(pointer, 1);
    ptrdiff_t end = str_find(*pointer, S("/"));
    *token = str_cut(pointer, end < 0 ? pointer->n : (size_t)end);
    return true;
}

/* The token's text: ~1 is a slash, ~0 a tilde. False for other tildes. */
static bool unescape(struct arena *a, struct str token, struct str *out)
{
    struct buf b = { .a = a };

    *out = token;
    if (token.n == 0 || memchr(token.p, '~', token.n) == NULL)
        return true;
    while (token.n > 0) {
        char c = *str_cut(&token, 1).p;
        if (c == '~') {
            if (token.n == 0 || (token.p[0] != '0' && token.p[0] != '1'))
                return false;
            c = *str_cut(&token, 1).p == '0' ? '~' : '/';
        }
        buf_byte(&b, c);
    }
    *out = buf_str(&b);
    return true;
}

/* A list position: digits without leading zero, at most `max`. */
static bool parse_index(struct str token, size_t max, size_t *out)
{
    int64_t n = 0;

    if (token.n == 0 || token.n > 10 || token.p[0] < '0' || token.p[0] > '9' || (token.p[0] == '0' && token.n > 1))
        return false;
    if (!str_to_int(token, &n) || (uint64_t)n > max)
        return false;
    *out = (size_t)n;
    return true;
}

static struct value *child(struct value *at, struct str token)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str key;
    size_t i = 0;

    if (!unescape(&a, token, &key))
        return NULL;
    if (at->kind == VALUE_MAP)
        return map_get(at->map, key);
    if (at->kind == VALUE_LIST && at->list->n > 0 && parse_index(key, at->list->n - 1, &i))
        return &at->list->v[i];
    return NULL;
}

struct value *pointer_get(const struct value *root, struct str pointer)
{
    struct value *at = (struct value *)root; /* the caller's own tree: it may write through the result */
    struct str token;

    while (pointer.n > 0) {
        if (!take_token(&pointer, &token))
            return NULL;
        at = child(at, token);
        if (at == NULL)
            return NULL;
    }
    return at;
}

/* The container of what the pointer names, and the last token in its own words. */
static struct value *pointer_parent(struct arena *a, const struct value *root, struct str pointer, struct str *key)
{
    ptrdiff_t slash = str_rfind(pointer, S("/"));

    if (slash < 0 || !unescape(a, str_slice(pointer, (size_t)slash + 1, pointer.n), key))
        return NULL;
    return pointer_get(root, str_slice(pointer, 0, (size_t)slash));
}

static bool remove_from(struct value *parent, struct str key)
{
    size_t i = 0;

    if (parent->kind == VALUE_MAP)
        return map_del(parent->map, key);
    if (parent->kind != VALUE_LIST || parent->list->n == 0 || !parse_index(key, parent->list->n - 1, &i))
        return false;
    struct list *l = parent->list;
    memmove(&l->v[i], &l->v[i + 1], (l->n - i - 1) * sizeof *l->v);
    l->n--;
    return true;
}

bool pointer_remove(const struct value *root, struct str pointer)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str key;
    struct value *parent = pointer_parent(&a, root, pointer, &key);

    return parent != NULL && remove_from(parent, key);
}

/* ---- merge patch ---------------------------------------------------------------------------------- */

struct value merge_patch(struct arena *a, const struct value *target, const struct value *patch)
{
    if (patch->kind != VALUE_MAP)
        return *patch;
    struct value out = value_map(a);
    if (target->kind == VALUE_MAP)
        for (size_t i = 0; i < target->map->n; i++)
            map_put(a, out.map, target->map->v[i].key, target->map->v[i].value);
    for (size_t i = 0; i < patch->map->n; i++) {
        const struct map_entry *p = &patch->map->v[i];
        if (p->value.kind == VALUE_NULL) {
            map_del(out.map, p->key);
            continue;
        }
        const struct value *old = map_get(out.map, p->key);
        map_put(a, out.map, p->key, merge_patch(a, old != NULL ? old : &value_nil, &p->value));
    }
    return out;
}

/* What `to` has anew or differently. */
static void diff_members(struct arena *a, const struct map *from, const struct map *to, struct map *out)
{
    for (size_t i = 0; i < to->n; i++) {
        const struct map_entry *t = &to->v[i];
        const struct value *old = map_get(from, t->key);
        if (old == NULL)
            map_put(a, out, t->key, t->value);
        else if (!value_equal(old, &t->value))
            map_put(a, out, t->key, merge_patch_diff(a, old, &t->value));
    }
}

struct value merge_patch_diff(struct arena *a, const struct value *from, const struct value *to)
{
    if (from->kind != VALUE_MAP || to->kind != VALUE_MAP)
        return *to;
    struct value out = value_map(a);
    diff_members(a, from->map, to->map, out.map);
    for (size_t i = 0; i < from->map->n; i++)
        if (map_get(to->map, from->map->v[i].key) == NULL)
            map_put(a, out.map, from->map->v[i].key, value_null());
    return out;
}

/* ---- JSON patch ----------------------------------------------------------------------------------- */

static bool insert_at(struct arena *a, struct list *l, size_t i, struct value v)
{
    list_push(a, l, v);
    memmove(&l->v[i + 1], &l->v[i], (l->n - 1 - i) * sizeof *l->v);
    l->v[i] = v;
    return true;
}

/* Set a member, or insert before a list position ("-": behind the last). */
static bool add_at(struct arena *a, struct value *root, struct str path, struct value v)
{
    struct str key;
    size_t i = 0;

    if (path.n == 0) {
        *root = v;
        return true;
    }
    struct value *parent = pointer_parent(a, root, path, &key);
    if (parent == NULL)
        return false;
    if (parent->kind == VALUE_MAP) {
        map_put(a, parent->map, arena_str(a, key), v);
        return true;
    }
    if (parent->kind != VALUE_LIST)
        return false;
    if (str_is(key, "-"))
        return insert_at(a, parent->list, parent->list->n, v);
    return parse_index(key, parent->list->n, &i) && insert_at(a, parent->list, i, v);
}

static bool replace_at(struct value *root, struct str path, const struct value *v)
{
    struct value *at = pointer_get(root, path);

    if (at == NULL || v == NULL)
        return false;
    *at = *v;
    return true;
}

/* "move" and "copy": both add a copy of what `from` names. */
static bool transfer(struct arena *a, struct value *root, struct str from, struct str path, bool move)
{
    const struct value *source = pointer_get(root, from);

    if (source == NULL)
        return false;
    struct value copy = value_clone(a, source);
    if (move && (str_eq(from, path) || (str_starts(path, from) && path.p[from.n] == '/')))
        return str_eq(from, path); /* nothing can move into itself */
    if (move && !pointer_remove(root, from))
        return false;
    return add_at(a, root, path, copy);
}

static bool apply(struct arena *a, struct value *root, const struct value *operation, size_t i, struct err *e)
{
    struct str op = value_str_at(operation, "op"), path = value_str_at(operation, "path");
    struct str from = value_str_at(operation, "from");
    struct value *given = operation->kind == VALUE_MAP ? map_get(operation->map, S("value")) : NULL;
    struct value v = given != NULL ? value_clone(a, given) : value_null();
    bool ok = false;

    if (str_is(op, "test")) {
        const struct value *at = pointer_get(root, path);
        if (at != NULL && given != NULL && value_equal(at, given))
            return true;
        return err_set(e, ERR_CONFLICT, "patch operation %zu: test of %.*s failed", i, STR(path));
    }
    if (str_is(op, "add"))
        ok = given != NULL && add_at(a, root, path, v);
    else if (str_is(op, "replace"))
        ok = replace_at(root, path, given != NULL ? &v : NULL);
    else if (str_is(op, "remove"))
        ok = pointer_remove(root, path);
    else if (str_is(op, "move") || str_is(op, "copy"))
        ok = transfer(a, root, from, path, str_is(op, "move"));
    else
        return err_set(e, ERR_INVALID, "patch operation %zu: unknown op \"%.*s\"", i, STR(op));
    return ok
           || err_set(e, ERR_INVALID, "patch operation %zu: cannot %.*s %.*s: no such path, or no value", i, STR(op),
                      STR(path));
}

bool json_patch(struct arena *a, const struct value *target, const struct value *patch, struct value *out,
                struct err *e)
{
    struct value root = value_clone(a, target);

    if (patch->kind != VALUE_LIST)
        return err_set(e, ERR_INVALID, "a JSON patch is a list of operations, not %s",
                       value_kind_name((enum value_kind)patch->kind));
    if (patch->list->n > JSON_PATCH_MAX)
        return err_set(e, ERR_LIMIT, "a JSON patch of %zu operations; at most %d", patch->list->n, JSON_PATCH_MAX);
    for (size_t i = 0; i < patch->list->n; i++)
        if (!apply(a, &root, &patch->list->v[i], i, e))
            return false;
    *out = root;
    return true;
}
