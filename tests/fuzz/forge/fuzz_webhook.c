/* A webhook body as a stranger could send it. */
#include "forge/forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 64 << 20 };
    struct webhook_event ev = { 0 };
    struct err e = { 0 };
    struct str body = { (const char *)data, size };

    if (!webhook_parse(&a, S("pull_request"), S("guid"), body, &ev, &e))
        return 0;
    (void)webhook_verify(S("secret"), body, ev.head_sha);
    return 0;
}
