/* A branch pattern and a branch name, with a newline between them. */
#include "sandbox/trigger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data, size }, pattern;

    str_split(&text, S("\n"), &pattern);
    (void)trigger_glob(pattern, text);
    return 0;
}
