/*
 * Failures of an execution, in Go's words. An err holds one kilobyte, but a chain of includes may say more: the whole
 * text is kept beside it, and each level is kept apart for callers that word the message anew.
 */
#include <stdio.h>

#include "template/internal.h"

#define NODE_SHOWN ((size_t)64 << 10) /* bytes of an expression; more of it helps nobody */
#define CHAIN_SHOWN ((size_t)1 << 20) /* of the whole text: outer levels are left out then */

static struct str location(struct arena *a, const struct tree *t, const struct node *n)
{
    unsigned line = 1;
    uint32_t start = 0;
    for (uint32_t i = 0; i < n->pos && i < t->text.n; i++)
        if (t->text.p[i] == '\n') {
            line++;
            start = i + 1;
        }
    return arena_fmt(a, "%.*s:%u:%u", STR(t->file), line, n->pos - start);
}

static void add_level(struct template_call *c, struct template_level level)
{
    struct template_failure *f = &c->failing->report;
    if (f->n_levels == c->failing->cap)
        f->levels = vec_grow_(c->a, f->levels, &c->failing->cap, sizeof *f->levels);
    f->levels[f->n_levels++] = level;
}

static void keep_text(struct template_call *c, struct str text, enum err_kind kind)
{
    c->failing->report.text = text;
    err_set_(c->e, kind, "%.*s", STR(text));
    memcpy(c->failing->prefix, c->e->text, sizeof c->failing->prefix);
}

/* One level around `message`, the whole text of what failed there; `shown` is what the level itself says. */
static void fail_at(struct template_call *c, struct str message, struct str shown, enum err_kind kind)
{
    if (message.n > CHAIN_SHOWN) {
        keep_text(c, message, kind);
        return;
    }
    struct str node = node_str(c->a, c->at);
    struct template_level level = { .location = location(c->a, c->tree, c->at),
                                    .name = c->tree->name,
                                    .node = str_slice(node, 0, NODE_SHOWN),
                                    .message = shown };
    struct buf b = { .a = c->a };
    buf_fmt(&b, "template: %.*s: executing ", STR(level.location));
    quote_into(&b, level.name, '"', 0);
    buf_fmt(&b, " at <%.*s>: ", STR(level.node));
    buf_add(&b, message);
    add_level(c, level);
    keep_text(c, buf_str(&b), kind);
}

bool exec_fail(struct template_call *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(c->a, fmt, args);
    va_end(args);
    c->failing->report.n_levels = 0;
    c->failing->report.by_function = false;
    c->failing->report.cause = message;
    fail_at(c, message, message, ERR_INVALID);
    return false;
}

struct str template_call_failure(struct template_call *call, const struct err *e)
{
    if (call->failing->report.text.n > 0 && strcmp(call->failing->prefix, e->text) == 0)
        return call->failing->report.text;
    return arena_str(call->a, str_c(e->text));
}

bool template_call_fail(struct template_call *call, struct str text, struct err *e)
{
    struct template_failure *f = &call->failing->report;
    f->n_levels = 0;
    f->by_function = true;
    f->text = f->cause = text;
    err_set_(e, ERR_INVALID, "%.*s", STR(text));
    memcpy(call->failing->prefix, e->text, sizeof call->failing->prefix);
    return false;
}

bool exec_fail_call(struct template_call *c, struct str name)
{
    struct template_failure *f = &c->failing->report;
    bool known = f->text.n > 0 && strcmp(c->failing->prefix, c->e->text) == 0;
    if (!known) {
        enum err_kind kind = c->e->kind;
        template_call_fail(c, arena_str(c->a, str_c(c->e->text)), c->e);
        c->e->kind = kind;
        f->by_function = !str_starts(f->cause, S("template: ")); /* a missing template is the engine's own error */
    }
    struct str shown = arena_fmt(c->a, "error calling %.*s:", STR(name));
    struct buf whole = { .a = c->a };
    buf_add(&whole, shown);
    buf_byte(&whole, ' ');
    buf_add(&whole, f->text);
    fail_at(c, buf_str(&whole), f->n_levels == 0 ? buf_str(&whole) : shown, c->e->kind);
    return false;
}
