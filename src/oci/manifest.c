/* oci/manifest.c - manifests and tags: what a name points to, moving it, listing. */
#include <stdlib.h>

#include "data/json.h"
#include "net/url.h"
#include "oci/digest.h"
#include "oci/internal.h"

enum { TAG_PAGES_MAX = 10000, TAGS_MAX = 1000000 };

/* All four in one: with fewer, registries answer 404 or, worse, one platform's image of a list. */
static const struct http_header accept_all = { { "Accept", 6 },
                                               { OCI_INDEX ", " OCI_IMAGE ", " DOCKER_LIST ", " DOCKER_IMAGE,
                                                 sizeof OCI_INDEX ", " OCI_IMAGE ", " DOCKER_LIST ", " DOCKER_IMAGE
                                                     - 1 } };

bool oci_is_index(struct str media_type)
{
    return str_is(media_type, OCI_INDEX) || str_is(media_type, DOCKER_LIST);
}

bool oci_is_image(struct str media_type)
{
    return str_is(media_type, OCI_IMAGE) || str_is(media_type, DOCKER_IMAGE);
}

struct oci_descriptor oci_descriptor_of(const struct value *v)
{
    return (struct oci_descriptor){
        .media_type = value_as_str(value_get(v, "mediaType")),
        .digest = value_as_str(value_get(v, "digest")),
        .size = value_int_at(v, "size", -1),
    };
}

/* A header's value without parameters. */
static struct str media_type_of(const struct http_response *response)
{
    struct str rest = http_header_get(&response->headers, "Content-Type"), type = { 0 };
    str_split(&rest, S(";"), &type);
    return str_trim(type);
}

static struct str manifest_path(struct arena *a, const struct oci_reference *r)
{
    return arena_fmt(a, "manifests/%.*s", STR(r->digest.n > 0 ? r->digest : r->tag));
}

static bool ask(struct arena *a, struct oci_client *c, const struct oci_reference *r, const char *method,
                struct http_response *out, struct err *e)
{
    struct http_header accept = accept_all;
    struct oci_call call = {
        .method = method, .path = manifest_path(a, r), .headers = { &accept, 1 }, .response_max = OCI_MANIFEST_MAX
    };
    return oci_send(a, c, r, &call, out, e);
}

static bool name_error(struct arena *a, const struct oci_reference *r, struct err *e)
{
    return err_wrap(e, "%.*s", STR(oci_reference_str(a, r)));
}

/* ---- reading ------------------------------------------------------------------------------ */

/* The bytes must be what the reference and the registry's own header say they are. */
static bool check_digest(struct arena *a, const struct oci_reference *r, const struct http_response *response,
                         struct str *out, struct err *e)
{
    struct str announced = http_header_get(&response->headers, "Docker-Content-Digest");
    struct str wanted = r->digest.n > 0 ? r->digest : announced;
    struct str digest = oci_digest_of(a, response->body, wanted);
    if (wanted.n > 0 && oci_digest_valid(wanted) && !str_eq(digest, wanted))
        return err_set(e, ERR_INVALID, "the registry sent a manifest whose digest is %.*s instead of %.*s", STR(digest),
                       STR(wanted));
    *out = digest;
    return true;
}

/* A manifest says itself what it is; the header must not say otherwise. */
static bool check_type(struct arena *a, struct str bytes, struct str *type, struct err *e)
{
    struct value v = { 0 };
    if (!json_parse(a, bytes, &v, e) || v.kind != VALUE_MAP)
        return err_set(e, ERR_INVALID, "the registry sent a manifest that is no JSON object");
    struct str own = value_as_str(value_get(&v, "mediaType"));
    if (own.n > 0 && (oci_is_index(*type) || oci_is_image(*type)) && !str_eq(own, *type))
        return err_set(e, ERR_INVALID, "the registry sent a manifest as %.*s that is %.*s", STR(*type), STR(own));
    if (own.n > 0)
        *type = own;
    return true;
}

static bool get(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct oci_descriptor *out,
                struct str *bytes, struct err *e)
{
    struct http_response response = { 0 };
    struct oci_descriptor d = { 0 };
    if (!ask(a, c, r, "GET", &response, e))
        return false;
    d.media_type = media_type_of(&response);
    d.size = (int64_t)response.body.n;
    if (!check_digest(a, r, &response, &d.digest, e) || !check_type(a, response.body, &d.media_type, e))
        return false;
    *out = d;
    *bytes = response.body;
    return true;
}

bool oci_manifest_get(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct oci_descriptor *out,
                      struct str *bytes, struct err *e)
{
    return get(a, c, r, out, bytes, e) || name_error(a, r, e);
}

static bool resolve(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct oci_descriptor *out,
                    struct err *e)
{
    struct http_response response = { 0 };
    struct str bytes = { 0 };
    struct oci_descriptor d = { 0 };
    if (!ask(a, c, r, "HEAD", &response, e))
        return false;
    d.digest = http_header_get(&response.headers, "Docker-Content-Digest");
    d.media_type = media_type_of(&response);
    bool sized = str_to_int(http_header_get(&response.headers, "Content-Length"), &d.size);
    if (!oci_digest_valid(d.digest) || !sized || !(oci_is_index(d.media_type) || oci_is_image(d.media_type)))
        return get(a, c, r, out, &bytes, e); /* an older registry: only the bytes tell */
    if (r->digest.n > 0 && !str_eq(d.digest, r->digest))
        return err_set(e, ERR_INVALID, "the registry answers with digest %.*s", STR(d.digest));
    *out = d;
    return true;
}

bool oci_resolve(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct oci_descriptor *out,
                 struct err *e)
{
    return resolve(a, c, r, out, e) || name_error(a, r, e);
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool put(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str media_type,
                struct str bytes, struct str *out_digest, struct err *e)
{
    struct http_response response = { 0 };
    struct http_header type = { S("Content-Type"), media_type };
    struct str digest = oci_digest_of(a, bytes, r->digest);
    struct oci_call call = { .method = "PUT",
                             .path = arena_fmt(a, "manifests/%.*s", STR(r->tag.n > 0 ? r->tag : digest)),
                             .headers = { &type, 1 },
                             .body = bytes,
                             .push = true };
    if (r->digest.n > 0 && !str_eq(r->digest, digest))
        return err_set(e, ERR_INVALID, "the manifest to push has digest %.*s", STR(digest));
    if (!oci_send(a, c, r, &call, &response, e))
        return false;
    struct str stored = http_header_get(&response.headers, "Docker-Content-Digest");
    if (oci_digest_valid(stored) && str_eq(oci_digest_algorithm(stored), oci_digest_algorithm(digest))
        && !str_eq(stored, digest))
        return err_set(e, ERR_INVALID, "the registry stored %.*s instead of %.*s", STR(stored), STR(digest));
    *out_digest = digest;
    return true;
}

bool oci_manifest_put(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str media_type,
                      struct str bytes, struct str *out_digest, struct err *e)
{
    return put(a, c, r, media_type, bytes, out_digest, e) || name_error(a, r, e);
}

bool oci_manifest_delete(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct err *e)
{
    struct http_response response = { 0 };
    struct oci_call call = { .method = "DELETE", .path = manifest_path(a, r), .remove = true };
    return oci_send(a, c, r, &call, &response, e) || name_error(a, r, e);
}

/* ---- tags --------------------------------------------------------------------------------- */

/* Link: <URL>; rel="next" - the URL, or empty. */
struct str oci_next_link(struct str link)
{
    struct str one = { 0 };
    for (bool more = link.n > 0; more;) {
        ptrdiff_t close = str_find(link, S(">"));
        if (close < 0)
            return S("");
        struct str target = str_trim(str_cut(&link, (size_t)close));
        str_cut(&link, 1);
        more = str_split(&link, S(","), &one);
        ptrdiff_t open = str_find(target, S("<"));
        bool next = str_find(one, S("rel=\"next\"")) >= 0 || str_find(one, S("rel=next")) >= 0;
        if (next && open >= 0)
            return str_slice(target, (size_t)open + 1, target.n);
    }
    return S("");
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t sort_unique(struct str *v, size_t n)
{
    size_t kept = 0;
    if (n > 0)
        qsort(v, n, sizeof *v, by_bytes);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(v[kept - 1], v[i]))
            v[kept++] = v[i];
    return kept;
}

typedef VEC(struct str) tag_list;

static bool tags_page(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str *url,
                      tag_list *tags, struct err *e)
{
    struct http_response response = { 0 };
    struct value v = { 0 };
    struct oci_call call = { .method = "GET", .path = *url };
    if (!oci_send(a, c, r, &call, &response, e) || !json_parse(a, response.body, &v, e))
        return false;
    const struct value *page = value_get(&v, "tags");
    if (value_len(page) > TAGS_MAX - tags->n)
        return err_set(e, ERR_LIMIT, "more than %d tags", TAGS_MAX);
    for (size_t i = 0; i < value_len(page); i++)
        *vec_push(a, tags) = value_as_str(value_item(page, i));
    struct str next = oci_next_link(http_header_get(&response.headers, "Link"));
    *url = next.n > 0 && value_len(page) > 0 ? url_resolve(a, response.final_url, next) : S("");
    return true;
}

bool oci_tags(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str **out, size_t *out_n,
              struct err *e)
{
    tag_list tags = { 0 };
    struct str url = S("tags/list?n=1000");
    for (int page = 0; url.n > 0 && page < TAG_PAGES_MAX; page++)
        if (!tags_page(a, c, r, &url, &tags, e))
            return err_wrap(e, "list tags of %.*s/%.*s", STR(r->registry), STR(r->repository));
    *out = tags.v;
    *out_n = sort_unique(tags.v, tags.n);
    return true;
}
