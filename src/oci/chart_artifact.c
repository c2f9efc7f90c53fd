/*
 * oci/chart_artifact.c - Helm charts in a registry: one layer, the package, and Chart.yaml as JSON for a configuration.
 *
 * Source: Helm's "Use OCI-based registries" (media types, `_` in tags for `+`), OCI image specification (annotations).
 */
#include <stdlib.h>

#include "data/json.h"
#include "data/semver.h"
#include "oci/digest.h"
#include "oci/internal.h"

#define CHART_CONFIG "application/vnd.cncf.helm.config.v1+json"
#define CHART_LAYER "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
#define CHART_PACKAGE_MAX ((size_t)100 << 20)

static struct str replaced(struct arena *a, struct str s, char from, char to)
{
    struct str copy = arena_str(a, s);
    for (size_t i = 0; i < copy.n; i++)
        if (copy.p[i] == from)
            ((char *)(uintptr_t)copy.p)[i] = to;
    return copy;
}

struct str oci_chart_tag(struct arena *a, struct str version)
{
    return replaced(a, version, '+', '_');
}

struct str oci_chart_version(struct arena *a, struct str tag)
{
    return replaced(a, tag, '_', '+');
}

/* Of charts the first part is always a host; of images only one with a dot, a colon or of upper case. */
static void take_first_as_host(struct str rest, struct oci_reference *r)
{
    struct str first = { 0 };
    bool path = str_split(&rest, S("/"), &first);
    if (!path || !str_is(r->registry, "docker.io") || str_find(first, S("docker.io")) >= 0)
        return;
    size_t behind = r->digest.n > 0 ? r->digest.n + 1 : 0;
    if (behind == 0 && rest.n > r->tag.n && str_ends(rest, r->tag) && rest.p[rest.n - r->tag.n - 1] == ':')
        behind = r->tag.n + 1; /* written, not the tag that is meant when there is none */
    r->registry = first;
    r->repository = str_slice(rest, 0, rest.n - behind);
}

bool oci_chart_reference(struct arena *a, struct str url, struct str tag, struct oci_reference *out, struct err *e)
{
    if (!str_starts(url, S("oci://")))
        return err_set(e, ERR_INVALID, "%.*s begins with no oci://", STR(url));
    str_cut(&url, sizeof "oci://" - 1);
    struct str text = arena_fmt(a, "%.*s%s%.*s", STR(url), tag.n > 0 ? ":" : "", STR(tag));
    if (!oci_reference_parse(a, text, out, e))
        return false;
    take_first_as_host(text, out);
    return true;
}

/* ---- reading ------------------------------------------------------------------------------ */

bool oci_chart_find(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                    struct oci_descriptor *manifest, struct oci_descriptor *package, struct err *e)
{
    struct str bytes = { 0 };
    struct value v = { 0 };
    if (!oci_manifest_get(a, c, r, manifest, &bytes, e))
        return false;
    if (!json_parse(a, bytes, &v, e))
        return err_wrap(e, "manifest of %.*s", STR(oci_reference_str(a, r)));
    const struct value *layers = value_get(&v, "layers");
    for (size_t i = 0; i < value_len(layers); i++) {
        *package = oci_descriptor_of(value_item(layers, i));
        if (str_is(package->media_type, CHART_LAYER))
            return true;
    }
    return err_set(e, ERR_INVALID, "%.*s is no chart: its manifest has no layer of type %s",
                   STR(oci_reference_str(a, r)), CHART_LAYER);
}

bool oci_chart_get(struct arena *a, struct oci_client *c, const struct oci_reference *r,
                   const struct oci_descriptor *package, struct str *out, struct err *e)
{
    return oci_blob_read(a, c, r, package, CHART_PACKAGE_MAX, out, e)
           || err_wrap(e, "%.*s", STR(oci_reference_str(a, r)));
}

struct version {
    struct semver parsed;
    struct str text;
};

static int newest_first(const void *left, const void *right)
{
    return semver_compare(&((const struct version *)right)->parsed, &((const struct version *)left)->parsed);
}

bool oci_chart_versions(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str **out,
                        size_t *out_n, struct err *e)
{
    struct str *tags = NULL;
    size_t n_tags = 0, n = 0;
    if (!oci_tags(a, c, r, &tags, &n_tags, e))
        return false;
    struct version *versions = arena_new(a, struct version, n_tags + 1);
    for (size_t i = 0; i < n_tags; i++) {
        struct version v = { .text = oci_chart_version(a, tags[i]) };
        struct err ignored = { 0 };
        if (semver_parse_strict(v.text, &v.parsed, &ignored))
            versions[n++] = v;
    }
    qsort(versions, n, sizeof *versions, newest_first);
    struct str *texts = arena_new(a, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        texts[i] = versions[i].text;
    *out = texts;
    *out_n = n;
    return true;
}

/* ---- pushing ------------------------------------------------------------------------------ */

static struct value descriptor(struct arena *a, const struct oci_descriptor *d)
{
    struct value v = value_map(a);
    value_set(a, &v, "mediaType", value_str(d->media_type));
    value_set(a, &v, "digest", value_str(d->digest));
    value_set(a, &v, "size", value_int(d->size));
    return v;
}

/* "name (email), name" */
static struct str authors(struct arena *a, const struct value *maintainers)
{
    struct buf b = { .a = a };
    for (size_t i = 0; i < value_len(maintainers); i++) {
        const struct value *m = value_item(maintainers, i);
        struct str email = value_str_at(m, "email");
        buf_fmt(&b, "%s%.*s", i > 0 ? ", " : "", STR(value_str_at(m, "name")));
        if (email.n > 0)
            buf_fmt(&b, " (%.*s)", STR(email));
    }
    return buf_str(&b);
}

static struct value annotations(struct arena *a, const struct value *metadata)
{
    const struct {
        const char *name;
        struct str value;
    } rows[] = {
        { "created", clock_rfc3339(a, clock_wall_ms()) },
        { "title", value_str_at(metadata, "name") },
        { "version", value_str_at(metadata, "version") },
        { "description", value_str_at(metadata, "description") },
        { "url", value_str_at(metadata, "home") },
        { "source", value_as_str(value_item(value_get(metadata, "sources"), 0)) },
        { "authors", authors(a, value_get(metadata, "maintainers")) },
    };
    struct value out = value_map(a);
    const struct value *own = value_get(metadata, "annotations");
    for (size_t i = 0; own->kind == VALUE_MAP && i < own->map->n; i++)
        map_put(a, out.map, own->map->v[i].key, own->map->v[i].value);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].value.n > 0)
            value_set(a, &out, arena_fmt(a, "org.opencontainers.image.%s", rows[i].name).p, value_str(rows[i].value));
    return out;
}

static struct str manifest_of(struct arena *a, const struct oci_descriptor *config, const struct oci_descriptor *layer,
                              const struct value *metadata)
{
    struct value manifest = value_map(a), layers = value_list(a);
    list_push(a, layers.list, descriptor(a, layer));
    value_set(a, &manifest, "schemaVersion", value_int(2));
    value_set(a, &manifest, "mediaType", value_c(OCI_IMAGE));
    value_set(a, &manifest, "config", descriptor(a, config));
    value_set(a, &manifest, "layers", layers);
    value_set(a, &manifest, "annotations", annotations(a, metadata));
    return json_str(a, &manifest, 0);
}

static struct oci_descriptor blob_of(struct arena *a, const char *media_type, struct str bytes)
{
    return (struct oci_descriptor){ str_c(media_type), oci_digest_of(a, bytes, S("")), (int64_t)bytes.n };
}

bool oci_chart_push(struct arena *a, struct oci_client *c, const struct oci_reference *r, struct str package,
                    const struct value *metadata, struct oci_descriptor *out, struct err *e)
{
    struct str config = json_str(a, metadata, 0);
    struct oci_descriptor configuration = blob_of(a, CHART_CONFIG, config), layer = blob_of(a, CHART_LAYER, package);
    if (!oci_blob_put(a, c, r, &layer, package, -1, e) || !oci_blob_put(a, c, r, &configuration, config, -1, e))
        return err_wrap(e, "push %.*s", STR(oci_reference_str(a, r)));
    struct str manifest = manifest_of(a, &configuration, &layer, metadata);
    *out = (struct oci_descriptor){ .media_type = S(OCI_IMAGE), .size = (int64_t)manifest.n };
    return oci_manifest_put(a, c, r, S(OCI_IMAGE), manifest, &out->digest, e);
}
