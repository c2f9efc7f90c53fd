/* A workflow expression out of a pull request. */
#include "data/json.h"
#include "sandbox/wexpr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 16 << 20 };
    struct wexpr x = { 0 };
    struct str text = { (const char *)data, size }, out;
    struct err e = { 0 };
    bool wanted;

    if (!json_parse(&a,
                    S("{\"github\":{\"event\":{\"labels\":[{\"name\":\"x\"}]},\"ref\":\"refs/heads/x\"},\"env\":{}}"),
                    &x.contexts, &e))
        return 0;
    (void)!wexpr_fill(&a, text, &x, &out, &e);
    (void)!wexpr_if(&a, text, &x, &wanted, &e);
    return 0;
}
