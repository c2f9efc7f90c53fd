/*
 * chart/word.c - words an error of the template language as Helm does.
 *
 *     parse error at (FILE:LINE): ...                      what cannot be parsed
 *     execution error at (FILE:LINE:COLUMN): TEXT          `fail` and `required`, at the place of the outermost call
 *     FILE:LINE:COLUMN                                     the engine's own errors, one block per level of `include`
 *       executing "NAME" at <NODE>:
 *         MESSAGE
 *     template: FILE:...: executing ...: error calling f:  everything that a function said, on one line
 */
#include "chart/internal.h"

void engine_word_parse_error(struct arena *a, struct str *message, struct err *e)
{
    struct str text = arena_str(a, str_c(e->text)), head, location;
    ptrdiff_t last = str_rfind(text, S(": "));

    str_split(&text, S(": "), &head);
    if (!str_split(&text, S(": "), &location)) {
        err_wrap_(e, "parse error in template");
        return;
    }
    struct str whole = arena_str(a, str_c(e->text));
    *message =
        arena_fmt(a, "parse error at (%.*s): %.*s", STR(location), STR(str_slice(whole, (size_t)last + 2, whole.n)));
    err_set_(e, ERR_INVALID, "%.*s", STR(*message));
}

static bool same_level(const struct template_level *x, const struct template_level *y)
{
    return str_eq(x->location, y->location) && str_eq(x->name, y->name) && str_eq(x->node, y->node)
           && str_eq(x->message, y->message);
}

static struct str structured(struct arena *a, const struct template_failure *f)
{
    bool missing = str_starts(f->cause, S("template: no template ")); /* its own block, without a place */
    struct buf b = { .a = a };

    for (size_t i = f->n_levels; i-- > 0;) { /* outermost first */
        const struct template_level *level = &f->levels[i];
        if (i + 1 < f->n_levels && same_level(level, &f->levels[i + 1]))
            continue;
        struct str message = level->message;
        if (i == 0 && missing && str_ends(message, f->cause))
            message.n -= f->cause.n;
        buf_fmt(&b, "%.*s\n  executing \"%.*s\" at <%.*s>:\n    %.*s\n", STR(level->location), STR(level->name),
                STR(level->node), STR(str_trim(message)));
    }
    if (missing)
        buf_fmt(&b, "%.*s\n", STR(f->cause));
    return go_trim_space(buf_str(&b));
}

void engine_word_error(struct arena *a, const struct engine_state *state, const struct template_failure *f,
                       struct str *message, struct err *e)
{
    bool lost = f->by_function && !str_starts(f->cause, S("template: no template "));

    if (f->n_levels == 0)
        *message = arena_str(a, str_c(e->text));
    else if (state->has_failed)
        *message = arena_fmt(a, "execution error at (%.*s): %.*s", STR(f->levels[f->n_levels - 1].location),
                             STR(state->failed));
    else
        *message = lost ? f->text : structured(a, f);
    err_set_(e, e->kind, "%.*s", STR(*message));
}
