/* Does an Application's spec make sense, and does its project allow it? Messages in Argo CD's words. */
#include "git/git.h"
#include "gitops/application.h"
#include "gitops/glob.h"

static bool check_source(const struct value *source, struct err *e)
{
    static const char *const blocks[] = { "helm", "kustomize", "directory", "plugin" };
    size_t given = 0;
    if (value_str_at(source, "repoURL").n == 0)
        return err_set(e, ERR_INVALID, "spec.source.repoURL is required");
    if (value_str_at(source, "path").n == 0 && value_str_at(source, "chart").n == 0
        && value_str_at(source, "ref").n == 0)
        return err_set(e, ERR_INVALID, "spec.source.path and spec.source.chart are both missing");
    if (value_str_at(source, "path").n > 0 && value_str_at(source, "chart").n > 0)
        return err_set(e, ERR_INVALID, "spec.source.path and spec.source.chart can't both be set");
    for (size_t i = 0; i < COUNT(blocks); i++)
        given += value_is(value_get(source, blocks[i]), VALUE_MAP) && value_get(source, blocks[i])->map->n > 0;
    if (given > 1)
        return err_set(e, ERR_INVALID, "multiple application sources defined");
    if (value_is(value_get(source, "kustomize"), VALUE_MAP) || value_is(value_get(source, "plugin"), VALUE_MAP))
        return err_set(e, ERR_INVALID, "kustomize and plugin sources are not supported (supported: helm, directory)");
    if (value_str_at(source, "chart").n > 0)
        return err_set(e, ERR_INVALID,
                       "sources from a chart repository are not supported: use a git repository with an "
                       "umbrella chart");
    return true;
}

/* Patterns where any plain one must match and no "!x" may. */
static bool patterns_allow(const struct value *patterns, struct str subject)
{
    bool allowed = false;
    for (size_t i = 0; i < value_len(patterns); i++) {
        struct str pattern = value_as_str(value_item(patterns, i));
        if (str_starts(pattern, S("!"))) {
            if (glob_matches(str_slice(pattern, 1, pattern.n), subject, '/'))
                return false;
        } else if (str_is(pattern, "*") || glob_matches(pattern, subject, '/')) {
            allowed = true;
        }
    }
    return allowed;
}

static bool field_matches(const struct value *entry, const char *field, struct str subject, bool *denied)
{
    struct str pattern = value_as_str(value_get(entry, field));
    *denied = str_starts(pattern, S("!"));
    if (*denied)
        str_cut(&pattern, 1);
    return str_is(pattern, "*") || glob_matches(pattern, subject, 0);
}

static bool destination_allowed(const struct value *project, const struct value *destination)
{
    const struct value *rules = value_at(project, "spec.destinations");
    struct str name = value_str_at(destination, "name"), server = value_str_at(destination, "server");
    struct str ns = value_str_at(destination, "namespace");
    bool allowed = false;
    for (size_t i = 0; i < value_len(rules); i++) {
        const struct value *rule = value_item(rules, i);
        bool no_place = false, no_name = false;
        bool by_name = name.n > 0 && value_str_at(rule, "name").n > 0;
        bool place = by_name ? field_matches(rule, "name", name, &no_place)
                             : (server.n == 0 && str_is(value_str_at(rule, "server"), "*"))
                                   || field_matches(rule, "server", server, &no_place);
        bool space = field_matches(rule, "namespace", ns, &no_name);
        if ((no_place && place && space) || (no_name && space && place))
            return false;
        allowed = allowed || (!no_place && !no_name && place && space);
    }
    return allowed;
}

static bool check_project(const struct value *app, const struct config *c, struct err *e)
{
    struct str name = value_str_at(app, "spec.project");
    struct str repo = value_as_str(value_get(application_source(app), "repoURL"));
    const struct value *destination = value_at(app, "spec.destination");
    const struct value *project = config_document(c, CONFIG_PROJECT, name.n > 0 ? name : S("default"));
    if (value_is(project, VALUE_NULL)) {
        const struct value *strict = value_get(config_map_data(c, "argocd-cm"), "vitrine.projects.required");
        if (!str_is(value_as_str(strict), "true") || name.n == 0 || str_is(name, "default"))
            return true; /* projects that no manifest declares allow everything */
        return err_set(e, ERR_INVALID, "Application referencing project %.*s which does not exist", STR(name));
    }
    if (!patterns_allow(value_at(project, "spec.sourceRepos"), repo))
        return err_set(e, ERR_INVALID, "application repo %.*s is not permitted in project '%.*s'", STR(repo),
                       STR(name));
    if (!destination_allowed(project, destination)) {
        struct str server = value_str_at(destination, "server");
        if (server.n == 0)
            server = value_str_at(destination, "name");
        return err_set(e, ERR_INVALID,
                       "application destination server '%.*s' and namespace '%.*s' do not match any of the allowed "
                       "destinations in project '%.*s'",
                       STR(server), STR(application_namespace(app)), STR(name));
    }
    return true;
}

bool application_validate(const struct value *app, const struct config *c, struct err *e)
{
    const struct value *destination = value_at(app, "spec.destination");
    if (value_len(value_at(app, "spec.sources")) > 1)
        return err_set(e, ERR_INVALID, "spec.sources with more than one entry is not supported");
    if (!check_source(application_source(app), e))
        return false;
    if (!config_destination(c, destination, e))
        return err_wrap(e, "application destination spec is invalid");
    return check_project(app, c, e);
}
