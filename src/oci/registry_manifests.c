/* oci/registry_manifests.c - manifests, tags, referrers. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/json.h"
#include "net/url.h"
#include "oci/digest.h"
#include "oci/registry_internal.h"

enum { TAGS_PAGE_MAX = 10000 };

/* ---- reading ------------------------------------------------------------------------------ */

/* The digest that a path's reference stands for; empty when it stands for nothing. */
static struct str digest_of(struct visit *v)
{
    return oci_digest_valid(v->name) ? v->name : reg_tag(v, v->name);
}

static bool etag_matches(struct str header, struct str digest)
{
    struct str one = { 0 };
    for (bool more = header.n > 0; more;) {
        more = str_split(&header, S(","), &one);
        one = str_trim(one);
        if (str_starts(one, S("W/")))
            str_cut(&one, 2);
        if (str_is(one, "*") || str_eq(str_trim_set(one, "\""), digest))
            return true;
    }
    return false;
}

static void get_manifest(struct visit *v)
{
    struct str digest = digest_of(v), type = { 0 };
    struct stat st;
    CLEANUP(fd_close) int fd = -1;
    if (digest.n > 0 && reg_read(v, reg_link_path(v, v->repo, "_manifests", digest), &type))
        fd = open(reg_blob_path(v, digest), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        reg_refuse(v, 404, "MANIFEST_UNKNOWN", "manifest unknown", v->name);
        return;
    }
    reg_header(v, "Docker-Content-Digest", digest);
    reg_header(v, "ETag", arena_fmt(v->a, "\"%.*s\"", STR(digest)));
    if (etag_matches(http_header_get(&v->q->headers, "If-None-Match"), digest)) {
        http_reply(v->x, 304, NULL, S(""));
        return;
    }
    http_reply_fd(v->x, 200, arena_c(v->a, type), fd_take(&fd), 0, st.st_size);
}

/* ---- writing ------------------------------------------------------------------------------ */

struct incoming {
    struct str bytes, type, digest;
    struct value doc;
    struct str subject; /* digest, or empty */
};

static struct str content_type(struct visit *v)
{
    struct str rest = http_header_get(&v->q->headers, "Content-Type"), type = { 0 };
    str_split(&rest, S(";"), &type);
    return str_trim(type);
}

/* Null when the manifest may come in, else what is wrong with it. */
static const char *check_form(struct visit *v, struct incoming *in)
{
    struct err e = { 0 };
    if (!json_parse(v->a, in->bytes, &in->doc, &e) || in->doc.kind != VALUE_MAP)
        return "the manifest is no JSON object";
    struct str own = value_as_str(value_get(&in->doc, "mediaType"));
    if (in->type.n == 0 || str_is(in->type, "application/octet-stream"))
        in->type = own;
    if (!oci_is_image(in->type) && !oci_is_index(in->type))
        return "the media type is neither an OCI nor a Docker image or index";
    if (own.n > 0 && !str_eq(own, in->type))
        return "mediaType and Content-Type differ";
    if (value_int_at(&in->doc, "schemaVersion", 0) != 2)
        return "schemaVersion is not 2";
    if (oci_is_image(in->type) && value_get(&in->doc, "config")->kind != VALUE_MAP)
        return "an image manifest needs a config";
    if (oci_is_index(in->type) && value_get(&in->doc, "manifests")->kind != VALUE_LIST)
        return "an index needs a list of manifests";
    return NULL;
}

static bool is_foreign(struct str type)
{
    return str_find(type, S(".nondistributable.")) >= 0 || str_find(type, S(".foreign.")) >= 0;
}

/* Remember in `missing` what the manifest names and the repository lacks. */
static void look_for(struct visit *v, const struct value *descriptor, const char *kind, struct buf *missing)
{
    struct oci_descriptor d = oci_descriptor_of(descriptor);
    if (is_foreign(d.media_type) || (oci_digest_valid(d.digest) && reg_has(v, v->repo, kind, d.digest)))
        return;
    buf_fmt(missing, "%s%.*s", missing->n > 0 ? ", " : "", STR(utf8_prefix(d.digest, 140)));
}

static struct str find_missing(struct visit *v, const struct incoming *in)
{
    struct buf missing = { .a = v->a };
    const struct value *children = value_get(&in->doc, "manifests"), *layers = value_get(&in->doc, "layers");
    if (oci_is_index(in->type)) {
        for (size_t i = 0; i < value_len(children); i++)
            look_for(v, value_item(children, i), "_manifests", &missing);
        return buf_str(&missing);
    }
    look_for(v, value_get(&in->doc, "config"), "_blobs", &missing);
    for (size_t i = 0; i < value_len(layers); i++)
        look_for(v, value_item(layers, i), "_blobs", &missing);
    return buf_str(&missing);
}

static const char *referrer_path(struct visit *v, struct str subject, struct str digest)
{
    struct str folder = arena_fmt(v->a, "%.*s-%.*s", STR(oci_digest_algorithm(subject)), STR(oci_digest_hex(subject)));
    struct str name =
        arena_fmt(v->a, "%.*s/%.*s-%.*s", STR(folder), STR(oci_digest_algorithm(digest)), STR(oci_digest_hex(digest)));
    return reg_repo_path(v, "_referrers", name);
}

/* The descriptor that the referrers list shows: artifactType (else the config's type) and annotations copied in. */
static struct str referrer_descriptor(struct visit *v, const struct incoming *in)
{
    struct value d = value_map(v->a);
    struct str type = value_as_str(value_get(&in->doc, "artifactType"));
    if (type.n == 0)
        type = value_str_at(&in->doc, "config.mediaType");
    value_set_str(v->a, &d, "mediaType", in->type);
    value_set_str(v->a, &d, "digest", in->digest);
    value_set(v->a, &d, "size", value_int((int64_t)in->bytes.n));
    if (type.n > 0)
        value_set_str(v->a, &d, "artifactType", type);
    if (value_get(&in->doc, "annotations")->kind == VALUE_MAP)
        value_set(v->a, &d, "annotations", *value_get(&in->doc, "annotations"));
    return json_str(v->a, &d, 0);
}

/* Bytes, then the repository's link, then who refers to what, then the tag: each names only what is already there. */
static bool store(struct visit *v, const struct incoming *in, struct err *e)
{
    if (!reg_write(v, reg_blob_path(v, in->digest), in->bytes, e)
        || !reg_write(v, reg_link_path(v, v->repo, "_manifests", in->digest), in->type, e))
        return false;
    if (in->subject.n > 0 && !reg_write(v, referrer_path(v, in->subject, in->digest), referrer_descriptor(v, in), e))
        return false;
    return oci_digest_valid(v->name) || reg_write(v, reg_repo_path(v, "_tags", v->name), in->digest, e);
}

/* RFC 9110 conditions on a tag: a compare-and-swap for those who use it. */
static bool conditions_hold(struct visit *v)
{
    struct str current = digest_of(v);
    struct str match = http_header_get(&v->q->headers, "If-Match");
    struct str none = http_header_get(&v->q->headers, "If-None-Match");
    if (match.n > 0 && (current.n == 0 || !etag_matches(match, current)))
        return false;
    return none.n == 0 || current.n == 0 || !etag_matches(none, current);
}

static void put_checked(struct visit *v, const struct incoming *in)
{
    struct err e = { 0 };
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->lock);
    if (!conditions_hold(v)) {
        reg_refuse(v, 412, "DENIED", "the tag has changed", digest_of(v));
        return;
    }
    if (!store(v, in, &e)) {
        reg_broken(v, &e);
        return;
    }
    reg_header(v, "Location", arena_fmt(v->a, "/v2/%.*s/manifests/%.*s", STR(v->repo), STR(in->digest)));
    reg_header(v, "Docker-Content-Digest", in->digest);
    if (in->subject.n > 0)
        reg_header(v, "OCI-Subject", in->subject);
    http_reply(v->x, 201, NULL, S(""));
}

static void put_manifest(struct visit *v)
{
    bool by_digest = str_find(v->name, S(":")) >= 0;
    if (by_digest ? !oci_digest_valid(v->name) : !oci_tag_valid(v->name)) {
        reg_refuse(v, 400, by_digest ? "DIGEST_INVALID" : "MANIFEST_INVALID", "bad tag or digest", v->name);
        return;
    }
    if (v->q->body.n > OCI_MANIFEST_MAX) {
        reg_refuse(v, 413, "MANIFEST_INVALID", "the manifest is larger than 4 MiB", S(""));
        return;
    }
    struct incoming in = { .bytes = v->q->body, .type = content_type(v) };
    in.digest = oci_digest_of(v->a, in.bytes, by_digest ? v->name : S(""));
    if (by_digest && !str_eq(in.digest, v->name)) {
        reg_refuse(v, 400, "DIGEST_INVALID", "the manifest does not have this digest", in.digest);
        return;
    }
    const char *wrong = check_form(v, &in);
    if (wrong != NULL) {
        reg_refuse(v, 400, "MANIFEST_INVALID", wrong, S(""));
        return;
    }
    in.subject = value_str_at(&in.doc, "subject.digest");
    if (in.subject.n > 0 && !oci_digest_valid(in.subject)) {
        reg_refuse(v, 400, "MANIFEST_INVALID", "the subject has a bad digest", S(""));
        return;
    }
    struct str missing = find_missing(v, &in);
    if (missing.n > 0) {
        reg_refuse(v, 400, "MANIFEST_BLOB_UNKNOWN", "the manifest names content that was not pushed", missing);
        return;
    }
    put_checked(v, &in);
}

/* ---- deleting ----------------------------------------------------------------------------- */

static void drop_tags_of(struct visit *v, struct str digest)
{
    struct fs_names names = { 0 };
    struct err none = { 0 };
    if (!fs_list(v->a, reg_repo_path(v, "_tags", S("")), &names, &none))
        return;
    for (size_t i = 0; i < names.n; i++)
        if (str_eq(reg_tag(v, names.v[i]), digest))
            unlink(reg_repo_path(v, "_tags", names.v[i]));
}

void reg_drop_referrer(struct visit *v, struct str digest)
{
    struct str bytes = { 0 };
    struct value doc = { 0 };
    struct err e = { 0 };
    if (!fs_read(v->a, AT_FDCWD, reg_blob_path(v, digest), OCI_MANIFEST_MAX, &bytes, &e)
        || !json_parse(v->a, bytes, &doc, &e))
        return;
    struct str subject = value_str_at(&doc, "subject.digest");
    if (oci_digest_valid(subject))
        unlink(referrer_path(v, subject, digest));
}

static void delete_manifest(struct visit *v)
{
    CLEANUP(mutex_release) pthread_mutex_t *held = mutex_hold(&v->reg->lock);
    struct str digest = digest_of(v);
    if (digest.n == 0 || !fs_exists(reg_link_path(v, v->repo, "_manifests", digest))) {
        reg_refuse(v, 404, "MANIFEST_UNKNOWN", "manifest unknown", v->name);
        return;
    }
    if (oci_digest_valid(v->name)) {
        drop_tags_of(v, digest); /* names go before what they name */
        reg_drop_referrer(v, digest);
        unlink(reg_link_path(v, v->repo, "_manifests", digest));
    } else {
        unlink(reg_repo_path(v, "_tags", v->name));
    }
    http_reply(v->x, 202, NULL, S(""));
}

void reg_manifest(struct visit *v)
{
    if (str_is(v->q->method, "GET")) {
        get_manifest(v);
        return;
    }
    if (str_is(v->q->method, "PUT")) {
        put_manifest(v);
        return;
    }
    if (str_is(v->q->method, "DELETE")) {
        delete_manifest(v);
        return;
    }
    reg_refuse(v, 405, "UNSUPPORTED", "manifests take GET, PUT and DELETE", S(""));
}

/* ---- tags --------------------------------------------------------------------------------- */

static void answer_tags(struct visit *v, const struct fs_names *names, int64_t n, struct str last)
{
    struct value doc = value_map(v->a), tags = value_list(v->a);
    struct str shown = { 0 };
    for (size_t i = 0; i < names->n; i++) {
        if (!oci_tag_valid(names->v[i]) || (last.n > 0 && str_cmp(names->v[i], last) <= 0))
            continue;
        if (tags.list->n == (size_t)n) {
            if (n > 0)
                reg_header(v, "Link",
                           arena_fmt(v->a, "</v2/%.*s/tags/list?n=%lld&last=%.*s>; rel=\"next\"", STR(v->repo),
                                     (long long)n, STR(url_escape_query(v->a, shown))));
            break;
        }
        list_push(v->a, tags.list, value_str(names->v[i]));
        shown = names->v[i];
    }
    value_set_str(v->a, &doc, "name", v->repo);
    value_set(v->a, &doc, "tags", tags);
    http_reply_json(v->x, 200, &doc);
}

void reg_tags(struct visit *v)
{
    struct fs_names names = { 0 };
    struct str limit = http_query(v->q, "n");
    int64_t n = TAGS_PAGE_MAX;
    struct err e = { 0 };
    if (!str_is(v->q->method, "GET")) {
        reg_refuse(v, 405, "UNSUPPORTED", "tags are only listed", S(""));
        return;
    }
    if (limit.n > 0 && (!str_to_int(limit, &n) || n < 0)) {
        reg_refuse(v, 400, "UNSUPPORTED", "n is no count", limit);
        return;
    }
    if (!fs_is_dir(reg_repo_path(v, "_manifests", S("")))) {
        reg_refuse(v, 404, "NAME_UNKNOWN", "repository name not known to registry", v->repo);
        return;
    }
    if (!fs_list(v->a, reg_repo_path(v, "_tags", S("")), &names, &e) && e.kind != ERR_NOT_FOUND) {
        reg_broken(v, &e);
        return;
    }
    answer_tags(v, &names, n < TAGS_PAGE_MAX ? n : TAGS_PAGE_MAX, http_query(v->q, "last"));
}

/* ---- referrers ---------------------------------------------------------------------------- */

static void add_referrer(struct visit *v, const char *path, struct str wanted, struct value *list)
{
    struct str text = { 0 };
    struct value d = { 0 };
    struct err e = { 0 };
    if (!reg_read(v, path, &text) || !json_parse(v->a, text, &d, &e))
        return;
    if (wanted.n == 0 || str_eq(value_as_str(value_get(&d, "artifactType")), wanted))
        list_push(v->a, list->list, d);
}

void reg_referrers(struct visit *v)
{
    struct fs_names names = { 0 };
    struct value doc = value_map(v->a), list = value_list(v->a);
    struct str wanted = http_query(v->q, "artifactType");
    struct err none = { 0 };
    if (!str_is(v->q->method, "GET")) {
        reg_refuse(v, 405, "UNSUPPORTED", "referrers are only listed", S(""));
        return;
    }
    if (!oci_digest_valid(v->name)) {
        reg_refuse(v, 400, "DIGEST_INVALID", "invalid digest", v->name);
        return;
    }
    struct str folder = arena_fmt(v->a, "%.*s-%.*s", STR(oci_digest_algorithm(v->name)), STR(oci_digest_hex(v->name)));
    const char *path = reg_repo_path(v, "_referrers", folder);
    if (fs_list(v->a, path, &names, &none))
        for (size_t i = 0; i < names.n; i++)
            add_referrer(v, fs_join(v->a, path, arena_c(v->a, names.v[i])), wanted, &list);
    value_set(v->a, &doc, "schemaVersion", value_int(2));
    value_set_str(v->a, &doc, "mediaType", S(OCI_INDEX));
    value_set(v->a, &doc, "manifests", list);
    if (wanted.n > 0)
        reg_header(v, "OCI-Filters-Applied", S("artifactType"));
    http_reply(v->x, 200, OCI_INDEX, json_str(v->a, &doc, 0));
}
