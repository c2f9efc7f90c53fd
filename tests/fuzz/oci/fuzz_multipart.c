/* Forms: the first line is the Content-Type, the rest is the body. */
#include "oci/registry_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = { (const char *)data, size }, type = { 0 }, out = { 0 };
    str_split(&body, S("\n"), &type);
    multipart_field(type, body, "chart", &out);
    return 0;
}
