#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static const struct str names[] = {
    { "replicaCount", 12 }, { "image", 5 }, { "imagePullSecrets", 16 }, { "tag", 3 }, { "a", 1 }
};

static struct row {
    const char *name, *word;
    const char *meant; /* NULL: nothing is close enough */
} rows[] = {
    { "the word itself", "image", "image" },
    { "a letter left out", "imge", "image" },
    { "two letters swapped", "imgae", "image" },
    { "another way to write it", "replica_count", "replicaCount" },
    { "case", "REPLICACOUNT", "replicaCount" },
    { "plural", "imagesPullSecret", "imagePullSecrets" },
    { "short words may differ in one letter", "tab", "tag" },
    { "too far", "service", NULL },
    { "one letter has no neighbours", "b", NULL },
    { "nothing", "", NULL },
    { "too long", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL },
};

static void finds(void **state)
{
    const struct row *r = *state;
    ptrdiff_t i = str_nearest(str_c(r->word), names, COUNT(names));

    if (r->meant == NULL)
        assert_int_equal(i, -1);
    else
        assert_true(i >= 0 && str_is(names[i], r->meant));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, finds, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
