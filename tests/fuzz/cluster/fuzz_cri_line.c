/* Lines of log files: containers write what they like into them. */
#include <assert.h>
#include <stdint.h>

#include "cluster/local/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str time, text;
    bool partial;
    if (logs_parse_line((struct str){ (const char *)data, size }, &time, &partial, &text))
        assert(time.n > 0 && time.n + text.n <= size);
    return 0;
}
