/* json-c. */
#include "peers.h"

#ifdef HAVE_JSON_C
#include <json-c/json.h>

static void *read(const char *text, size_t n)
{
    struct json_tokener *t = json_tokener_new_ex(1000);
    struct json_object *document = json_tokener_parse_ex(t, text, (int)n);

    json_tokener_free(t);
    return document;
}

static size_t write(void *document)
{
    size_t n = 0;

    json_object_to_json_string_length(document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
    return n;
}

static void release(void *document)
{
    json_object_put(document);
}

const struct peer peer_json_c = { "json-c", read, write, release };
#else
const struct peer peer_json_c = { .name = "json-c" };
#endif

#ifdef NO_CPP /* the other peer is C++ */
const struct peer peer_rapidjson = { .name = "rapidjson" };
#endif
