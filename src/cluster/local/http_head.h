/*
 * cluster/local/http_head.h - heads and bodies of HTTP/1.1 messages, as the ingress proxy must understand them. Private
 * to the room.
 *
 * A proxy that reads a message differently from the server behind it lets requests be smuggled, so whatever is
 * ambiguous is refused: both Content-Length and Transfer-Encoding, two lengths, two Hosts, a space before a colon,
 * folded lines, bare LF, bare CR. Source: RFC 9112.
 */
#pragma once
#include "base/base.h"

#define HEAD_BYTES_MAX 16384 /* of a request head; also of a response head */
#define HEAD_FIELDS_MAX 128

struct head_field {
    struct str name, value;
};
enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };
enum head_result { HEAD_INCOMPLETE, HEAD_OK, HEAD_BAD };

struct request_head {          /* slices of the parsed bytes */
    struct str method, target; /* target is the path with query; an absolute-form target is reduced to it */
    struct str path;           /* without the query */
    struct str host;           /* without the port, as sent; empty when HTTP/1.0 sent none */
    struct str authority;      /* with the port */
    int minor;                 /* HTTP/1.minor */
    struct head_field fields[HEAD_FIELDS_MAX];
    size_t n;
    enum body_kind body;
    int64_t content_length; /* BODY_LENGTH */
    bool keep_alive, upgrade;
    size_t size;     /* bytes of the head, the empty line included */
    int status;      /* HEAD_BAD: what to answer: 400, 405, 501, 505 */
    const char *why; /* HEAD_BAD: in words */
};
enum head_result request_head_parse(struct str bytes, struct request_head *out);
/* The head as it goes to a pod: hop-by-hop fields and forged X-Forwarded-* taken out, ours put in. */
void request_head_write(struct buf *out, const struct request_head *h, struct str peer);

struct response_head {
    int status;
    enum body_kind body;
    int64_t content_length;
    bool keep_alive;
    size_t size;
};
/* to_head: the request was HEAD, so no body follows whatever the fields say. */
enum head_result response_head_parse(struct str bytes, bool to_head, struct response_head *out);

/* ---- bodies -------------------------------------------------------------------------------- */

struct body {
    enum body_kind kind;
    int64_t left; /* BODY_LENGTH: bytes to come; BODY_CHUNKED: of this chunk */
    int state, digits;
    bool done, bad; /* bad: the chunks are malformed */
};
struct body body_begin(enum body_kind kind, int64_t content_length);
/* How many of the bytes belong to the body; framing bytes of chunks count. Stops at the end of the body. */
size_t body_take(struct body *b, struct str bytes);
