/*
 * chart/shared.c - syntax trees kept with their chart, see shared.h.
 */
#include "chart/shared.h"
#include "base/sys.h"

struct kept_template {
    struct str text; /* two charts of one name in one charts/ have files of one name */
    const struct template_definitions *definitions;
};

void shared_init(struct chart_shared *s, struct arena *a)
{
    pthread_mutex_init(&s->lock, NULL);
    s->a = a;
    s->templates = (struct map){ 0 };
}

void shared_destroy(struct chart_shared *s)
{
    pthread_mutex_destroy(&s->lock);
}

size_t shared_bytes(struct chart_shared *s)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);

    return s->a->total;
}

static const struct template_definitions *parse(struct chart_shared *s, const struct template_set *set, struct str name,
                                                struct str text)
{
    struct arena_mark before = arena_mark(s->a);
    struct kept_template *kept = arena_new(s->a, struct kept_template, 1);
    struct err e;

    kept->text = text;
    if (!template_parse_apart(set, s->a, name, text, &kept->definitions, &e)) {
        arena_rewind(s->a, before);
        return NULL;
    }
    map_put(s->a, &s->templates, arena_str(s->a, name), (struct value){ .kind = VALUE_OPAQUE, .opaque = kept });
    return kept->definitions;
}

const struct template_definitions *shared_template(struct chart_shared *s, const struct template_set *set,
                                                   struct str name, struct str text)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&s->lock);
    const struct value *there = map_get(&s->templates, name);

    if (there == NULL)
        return s->a->total < CHART_SHARED_MAX ? parse(s, set, name, text) : NULL;
    const struct kept_template *kept = there->opaque;
    return kept->text.p == text.p && kept->text.n == text.n ? kept->definitions : NULL;
}
