/* Where the body of an HTTP message ends. Chunks pass through unchanged; only their borders are read. */
#include "base/hex.h"
#include "cluster/local/http_head.h"

/*
 * chunked-body = *( chunk-size [ chunk-ext ] CRLF chunk-data CRLF ) 1*"0" [ chunk-ext ] CRLF *( field-line CRLF ) CRLF
 */
enum chunk_state {
    AT_SIZE,
    IN_EXTENSION,
    SIZE_LF,
    IN_DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    IN_TRAILER,
    TRAILER_LF,
    LAST_LF
};
#define SIZE_DIGITS_MAX 12 /* hexadecimal: 256 TiB */
#define EXTENSION_MAX 4096 /* bytes of extensions of one chunk, and of all trailers */

struct body body_begin(enum body_kind kind, int64_t content_length)
{
    bool empty = kind == BODY_NONE || (kind == BODY_LENGTH && content_length == 0);
    return (
        struct body){ .kind = kind, .left = kind == BODY_LENGTH ? content_length : 0, .state = AT_SIZE, .done = empty };
}

static bool at_size(struct body *b, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        b->left = b->left * 16 + digit;
        return ++b->digits <= SIZE_DIGITS_MAX;
    }
    if (b->digits == 0)
        return false;
    b->state = c == '\r' ? SIZE_LF : IN_EXTENSION;
    b->digits = 0;
    return c == '\r' || c == ';' || c == ' ' || c == '\t';
}

/* One framing byte; false when it may not stand here. */
static bool frame(struct body *b, char c)
{
    switch ((enum chunk_state)b->state) {
    case AT_SIZE: return at_size(b, c);
    case IN_EXTENSION:
        if (c == '\r')
            b->state = SIZE_LF;
        return ++b->digits < EXTENSION_MAX && c != '\n' && c != '\0';
    case SIZE_LF:
        b->state = b->left > 0 ? IN_DATA : TRAILER_START;
        b->digits = 0;
        return c == '\n';
    case DATA_CR: b->state = DATA_LF; return c == '\r';
    case DATA_LF:
        b->state = AT_SIZE;
        b->digits = 0;
        return c == '\n';
    case TRAILER_START: b->state = c == '\r' ? LAST_LF : IN_TRAILER; return c != '\n' && c != '\0';
    case IN_TRAILER:
        if (c == '\r')
            b->state = TRAILER_LF;
        return ++b->digits < EXTENSION_MAX && c != '\n' && c != '\0';
    case TRAILER_LF: b->state = TRAILER_START; return c == '\n';
    case LAST_LF: b->done = true; return c == '\n';
    case IN_DATA: break;
    }
    return false;
}

static size_t take_chunks(struct body *b, struct str bytes)
{
    size_t i = 0;
    while (i < bytes.n && !b->done) {
        if (b->state == IN_DATA) {
            size_t n = bytes.n - i;
            n = (int64_t)n > b->left ? (size_t)b->left : n;
            i += n;
            b->left -= (int64_t)n;
            if (b->left == 0)
                b->state = DATA_CR;
            continue;
        }
        if (!frame(b, bytes.p[i])) {
            b->bad = b->done = true;
            return i;
        }
        i++;
    }
    return i;
}

size_t body_take(struct body *b, struct str bytes)
{
    if (b->done)
        return 0;
    switch (b->kind) {
    case BODY_NONE: return 0;
    case BODY_UNTIL_CLOSE: return bytes.n;
    case BODY_CHUNKED: return take_chunks(b, bytes);
    case BODY_LENGTH: break;
    }
    size_t n = (int64_t)bytes.n > b->left ? (size_t)b->left : bytes.n;
    b->left -= (int64_t)n;
    b->done = b->left == 0;
    return n;
}
