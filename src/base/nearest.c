/* "Did you mean": the known word that is closest to a mistyped one. */
#include "base/base.h"

enum { WORD_MAX = 64 };

static unsigned char folded(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool is_filler(char c)
{
    return c == '-' || c == '_' || c == '.';
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Equal but for case and fillers: "replica_count" and "replicaCount". */
static bool same_letters(struct str a, struct str b)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a.n && is_filler(a.p[i]))
            i++;
        while (k < b.n && is_filler(b.p[k]))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (folded(a.p[i++]) != folded(b.p[k++]))
            return false;
    }
}

/* Damerau's distance (optimal string alignment), row by row. */
static size_t distance(struct str a, struct str b)
{
    size_t rows[3][WORD_MAX + 1] = { 0 };
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t k = 0; k <= b.n; k++)
        above[k] = k;
    for (size_t i = 1; i <= a.n; i++) {
        row[0] = i;
        for (size_t k = 1; k <= b.n; k++) {
            unsigned char x = folded(a.p[i - 1]), y = folded(b.p[k - 1]);
            row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + (x != y));
            if (i > 1 && k > 1 && x == folded(b.p[k - 2]) && y == folded(a.p[i - 2]))
                row[k] = least(row[k], before[k - 2] + 1);
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b.n];
}

ptrdiff_t str_nearest(struct str word, const struct str *names, size_t n)
{
    ptrdiff_t best = -1;
    size_t limit = word.n / 3 > 0 ? word.n / 3 : word.n > 1, best_distance = limit + 1;

    if (word.n == 0 || word.n > WORD_MAX)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (names[i].n == 0 || names[i].n > WORD_MAX)
            continue;
        size_t d = same_letters(word, names[i]) ? 0 : distance(word, names[i]);
        if (d < best_distance) {
            best_distance = d;
            best = (ptrdiff_t)i;
        }
    }
    return best;
}
