/* Plain folders of manifests, and the variables that sources may use. */
#include <fcntl.h>

#include "base/sys.h"
#include "gitops/glob.h"
#include "gitops/source_internal.h"

#define MANIFEST_FILE_MAX ((size_t)16 << 20)
enum { FOLDER_DEPTH_MAX = 32 };

static bool has_manifest_suffix(struct str name)
{
    return str_ends(name, S(".yaml")) || str_ends(name, S(".yml")) || str_ends(name, S(".json"));
}

static bool wanted(const struct rendering_job *job, struct str relative)
{
    struct str include = value_str_at(&job->source, "directory.include");
    struct str exclude = value_str_at(&job->source, "directory.exclude");
    if (exclude.n > 0 && glob_matches(exclude, relative, '/'))
        return false;
    return include.n == 0 || glob_matches(include, relative, '/');
}

static bool take_file(struct arena *a, struct rendering_job *job, struct str relative, struct err *e)
{
    const char *path = NULL;
    struct str text = { 0 };
    if (!source_path(a, job, relative, &path, e) || !fs_read(a, AT_FDCWD, path, MANIFEST_FILE_MAX, &text, e))
        return false;
    if (str_find(text, S("+argocd:skip-file-rendering")) >= 0)
        return true;
    return source_take_documents(a, job, text, arena_c(a, relative), e);
}

static bool take_folder(struct arena *a, struct rendering_job *job, struct str relative, int depth, struct err *e)
{
    struct fs_names names = { 0 };
    const char *dir = relative.n > 0 ? fs_join(a, job->dir, arena_c(a, relative)) : job->dir;
    bool recurse = value_bool_at(&job->source, "directory.recurse", false);
    if (depth > FOLDER_DEPTH_MAX)
        return err_set(e, ERR_LIMIT, "%.*s: more than %d folders deep", STR(relative), FOLDER_DEPTH_MAX);
    if (!fs_list(a, dir, &names, e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        struct str name = names.v[i];
        struct str path = relative.n > 0 ? arena_fmt(a, "%.*s/%.*s", STR(relative), STR(name)) : name;
        if (name.p[0] == '.')
            continue;
        if (fs_is_dir(fs_join(a, dir, arena_c(a, name)))) {
            if (recurse && !take_folder(a, job, path, depth + 1, e))
                return false;
        } else if (has_manifest_suffix(name) && wanted(job, path)) {
            if (!take_file(a, job, path, e))
                return false;
        }
    }
    return true;
}

bool source_render_directory(struct arena *a, struct rendering_job *job, struct err *e)
{
    const struct value *jsonnet = value_at(&job->source, "directory.jsonnet");
    if (value_is(jsonnet, VALUE_MAP) && jsonnet->map->n > 0)
        return err_set(e, ERR_INVALID, "spec.source.directory.jsonnet is not supported");
    return take_folder(a, job, (struct str){ "", 0 }, 0, e);
}

/* ---- variables ---------------------------------------------------------------------------- */

struct variable {
    const char *name;
    struct str value;
};
struct variables {
    struct variable v[16];
    size_t n;
};

static struct variables variables_of(const struct value *app, const struct value *source, struct str revision)
{
    struct str project = value_str_at(app, "spec.project");
    struct variables vars = {
        { { "ARGOCD_APP_NAME", application_name(app) },
          { "ARGOCD_APP_NAMESPACE", application_namespace(app) },
          { "ARGOCD_APP_PROJECT_NAME", project.n > 0 ? project : S("default") },
          { "ARGOCD_APP_REVISION", revision },
          { "ARGOCD_APP_REVISION_SHORT", str_slice(revision, 0, 7) },
          { "ARGOCD_APP_REVISION_SHORT_8", str_slice(revision, 0, 8) },
          { "ARGOCD_APP_SOURCE_REPO_URL", value_as_str(value_get(source, "repoURL")) },
          { "ARGOCD_APP_SOURCE_PATH", value_as_str(value_get(source, "path")) },
          { "ARGOCD_APP_SOURCE_TARGET_REVISION", value_as_str(value_get(source, "targetRevision")) } },
        9,
    };
    return vars;
}

static bool is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Take "NAME" or "{NAME}" off the front; empty when there is none. */
static struct str take_name(struct str *rest)
{
    struct str in = *rest, name;
    bool braces = str_starts(in, S("{"));
    if (braces)
        str_cut(&in, 1);
    size_t n = 0;
    while (n < in.n && is_name_char(in.p[n]))
        n++;
    name = str_cut(&in, n);
    if (n == 0 || (braces && !str_starts(in, S("}"))))
        return (struct str){ "", 0 };
    if (braces)
        str_cut(&in, 1);
    *rest = in;
    return name;
}

static struct str expand_text(struct arena *a, const struct variables *vars, struct str text)
{
    struct buf out = { .a = a };
    struct str head;
    if (memchr(text.p, '$', text.n) == NULL)
        return text;
    while (str_split(&text, S("$"), &head)) {
        buf_add(&out, head);
        if (str_starts(text, S("$"))) { /* "$$" is a dollar */
            buf_byte(&out, '$');
            str_cut(&text, 1);
            continue;
        }
        struct str name = take_name(&text);
        if (name.n == 0)
            buf_byte(&out, '$');
        for (size_t i = 0; i < vars->n; i++)
            if (str_is(name, vars->v[i].name))
                buf_add(&out, vars->v[i].value);
    }
    buf_add(&out, head);
    return buf_str(&out);
}

static void expand_members(struct arena *a, const struct variables *vars, const struct value *list, const char *member)
{
    for (size_t i = 0; i < value_len(list); i++) {
        struct value *item = &list->list->v[i];
        if (member == NULL)
            *item = value_str(expand_text(a, vars, value_as_str(item)));
        else if (value_is(value_get(item, member), VALUE_STRING))
            value_set_str(a, item, member, expand_text(a, vars, value_as_str(value_get(item, member))));
    }
}

struct value source_expand(struct arena *a, const struct value *app, const struct value *source, struct str revision)
{
    struct value expanded = value_clone(a, source);
    struct variables vars = variables_of(app, source, revision);
    const struct value *helm = value_get(&expanded, "helm");
    expand_members(a, &vars, value_get(helm, "parameters"), "value");
    expand_members(a, &vars, value_get(helm, "fileParameters"), "path");
    expand_members(a, &vars, value_get(helm, "valueFiles"), NULL);
    return expanded;
}
