/* Kubernetes-shaped documents: uid, generation and resourceVersion are kept here and nowhere else. */
#include <stdio.h>

#include "data/json.h"
#include "store/internal.h"

/* The statements of this file take the key as their first five parameters. */
static void bind_key(sqlite3_stmt *q, const struct store_key *k)
{
    store_bind_str(q, 1, str_c(k->scope));
    store_bind_str(q, 2, k->group);
    store_bind_str(q, 3, k->kind);
    store_bind_str(q, 4, k->ns);
    store_bind_str(q, 5, k->name);
}

/* Not found is *found = false, not an error. */
static bool read_doc(struct arena *a, struct store *s, const struct store_key *k, struct value *out, bool *found,
                     struct err *e)
{
    sqlite3_stmt *q =
        store_prepare(s, "SELECT doc FROM objects WHERE scope=? AND grp=? AND kind=? AND ns=? AND name=?", e);
    if (q == NULL)
        return false;
    bind_key(q, k);
    int code = sqlite3_step(q);
    struct str text = code == SQLITE_ROW ? store_column_str(a, q, 0) : S("");
    sqlite3_reset(q);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return store_fail(s, e);
    *found = code == SQLITE_ROW;
    return !*found || json_parse(a, text, out, e);
}

static bool not_found(const struct store_key *k, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "%.*s%s%.*s \"%.*s\" not found", STR(k->kind), k->group.n > 0 ? "." : "",
                   STR(k->group), STR(k->name));
}

bool store_get(struct arena *a, struct store *s, const struct store_key *k, struct value *out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    bool found = false;
    if (!read_doc(a, s, k, out, &found, e))
        return false;
    return found || not_found(k, e);
}

/* The next version is on disk before any object carries it: versions never repeat, deletions included. */
static bool next_version(struct store *s, struct err *e)
{
    sqlite3_stmt *q =
        store_prepare(s, "INSERT INTO kv VALUES('object-version', ?1) ON CONFLICT(key) DO UPDATE SET value=?1", e);
    if (q == NULL)
        return false;
    sqlite3_bind_int64(q, 1, s->version + 1);
    return store_run(s, q, e);
}

static bool write_doc(struct store *s, const struct store_key *k, struct str text, struct err *e)
{
    sqlite3_stmt *q = store_prepare(s,
                                    "INSERT INTO objects VALUES(?1,?2,?3,?4,?5,?6,?7) "
                                    "ON CONFLICT(scope,grp,kind,ns,name) DO UPDATE SET version=?6, doc=?7",
                                    e);
    if (q == NULL)
        return false;
    bind_key(q, k);
    sqlite3_bind_int64(q, 6, s->version + 1);
    store_bind_str(q, 7, text);
    return store_run(s, q, e);
}

static void announce(struct store *s)
{
    s->version++;
    pthread_cond_broadcast(&s->changed);
}

static bool save(struct arena *a, struct store *s, const struct store_key *k, const struct value *doc, struct err *e)
{
    struct str text = json_str(a, doc, 0);
    bool ok = store_begin(s, e);
    ok = ok && next_version(s, e) && write_doc(s, k, text, e);
    if (!store_end(s, ok, e))
        return false;
    announce(s);
    return true;
}

/* What generation counts: the spec, or for kinds without one everything but metadata and status. */
static bool same_intent(const struct value *old, const struct value *new)
{
    if (value_is(value_get(new, "spec"), VALUE_MAP))
        return value_equal(value_get(old, "spec"), value_get(new, "spec"));
    for (size_t i = 0; i < new->map->n; i++) {
        const struct map_entry *m = &new->map->v[i];
        const struct value *other = map_get(old->map, m->key);
        if (!str_is(m->key, "metadata") && !str_is(m->key, "status")
            && (other == NULL || !value_equal(&m->value, other)))
            return false;
    }
    return old->map->n <= new->map->n;
}

/* Fill in what the store decides; `made` is a clone of the caller's document. */
static void stamp(struct arena *a, struct store *s, const struct value *made, const struct value *old)
{
    const struct value *meta = value_get(made, "metadata");
    if (!value_is(meta, VALUE_MAP)) {
        value_set(a, made, "metadata", value_map(a));
        meta = value_get(made, "metadata");
    }
    int64_t generation = 1;
    if (old != NULL) {
        generation = value_int_at(old, "metadata.generation", 1) + (same_intent(old, made) ? 0 : 1);
        value_set(a, meta, "uid", *value_at(old, "metadata.uid"));
        value_set(a, meta, "creationTimestamp", *value_at(old, "metadata.creationTimestamp"));
    } else {
        if (value_str_at(meta, "uid").n == 0)
            value_set_str(a, meta, "uid", random_uuid(a));
        if (value_str_at(meta, "creationTimestamp").n == 0)
            value_set_str(a, meta, "creationTimestamp", clock_rfc3339(a, clock_wall_ms()));
    }
    value_set(a, meta, "generation", value_int(generation));
    value_set(a, meta, "resourceVersion", value_fmt(a, "%lld", (long long)s->version + 1));
}

/* Equal but for the version, which only says when it was written. */
static bool unchanged(struct arena *a, const struct value *old, const struct value *made)
{
    struct value now = value_clone(a, made);
    value_set(a, value_get(&now, "metadata"), "resourceVersion", *value_at(old, "metadata.resourceVersion"));
    return value_equal(&now, old);
}

bool store_put(struct arena *a, struct store *s, const struct store_key *k, const struct value *doc, struct value *out,
               bool *changed, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    struct value old = value_null();
    bool found = false;
    if (!value_is(doc, VALUE_MAP))
        return err_set(e, ERR_INVALID, "%.*s \"%.*s\": a map was expected", STR(k->kind), STR(k->name));
    if (!read_doc(a, s, k, &old, &found, e))
        return false;
    struct str based_on = value_str_at(doc, "metadata.resourceVersion");
    if (based_on.n > 0 && (!found || !str_eq(based_on, value_str_at(&old, "metadata.resourceVersion"))))
        return err_set(e, ERR_CONFLICT, "%.*s \"%.*s\" was changed meanwhile", STR(k->kind), STR(k->name));
    struct value made = value_clone(a, doc);
    stamp(a, s, &made, found ? &old : NULL);
    bool write = !found || !unchanged(a, &old, &made);
    if (write && !save(a, s, k, &made, e))
        return false;
    if (out != NULL)
        *out = write ? made : old;
    if (changed != NULL)
        *changed = write;
    return true;
}

static void merge_annotations(struct arena *a, const struct value *doc, const struct value *annotations)
{
    for (size_t i = 0; i < annotations->map->n; i++) {
        const struct map_entry *m = &annotations->map->v[i];
        const struct value *there = value_at(doc, "metadata.annotations");
        if (m->value.kind == VALUE_NULL) {
            if (there->kind == VALUE_MAP)
                map_del(there->map, m->key);
            continue;
        }
        if (there->kind != VALUE_MAP) {
            value_put_at(a, doc, "metadata.annotations", value_map(a));
            there = value_at(doc, "metadata.annotations");
        }
        map_put(a, there->map, m->key, m->value);
    }
}

bool store_put_status(struct arena *a, struct store *s, const struct store_key *k, const struct value *status,
                      const struct value *meta_annotations, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    struct value doc = value_null();
    bool found = false;
    if (!read_doc(a, s, k, &doc, &found, e))
        return false;
    if (!found)
        return not_found(k, e);
    struct value made = value_clone(a, &doc);
    if (status != NULL)
        value_set(a, &made, "status", *status);
    if (meta_annotations != NULL && meta_annotations->kind == VALUE_MAP)
        merge_annotations(a, &made, meta_annotations);
    if (value_equal(&made, &doc))
        return true;
    value_set(a, value_get(&made, "metadata"), "resourceVersion", value_fmt(a, "%lld", (long long)s->version + 1));
    return save(a, s, k, &made, e);
}

bool store_delete(struct store *s, const struct store_key *k, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q = store_prepare(s, "DELETE FROM objects WHERE scope=? AND grp=? AND kind=? AND ns=? AND name=?", e);
    if (q == NULL || !store_begin(s, e))
        return false;
    bind_key(q, k);
    bool ok = store_run(s, q, e);
    bool gone = ok && sqlite3_changes(s->db) > 0;
    if (!store_end(s, ok && (!gone || next_version(s, e)), e))
        return false;
    if (gone)
        announce(s);
    return true;
}

bool store_list(struct arena *a, struct store *s, const struct store_key *k, struct value *out, struct err *e)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    sqlite3_stmt *q =
        store_prepare(s,
                      "SELECT doc FROM objects WHERE scope=?1 AND (?2='' OR grp=?2) AND (?3='' OR kind=?3) "
                      "AND (?4='' OR ns=?4) AND (?5='' OR name=?5) ORDER BY grp, kind, ns, name",
                      e);
    if (q == NULL)
        return false;
    bind_key(q, k);
    struct value made = value_list(a), doc;
    int code;
    bool ok = true;
    while (ok && (code = sqlite3_step(q)) == SQLITE_ROW) {
        ok = json_parse(a, store_column_str(a, q, 0), &doc, e);
        if (ok)
            list_push(a, made.list, doc);
    }
    sqlite3_reset(q);
    if (ok && code != SQLITE_DONE)
        return store_fail(s, e);
    if (ok)
        *out = made;
    return ok;
}

int64_t store_version(struct store *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    return s->version;
}

int64_t store_wait(struct store *s, int64_t after, int64_t deadline_mono_ms)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    while (s->version <= after && cond_wait_until(&s->changed, &s->lock, deadline_mono_ms))
        continue;
    return s->version;
}
