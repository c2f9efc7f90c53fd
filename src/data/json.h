/*
 * data/json.h - RFC 8259 reader and writer over struct value.
 *
 * Whole numbers that fit become VALUE_INT (exact 64 bits), all others VALUE_FLOAT. Duplicate keys:
 * the last one wins, at the first one's place (as Go's encoding/json does).
 */
#pragma once
#include "data/value.h"

#define JSON_DEPTH_MAX 1000
#define JSON_TEXT_MAX ((size_t)256 << 20)

/*
 * Parse one JSON text. Strings without escapes share the bytes of `text`, which must outlive the
 * tree. errors: ERR_INVALID with line and column, ERR_LIMIT for depth or size.
 */
MUST_CHECK bool json_parse(struct arena *a, struct str text, struct value *out, struct err *e);

/* After json_parse has failed: sets *e to what Go's encoding/json says about the text. Always false. */
bool json_go_error(struct arena *a, struct str text, struct err *e);
/* The same; *offset: the byte that is wrong, or the length of the text when it ends too early. */
bool json_go_error_at(struct arena *a, struct str text, size_t *offset, struct err *e);

enum json_flags {
    JSON_SORT_KEYS = 1,   /* keys in byte order, as Go writes maps */
    JSON_ESCAPE_HTML = 2, /* < > & and U+2028/9 as \u escapes, as Go's default encoder */
    JSON_INDENT = 4,      /* two blanks, as kubectl -o json and Go's MarshalIndent("", "  ") */
};
void json_write(struct buf *out, const struct value *v, int flags);
struct str json_str(struct arena *a, const struct value *v, int flags);
/* Only the quoted string. */
void json_write_string(struct buf *out, struct str s, int flags);
/* A float as Go's encoding/json prints it (shortest, 'e' form outside 1e-6..1e21). */
void json_write_float(struct buf *out, double f);
