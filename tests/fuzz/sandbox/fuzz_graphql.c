/* A GraphQL query as any client could send it. */
#include "sandbox/graphql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct value variables = value_map(&a);
    struct graphql_document doc;
    struct err e = { 0 };

    (void)!graphql_parse(&a, (struct str){ (const char *)data, size }, &variables, &doc, &e);
    return 0;
}
