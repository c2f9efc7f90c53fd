/*
 * forge/internal.h - shared by the files of this room only.
 */
#pragma once
#include "forge/forge.h"
#include "net/http.h"

#define FORGE_PAGE_SIZE 100 /* items asked for per page; GitHub's own maximum */
#define FORGE_PAGES_MAX 100 /* pages followed: 10,000 pull requests */
#define FORGE_BODY_MAX ((size_t)32 << 20)
#define FORGE_TIMEOUT_MS 30000

/* One call. `url` is absolute; `body` NULL for none; `etag` empty for an unconditional call. */
struct forge_ask {
    const char *method;
    struct str url;
    const struct value *body;
    struct str etag;
};
struct forge_answer {
    int status; /* 2xx, or 304 when an ETag was sent */
    struct http_headers headers;
    struct str text;   /* the body as it came */
    struct value json; /* the body, or null when it is empty */
};

/*
 * Make one call and judge the answer. True for 2xx with a JSON body (or none, for 202 and 204) and for 304; anything
 * else is an error of the kinds in forge.h, with one line that names the call and never the token.
 */
MUST_CHECK bool forge_ask(struct arena *a, const struct forge_repo *r, const struct forge_ask *ask,
                          struct forge_answer *out, struct err *e);
/* The error of an answer that is no success; always false. `now_ms` is the wall clock, for relative waits. */
bool forge_refusal(struct arena *a, int status, const struct http_headers *headers, struct str body, int64_t now_ms,
                   struct err *e);
/* api + "/repos/OWNER/NAME" + tail; ERR_INVALID for an owner or name that GitHub could not have. */
MUST_CHECK bool forge_repo_url(struct arena *a, const struct forge_repo *r, struct str tail, struct str *out,
                               struct err *e);
bool forge_is_sha(struct str s); /* 40 lower-case or upper-case hex digits */

/* The target of rel="next" in a Link header; empty when there is none. The slice lives in `header`. */
struct str forge_link_next(struct str header);

/* ---- memory of conditional requests ------------------------------------------------------- */
struct forge_page {
    struct str etag, next, body;
};
/* Copy of what was kept for this URL and token, or false. */
bool forge_cache_get(struct arena *a, struct forge_cache *c, struct str url, struct str token, struct forge_page *out);
void forge_cache_put(struct forge_cache *c, struct str url, struct str token, const struct forge_page *page);
enum forge_outcome { FORGE_COUNTED, FORGE_NOT_MODIFIED, FORGE_FAILED };
void forge_cache_count(struct forge_cache *c, enum forge_outcome outcome);
