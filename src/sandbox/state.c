/*
 * The state document. One tree holds everything the stand-in knows besides git itself:
 *
 *     { "next_id": 1000,
 *       "users": { "octo": 1 },
 *       "index_lag_ms": 0,
 *       "repositories": { "acme/shop": {
 *           "id", "owner", "name", "default_branch", "fork_of", "created_at", "pushed_at", "next_number", "next_run",
 *           "refs":   { "refs/heads/main": SHA },             as last seen
 *           "labels": { "preview": { "id", "color", "description" } },
 *           "pulls": [ ], "statuses": [ ], "comments": [ ], "deployments": [ ], "hooks": [ ], "workflows": [ ], "runs":
 * [ ] } } }
 *
 * It lives in an arena of its own, so a replaced text is garbage. When the arena has grown to twice what the document
 * needs, the document is copied into a fresh one: a copying collector in three lines.
 */
#include <fcntl.h>

#include "data/json.h"
#include "sandbox/internal.h"

#define STATE_MAX ((size_t)256 << 20)
#define COMPACT_LEAST ((size_t)4 << 20)

static const char empty_state[] = "{\"next_id\":1000,\"users\":{},\"index_lag_ms\":0,\"repositories\":{}}";

static void set_compact_mark(struct sandbox *s)
{
    s->compact_at = 2 * s->state_arena.total > COMPACT_LEAST ? 2 * s->state_arena.total : COMPACT_LEAST;
}

bool state_load(struct sandbox *s, struct err *e)
{
    struct str text = str_c(empty_state);
    const char *path = fs_join(&s->own, s->dir, "state.json");

    if (!fs_read(&s->state_arena, AT_FDCWD, path, STATE_MAX, &text, e) && e->kind != ERR_NOT_FOUND)
        return err_wrap(e, "load the sandbox's state");
    if (!json_parse(&s->state_arena, text, &s->state, e))
        return err_wrap(e, "%s: move it away to start afresh", path);
    if (!value_is(value_get(&s->state, "repositories"), VALUE_MAP)
        || !value_is(value_get(&s->state, "users"), VALUE_MAP))
        return err_set(e, ERR_INVALID, "%s: not a sandbox's state; move it away to start afresh", path);
    set_compact_mark(s);
    return true;
}

static void compact(struct sandbox *s)
{
    struct arena fresh = { 0 };

    s->state = value_clone(&fresh, &s->state);
    arena_close(&s->state_arena);
    s->state_arena = fresh;
    set_compact_mark(s);
}

bool state_save(struct sandbox *s, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };

    if (!s->changed)
        return true;
    if (!fs_write(fs_join(&a, s->dir, "state.json"), json_str(&a, &s->state, 0), 0600, e))
        return err_wrap(e, "save the sandbox's state");
    s->changed = false;
    if (s->state_arena.total > s->compact_at)
        compact(s);
    return true;
}

/* ---- changing -------------------------------------------------------------------------------- */

void state_set(struct sandbox *s, const struct value *doc, const char *key, struct value v)
{
    value_set(&s->state_arena, doc, key, value_clone(&s->state_arena, &v));
    s->changed = true;
}

void state_set_str(struct sandbox *s, const struct value *doc, const char *key, struct str text)
{
    state_set(s, doc, key, value_str(text));
}

void state_set_int(struct sandbox *s, const struct value *doc, const char *key, int64_t i)
{
    state_set(s, doc, key, value_int(i));
}

void state_set_bool(struct sandbox *s, const struct value *doc, const char *key, bool b)
{
    state_set(s, doc, key, value_bool(b));
}

void state_set_now(struct sandbox *s, const struct value *doc, const char *key)
{
    state_set(s, doc, key, value_str(clock_rfc3339(&s->state_arena, clock_wall_ms())));
}

struct value state_push(struct sandbox *s, const struct value *list, struct value v)
{
    struct value copy = value_clone(&s->state_arena, &v);

    list_push(&s->state_arena, list->list, copy);
    s->changed = true;
    return copy;
}

int64_t state_next_id(struct sandbox *s)
{
    int64_t id = value_int_at(&s->state, "next_id", 1000);

    state_set_int(s, &s->state, "next_id", id + 1);
    return id;
}

int64_t state_user_id(struct sandbox *s, struct str login)
{
    const struct value *users = value_get(&s->state, "users");
    const struct value *known = map_get(users->map, login);

    if (known != NULL)
        return known->i;
    int64_t id = state_next_id(s);
    map_put(&s->state_arena, users->map, arena_str(&s->state_arena, login), value_int(id));
    return id;
}

/* ---- looking up ------------------------------------------------------------------------------ */

const struct value *state_repo(struct sandbox *s, struct str full_name)
{
    const struct map *all = value_get(&s->state, "repositories")->map;

    for (size_t i = 0; i < all->n; i++)
        if (str_ieq(all->v[i].key, full_name))
            return &all->v[i].value;
    return &value_nil;
}

struct str repo_full_name(struct arena *a, const struct value *repo)
{
    return arena_fmt(a, "%.*s/%.*s", STR(value_str_at(repo, "owner")), STR(value_str_at(repo, "name")));
}

const struct value *state_by_int(const struct value *list, const char *key, int64_t number)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (value_int_at(value_item(list, i), key, -1) == number)
            return value_item(list, i);
    return &value_nil;
}

struct str state_ref(const struct value *repo, struct str full_ref)
{
    const struct value *refs = value_get(repo, "refs");
    const struct value *found = value_is(refs, VALUE_MAP) ? map_get(refs->map, full_ref) : NULL;

    return found != NULL ? value_as_str(found) : S("");
}
