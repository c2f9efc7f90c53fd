/*
 * chart/schema_ref.c - which draft a schema speaks, and what its references mean.
 *
 * A document may hold several resources, each with an $id of its own, and anchors inside them. All are noted once, by
 * their absolute URL. Nothing is fetched: a reference to another document fails, naming it.
 */
#include "chart/schema.h"
#include "data/json.h"
#include "net/url.h"

static const struct {
    const char *url; /* without scheme and '#' */
    int draft;
} drafts[] = {
    { "json-schema.org/draft-04/schema", 4 },         { "json-schema.org/draft-06/schema", 6 },
    { "json-schema.org/draft-07/schema", 7 },         { "json-schema.org/draft/2019-09/schema", 2019 },
    { "json-schema.org/draft/2020-12/schema", 2020 }, { "json-schema.org/schema", 2020 },
};

const char *schema_draft_url(int draft)
{
    switch (draft) {
    case 4: return "http://json-schema.org/draft-04/schema";
    case 6: return "http://json-schema.org/draft-06/schema";
    case 7: return "http://json-schema.org/draft-07/schema";
    case 2019: return "https://json-schema.org/draft/2019-09/schema";
    default: return "https://json-schema.org/draft/2020-12/schema";
    }
}

static bool find_draft(const struct value *root, int *out, struct err *e)
{
    struct str url = root->kind == VALUE_MAP ? value_str_at(root, "$schema") : S(""), bare = url;

    *out = 2020;
    if (url.n == 0)
        return true;
    if (str_starts(bare, S("http://")) || str_starts(bare, S("https://")))
        str_cut(&bare, (size_t)str_find(bare, S("//")) + 2);
    if (str_ends(bare, S("#")))
        bare.n--;
    for (size_t i = 0; i < COUNT(drafts); i++) {
        if (str_is(bare, drafts[i].url)) {
            *out = drafts[i].draft;
            return true;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "failing loading \"%.*s\": only the drafts 4, 6, 7, 2019-09 and 2020-12 are known",
                   STR(url));
}

static struct str without_fragment(struct str url)
{
    ptrdiff_t hash = str_find(url, S("#"));

    return hash < 0 ? url : str_slice(url, 0, (size_t)hash);
}

static struct str id_of(const struct schema_document *d, const struct value *schema)
{
    return schema->kind == VALUE_MAP ? value_as_str(value_get(schema, d->draft == 4 ? "id" : "$id")) : S("");
}

struct str schema_base(const struct schema_document *d, const struct value *schema, struct str base)
{
    struct str id = without_fragment(id_of(d, schema));

    return id.n == 0 ? base : url_resolve(d->a, base, id);
}

static void note(const struct schema_document *d, struct str url, const struct value *schema, struct str base)
{
    struct schema_place *place = arena_new(d->a, struct schema_place, 1);

    *place = (struct schema_place){ schema, base };
    if (map_get(d->resources, url) == NULL)
        map_put(d->a, d->resources, url, (struct value){ .kind = VALUE_OPAQUE, .opaque = place });
}

static void note_anchor(const struct schema_document *d, const struct value *schema, struct str base, struct str anchor)
{
    if (anchor.n > 0)
        note(d, arena_fmt(d->a, "%.*s#%.*s", STR(base), STR(anchor)), schema, base);
}

/* Every object of the document that could be a schema; data in `enum` and `const` is left alone. */
static void note_all(const struct schema_document *d, const struct value *v, struct str base, int depth)
{
    if (depth > SCHEMA_DEPTH_MAX)
        return;
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->list->n; i++)
        note_all(d, &v->list->v[i], base, depth + 1);
    if (v->kind != VALUE_MAP)
        return;
    struct str own = schema_base(d, v, base), id = id_of(d, v);
    ptrdiff_t hash = str_find(id, S("#"));
    if (!str_eq(own, base))
        note(d, own, v, own);
    if (hash >= 0) /* before 2019 an anchor was the fragment of the id */
        note_anchor(d, v, own, str_slice(id, (size_t)hash + 1, id.n));
    note_anchor(d, v, own, value_as_str(value_get(v, "$anchor")));
    note_anchor(d, v, own, value_as_str(value_get(v, "$dynamicAnchor")));
    for (size_t i = 0; i < v->map->n; i++)
        if (!str_is(v->map->v[i].key, "enum") && !str_is(v->map->v[i].key, "const"))
            note_all(d, &v->map->v[i].value, own, depth + 1);
}

static bool parse(struct arena *a, struct str text, struct value *out, struct err *e)
{
    if (go_trim_space(text).n == 0)
        return err_set(e, ERR_INVALID, "EOF");
    size_t at = 0;
    if (json_parse(a, text, out, e) || json_go_error_at(a, text, &at, e))
        return true;
    return at == text.n ? err_set(e, ERR_INVALID, "unexpected EOF") : false; /* what Go's decoder says of streams */
}

bool schema_open(struct arena *a, struct str text, struct schema_document *out, struct err *e)
{
    struct value resources = value_map(a);

    *out = (struct schema_document){ .a = a, .resources = resources.map };
    if (!parse(a, text, &out->root, e) || !find_draft(&out->root, &out->draft, e))
        return false;
    note(out, SCHEMA_URL, &out->root, schema_base(out, &out->root, SCHEMA_URL));
    note_all(out, &out->root, SCHEMA_URL, 0);
    return true;
}

/* ---- references ----------------------------------------------------------------------------- */

static struct str unescaped_token(struct arena *a, struct str token)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1'))
            buf_byte(&b, token.p[++i] == '0' ? '~' : '/');
        else
            buf_byte(&b, token.p[i]);
    }
    return buf_str(&b);
}

static const struct value *step(struct arena *a, const struct value *v, struct str token)
{
    int64_t i;

    if (v->kind == VALUE_MAP)
        return map_get(v->map, unescaped_token(a, token));
    if (v->kind == VALUE_LIST && str_to_int(token, &i) && i >= 0 && (size_t)i < v->list->n)
        return &v->list->v[i];
    return NULL;
}

/* Walk a JSON pointer; an $id on the way changes the base. */
static bool follow_pointer(const struct schema_document *d, struct str pointer, struct schema_place *at)
{
    struct str token;
    bool more = pointer.n > 0;

    str_cut(&pointer, 1);
    while (more) {
        more = str_split(&pointer, S("/"), &token);
        const struct value *next = step(d->a, at->schema, token);
        if (next == NULL)
            return false;
        *at = (struct schema_place){ next, schema_base(d, next, at->base) };
    }
    return true;
}

bool schema_resolve(const struct schema_document *d, struct str base, struct str ref, struct schema_place *out,
                    struct err *e)
{
    struct str url = without_fragment(ref).n == 0 ? base : url_resolve(d->a, base, without_fragment(ref));
    ptrdiff_t hash = str_find(ref, S("#"));
    struct str fragment = hash < 0 ? S("") : url_unescape(d->a, str_slice(ref, (size_t)hash + 1, ref.n), false);
    const struct value *found = map_get(d->resources, without_fragment(url));

    if (found == NULL)
        return err_set(e, ERR_NOT_FOUND, "failing loading \"%.*s\": references to other documents are not followed",
                       STR(url));
    *out = *(const struct schema_place *)found->opaque;
    if (fragment.n > 0 && fragment.p[0] != '/') {
        found = map_get(d->resources, arena_fmt(d->a, "%.*s#%.*s", STR(out->base), STR(fragment)));
        if (found == NULL)
            return err_set(e, ERR_NOT_FOUND, "anchor in \"%.*s#%.*s\" not found", STR(url), STR(fragment));
        *out = *(const struct schema_place *)found->opaque;
        return true;
    }
    if (!follow_pointer(d, fragment, out))
        return err_set(e, ERR_NOT_FOUND, "json-pointer in \"%.*s#%.*s\" not found", STR(url), STR(fragment));
    return true;
}
