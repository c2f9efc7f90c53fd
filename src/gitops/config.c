/*
 * Loads the configuration directory. Each document is parsed by itself, so that a mistake stays where it is: the text
 * before it is replaced by its newlines, which keeps the parser's line numbers those of the file.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/sys.h"
#include "data/json.h"
#include "data/yaml.h"
#include "gitops/config_internal.h"

enum { FOLDER_DEPTH_MAX = 16 };

static void PRINTF(4, 5) add_problem(struct config *c, bool fatal, struct str where, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(&c->a, fmt, args);
    va_end(args);
    *vec_push(&c->a, &c->problems) = (struct config_problem){ where, text, fatal };
    if (fatal)
        c->complete = false;
}

static enum config_kind kind_of(const struct value *doc)
{
    static const struct {
        const char *kind;
        enum config_kind is;
    } rows[] = {
        { "ApplicationSet", CONFIG_APPLICATIONSET },
        { "Application", CONFIG_APPLICATION },
        { "AppProject", CONFIG_PROJECT },
        { "Secret", CONFIG_SECRET },
        { "ConfigMap", CONFIG_CONFIGMAP },
    };
    static const char *const values_keys[] = { "notifiers", "triggers", "templates", "secret", "subscriptions" };
    struct str kind = value_as_str(value_get(doc, "kind"));
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_is(kind, rows[i].kind))
            return rows[i].is;
    for (size_t i = 0; kind.n == 0 && i < COUNT(values_keys); i++)
        if (!value_is(value_get(doc, values_keys[i]), VALUE_NULL))
            return CONFIG_NOTIFICATIONS;
    return CONFIG_KINDS;
}

/* A later document of the same name takes the place of the earlier one. */
static void keep_document(struct config *c, enum config_kind kind, struct value doc, struct str where)
{
    struct list *list = c->documents[kind].list;
    struct str name = value_str_at(&doc, "metadata.name");
    const char *unsupported = config_unsupported(kind, &doc);
    if (unsupported != NULL)
        add_problem(c, false, where, "%.*s \"%.*s\": %s", STR(value_as_str(value_get(&doc, "kind"))), STR(name),
                    unsupported);
    for (size_t i = 0; kind != CONFIG_NOTIFICATIONS && i < list->n; i++) {
        if (!str_eq(value_str_at(&list->v[i], "metadata.name"), name))
            continue;
        add_problem(c, false, where, "%.*s \"%.*s\" was declared before: this one is used",
                    STR(value_as_str(value_get(&doc, "kind"))), STR(name));
        list->v[i] = doc;
        return;
    }
    list_push(&c->a, list, doc);
}

static void take_document(struct config *c, struct value doc, struct str where);

static void take_items(struct config *c, const struct value *doc, struct str where)
{
    const struct value *items = value_get(doc, "items");
    for (size_t i = 0; i < value_len(items); i++)
        take_document(c, *value_item(items, i), where);
}

static void take_secret(struct config *c, const struct value *doc, struct str where)
{
    struct value entries;
    struct err e = { 0 };
    struct str name = value_str_at(doc, "metadata.name");
    if (!config_secret_decode(&c->a, doc, &entries, &e)) {
        add_problem(c, true, where, "Secret \"%.*s\": %s", STR(name), e.text);
        return;
    }
    keep_document(c, CONFIG_SECRET, *doc, where);
    map_put(&c->a, c->secrets.map, name, entries);
}

static void take_document(struct config *c, struct value doc, struct str where)
{
    struct err e = { 0 };
    struct str kind = value_as_str(value_get(&doc, "kind"));
    if (value_is(&doc, VALUE_NULL))
        return;
    if (++c->count > CONFIG_DOCUMENTS_MAX) {
        add_problem(c, true, where, "more than %d documents: the rest is not read", CONFIG_DOCUMENTS_MAX);
        return;
    }
    if (str_ends(kind, S("List")) && value_is(value_get(&doc, "items"), VALUE_LIST)) {
        take_items(c, &doc, where);
        return;
    }
    enum config_kind is = kind_of(&doc);
    if (is == CONFIG_KINDS) {
        add_problem(c, !value_is(&doc, VALUE_MAP), where, "%s%.*s: not a document vitrine knows; ignored",
                    kind.n > 0 ? "kind " : "no kind", STR(kind));
        return;
    }
    if (!config_check(&c->a, is, &doc, &e))
        add_problem(c, true, where, "%s", e.text);
    else if (is == CONFIG_SECRET)
        take_secret(c, &doc, where);
    else
        keep_document(c, is, doc, where);
}

/* ---- texts -------------------------------------------------------------------------------- */

static bool is_marker(struct str line)
{
    return str_starts(line, S("---")) && (line.n == 3 || line.p[3] == ' ' || line.p[3] == '\t' || line.p[3] == '\r');
}

/* Line number of the first line with content, counted from 1 at the start of `text`. */
static int first_content_line(struct str text)
{
    struct str line;
    for (int n = 1; text.n > 0; n++) {
        str_split(&text, S("\n"), &line);
        line = str_trim(line);
        if (line.n > 0 && line.p[0] != '#' && !is_marker(line))
            return n;
    }
    return 0;
}

/* `doc` with `skipped` newlines before it. */
static void take_text(struct config *c, const char *name, struct str doc, size_t skipped)
{
    struct buf padded = { .a = &c->a };
    struct value parsed;
    struct err e = { 0 };
    int line = first_content_line(doc);
    if (line == 0)
        return;
    struct str where = arena_fmt(&c->a, "%s:%zu", name, skipped + (size_t)line);
    buf_fill(&padded, '\n', skipped);
    buf_add(&padded, doc);
    if (yaml_parse(&c->a, buf_str(&padded), name, &parsed, &e))
        take_document(c, parsed, where);
    else
        add_problem(c, true, where, "%s", e.text);
}

static void take_yaml(struct config *c, const char *name, struct str text)
{
    size_t line = 0, first = 0;
    const char *begin = text.p;
    struct str rest = text, row;
    while (rest.n > 0) {
        const char *at = rest.p;
        str_split(&rest, S("\n"), &row);
        if (is_marker(row) && at > begin) {
            take_text(c, name, (struct str){ begin, (size_t)(at - begin) }, first);
            begin = at;
            first = line;
        }
        line++;
    }
    take_text(c, name, (struct str){ begin, (size_t)(text.p + text.n - begin) }, first);
}

static void take_json(struct config *c, const char *name, struct str text)
{
    struct value doc;
    struct err e = { 0 };
    struct str where = arena_fmt(&c->a, "%s:1", name);
    if (json_parse(&c->a, text, &doc, &e))
        take_document(c, doc, where);
    else
        add_problem(c, true, where, "%s", e.text);
}

/* ---- folders ------------------------------------------------------------------------------ */

static void take_file(struct config *c, const char *path, const char *name)
{
    struct str text = { 0 };
    struct err e = { 0 };
    if (++c->files > CONFIG_FILES_MAX)
        add_problem(c, true, str_c(name), "more than %d files: this one is not read", CONFIG_FILES_MAX);
    else if (!fs_read(&c->a, AT_FDCWD, path, CONFIG_FILE_BYTES_MAX, &text, &e))
        add_problem(c, true, str_c(name), "%s", e.text);
    else if (str_ends(str_c(name), S(".json")))
        take_json(c, name, text);
    else
        take_yaml(c, name, text);
}

static bool is_manifest(struct str name)
{
    return str_ends(name, S(".yaml")) || str_ends(name, S(".yml")) || str_ends(name, S(".json"));
}

static bool take_folder(struct config *c, const char *dir, const char *prefix, int depth, struct err *e)
{
    struct fs_names names = { 0 };
    if (depth > FOLDER_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "%s: more than %d folders deep", dir, FOLDER_DEPTH_MAX);
    if (!fs_list(&c->a, dir, &names, e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        if (names.v[i].p[0] == '.')
            continue; /* .git, and the ..data of mounted ConfigMaps */
        const char *name = arena_c(&c->a, names.v[i]);
        const char *path = fs_join(&c->a, dir, name);
        const char *shown = prefix[0] != '\0' ? fs_join(&c->a, prefix, name) : name;
        if (fs_is_dir(path)) {
            if (!take_folder(c, path, shown, depth + 1, e))
                return false;
        } else if (is_manifest(names.v[i])) {
            take_file(c, path, shown);
        }
    }
    return true;
}

bool config_load(const char *dir, struct config **out, struct err *e)
{
    struct config *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_set(e, ERR_IO, "out of memory");
    c->complete = true;
    c->secrets = value_map(&c->a);
    for (int i = 0; i < CONFIG_KINDS; i++)
        c->documents[i] = value_list(&c->a);
    if (!take_folder(c, dir, "", 0, e)) {
        config_close(c);
        return err_wrap(e, "read configuration %s", dir);
    }
    *out = c;
    return true;
}

void config_close(struct config *c)
{
    if (c == NULL)
        return;
    arena_close(&c->a);
    free(c);
}
