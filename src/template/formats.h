/*
 * template/formats.h - text formats that only templates use. Inside src/template only.
 */
#pragma once
#include "template/internal.h"

/* TOML 1.0 as github.com/BurntSushi/toml writes and reads it, times as time.Time. errors: ERR_INVALID in its words. */
MUST_CHECK bool toml_write(struct buf *out, const struct value *v, struct err *e);
MUST_CHECK bool toml_parse(struct arena *a, struct str text, struct value *out, struct err *e);
