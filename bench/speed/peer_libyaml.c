/* libyaml makes no tree: only its events, which is the least that any user of it pays. */
#include "peers.h"

#ifdef HAVE_LIBYAML
#include <yaml.h>

static void *read(const char *text, size_t n)
{
    static char whole[] = "read to the end";
    yaml_parser_t parser;
    yaml_event_t event = { 0 };
    bool ok = yaml_parser_initialize(&parser) != 0, more = true;

    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    while (ok && more) {
        ok = yaml_parser_parse(&parser, &event) != 0;
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok ? whole : NULL;
}

static void release(void *document)
{
    (void)document;
}

const struct peer peer_libyaml = { .name = "libyaml events", .read = read, .release = release };
#else
const struct peer peer_libyaml = { .name = "libyaml" };
#endif
