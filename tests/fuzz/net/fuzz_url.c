/* URLs: parse, write, resolve, unescape. What was parsed must be readable again after writing. */
#include <assert.h>

#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 1 << 20 };
    struct str text = { (const char *)data, size < 4096 ? size : 4096 };
    struct url u = { 0 }, again = { 0 };
    struct err e = { 0 };
    url_redact(&a, text);
    url_unescape(&a, text, true);
    url_resolve(&a, S("http://a/b/c"), text);
    if (url_parse(text, &u, &e) && u.scheme.n > 0 && u.host.n > 0) {
        bool ok = url_parse(url_str(&a, &u), &again, &e);
        assert(ok);
        assert(str_eq(u.host, again.host));
        url_port(&u);
    }
    return 0;
}
