/* The tree in Go's spelling: what stands between < and > in messages. */
#include "template/internal.h"

static void write_pipe(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < n->n_declared; i++) {
        buf_c(out, i > 0 ? ", " : "");
        buf_add(out, n->pipe.declared[i].name);
    }
    if (n->n_declared > 0)
        buf_c(out, n->assign ? " = " : " := ");
    for (const struct node *c = n->pipe.commands; c != NULL; c = c->next) {
        node_write(out, c);
        buf_c(out, c->next != NULL ? " | " : "");
    }
}

static void write_in_parens(struct buf *out, const struct node *n)
{
    bool parens = n->kind == NODE_PIPE;
    buf_c(out, parens ? "(" : "");
    node_write(out, n);
    buf_c(out, parens ? ")" : "");
}

static void write_names(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < n->path.n; i++) {
        buf_byte(out, '.');
        buf_add(out, n->path.names[i]);
    }
}

static void write_invocation(struct buf *out, const struct node *n)
{
    buf_c(out, "{{template ");
    quote_into(out, n->invoke.name, '"', 0);
    if (n->invoke.pipe != NULL) {
        buf_byte(out, ' ');
        write_pipe(out, n->invoke.pipe);
    }
    buf_c(out, "}}");
}

void node_write(struct buf *out, const struct node *n)
{
    switch ((int)n->kind) {
    case NODE_TEXT: buf_add(out, n->text); break;
    case NODE_LITERAL: quote_into(out, n->text, '"', 0); break;
    case NODE_PIPE: write_pipe(out, n); break;
    case NODE_COMMAND:
        for (const struct node *arg = n->command.args; arg != NULL; arg = arg->next) {
            write_in_parens(out, arg);
            buf_c(out, arg->next != NULL ? " " : "");
        }
        break;
    case NODE_BOOL:
    case NODE_NUMBER:
    case NODE_STRING: buf_add(out, n->constant.spelling); break;
    case NODE_NIL: buf_c(out, "nil"); break;
    case NODE_DOT: buf_byte(out, '.'); break;
    case NODE_FIELD: write_names(out, n); break;
    case NODE_VARIABLE:
        buf_add(out, n->path.name);
        write_names(out, n);
        break;
    case NODE_CHAIN:
        write_in_parens(out, n->path.base);
        write_names(out, n);
        break;
    case NODE_IDENTIFIER: buf_c(out, n->identifier.func->name); break;
    case NODE_TEMPLATE: write_invocation(out, n); break;
    case NODE_ACTION:
    case NODE_IF:
    case NODE_WITH:
    case NODE_RANGE:
        buf_c(out, n->kind == NODE_IF      ? "{{if "
                   : n->kind == NODE_WITH  ? "{{with "
                   : n->kind == NODE_RANGE ? "{{range "
                                           : "{{");
        write_pipe(out, n->control.pipe);
        buf_c(out, "}}");
        break;
    default: break; /* no message names a jump */
    }
}

struct str node_str(struct arena *a, const struct node *n)
{
    struct buf b = { .a = a };
    node_write(&b, n);
    return buf_str(&b);
}
