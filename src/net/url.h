/*
 * net/url.h - RFC 3986 URLs as Go's net/url reads them, and escaping.
 */
#pragma once
#include "base/base.h"

struct url {
    struct str scheme, user, host;    /* host with port; user is "name:password" or empty */
    struct str path, query, fragment; /* path still escaped */
};
MUST_CHECK bool url_parse(struct str text, struct url *out, struct err *e);
struct str url_hostname(const struct url *u); /* without the port */
/* Whether a host name (without port) is this machine: localhost, *.localhost, 127.0.0.0/8, ::1. */
bool url_is_loopback(struct str hostname);
int url_port(const struct url *u); /* explicit, or the scheme's default, or 0 */
struct str url_str(struct arena *a, const struct url *u);
/* Resolve a reference against a base (RFC 3986 section 5). */
struct str url_resolve(struct arena *a, struct str base, struct str reference);
struct str url_escape_query(struct arena *a, struct str s); /* space is + */
struct str url_escape_path(struct arena *a, struct str s);  /* one segment: / is escaped too */
struct str url_unescape(struct arena *a, struct str s, bool plus_is_space);
/* The text without user and password, for messages. */
struct str url_redact(struct arena *a, struct str url);
