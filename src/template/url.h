/* template/url.h - URLs as Go's net/url takes them apart, for who must refuse the same ones in the same words. */
#pragma once
#include "base/base.h"

struct template_url {
    struct str scheme; /* lower case; empty for a relative one */
    struct str host;   /* with its port, IPv6 in brackets */
    struct str hostname;
    struct str path; /* decoded; empty when the URL is opaque */
};

/* url.Parse. errors: ERR_INVALID, "parse \"http://[\": missing ']' in host". */
MUST_CHECK bool template_url_parse(struct arena *a, struct str text, struct template_url *out, struct err *e);
