/* Generators: who is asked, which answers are taken, and which of the rendered Applications are valid. */
#include <stdlib.h>

#include "data/regex.h"
#include "data/yaml.h"
#include "gitops/appset_internal.h"

enum { PULL_REQUEUE_MS = 1800000, APPLICATIONS_MAX = 5000 };

/* ---- selection of pull requests ----------------------------------------------------------- */

static bool has_label(const struct forge_pull *p, struct str label)
{
    for (size_t i = 0; i < p->n_labels; i++)
        if (str_eq(p->labels[i], label))
            return true;
    return false;
}

static bool pattern_matches(const struct value *filter, const char *field, const char *words, struct str subject,
                            bool *out, struct err *e)
{
    struct str pattern = value_as_str(value_get(filter, field));
    CLEANUP(regex_free) struct regex *re = NULL;
    if (pattern.n == 0)
        return true;
    if (!regex_compile(pattern, &re, e))
        return err_wrap(e, "error compiling %s regexp \"%.*s\"", words, STR(pattern));
    struct regex_span *spans = calloc(1 + regex_groups(re), sizeof *spans);
    if (spans == NULL)
        return err_set(e, ERR_IO, "out of memory");
    bool found = false, ok = regex_match(re, subject, 0, spans, &found, e);
    free(spans);
    *out = *out && found;
    return ok;
}

/* Fields of one filter are ANDed, filters ORed; no filter takes all. Every pattern is compiled, whatever matched. */
static bool filters_take(const struct value *filters, const struct forge_pull *p, bool *out, struct err *e)
{
    bool any = value_len(filters) == 0;
    for (size_t i = 0; i < value_len(filters); i++) {
        const struct value *f = value_item(filters, i);
        bool match = true;
        if (!pattern_matches(f, "branchMatch", "BranchMatch", p->branch, &match, e)
            || !pattern_matches(f, "targetBranchMatch", "TargetBranchMatch", p->target_branch, &match, e)
            || !pattern_matches(f, "titleMatch", "TitleMatch", p->title, &match, e))
            return false;
        any = any || match;
    }
    *out = any;
    return true;
}

static struct str fork_label(const struct value *set)
{
    struct str label = application_annotation(set, APP_ANNOTATION_FORK_LABEL);
    return label.n > 0 ? label : S(APP_FORK_LABEL_DEFAULT);
}

static bool fork_may_deploy(const struct value *set, const struct forge_pull *p)
{
    return !p->from_fork || str_is(fork_label(set), "*") || has_label(p, fork_label(set));
}

bool appset_selects(struct arena *a, const struct value *set, const struct value *generator,
                    const struct forge_pull *pull, bool *out, struct str *why, struct err *e)
{
    const struct value *labels = value_at(generator, "pullRequest.github.labels");
    struct str reason = { "", 0 };
    bool match = true;
    if (!filters_take(value_at(generator, "pullRequest.filters"), pull, &match, e))
        return false;
    if (!match)
        reason = S("no filter matches");
    for (size_t i = 0; i < value_len(labels); i++)
        if (!has_label(pull, value_as_str(value_item(labels, i))))
            reason = arena_fmt(a, "it has no label %.*s", STR(value_as_str(value_item(labels, i))));
    if (!str_is(pull->state, "open"))
        reason = pull->merged ? S("it is merged") : S("it is closed");
    else if (reason.n == 0 && !fork_may_deploy(set, pull))
        reason = arena_fmt(a, "it comes from a fork and has no label %.*s", STR(fork_label(set)));
    *out = reason.n == 0;
    if (why != NULL)
        *why = reason;
    return true;
}

bool appset_repo(struct arena *a, const struct value *set, const struct value *generator, const struct config *c,
                 struct forge_repo *out, struct err *e)
{
    const struct value *github = value_at(generator, "pullRequest.github");
    struct str secret = value_str_at(github, "tokenRef.secretName"), key = value_str_at(github, "tokenRef.key");
    struct str ns = value_str_at(set, "metadata.namespace");
    *out = (struct forge_repo){ .api = forge_api_base(a, value_as_str(value_get(github, "api"))),
                                .owner = value_as_str(value_get(github, "owner")),
                                .name = value_as_str(value_get(github, "repo")) };
    if (out->owner.n == 0 || out->name.n == 0)
        return err_set(e, ERR_INVALID, "pullRequest.github: owner and repo are needed");
    if (value_str_at(github, "appSecretName").n > 0)
        return err_set(e, ERR_INVALID, "pullRequest.github.appSecretName: GitHub Apps are not supported, use tokenRef");
    if (secret.n > 0)
        return config_secret(c, ns.n > 0 ? ns : S(APP_NAMESPACE_DEFAULT), secret, key, &out->token, e);
    out->token = str_c(getenv("GITHUB_TOKEN"));
    return true;
}

/* ---- generators --------------------------------------------------------------------------- */

typedef VEC(struct appset_params) appset_params_list;

struct generation {
    struct arena *a;
    const struct value *set;
    const struct config *config;
    struct forge_cache *cache;
    appset_params_list *out;
    struct appset_generated *g;
};

static void note_requeue(struct appset_generated *g, int64_t ms)
{
    if (g->requeue_ms == 0 || ms < g->requeue_ms)
        g->requeue_ms = ms;
}

static void note_held(const struct generation *r, const struct forge_pull *p)
{
    struct appset_generated *g = r->g;
    g->held = arena_fmt(r->a, "%.*s%sPull request #%lld comes from a fork and waits for a maintainer's label %.*s",
                        STR(g->held), g->held.n > 0 ? "; " : "", (long long)p->number, STR(fork_label(r->set)));
}

static bool take_params(const struct generation *r, const struct value *generator, struct appset_params p)
{
    const struct value *selector = value_get(generator, "selector");
    if (value_is(selector, VALUE_NULL) || appset_selector_takes(r->a, selector, &p.params))
        *vec_push(r->a, r->out) = p;
    return true;
}

static bool take_pull(const struct generation *r, const struct value *generator, const struct forge_repo *repo,
                      const struct forge_pull *pull, struct err *e)
{
    const struct value *own = value_get(generator, "pullRequest");
    struct appset_params p = { .template = *value_get(own, "template"), .pull = pull, .repo = *repo };
    struct forge_pull open = *pull;
    bool selected = false, otherwise = false;
    if (open.state.n == 0)
        open.state = S("open"); /* the listing only has open ones */
    if (!appset_selects(r->a, r->set, generator, &open, &selected, NULL, e))
        return false;
    open.from_fork = false;
    if (!selected && !appset_selects(r->a, r->set, generator, &open, &otherwise, NULL, e))
        return false;
    if (otherwise)
        note_held(r, pull);
    if (!selected)
        return true;
    return appset_pull_params(r->a, pull, appset_is_go(r->set), value_at(r->set, "spec.goTemplateOptions"),
                              value_get(own, "values"), &p.params, e)
           && take_params(r, generator, p);
}

/* A wrong pattern must fail before anything is asked, pull requests or not. */
static bool check_filters(const struct value *generator, struct err *e)
{
    const struct forge_pull none = { 0 };
    bool ignored = false;
    return filters_take(value_at(generator, "pullRequest.filters"), &none, &ignored, e);
}

static bool run_pulls(const struct generation *r, const struct value *generator, struct err *e)
{
    const struct value *own = value_get(generator, "pullRequest");
    struct forge_repo repo;
    struct forge_pulls *pulls = arena_new(r->a, struct forge_pulls, 1);
    if (!value_is(value_get(own, "github"), VALUE_MAP))
        return err_set(e, ERR_INVALID, "no Pull Request provider implementation configured (supported: github)");
    note_requeue(r->g, value_int_at(own, "requeueAfterSeconds", PULL_REQUEUE_MS / 1000) * 1000);
    if (!check_filters(generator, e) || !appset_repo(r->a, r->set, generator, r->config, &repo, e))
        return false;
    if (!forge_pulls_list(r->a, &repo, r->cache, pulls, e)) {
        if (e->kind == ERR_NOT_FOUND && value_bool_at(own, "continueOnRepoNotFoundError", false))
            return true; /* what runs stays all the same: nothing goes without the request's own word */
        return err_wrap(e, "error listing pull requests of %.*s/%.*s", STR(repo.owner), STR(repo.name));
    }
    r->g->not_modified = r->g->not_modified && pulls->not_modified;
    for (size_t i = 0; i < pulls->n; i++)
        if (!take_pull(r, generator, &repo, &pulls->v[i], e))
            return false;
    return true;
}

static bool run_list(const struct generation *r, const struct value *generator, struct err *e)
{
    const struct value *own = value_get(generator, "list");
    struct value elements = *value_get(own, "elements");
    struct str text = value_as_str(value_get(own, "elementsYaml"));
    if (text.n > 0 && !yaml_parse(r->a, text, "elementsYaml", &elements, e))
        return err_wrap(e, "error unmarshaling elementsYaml");
    r->g->not_modified = false;
    for (size_t i = 0; i < value_len(&elements); i++) {
        struct appset_params p = { .template = *value_get(own, "template") };
        if (!appset_element_params(r->a, value_item(&elements, i), appset_is_go(r->set), &p.params, e)
            || !take_params(r, generator, p))
            return false;
    }
    return true;
}

static bool run_generator(const struct generation *r, const struct value *generator, struct err *e)
{
    if (!value_is(generator, VALUE_MAP) || generator->map->n == 0)
        return err_set(e, ERR_INVALID, "spec.generators: an entry is empty");
    if (!value_is(value_get(generator, "pullRequest"), VALUE_NULL))
        return run_pulls(r, generator, e);
    if (!value_is(value_get(generator, "list"), VALUE_NULL))
        return run_list(r, generator, e);
    return err_set(e, ERR_INVALID, "generator %.*s is not supported (supported: pullRequest with github, list)",
                   STR(generator->map->v[0].key));
}

static bool run_generators(struct arena *a, const struct value *set, const struct config *c, struct forge_cache *cache,
                           appset_params_list *out, struct appset_generated *g, struct err *e)
{
    const struct value *generators = value_at(set, "spec.generators");
    struct generation r = { a, set, c, cache, out, g };
    g->not_modified = value_len(generators) > 0;
    for (size_t i = 0; i < value_len(generators); i++)
        if (!run_generator(&r, value_item(generators, i), e))
            return false;
    if (out->n > APPLICATIONS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d applications generated", APPLICATIONS_MAX);
    return true;
}

/* ---- validation --------------------------------------------------------------------------- */

struct invalid_app {
    struct str name, message;
};
typedef VEC(struct invalid_app) invalid_list;

static int by_name(const void *x, const void *y)
{
    return str_cmp(application_name(x), application_name(y));
}

static int by_invalid_name(const void *x, const void *y)
{
    return str_cmp(((const struct invalid_app *)x)->name, ((const struct invalid_app *)y)->name);
}

static size_t times_named(const struct value *apps, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < value_len(apps); i++)
        n += str_eq(application_name(value_item(apps, i)), name);
    return n;
}

static struct str why_invalid(struct arena *a, const struct value *set, const struct config *c, const struct value *all,
                              const struct value *app)
{
    struct str name = application_name(app), set_name = value_str_at(set, "metadata.name");
    struct err e = { 0 };
    if (name.n == 0)
        return arena_fmt(
            a, "ApplicationSet %.*s contains an application with no name; every application needs metadata.name",
            STR(set_name));
    if (times_named(all, name) > 1)
        return arena_fmt(a, "ApplicationSet %.*s contains applications with duplicate name: %.*s", STR(set_name),
                         STR(name));
    if (!application_validate(app, c, &e))
        return arena_str(a, str_c(e.text));
    return (struct str){ "", 0 };
}

/* The last by name speaks, the others are counted. */
static struct str invalid_message(struct arena *a, invalid_list *list)
{
    if (list->n == 0)
        return (struct str){ "", 0 };
    qsort(list->v, list->n, sizeof *list->v, by_invalid_name);
    struct str last = list->v[list->n - 1].message;
    size_t distinct = 1;
    for (size_t i = 1; i < list->n; i++)
        distinct += !str_eq(list->v[i].name, list->v[i - 1].name);
    if (distinct == 1)
        return last;
    return arena_fmt(a, "%.*s (and %zu more)", STR(last), distinct - 1);
}

static void sort_out(struct arena *a, const struct value *set, const struct config *c, const struct value *all,
                     struct appset_generated *g)
{
    invalid_list invalid = { 0 };
    g->applications = value_list(a);
    g->n_names = value_len(all);
    g->names = arena_new(a, struct str, g->n_names + 1);
    for (size_t i = 0; i < g->n_names; i++) {
        const struct value *app = value_item(all, i);
        struct str why = why_invalid(a, set, c, all, app);
        g->names[i] = application_name(app);
        if (why.n == 0)
            list_push(a, g->applications.list, *app);
        else
            *vec_push(a, &invalid) = (struct invalid_app){ g->names[i], why };
    }
    g->invalid = invalid_message(a, &invalid);
}

bool appset_generate(struct arena *a, const struct value *set, const struct config *c, struct forge_cache *cache,
                     struct appset_generated *out, struct err *e)
{
    appset_params_list params = { 0 };
    struct appset_generated g = { 0 };
    struct value all = value_list(a);
    out->reason = "ApplicationGenerationFromParamsError";
    if (!run_generators(a, set, c, cache, &params, &g, e)) {
        out->requeue_ms = g.requeue_ms;
        return false;
    }
    out->reason = "RenderTemplateParamsError";
    for (size_t i = 0; i < params.n; i++) {
        struct value app;
        if (!appset_application(a, set, &params.v[i], &app, e))
            return false;
        list_push(a, all.list, app);
    }
    if (all.list->n > 0)
        qsort(all.list->v, all.list->n, sizeof *all.list->v, by_name);
    sort_out(a, set, c, &all, &g);
    g.reason = g.invalid.n > 0 ? "ApplicationValidationError" : "ParametersGenerated";
    *out = g;
    return true;
}
