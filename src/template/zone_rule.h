/*
 * template/zone_rule.h - the rule for all the time after a zone file's last transition. Inside src/template only.
 *
 * It has the form of the variable TZ in POSIX: "EST5EDT,M3.2.0,M11.1.0", "<+03>-3".
 */
#pragma once
#include "base/base.h"

/* What the clock shows at `sec`; `abbreviation` is a slice of `rule`. False when the rule is malformed. */
bool zone_rule_at(struct str rule, int64_t sec, int32_t *offset, struct str *abbreviation);
