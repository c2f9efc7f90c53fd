/* The Helm call: dependencies, value files, values, parameters, in the order that `helm template` gives them. */
#include <fcntl.h>

#include "base/sys.h"
#include "chart/cache.h"
#include "data/yaml.h"
#include "gitops/source_internal.h"
#include "net/http.h"
#include "net/url.h"

#define VALUES_FILE_MAX ((size_t)16 << 20)
enum { CHART_TIMEOUT_MS = 60000 };

/* ---- dependencies ------------------------------------------------------------------------- */

static struct str basic_authorization(struct arena *a, struct git_credentials c)
{
    return arena_fmt(a, "Basic %.*s", STR(str_base64(a, arena_fmt(a, "%.*s:%.*s", STR(c.username), STR(c.password)))));
}

/* The chart room has no network of its own. Credentials come from the Secret of the chart repository. A pull request
 * may name any URL: addresses inside our networks are reached only when such a Secret names them. */
static bool get_url(void *user, struct arena *a, struct str url, struct str *out, struct err *e)
{
    const struct config *config = user;
    struct git_credentials credentials = config_repo_credentials(config, url);
    struct http_header header = { S("Authorization"), basic_authorization(a, credentials) };
    struct http_request r = { .url = url,
                              .headers = { &header, credentials.password.n > 0 ? 1 : 0 },
                              .timeout_ms = CHART_TIMEOUT_MS,
                              .follow_redirects = true,
                              .outside_only = !config_names_repo(config, url) };
    struct http_response answer = { 0 };
    if (!http_do(a, &r, &answer, e))
        return e->kind == ERR_DENIED
                   ? err_wrap(e, "chart repository (declare it in a Secret of type repository to allow it)")
                   : err_wrap(e, "chart repository");
    if (answer.status < 200 || answer.status > 299) {
        enum err_kind kind = answer.status == 404                           ? ERR_NOT_FOUND
                             : answer.status == 401 || answer.status == 403 ? ERR_DENIED
                                                                            : ERR_UNAVAILABLE;
        return err_set(e, kind, "failed to fetch %.*s : %d", STR(url_redact(a, url)), answer.status);
    }
    *out = answer.body;
    return true;
}

static bool load_chart(struct arena *a, const struct rendering_job *job, struct chart_use *out, struct err *e)
{
    struct value resolved;
    struct chart_fetcher fetcher = { .get = get_url,
                                     .versions = source_registry_versions,
                                     .pull = source_registry_pull,
                                     .user = (void *)(uintptr_t)job->o->config,
                                     .root = job->root };
    if (!chart_cache_load(job->o->charts, a, job->dir, job->root, out, e))
        return false;
    if (chart_missing_dependencies(a, out->chart).p == NULL)
        return true;
    chart_use_end(out);
    if (!chart_dependencies_build(a, job->dir, &fetcher, false, false, &resolved, e))
        return err_wrap(e, "helm dependency build");
    return chart_cache_load(job->o->charts, a, job->dir, job->root, out, e);
}

/* ---- values ------------------------------------------------------------------------------- */

static bool add_value_file(struct arena *a, const struct rendering_job *job, struct str name, struct value *values,
                           struct err *e)
{
    const char *path = NULL;
    struct str text = { 0 };
    struct value file;
    bool lenient = value_bool_at(&job->source, "helm.ignoreMissingValueFiles", false);
    if (str_find(name, S("://")) >= 0)
        return err_set(e, ERR_INVALID, "value file %.*s: only files of the repository are supported", STR(name));
    if (!source_path(a, job, name, &path, e))
        return lenient && e->kind == ERR_NOT_FOUND;
    if (!fs_read(a, AT_FDCWD, path, VALUES_FILE_MAX, &text, e) || !yaml_parse(a, text, arena_c(a, name), &file, e))
        return err_wrap(e, "failed to parse %.*s", STR(name));
    if (value_is(&file, VALUE_MAP))
        *values = chart_merge_values(a, values, &file);
    else if (!value_is(&file, VALUE_NULL))
        return err_set(e, ERR_INVALID, "failed to parse %.*s: values must be a map", STR(name));
    return true;
}

static bool add_inline_values(struct arena *a, const struct value *helm, struct value *values, struct err *e)
{
    struct value inner = *value_get(helm, "valuesObject");
    struct str text = value_as_str(value_get(helm, "values"));
    if (value_is(&inner, VALUE_NULL) && text.n > 0 && !yaml_parse(a, text, "spec.source.helm.values", &inner, e))
        return false;
    if (value_is(&inner, VALUE_MAP))
        *values = chart_merge_values(a, values, &inner);
    else if (!value_is(&inner, VALUE_NULL))
        return err_set(e, ERR_INVALID, "spec.source.helm.values must be a map");
    return true;
}

/* Commas separate assignments: they are quoted unless the user did or the value is a list "{a,b}". */
static struct str quote_commas(struct arena *a, struct str value)
{
    struct buf out = { .a = a };
    if (str_starts(value, S("{")) && str_ends(value, S("}")))
        return value;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == ',' && (i == 0 || value.p[i - 1] != '\\'))
            buf_byte(&out, '\\');
        buf_byte(&out, value.p[i]);
    }
    return buf_str(&out);
}

static bool add_parameters(struct arena *a, const struct value *helm, bool strings, const struct value *values,
                           struct err *e)
{
    const struct value *list = value_get(helm, "parameters");
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *p = value_item(list, i);
        struct str name = value_str_at(p, "name"), text = value_as_str(value_get(p, "value"));
        if (value_bool_at(p, "forceString", false) != strings)
            continue;
        if (!chart_set(a, values, strings ? CHART_SET_STRING : CHART_SET,
                       arena_fmt(a, "%.*s=%.*s", STR(name), STR(quote_commas(a, text))), e))
            return err_wrap(e, "parameter %.*s", STR(name));
    }
    return true;
}

static bool add_file_parameters(struct arena *a, const struct rendering_job *job, const struct value *values,
                                struct err *e)
{
    const struct value *list = value_at(&job->source, "helm.fileParameters");
    for (size_t i = 0; i < value_len(list); i++) {
        const struct value *p = value_item(list, i);
        struct str name = value_str_at(p, "name"), text = { 0 };
        const char *path = NULL;
        if (!source_path(a, job, value_as_str(value_get(p, "path")), &path, e)
            || !fs_read(a, AT_FDCWD, path, VALUES_FILE_MAX, &text, e)
            || !chart_set(a, values, CHART_SET_LITERAL, arena_fmt(a, "%.*s=%.*s", STR(name), STR(text)), e))
            return err_wrap(e, "file parameter %.*s", STR(name));
    }
    return true;
}

static bool gather_values(struct arena *a, const struct rendering_job *job, struct value *out, struct err *e)
{
    const struct value *helm = value_get(&job->source, "helm"), *files = value_get(helm, "valueFiles");
    struct value values = value_map(a);
    for (size_t i = 0; i < value_len(files); i++)
        if (!add_value_file(a, job, value_as_str(value_item(files, i)), &values, e))
            return false;
    if (!add_inline_values(a, helm, &values, e))
        return false;
    values = value_clone(a, &values); /* chart_set writes into the tree: nothing may be shared */
    if (!add_parameters(a, helm, false, &values, e) || !add_parameters(a, helm, true, &values, e)
        || !add_file_parameters(a, job, &values, e))
        return false;
    *out = values;
    return true;
}

/* ---- the call ----------------------------------------------------------------------------- */

static struct str or_else(struct str s, struct str otherwise)
{
    return s.n > 0 ? s : otherwise;
}

static struct chart_render options_of(struct arena *a, const struct rendering_job *job, struct value values)
{
    const struct value *helm = value_get(&job->source, "helm"), *apis = value_get(helm, "apiVersions");
    struct chart_render r = {
        .release_name = or_else(value_str_at(helm, "releaseName"), application_name(job->app)),
        .namespace = or_else(value_str_at(helm, "namespace"), application_namespace(job->app)),
        .values = values,
        .kube_version = or_else(value_str_at(helm, "kubeVersion"), job->o->kube_version),
        .include_crds = !value_bool_at(helm, "skipCrds", false),
        .skip_tests = value_bool_at(helm, "skipTests", false),
        .skip_schema = value_bool_at(helm, "skipSchemaValidation", false),
        .n_api_versions = value_len(apis),
    };
    r.api_versions = arena_new(a, struct str, r.n_api_versions + 1);
    for (size_t i = 0; i < r.n_api_versions; i++)
        r.api_versions[i] = value_as_str(value_item(apis, i));
    return r;
}

/* What Helm's message leaves out, for the Application's condition. Always false. */
static bool add_place(struct arena *a, const struct chart_mistakes *mistakes, struct err *e)
{
    struct str place = chart_mistakes_line(a, mistakes);

    if (place.n > 0)
        err_set_(e, e->kind, "%.*s (%.*s)", STR(str_trim(str_c(e->text))), STR(place));
    return false;
}

/* What outlives the rendering is copied: the bytes of CRDs and of warnings belong to the chart. */
static bool take_rendered(struct arena *a, struct rendering_job *job, const struct chart_rendered *rendered,
                          struct err *e)
{
    for (size_t i = 0; i < rendered->n; i++) {
        const struct chart_manifest *m = &rendered->v[i];
        if (!source_take_documents(a, job, arena_str(a, m->text), arena_c(a, m->source), e))
            return false;
    }
    for (size_t i = 0; i < rendered->n_warnings; i++)
        *vec_push(a, &job->warnings) = arena_str(a, rendered->warnings[i]);
    return true;
}

/* Includes in includes make a message longer than an err, and the cause stands at its end. */
static void keep_cause(struct str message, struct err *e)
{
    enum { HEAD = 200, TAIL = 400 };

    if (message.n < sizeof e->text)
        return;
    size_t from = message.n - TAIL;
    while (((unsigned char)message.p[from] & 0xc0) == 0x80)
        from++;
    err_set_(e, e->kind, "%.*s ... %.*s", STR(str_slice(message, 0, HEAD)), STR(str_slice(message, from, message.n)));
}

bool source_render_helm(struct arena *a, struct rendering_job *job, struct err *e)
{
    CLEANUP(arena_close) struct arena work = { 0 };
    CLEANUP(chart_use_end) struct chart_use use = { 0 };
    struct chart_rendered rendered = { 0 };
    struct value values;
    if (!load_chart(&work, job, &use, e) || !gather_values(&work, job, &values, e))
        return false;
    struct chart_render o = options_of(&work, job, values);
    if (!chart_render(&work, use.chart, &o, &rendered, e)) {
        keep_cause(rendered.message, e);
        return add_place(&work, &rendered.mistakes, e);
    }
    return take_rendered(a, job, &rendered, e);
}
