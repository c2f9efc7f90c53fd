/* Dependencies from registries: oci:// in a chart of a pull request, which may name any host. */
#include "gitops/source_internal.h"
#include "oci/oci.h"

struct asked {
    const struct config *config;
    struct str url; /* as the Secret that stands for it writes it */
};

/* Secrets write a registry with oci:// or, as charts' repositories with enableOCI, without. */
static struct str url_in_config(const struct config *config, struct str chart)
{
    struct str bare = str_slice(chart, sizeof "oci://" - 1, chart.n);

    return config_names_repo(config, chart) ? chart : bare;
}

static bool credentials(void *user, struct arena *a, struct str registry, struct str *username, struct str *password)
{
    const struct asked *asked = user;
    const struct git_credentials found = config_repo_credentials(asked->config, asked->url);

    *username = found.username;
    *password = found.password;
    return found.username.n > 0;
}

static void close_client(struct oci_client **client)
{
    oci_client_close(*client);
}

static bool open_client(struct asked *asked, struct oci_client **out, struct err *e)
{
    const struct oci_client_options o = { .credentials = credentials,
                                          .user = asked,
                                          .outside_only = !config_names_repo(asked->config, asked->url) };

    return oci_client_open(&o, out, e);
}

static bool explain(struct err *e)
{
    return e->kind == ERR_DENIED ? err_wrap(e, "registry (declare it in a Secret of type repository to allow it)")
                                 : err_wrap(e, "registry");
}

bool source_registry_versions(void *user, struct arena *a, struct str chart, struct str **out, size_t *n, struct err *e)
{
    CLEANUP(close_client) struct oci_client *client = NULL;
    struct asked asked = { user, url_in_config(user, chart) };
    struct oci_reference r;

    return (open_client(&asked, &client, e) && oci_chart_reference(a, chart, S(""), &r, e)
            && oci_chart_versions(a, client, &r, out, n, e))
           || explain(e);
}

bool source_registry_pull(void *user, struct arena *a, struct str chart, struct str version, struct str *out,
                          struct err *e)
{
    CLEANUP(close_client) struct oci_client *client = NULL;
    struct asked asked = { user, url_in_config(user, chart) };
    struct oci_reference r;
    struct oci_descriptor manifest, package;

    return (open_client(&asked, &client, e) && oci_chart_reference(a, chart, oci_chart_tag(a, version), &r, e)
            && oci_chart_find(a, client, &r, &manifest, &package, e) && oci_chart_get(a, client, &r, &package, out, e))
           || explain(e);
}
