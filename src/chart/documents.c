/*
 * chart/documents.c - from rendered files to documents in install order, hooks apart.
 */
#include <stdlib.h>

#include "chart/internal.h"
#include "data/yaml.h"

/* Helm's install order; other kinds follow, by name. */
static const char *const install_order[] = {
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
};

static const char *const hook_events[] = {
    "pre-install",  "post-install", "pre-delete",    "post-delete", "pre-upgrade",
    "post-upgrade", "pre-rollback", "post-rollback", "test",        "test-success",
};

/* ---- splitting ------------------------------------------------------------------------------ */

/* \s of Go's regular expressions */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* The next "---" at the start of a line at or after `from`; false when there is none. The white space before the line
 * is part of what separates, so a line that begins at `from` counts only at the start of the text. */
static bool find_dashes(struct str text, size_t from, size_t *at)
{
    const char *p = text.p + from, *end = text.p + text.n;

    if (from == 0 && str_starts(text, S("---"))) {
        *at = 0;
        return true;
    }
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        p++;
        if (end - p >= 3 && p[0] == '-' && p[1] == '-' && p[2] == '-') {
            *at = (size_t)(p - text.p);
            return true;
        }
    }
    return false;
}

void documents_split(struct arena *a, struct str text, struct str **out, size_t *n)
{
    VEC(struct str) list = { 0 };
    size_t from = 0, at;

    text = go_trim_space(text);
    while (find_dashes(text, from, &at)) {
        struct str piece = str_slice(text, from, at);
        if (go_trim_space(piece).n > 0)
            *vec_push(a, &list) = go_trim_space(piece);
        for (from = at + 3; from < text.n && is_blank(text.p[from]);)
            from++; /* white space behind the dashes belongs to them */
    }
    struct str rest = go_trim_space(str_slice(text, from, text.n));
    if (rest.n > 0)
        *vec_push(a, &list) = rest;
    *out = list.v;
    *n = list.n;
}

/* ---- the head of a document ----------------------------------------------------------------- */

struct head {
    struct str kind, hook;
    bool has_hook;
};

static bool wrong_shape(const struct value *v, const char *target, const char *go_type, struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go %s of type %s",
                   json_kind_word(v), target, go_type);
}

static bool read_annotations(struct arena *a, const struct value *annotations, struct head *out, struct err *e)
{
    struct str text;

    if (annotations->kind == VALUE_NULL)
        return true;
    if (annotations->kind != VALUE_MAP)
        return wrong_shape(annotations, "struct field .metadata.annotations", "map[string]string", e);
    for (size_t i = 0; i < annotations->map->n; i++) {
        const struct map_entry *entry = &annotations->map->v[i];
        if (!metadata_scalar(a, &entry->value, &text))
            return wrong_shape(&entry->value, "struct field .metadata.annotations", "string", e);
        if (str_is(entry->key, "helm.sh/hook")) {
            out->has_hook = true;
            out->hook = text;
        }
    }
    return true;
}

static const struct value *member_any_case(const struct value *v, const char *name)
{
    const struct value *found = value_get(v, name);

    for (size_t i = 0; found == &value_nil && i < v->map->n; i++)
        if (str_ieq(v->map->v[i].key, str_c(name)))
            found = &v->map->v[i].value;
    return found;
}

static bool read_head(struct arena *a, const struct value *doc, struct head *out, struct err *e)
{
    static const char *const texts[] = { "apiVersion", "kind" };
    struct str text;

    *out = (struct head){ 0 };
    if (doc->kind == VALUE_NULL)
        return true;
    if (doc->kind != VALUE_MAP)
        return err_set(e, ERR_INVALID,
                       "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal %s into Go value of type "
                       "util.SimpleHead",
                       json_kind_word(doc));
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct value *v = member_any_case(doc, texts[i]);
        if (!metadata_scalar(a, v, &text))
            return wrong_shape(v, arena_fmt(a, "struct field SimpleHead.%s", texts[i]).p, "string", e);
        out->kind = text;
    }
    const struct value *metadata = member_any_case(doc, "metadata");
    if (metadata->kind == VALUE_NULL)
        return true;
    if (metadata->kind != VALUE_MAP)
        return wrong_shape(metadata, "struct field SimpleHead.metadata",
                           "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string "
                           "\"json:\\\"annotations\\\"\" }",
                           e);
    const struct value *name = member_any_case(metadata, "name");
    if (!metadata_scalar(a, name, &text))
        return wrong_shape(name, "struct field .metadata.name", "string", e);
    return read_annotations(a, member_any_case(metadata, "annotations"), out, e);
}

/* ---- sorting -------------------------------------------------------------------------------- */

static struct str lower(struct arena *a, struct str s)
{
    struct str copy = arena_str(a, s);

    for (size_t i = 0; i < copy.n; i++)
        if (copy.p[i] >= 'A' && copy.p[i] <= 'Z')
            ((char *)copy.p)[i] |= 0x20;
    return copy;
}

static bool is_event(struct str word)
{
    for (size_t i = 0; i < COUNT(hook_events); i++)
        if (str_is(word, hook_events[i]))
            return true;
    return false;
}

/* Comma separated events; false when one is unknown. */
static bool read_hook(struct arena *a, struct str events, struct document *out)
{
    struct str rest = events, word;
    bool more = true;

    out->hook = true;
    while (more) {
        more = str_split(&rest, S(","), &word);
        word = lower(a, go_trim_space(word));
        if (!is_event(word))
            return false;
        out->test_hook = out->test_hook || str_starts(word, S("test"));
    }
    return true;
}

/* Where documents go; the tree of one is dropped in `scratch` before the next is read. */
struct sorter {
    struct arena *a, *scratch;
    struct warnings *w;
    struct documents *manifests, *hooks;
    struct unreadable *unreadable;
    struct err *e;
};

static bool add_document(const struct sorter *s, struct str path, struct str text)
{
    static const char *const keys[] = { "hookTypes" };
    struct document d = { .path = path, .text = text };
    struct arena_mark mark = arena_mark(s->scratch);
    struct value doc;
    struct head head;

    *s->unreadable = (struct unreadable){ path, text };
    if (!yaml_parse(s->scratch, text, NULL, &doc, s->e))
        return err_wrap(s->e, "YAML parse error on %.*s: error converting YAML to JSON", STR(path));
    if (!read_head(s->scratch, &doc, &head, s->e))
        return err_wrap(s->e, "YAML parse error on %.*s", STR(path));
    d.kind = arena_str(s->a, head.kind);
    if (!head.has_hook)
        *vec_push(s->a, s->manifests) = d;
    else if (read_hook(s->scratch, head.hook, &d))
        *vec_push(s->a, s->hooks) = d;
    else
        warn_log(s->w, "INFO", S("skipping unknown hooks"), keys, &head.hook, 1);
    arena_rewind(s->scratch, mark);
    return true;
}

static size_t kind_rank(struct str kind)
{
    size_t i = 0;

    while (i < COUNT(install_order) && !str_is(kind, install_order[i]))
        i++;
    return i;
}

struct ranked {
    size_t rank, position;
    struct document document;
};

static int by_rank(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    int order = a->rank == COUNT(install_order) ? str_cmp(a->document.kind, b->document.kind) : 0;
    if (order != 0)
        return order;
    return a->position < b->position ? -1 : 1;
}

static void sort_by_kind(struct arena *a, struct documents *list)
{
    struct ranked *ranked = arena_new(a, struct ranked, list->n);

    if (list->n == 0)
        return;
    for (size_t i = 0; i < list->n; i++)
        ranked[i] = (struct ranked){ kind_rank(list->v[i].kind), i, list->v[i] };
    qsort(ranked, list->n, sizeof *ranked, by_rank);
    for (size_t i = 0; i < list->n; i++)
        list->v[i] = ranked[i].document;
}

static int by_path(const void *left, const void *right)
{
    return str_cmp(((const struct rendered_file *)left)->name, ((const struct rendered_file *)right)->name);
}

bool documents_sort(struct arena *a, const struct rendered_files *files, struct warnings *w,
                    struct documents *manifests, struct documents *hooks, struct unreadable *unreadable, struct err *e)
{
    CLEANUP(arena_close) struct arena scratch = { 0 };
    const struct sorter s = { a, &scratch, w, manifests, hooks, unreadable, e };
    struct rendered_file *sorted = arena_new(a, struct rendered_file, files->n);

    if (files->n > 0) {
        memcpy(sorted, files->v, sizeof *sorted * files->n);
        qsort(sorted, files->n, sizeof *sorted, by_path);
    }
    for (size_t i = 0; i < files->n; i++) {
        struct str *texts;
        size_t n;
        documents_split(a, sorted[i].text, &texts, &n);
        for (size_t k = 0; k < n; k++)
            if (!add_document(&s, sorted[i].name, texts[k]))
                return false;
    }
    sort_by_kind(a, manifests);
    sort_by_kind(a, hooks);
    return true;
}
