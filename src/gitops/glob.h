/* gitops/glob.h - shell patterns as Argo CD's projects and directory sources use them. */
#pragma once
#include "base/base.h"

/* `*` any run (but not of `separator`, unless that is 0), `**` any run at all, `?` one byte, `[a-z]` and `[!a]` sets,
 * `{a,b}` alternatives,
 * `\` quotes. The whole subject must match. At most 200 steps of nesting. */
bool glob_matches(struct str pattern, struct str subject, char separator);
