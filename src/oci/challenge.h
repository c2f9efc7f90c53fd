/*
 * oci/challenge.h - the login challenge that an OCI registry sends.
 *
 * A registry that wants to know the caller answers 401 with headers such as
 *     WWW-Authenticate: Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull"
 *     WWW-Authenticate: Basic realm="private"
 * Source: RFC 9110 section 11.6.1 (syntax); distribution-spec, token flow.
 */
#pragma once
#include "base/base.h"

#define OCI_CHALLENGE_MAX 4096 /* bytes of header value accepted */

enum oci_scheme { OCI_BEARER, OCI_BASIC };

struct oci_challenge {
    enum oci_scheme scheme;
    struct str realm;   /* Bearer: absolute URL to ask for the token; never empty then */
    struct str service; /* empty when the registry sent none */
    struct str scope;   /* space-separated "repository:NAME:ACTIONS"; may be empty */
    struct str error;   /* "insufficient_scope", or empty */
};

/*
 * Parse one WWW-Authenticate header: the first Bearer or Basic challenge in it.
 *
 * header: the bytes after the colon; need not be UTF-8.
 * out:    set on success only; its slices live in `header` and in `a`.
 * errors: ERR_INVALID for bad syntax, no known scheme, Bearer without realm; ERR_LIMIT for size.
 */
MUST_CHECK bool oci_challenge_parse(struct arena *a, struct str header, struct oci_challenge *out, struct err *e);
