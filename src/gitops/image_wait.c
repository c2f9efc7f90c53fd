/*
 * A manifest whose image tag carries the commit is not applied before the registry has that tag. A tag that does not
 * come in time, or a registry that does not answer for long, is a failure of the commit; the image is looked for on.
 */
#include <stdio.h>

#include "data/gotime.h"
#include "gitops/controller_internal.h"

enum { SHORT_SHA = 7, IMAGES_MAX = 64 };

typedef VEC(struct str) images;

static void add_image(struct arena *a, images *list, struct str image, struct str needle)
{
    struct str rest = image, tag = { "", 0 };
    ptrdiff_t slash = str_rfind(image, S("/"));
    str_cut(&rest, slash >= 0 ? (size_t)slash : 0);
    ptrdiff_t colon = str_find(rest, S(":"));
    if (colon < 0)
        return;
    tag = str_slice(rest, (size_t)colon + 1, rest.n);
    if (str_find(tag, needle) < 0)
        return;
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->v[i], image))
            return;
    if (list->n < IMAGES_MAX)
        *vec_push(a, list) = image;
}

static images images_of_commit(struct arena *a, const struct value *targets, struct str sha)
{
    static const char *const pods[] = { "spec", "spec.template.spec", "spec.jobTemplate.spec.template.spec" };
    static const char *const lists[] = { "initContainers", "containers" };
    images found = { 0 };
    for (size_t i = 0; i < value_len(targets); i++)
        for (size_t k = 0; k < COUNT(pods) * COUNT(lists); k++) {
            const struct value *containers =
                value_get(value_at(value_item(targets, i), pods[k / COUNT(lists)]), lists[k % COUNT(lists)]);
            for (size_t n = 0; n < value_len(containers); n++)
                add_image(a, &found, value_str_at(value_item(containers, n), "image"), str_slice(sha, 0, SHORT_SHA));
        }
    return found;
}

/* 0.5 s, growing by half up to 10 s. */
static int64_t next_look_ms(unsigned looks)
{
    int64_t wait = IMAGE_LOOK_MS;
    for (unsigned i = 0; i < looks && wait < IMAGE_LOOK_MAX_MS; i++)
        wait += wait / 2;
    return wait < IMAGE_LOOK_MAX_MS ? wait : IMAGE_LOOK_MAX_MS;
}

/* From what the entry remembers. */
static void note_trouble(struct pass *p)
{
    const struct controller_options *o = &p->c->o;
    const struct entry *entry = p->entry;
    bool silent =
        entry->unreachable_since_ms > 0 && p->now_ms - entry->unreachable_since_ms > o->unreachable_timeout_ms;
    bool late = p->now_ms - station_seen_ms(p) > o->image_timeout_ms;
    if (!silent && !late) {
        p->trouble = TROUBLE_WAITING;
        p->trouble_why = arena_fmt(p->a, "Waiting for image %s", entry->image_missing);
        return;
    }
    int64_t limit = silent ? o->unreachable_timeout_ms : o->image_timeout_ms;
    p->trouble = TROUBLE_FAILURE;
    p->trouble_why =
        arena_fmt(p->a, "No image within %.*s: %s", STR(go_duration_str(p->a, limit * 1000000)), entry->image_missing);
}

static void keep_waiting(struct pass *p, bool reachable, struct str missing)
{
    struct entry *entry = p->entry;
    if (entry->image_since_ms == 0)
        entry->image_since_ms = p->now_ms;
    if (reachable)
        entry->unreachable_since_ms = 0;
    else if (entry->unreachable_since_ms == 0)
        entry->unreachable_since_ms = p->now_ms;
    p->next_ms = next_look_ms(entry->image_looks++);
    entry->image_at_ms = clock_mono_ms() + p->next_ms;
    snprintf(entry->image_missing, sizeof entry->image_missing, "%.*s", STR(missing));
}

static void stop_waiting(struct pass *p)
{
    p->entry->image_since_ms = 0;
    p->entry->image_at_ms = 0;
    p->entry->image_looks = 0;
    p->entry->unreachable_since_ms = 0;
}

/* Other changes wake the application, too: the registry is not asked more often for that, unless there is a new commit.
 */
static bool is_too_early(struct pass *p)
{
    int64_t left = p->entry->image_at_ms - clock_mono_ms();
    if (p->entry->image_since_ms == 0 || left <= 0 || p->why != WAKE_LIVE)
        return false;
    p->next_ms = left;
    return true;
}

/* One image. Its digest goes into the event. */
static bool resolve(struct pass *p, struct str image)
{
    struct oci_reference reference;
    struct oci_descriptor found;
    struct err e = { 0 };
    if (!oci_reference_parse(p->a, image, &reference, &e))
        return true; /* the destination will say what is wrong with it */
    if (oci_resolve(p->a, p->c->o.images, &reference, &found, &e)) {
        station_reached(p, "ImageFound", arena_fmt(p->a, "%.*s is %.*s", STR(image), STR(found.digest)).p);
        return true;
    }
    bool reachable = e.kind == ERR_NOT_FOUND;
    keep_waiting(p, reachable, reachable ? image : arena_fmt(p->a, "%.*s: %s", STR(image), e.text));
    return false;
}

static bool resolve_all(struct pass *p, const struct value *targets, struct str sha)
{
    images wanted = images_of_commit(p->a, targets, sha);
    for (size_t i = 0; i < wanted.n; i++)
        if (!resolve(p, wanted.v[i]))
            return false;
    return true;
}

bool images_are_there(struct pass *p, const struct value *targets)
{
    struct str sha = pass_commit(p);
    if (p->c->o.images == NULL || sha.n < SHORT_SHA || (!is_too_early(p) && resolve_all(p, targets, sha))) {
        stop_waiting(p);
        return true;
    }
    note_trouble(p);
    return false;
}
