/* Charts from elsewhere by way of `vitrine chart pull`: this program loads no network library. */
#include "cli/locate.h"

#include <fcntl.h>

#include "base/sys.h"

struct command {
    struct arena *a;
    VEC(const char *) argv;
    struct str password; /* goes through a pipe: arguments can be seen by everybody */
};

static void add(struct command *c, const char *word)
{
    *vec_push(c->a, &c->argv) = word;
}

/* --NAME=VALUE, so that a value may begin with a dash. */
static void add_flag(struct command *c, const char *name, const char *value)
{
    if (value != NULL)
        add(c, arena_fmt(c->a, "--%s=%s", name, value).p);
}

static void add_access(struct command *c, const struct chart_access *f)
{
    const struct {
        const char *name;
        bool set;
    } switches[] = { { "--insecure-skip-tls-verify", f->insecure_tls },
                     { "--plain-http", f->plain_http },
                     { "--pass-credentials", f->pass_credentials },
                     { "--password-stdin", f->password_stdin || f->password != NULL } };

    add_flag(c, "username", f->username);
    add_flag(c, "ca-file", f->ca_file);
    add_flag(c, "cert-file", f->cert_file);
    add_flag(c, "key-file", f->key_file);
    add_flag(c, "repository-config", f->repository_config);
    for (size_t i = 0; i < COUNT(switches); i++)
        if (switches[i].set)
            add(c, switches[i].name);
    if (f->password != NULL)
        c->password = str_c(f->password);
}

static bool read_password(struct arena *a, const struct chart_access *f, struct command *c, struct err *e)
{
    enum { PASSWORD_MAX = 64 << 10 };

    return !f->password_stdin || fs_read(a, AT_FDCWD, "/dev/stdin", PASSWORD_MAX, &c->password, e)
           || err_wrap(e, "read the password from standard input");
}

static bool run(struct command *c, struct str *said, struct err *e)
{
    struct proc_result r;

    add(c, NULL);
    const struct proc_options o = { .argv = c->argv.v, .stdin_bytes = c->password };
    if (!proc_run(c->a, &o, &r, e))
        return false;
    struct str text = str_trim(r.err);
    if (str_starts(text, S("Error: ")))
        str_cut(&text, sizeof "Error: " - 1);
    *said = r.err;
    return r.status == 0 || err_set(e, ERR_UNAVAILABLE, "%.*s", STR(text));
}

bool cli_is_elsewhere(const char *chart, const struct chart_remote *r)
{
    bool path = chart[0] == '/' || chart[0] == '.';

    return !path && !fs_exists(chart) && (r->repository != NULL || strchr(chart, '/') != NULL);
}

bool cli_fetch_chart(struct arena *a, const char *chart, const struct chart_remote *r, const char **dir,
                     const char **path, struct err *e)
{
    struct command c = { .a = a };
    struct fs_names names;
    struct str said;

    if (!fs_temp_dir(a, "vitrine-chart", dir, e) || !read_password(a, &r->access, &c, e))
        return false;
    add(&c, proc_self(a));
    add(&c, "chart");
    add(&c, "pull");
    add(&c, "--quiet");
    add_flag(&c, "destination", *dir);
    add_flag(&c, "repo", r->repository);
    add_flag(&c, "version", r->version);
    if (r->devel)
        add(&c, "--devel");
    add_access(&c, &r->access);
    add(&c, "--");
    add(&c, chart);
    if (!run(&c, &said, e) || !fs_list(a, *dir, &names, e))
        return false;
    if (names.n != 1)
        return err_set(e, ERR_NOT_FOUND, "chart %s: no package arrived", chart);
    *path = fs_join(a, *dir, arena_c(a, names.v[0]));
    return true;
}

bool cli_update_dependencies(struct arena *a, const char *chart, const struct chart_access *access, struct err *e)
{
    struct command c = { .a = a };
    struct str said;

    add(&c, proc_self(a));
    add(&c, "dependency");
    add(&c, "update");
    if (!read_password(a, access, &c, e))
        return false;
    add_access(&c, access);
    add(&c, "--");
    add(&c, chart);
    if (!run(&c, &said, e))
        return err_wrap(e, "update dependencies");
    fprintf(stderr, "%.*s", STR(said));
    return true;
}
