/*
 * Other people's parsers, for comparison in the same run. A peer that was not installed when this was built has no
 * functions; it is then said to be missing.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer {
    const char *name;
    void *(*read)(const char *text, size_t n); /* the document, or NULL when the text is refused */
    size_t (*write)(void *document);           /* into memory of its own; returns the bytes; NULL: it only reads */
    void (*release)(void *document);
};

extern const struct peer peer_libyaml, peer_json_c, peer_rapidjson;

#ifdef __cplusplus
}
#endif
