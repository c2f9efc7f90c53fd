/*
 * chart/lock.c - Chart.lock: the digest over wanted and locked dependencies, and the file's text.
 *
 * The digest is SHA-256 over the compact JSON [WANTED, LOCKED], whose objects have their fields in the order of Helm's
 * struct: name and repository always, the others only when they say something.
 */
#include <openssl/evp.h>

#include "base/hex.h"
#include "base/sys.h"
#include "chart/repository.h"
#include "data/json.h"
#include "data/yaml.h"

struct str sha256_hex(struct arena *a, struct str bytes)
{
    unsigned char digest[32];

    EVP_Digest(bytes.p, bytes.n, digest, NULL, EVP_sha256(), NULL);
    return hex_text(a, (struct str){ (const char *)digest, sizeof digest });
}

static void add_text(struct buf *b, const char *key, struct str text, bool always)
{
    if (text.n == 0 && !always)
        return;
    buf_fmt(b, "%s\"%s\":", b->p[b->n - 1] == '{' ? "" : ",", key);
    json_write_string(b, text, JSON_ESCAPE_HTML);
}

static void add_list(struct buf *b, const char *key, const struct value *list)
{
    if (value_len(list) == 0)
        return;
    buf_fmt(b, ",\"%s\":", key);
    json_write(b, list, JSON_SORT_KEYS | JSON_ESCAPE_HTML);
}

static void add_dependency(struct buf *b, const struct chart_dependency *d)
{
    buf_byte(b, '{');
    add_text(b, "name", d->name, true);
    add_text(b, "version", d->version, false);
    add_text(b, "repository", d->repository, true);
    add_text(b, "condition", d->condition, false);
    add_list(b, "tags", &d->tags);
    if (d->enabled_as_written)
        buf_c(b, ",\"enabled\":true");
    add_list(b, "import-values", &d->import_values);
    add_text(b, "alias", d->alias, false);
    buf_byte(b, '}');
}

static void add_dependencies(struct buf *b, const struct chart_dependencies *list)
{
    buf_byte(b, '[');
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0)
            buf_byte(b, ',');
        add_dependency(b, &list->v[i]);
    }
    buf_byte(b, ']');
}

struct str lock_digest(struct arena *a, const struct chart_dependencies *wanted,
                       const struct chart_dependencies *locked)
{
    struct buf b = { .a = a };

    buf_byte(&b, '[');
    add_dependencies(&b, wanted);
    buf_byte(&b, ',');
    add_dependencies(&b, locked);
    buf_byte(&b, ']');
    return arena_fmt(a, "sha256:%.*s", STR(sha256_hex(a, buf_str(&b))));
}

/* Helm 2 took it over {"dependencies": WANTED} alone. */
struct str lock_digest_v2(struct arena *a, const struct chart_dependencies *wanted)
{
    struct buf b = { .a = a };

    buf_c(&b, "{\"dependencies\":");
    add_dependencies(&b, wanted);
    buf_byte(&b, '}');
    return arena_fmt(a, "sha256:%.*s", STR(sha256_hex(a, buf_str(&b))));
}

struct str lock_text(struct arena *a, const struct chart_dependencies *locked, struct str digest)
{
    struct value lock = value_map(a), list = value_list(a);

    for (size_t i = 0; i < locked->n; i++) {
        struct value d = value_map(a);
        value_set(a, &d, "name", value_str(locked->v[i].name));
        value_set(a, &d, "repository", value_str(locked->v[i].repository));
        value_set(a, &d, "version", value_str(locked->v[i].version));
        list_push(a, list.list, d);
    }
    value_set(a, &lock, "dependencies", list);
    value_set(a, &lock, "digest", value_str(digest));
    value_set(a, &lock, "generated", value_str(clock_rfc3339(a, clock_wall_ms())));
    return yaml_str(a, &lock);
}
