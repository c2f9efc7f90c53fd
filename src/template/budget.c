/*
 * What an execution may take: memory, steps, processor time. Statements and calls pay in steps; memory is looked at
 * whenever they do, the clock only now and then.
 *
 * A step is about a tenth of a microsecond. A call pays for the texts and lists that it is given (eval.c); functions
 * whose work grows faster than that, or is slow by nature (keys, password hashes, regular expressions), pay by
 * themselves. The processor time is the last resort: it ends what nobody foresaw.
 */
#include <time.h>

#include "template/funcs.h"

#define MEMORY_MAX ((size_t)1 << 30)
#define STEPS_MAX ((int64_t)500000000)
#define CPU_SECONDS_MAX 60 /* the largest public charts take a tenth of a second */
#define LOOK_EVERY 100000  /* steps between two looks at the clock */

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t next_look(int64_t steps_left)
{
    return steps_left > LOOK_EVERY ? steps_left - LOOK_EVERY : 0;
}

struct template_budget template_budget(const struct arena *a, size_t memory_max, int64_t steps_max)
{
    struct template_budget b = { .memory_max = memory_max > 0 ? memory_max : MEMORY_MAX,
                                 .steps_max = steps_max > 0 ? steps_max : STEPS_MAX };
    b.memory_end = a->total + b.memory_max;
    b.steps_left = b.steps_max;
    b.look_at = next_look(b.steps_left);
    b.cpu_end_ns = cpu_ns() + (int64_t)CPU_SECONDS_MAX * 1000000000;
    return b;
}

bool budget_look(struct template_call *c, struct err *e)
{
    struct template_budget *b = c->budget;
    if (c->a->total > b->memory_end)
        return err_set(e, ERR_LIMIT, "more memory than its limit of %zu bytes", b->memory_max);
    if (b->steps_left < 0)
        return err_set(e, ERR_LIMIT, "more than %lld steps: a loop without end, or one over too much?",
                       (long long)b->steps_max);
    if (cpu_ns() > b->cpu_end_ns)
        return err_set(e, ERR_LIMIT, "more than %d seconds of processor time", CPU_SECONDS_MAX);
    b->look_at = next_look(b->steps_left);
    return true;
}

bool template_call_spend(struct template_call *call, int64_t steps, struct err *e)
{
    return call_spend(call, steps, e);
}

/* ---- what one call may make ---------------------------------------------------------------- */

enum { PRINT_DEPTH_MAX = 500 }; /* of lists and maps in each other; a map may hold itself (set $m "x" $m) */

bool text_fits(size_t bytes, struct err *e)
{
    return bytes <= TEXT_MAX || err_set(e, ERR_LIMIT, "the text would be larger than %zu bytes", TEXT_MAX);
}

bool list_fits(size_t elements, struct err *e)
{
    return elements <= (size_t)ELEMENTS_MAX
           || err_set(e, ERR_LIMIT, "a list of more than %lld elements", (long long)ELEMENTS_MAX);
}

bool tree_measure(const struct value *v, int depth, int64_t *left)
{
    *left -= 1 + (int64_t)value_as_str(v).n;
    if (depth < 0 || *left < 0)
        return false;
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list->n; i++)
        if (!tree_measure(&v->list->v[i], depth - 1, left))
            return false;
    for (size_t i = 0; v->kind == VALUE_MAP && i < v->map->n; i++) {
        *left -= (int64_t)v->map->v[i].key.n;
        if (!tree_measure(&v->map->v[i].value, depth - 1, left))
            return false;
    }
    return true;
}

bool can_print(struct template_call *c, const struct value *args, size_t n, struct err *e)
{
    int64_t left = (int64_t)TEXT_MAX;
    for (size_t i = 0; i < n; i++) {
        if (tree_measure(&args[i], PRINT_DEPTH_MAX, &left))
            continue;
        return left < 0 ? text_fits(TEXT_MAX + 1, e)
                        : err_set(e, ERR_LIMIT, "a map or list that holds itself, or is nested more than %d deep",
                                  PRINT_DEPTH_MAX);
    }
    return call_spend(c, ((int64_t)TEXT_MAX - left) / 256, e);
}
