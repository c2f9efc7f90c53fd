/* cluster/local/logs.h - lines of a container's log files. Private to the room. */
#pragma once
#include "cluster/cluster.h"

struct local;
/* As cluster_logs. errors: ERR_NOT_FOUND (no such pod, container or former run), ERR_UNAVAILABLE while it has not
 * started. */
MUST_CHECK bool logs_read(struct local *l, const struct cluster_logs *o, bool (*line)(void *user, struct str text),
                          void *user, struct err *e);
/* One CRI line "2024-03-24T16:02:22.000000000Z stdout F text": the text, its time, and whether the line goes on (P).
 * False when malformed. */
bool logs_parse_line(struct str line, struct str *time, bool *partial, struct str *text);
