/* The Link header as GitHub, proxies and nonsense write it. */
#include "../cmocka_all.h"
#include "forge/internal.h"

static struct row {
    const char *name, *header, *next;
} rows[] = {
    { "next and last", "<https://h/p?page=2>; rel=\"next\", <https://h/p?page=9>; rel=\"last\"", "https://h/p?page=2" },
    { "next comes last", "<https://h/p?page=1>; rel=\"prev\", <https://h/p?page=3>; rel=\"next\"",
      "https://h/p?page=3" },
    { "unquoted", "<https://h/2>; rel=next", "https://h/2" },
    { "several types", "<https://h/2>; rel=\"nofollow next\"", "https://h/2" },
    { "other parameters", "<https://h/2>; title=\"a, b; c\"; rel=\"next\"", "https://h/2" },
    { "upper case", "<https://h/2>; REL=\"NEXT\"", "https://h/2" },
    { "comma in the target", "<https://h/2?a=1,2>; rel=\"next\"", "https://h/2?a=1,2" },
    { "only the first page", "<https://h/1>; rel=\"first\"", "" },
    { "next only in a title", "<https://h/1>; title=\"next\"", "" },
    { "empty", "", "" },
    { "not closed", "<https://h/2", "" },
    { "no parameters", "<https://h/2>", "" },
    { "open quote", "<https://h/2>; rel=\"next", "https://h/2" },
};

static void next_of_row(void **state)
{
    const struct row *r = *state;
    struct str next = forge_link_next(str_c(r->header));

    assert_true(str_is(next, r->next));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){ rows[i].name, next_of_row, NULL, NULL, &rows[i] };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
