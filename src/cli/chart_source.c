/* Repositories, registries, credentials and the cache behind one fetcher, see chart_source.h. */
#include "cli/chart_source.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/sys.h"
#include "cli/download_cache.h"
#include "cli/repositories.h"
#include "data/semver.h"
#include "net/http.h"
#include "net/url.h"
#include "oci/digest.h"

enum { TIMEOUT_MS = 120000, PASSWORD_MAX = 64 << 10 };

struct chart_source {
    struct arena *a;
    struct chart_access access;
    struct str username, password; /* of the command line */
    struct str trusted;            /* the URL whose host may have them; empty: none */
    struct repositories repositories;
    struct download_cache cache;
    struct oci_client *registry;
};

/* ---- hosts ---------------------------------------------------------------------------------- */

static bool same_host(struct str left, struct str right)
{
    struct url a, b;
    struct err ignored;

    if (!url_parse(left, &a, &ignored) || !url_parse(right, &b, &ignored) || a.host.n == 0)
        return false;
    return str_ieq(a.scheme, b.scheme) && str_ieq(url_hostname(&a), url_hostname(&b)) && url_port(&a) == url_port(&b);
}

static struct str registry_of(struct str url)
{
    struct str rest = url, host = S("");

    if (str_starts(url, S("oci://"))) {
        str_cut(&rest, sizeof "oci://" - 1);
        str_split(&rest, S("/"), &host);
    }
    return host;
}

/* The registry's credentials from the command line; for others the files of Helm and docker are asked. */
static bool registry_credentials(void *user, struct arena *a, struct str registry, struct str *username,
                                 struct str *password)
{
    const struct chart_source *s = user;

    *username = s->username;
    *password = s->password;
    return str_ieq(registry, registry_of(s->trusted));
}

/* ---- opening -------------------------------------------------------------------------------- */

bool chart_read_password(struct arena *a, struct chart_access *access, struct err *e)
{
    struct str text;

    if (access->password_stdin) {
        if (!fs_read(a, AT_FDCWD, "/dev/stdin", PASSWORD_MAX, &text, e))
            return err_wrap(e, "read the password from standard input");
        access->password = arena_c(a, str_trim_set(text, "\r\n"));
        access->password_stdin = false;
    }
    if (access->username == NULL && access->password != NULL)
        return err_set(e, ERR_INVALID, "a password needs --username");
    bool named = access->username != NULL && access->username[0] != '\0';
    return !named || access->password != NULL
           || err_set(e, ERR_INVALID, "--username needs --password or --password-stdin");
}

static bool open_registry(struct chart_source *s, struct err *e)
{
    const struct oci_client_options o = { .credentials = s->username.n > 0 ? registry_credentials : NULL,
                                          .user = s,
                                          .files_too = true,
                                          .plain_http = s->access.plain_http,
                                          .insecure_tls = s->access.insecure_tls,
                                          .ca_file = s->access.ca_file,
                                          .cert_file = s->access.cert_file,
                                          .key_file = s->access.key_file,
                                          .helm_first = true };

    return oci_client_open(&o, &s->registry, e);
}

/* A file that is named and not there must not look like a server that cannot be reached. */
static bool check_files(const struct chart_access *access, struct err *e)
{
    const char *const files[] = { access->ca_file, access->cert_file, access->key_file };

    for (size_t i = 0; i < COUNT(files); i++)
        if (files[i] != NULL && !fs_exists(files[i]))
            return err_set(e, ERR_NOT_FOUND, "open %s: no such file or directory", files[i]);
    return true;
}

bool chart_source_open(struct arena *a, const struct chart_access *access, struct chart_source **out, struct err *e)
{
    struct chart_source *s = arena_new(a, struct chart_source, 1);

    s->a = a;
    s->access = *access;
    s->cache = download_cache_open(a);
    if (!check_files(access, e) || !chart_read_password(a, &s->access, e)
        || !repositories_read(a, access->repository_config, &s->repositories, e))
        return false;
    s->username = str_c(s->access.username);
    s->password = str_c(s->access.password);
    if (!open_registry(s, e))
        return false;
    *out = s;
    return true;
}

void chart_source_close(struct chart_source **s)
{
    if (*s != NULL)
        oci_client_close((*s)->registry);
}

void chart_source_trust(struct chart_source *s, struct str url)
{
    s->trusted = url;
}

struct oci_client *chart_source_registry(struct chart_source *s)
{
    return s->registry;
}

/* ---- one request ---------------------------------------------------------------------------- */

/* What is known of a repository: its entry in repositories.yaml, else what the command line says. */
static struct repository entry_of(const struct chart_source *s, struct str repository)
{
    ptrdiff_t at = repositories_find_url(&s->repositories, repository);
    struct repository r = { .url = repository };

    if (at >= 0)
        r = repositories_at(&s->repositories, (size_t)at);
    if (s->username.n > 0 && same_host(s->trusted, repository)) {
        r.username = s->username;
        r.password = s->password;
        r.pass_credentials = s->access.pass_credentials;
    }
    return r;
}

static void authorize(struct arena *a, const struct repository *r, struct str url, struct http_headers *headers)
{
    if (r->username.n == 0 || r->password.n == 0 || !(r->pass_credentials || same_host(r->url, url)))
        return;
    struct str pair = arena_fmt(a, "%.*s:%.*s", STR(r->username), STR(r->password));
    http_header_add(a, headers, "Authorization", arena_fmt(a, "Basic %.*s", STR(str_base64(a, pair))));
}

static const char *file_of(struct arena *a, const char *flag, struct str of_entry)
{
    return flag != NULL ? flag : of_entry.n > 0 ? arena_c(a, of_entry) : NULL;
}

static bool ask(const struct chart_source *s, struct arena *a, struct str repository, struct str url,
                struct http_headers headers, struct http_response *out, struct err *e)
{
    const struct repository r = entry_of(s, repository);
    struct http_request request = { .url = url,
                                    .follow_redirects = true,
                                    .timeout_ms = TIMEOUT_MS,
                                    .insecure_tls = s->access.insecure_tls || r.insecure_tls,
                                    .ca_file = file_of(a, s->access.ca_file, r.ca_file),
                                    .cert_file = file_of(a, s->access.cert_file, r.cert_file),
                                    .key_file = file_of(a, s->access.key_file, r.key_file) };

    if (!s->access.quiet && cli_is_terminal(stderr))
        fprintf(stderr, "fetching %.*s\n", STR(url_redact(a, url)));
    authorize(a, &r, url, &headers);
    request.headers = headers;
    return http_do(a, &request, out, e);
}

static bool refuse(struct arena *a, struct str url, const struct http_response *response, struct err *e)
{
    enum err_kind kind = http_status_kind(response->status);
    const char *hint = kind == ERR_DENIED ? "; give --username and --password, or add the repository with them" : "";

    return err_set(e, kind != ERR_NONE ? kind : ERR_INVALID, "GET %.*s: status %d%s", STR(url_redact(a, url)),
                   response->status, hint);
}

static bool fetch(const struct chart_source *s, struct arena *a, struct str repository, struct str url, struct str *out,
                  struct err *e)
{
    struct http_response response;

    if (!ask(s, a, repository, url, (struct http_headers){ 0 }, &response, e))
        return false;
    if (response.status / 100 != 2)
        return refuse(a, url, &response, e);
    *out = response.body;
    return true;
}

/* ---- indexes -------------------------------------------------------------------------------- */

static struct str index_url(struct arena *a, struct str repository)
{
    return arena_fmt(a, "%.*s%sindex.yaml", STR(repository), str_ends(repository, S("/")) ? "" : "/");
}

/* Only if it changed; *out is then the cached text with a new time. */
static bool ask_for_index(const struct chart_source *s, struct arena *a, struct str repository, struct str url,
                          bool cached, struct cached_index *out, struct err *e)
{
    struct http_headers headers = { 0 };
    struct http_response response;

    if (cached && out->etag.n > 0)
        http_header_add(a, &headers, "If-None-Match", out->etag);
    if (cached && out->last_modified.n > 0)
        http_header_add(a, &headers, "If-Modified-Since", out->last_modified);
    if (!ask(s, a, repository, url, headers, &response, e))
        return false;
    if (cached && response.status == 304) {
        out->fetched_ms = clock_wall_ms();
        return true;
    }
    if (response.status / 100 != 2)
        return refuse(a, url, &response, e);
    *out = (struct cached_index){ .text = response.body,
                                  .etag = http_header_get(&response.headers, "ETag"),
                                  .last_modified = http_header_get(&response.headers, "Last-Modified"),
                                  .fetched_ms = clock_wall_ms() };
    return true;
}

static bool get_index(const struct chart_source *s, struct arena *a, struct str repository, bool refresh,
                      struct str *out, struct err *e)
{
    struct cached_index index = { 0 };
    struct str url = index_url(a, repository);
    bool cached = download_cache_index(a, &s->cache, url, &index);

    *out = index.text;
    if (cached && !refresh)
        return true;
    if (ask_for_index(s, a, repository, url, cached, &index, e)) {
        download_cache_put_index(a, &s->cache, url, &index);
        *out = index.text;
        return true;
    }
    if (!cached || e->kind != ERR_UNAVAILABLE)
        return false;
    fprintf(stderr, "WARNING: %s; using its index of %.*s\n", e->text, STR(clock_rfc3339(a, index.fetched_ms)));
    return true;
}

bool chart_source_refresh(struct chart_source *s, struct str repository, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct cached_index index = { 0 };
    struct str url = index_url(&a, repository);
    bool cached = download_cache_index(&a, &s->cache, url, &index);

    if (!ask_for_index(s, &a, repository, url, cached, &index, e))
        return false;
    download_cache_put_index(&a, &s->cache, url, &index);
    return true;
}

/* ---- the fetcher ---------------------------------------------------------------------------- */

static bool fetcher_index(void *user, struct arena *a, struct str repository, struct str *out, struct err *e)
{
    const struct chart_source *s = user;

    return get_index(s, a, repository, !s->access.skip_refresh, out, e);
}

static bool fetcher_package(void *user, struct arena *a, struct str repository, struct str url, struct str digest,
                            struct str *out, struct err *e)
{
    const struct chart_source *s = user;

    if (download_cache_get(a, &s->cache, digest, out))
        return true;
    if (!fetch(s, a, repository, url, out, e))
        return false;
    download_cache_put(a, &s->cache, *out);
    return true;
}

static bool fetcher_get(void *user, struct arena *a, struct str url, struct str *out, struct err *e)
{
    return fetch(user, a, url, url, out, e);
}

static bool fetcher_versions(void *user, struct arena *a, struct str chart, struct str **out, size_t *n, struct err *e)
{
    const struct chart_source *s = user;
    struct oci_reference r;

    return oci_chart_reference(a, chart, S(""), &r, e) && oci_chart_versions(a, s->registry, &r, out, n, e);
}

static bool pull(const struct chart_source *s, struct arena *a, const struct oci_reference *r,
                 struct oci_descriptor *manifest, struct str *out, struct err *e)
{
    struct oci_descriptor package;

    if (!oci_chart_find(a, s->registry, r, manifest, &package, e))
        return false;
    struct str hex = package.digest;
    if (str_starts(hex, S("sha256:")))
        str_cut(&hex, sizeof "sha256:" - 1);
    if (download_cache_get(a, &s->cache, hex, out))
        return true;
    if (!oci_chart_get(a, s->registry, r, &package, out, e))
        return false;
    download_cache_put(a, &s->cache, *out);
    return true;
}

static bool fetcher_pull(void *user, struct arena *a, struct str chart, struct str version, struct str *out,
                         struct err *e)
{
    struct oci_reference r;
    struct oci_descriptor manifest;

    return oci_chart_reference(a, chart, oci_chart_tag(a, version), &r, e) && pull(user, a, &r, &manifest, out, e);
}

static bool fetcher_named(void *user, struct arena *a, struct str name, struct str *out, struct err *e)
{
    const struct chart_source *s = user;
    ptrdiff_t at = repositories_find(&s->repositories, name);

    if (at < 0)
        return err_set(e, ERR_NOT_FOUND, "no repository is named %.*s", STR(name));
    *out = repositories_at(&s->repositories, (size_t)at).url;
    return true;
}

struct chart_fetcher chart_source_fetcher(struct chart_source *s)
{
    return (struct chart_fetcher){ .get = fetcher_get,
                                   .index = fetcher_index,
                                   .package = fetcher_package,
                                   .versions = fetcher_versions,
                                   .pull = fetcher_pull,
                                   .named = fetcher_named,
                                   .user = s };
}

/* ---- versions ------------------------------------------------------------------------------- */

static bool is_exact(struct str version)
{
    struct semver parsed;
    struct err ignored;

    return semver_parse(version, &parsed, &ignored);
}

/* The first that satisfies; versions are newest first. */
static bool pick_version(struct arena *a, const struct str *versions, size_t n, struct str wanted, struct str *out,
                         struct err *e)
{
    struct semver_constraint *constraint;
    struct semver parsed;
    struct err ignored;
    struct str text = wanted.n > 0 ? wanted : S("*");

    if (!semver_constraint_parse(a, text, &constraint, e))
        return err_wrap(e, "version %.*s", STR(text));
    for (size_t i = 0; i < n; i++) {
        *out = versions[i];
        if (semver_parse(*out, &parsed, &ignored) && semver_constraint_check(constraint, &parsed))
            return true;
    }
    return err_set(e, ERR_NOT_FOUND, "none of its %zu versions satisfies %.*s", n, STR(text));
}

static bool check_digest(struct arena *a, struct str stated, struct str bytes, struct err *e)
{
    struct str actual = oci_digest_hex(oci_digest_of(a, bytes, S("")));

    if (str_starts(stated, S("sha256:")))
        str_cut(&stated, sizeof "sha256:" - 1);
    if (stated.n == 0 || str_ieq(stated, actual))
        return true;
    return err_set(e, ERR_INVALID, "digest is sha256:%.*s, but the repository's index states sha256:%.*s", STR(actual),
                   STR(stated));
}

/* ---- one chart ------------------------------------------------------------------------------ */

bool chart_is_remote(struct str name)
{
    return str_starts(name, S("oci://")) || str_starts(name, S("http://")) || str_starts(name, S("https://"));
}

static struct str last_part(struct str url)
{
    struct str path = url;

    str_split(&url, S("?"), &path);
    return str_slice(path, (size_t)(str_rfind(path, S("/")) + 1), path.n);
}

static bool find_listed(struct arena *a, struct chart_source *s, struct str repository, struct str name,
                        struct str version, struct chart_found *out, struct err *e)
{
    struct chart_listed listed;
    struct str index;

    if (!get_index(s, a, repository, !s->access.skip_refresh, &index, e))
        return err_wrap(e, "looks like \"%.*s\" is not a valid chart repository or cannot be reached",
                        STR(url_redact(a, repository)));
    if (!chart_index_find(a, index, repository, name, version, &listed, e)
        || !fetcher_package(s, a, repository, listed.url, listed.digest, &out->bytes, e))
        return false;
    out->file_name = last_part(listed.url);
    return check_digest(a, listed.digest, out->bytes, e) || err_wrap(e, "%.*s", STR(url_redact(a, listed.url)));
}

/* The tag of an oci:// name, or the one that the version means among those that there are. */
static bool registry_tag(struct arena *a, struct chart_source *s, const struct chart_wanted *w, struct oci_reference *r,
                         struct err *e)
{
    struct str *versions, version;
    size_t n;
    bool tagged = str_rfind(w->name, S(":")) > str_rfind(w->name, S("/"));

    if (!oci_chart_reference(a, w->name, S(""), r, e))
        return false;
    if (tagged && w->version.n > 0 && !str_eq(r->tag, oci_chart_tag(a, w->version)))
        return err_set(e, ERR_INVALID, "chart reference and version mismatch: %.*s is not %.*s", STR(w->version),
                       STR(r->tag));
    if (tagged || r->digest.n > 0)
        return true;
    if (is_exact(w->version)) {
        r->tag = oci_chart_tag(a, w->version);
        return true;
    }
    if (!oci_chart_versions(a, s->registry, r, &versions, &n, e)
        || !pick_version(a, versions, n, w->version, &version, e))
        return err_wrap(e, "%.*s", STR(w->name));
    r->tag = oci_chart_tag(a, version);
    return true;
}

static bool find_in_registry(struct arena *a, struct chart_source *s, const struct chart_wanted *w,
                             struct chart_found *out, struct err *e)
{
    struct oci_reference r;
    struct oci_descriptor manifest;

    if (!registry_tag(a, s, w, &r, e) || !pull(s, a, &r, &manifest, &out->bytes, e))
        return false;
    struct str name = last_part(r.repository), version = r.tag;
    out->file_name = arena_fmt(a, "%.*s-%.*s.tgz", STR(name), STR(oci_chart_version(a, version)));
    out->reference = oci_reference_str(a, &r);
    out->digest = manifest.digest;
    return true;
}

static bool find_named(struct arena *a, struct chart_source *s, const struct chart_wanted *w, struct chart_found *out,
                       struct err *e)
{
    struct str chart = w->name, name;

    if (!str_split(&chart, S("/"), &name) || chart.n == 0)
        return err_set(e, ERR_NOT_FOUND, "chart %.*s: give REPOSITORY/NAME, a URL, or --repo URL", STR(w->name));
    ptrdiff_t at = repositories_find(&s->repositories, name);
    if (at < 0)
        return err_set(e, ERR_NOT_FOUND, "repo %.*s not found", STR(name));
    struct str url = repositories_at(&s->repositories, (size_t)at).url;
    if (s->trusted.n == 0)
        s->trusted = url;
    return find_listed(a, s, url, chart, w->version, out, e);
}

bool chart_source_find(struct arena *a, struct chart_source *s, const struct chart_wanted *w, struct chart_found *out,
                       struct err *e)
{
    struct chart_found found = { 0 };
    bool ok;

    if (s->trusted.n == 0)
        s->trusted = w->repository.n > 0 ? w->repository : chart_is_remote(w->name) ? w->name : S("");
    if (w->repository.n > 0) {
        ok = find_listed(a, s, w->repository, w->name, w->version, &found, e);
    } else if (str_starts(w->name, S("oci://"))) {
        ok = find_in_registry(a, s, w, &found, e);
    } else if (chart_is_remote(w->name)) {
        found.file_name = last_part(w->name);
        ok = fetch(s, a, w->name, w->name, &found.bytes, e);
    } else {
        ok = find_named(a, s, w, &found, e);
    }
    if (ok)
        *out = found;
    return ok;
}
