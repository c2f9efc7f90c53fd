/* Request heads and bodies, response heads: whatever is accepted must be framed the same way by a second reading of
 * what we send on. */
#include <assert.h>
#include <stdint.h>

#include "cluster/local/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str in = { (const char *)data, size };
    struct request_head h, again;
    struct response_head response;
    (void)response_head_parse(in, false, &response);
    if (request_head_parse(in, &h) != HEAD_OK)
        return 0;
    assert(h.size <= size && h.size <= HEAD_BYTES_MAX);
    struct body b = body_begin(h.body, h.content_length);
    assert(body_take(&b, str_slice(in, h.size, size)) <= size - h.size);
    struct buf out = { .a = &a };
    request_head_write(&out, &h, S("127.0.0.1"));
    if (out.n > HEAD_BYTES_MAX)
        return 0;
    enum head_result result = request_head_parse(buf_str(&out), &again);
    if (result != HEAD_OK) { /* our own four fields may have been one too many */
        assert(h.n + 5 > HEAD_FIELDS_MAX);
        return 0;
    }
    assert(again.body == h.body && again.content_length == h.content_length && again.size == out.n);
    assert(str_eq(again.target, h.target) && str_eq(again.authority, h.authority));
    return 0;
}
