/* The world of the demo: free ports, a copy of the example with these ports in it, the forge, the server, the first
 * push. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "cli/cli.h"
#include "cli/demo.h"

enum { FILE_MAX = 1 << 20 };

/* ---- ports -------------------------------------------------------------------------------- */

static uint16_t bind_port(uint16_t port)
{
    CLEANUP(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t n = sizeof to;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || getsockname(fd, (struct sockaddr *)&to, &n) != 0)
        return 0;
    return ntohs(to.sin_port);
}

/* The port the example names, or another one when somebody has it. */
static uint16_t choose_port(uint16_t wanted)
{
    uint16_t got = bind_port(wanted);
    return got != 0 ? got : bind_port(0);
}

/* ---- copying the example ------------------------------------------------------------------ */

static struct str replace_all(struct arena *a, struct str text, struct str what, struct str with)
{
    struct buf out = { .a = a };
    struct str piece;
    while (str_split(&text, what, &piece)) {
        buf_add(&out, piece);
        buf_add(&out, with);
    }
    buf_add(&out, piece);
    return buf_str(&out);
}

static struct str with_ports(struct demo *d, struct arena *a, struct str text)
{
    text = replace_all(a, text, S("127.0.0.1:8081"), arena_fmt(a, "127.0.0.1:%d", d->forge_port));
    text = replace_all(a, text, S("127.0.0.1:8082"), arena_fmt(a, "127.0.0.1:%d", d->registry_port));
    return replace_all(a, text, S("localhost:8088"), arena_fmt(a, "localhost:%d", d->ingress_port));
}

static bool copy_tree(struct demo *d, const char *from, const char *to, int depth, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct fs_names names;
    struct str text;
    if (depth > 10)
        return err_set(e, ERR_LIMIT, "%s is nested too deep", from);
    if (!fs_mkdirs(to, 0755, e) || !fs_list(&a, from, &names, e))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        const char *source = fs_join(&a, from, names.v[i].p), *target = fs_join(&a, to, names.v[i].p);
        if (str_is(names.v[i], "dist") || str_is(names.v[i], ".git"))
            continue;
        if (fs_is_dir(source) ? !copy_tree(d, source, target, depth + 1, e)
                              : !fs_read(&a, AT_FDCWD, source, FILE_MAX, &text, e)
                                    || !fs_write(target, with_ports(d, &a, text), 0644, e))
            return false;
    }
    return true;
}

/* ---- git ---------------------------------------------------------------------------------- */

static bool run_git(struct demo *d, const char *const *argv, struct str *out, struct err *e)
{
    const char *const env[] = {
        arena_fmt(&d->a, "HOME=%s", d->dir).p,
        arena_fmt(&d->a, "PATH=%s", getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin:/bin").p,
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_AUTHOR_NAME=Ada",
        "GIT_AUTHOR_EMAIL=ada@demo.example",
        "GIT_COMMITTER_NAME=Ada",
        "GIT_COMMITTER_EMAIL=ada@demo.example",
        NULL
    };
    struct proc_result r;
    if (!proc_run(&d->a, &(struct proc_options){ .argv = argv, .env = env, .cwd = d->copy, .timeout_ms = 60000 }, &r,
                  e))
        return false;
    if (r.status != 0)
        return err_set(e, ERR_INVALID, "git %s: %.*s", argv[1], STR(str_trim(r.err)));
    if (out != NULL)
        *out = str_trim(r.out);
    return true;
}

bool demo_git(struct demo *d, struct str *out, struct err *e, ...)
{
    const char *argv[16] = { "git" };
    va_list words;
    va_start(words, e);
    for (size_t i = 1; i < COUNT(argv) - 1 && (argv[i] = va_arg(words, const char *)) != NULL; i++)
        continue;
    va_end(words);
    return run_git(d, argv, out, e);
}

bool demo_write_message(struct demo *d, const char *message, struct err *e)
{
    struct str text = arena_fmt(&d->a,
                                "/* What the application answers; the demo's pull requests change this line. */\n"
                                "#define MESSAGE \"%s\"\n",
                                message);
    return fs_write(fs_join(&d->a, d->copy, "app/message.h"), text, 0644, e);
}

bool demo_push(struct demo *d, const char *branch, const char *message, struct str *sha, struct err *e)
{
    return demo_git(d, NULL, e, "add", "-A", NULL) && demo_git(d, NULL, e, "commit", "-q", "-m", message, NULL)
           && demo_git(d, NULL, e, "push", "-q", "origin", arena_fmt(&d->a, "HEAD:refs/heads/%s", branch).p, NULL)
           && demo_git(d, sha, e, "rev-parse", "HEAD", NULL);
}

/* ---- opening ------------------------------------------------------------------------------ */

static bool open_forge(struct demo *d, struct err *e)
{
    struct sandbox_options o = {
        .dir = fs_join(&d->a, d->dir, "forge"),
        .port = d->forge_port,
        .token = S(DEMO_TOKEN),
        .login = S("ada"),
        .webhook_url = arena_fmt(&d->a, "http://127.0.0.1:%d/api/webhook", d->page_port),
        .webhook_secret = d->webhook_secret,
        .secrets = value_map(&d->a),
        .path_first = cli_program_dir(&d->a),
    };
    return sandbox_open(&o, &d->forge, e) && sandbox_create_repo(d->forge, DEMO_REPO, e);
}

static bool open_server(struct demo *d, struct err *e)
{
    struct server_options o = {
        .config_dir = fs_join(&d->a, d->dir, "config"),
        .data_dir = fs_join(&d->a, d->dir, "data"),
        .port = d->page_port,
        .ingress_port = d->ingress_port,
        .registry = true,
        .registry_port = d->registry_port,
        .webhook_secret = d->webhook_secret.p,
    };
    return copy_tree(d, fs_join(&d->a, d->app, "argocd"), o.config_dir, 0, e) && server_open(&o, &d->server, e);
}

static bool first_commit(struct demo *d, struct err *e)
{
    struct str sha;
    d->copy = fs_join(&d->a, d->dir, "copy");
    d->repo_url = arena_fmt(&d->a, "http://ada:%s@127.0.0.1:%d/%s.git", DEMO_TOKEN, d->forge_port, DEMO_REPO);
    return copy_tree(d, d->app, d->copy, 0, e) && demo_git(d, NULL, e, "init", "-q", "-b", "main", NULL)
           && demo_git(d, NULL, e, "remote", "add", "origin", d->repo_url.p, NULL)
           && demo_push(d, "main", "The first version", &sha, e);
}

bool demo_open(struct demo *d, struct err *e)
{
    d->started_ms = clock_mono_ms();
    d->forge_port = choose_port(8081);
    d->registry_port = choose_port(8082);
    d->ingress_port = choose_port(8088);
    d->page_port = choose_port(8090);
    d->webhook_secret = random_suffix(&d->a, 40);
    d->image = arena_fmt(&d->a, "127.0.0.1:%d/demo/demo-web", d->registry_port);
    d->repo = (struct forge_repo){ .api = arena_fmt(&d->a, "http://127.0.0.1:%d/api/v3", d->forge_port),
                                   .owner = S("demo"),
                                   .name = S("demo-web"),
                                   .token = S(DEMO_TOKEN) };
    return fs_temp_dir(&d->a, "vitrine-demo", &d->dir, e) && open_forge(d, e) && open_server(d, e)
           && oci_client_open(&(struct oci_client_options){ 0 }, &d->images, e) && first_commit(d, e);
}

void demo_close(struct demo *d)
{
    struct err e;
    sandbox_close(d->forge);
    if (d->server != NULL)
        server_close(d->server);
    if (d->images != NULL)
        oci_client_close(d->images);
    if (d->dir != NULL && !fs_remove_tree(d->dir, &e))
        fprintf(stderr, "Warning: %s\n", e.text);
    arena_close(&d->a);
}

/* ---- telling ------------------------------------------------------------------------------ */

static void tell(struct demo *d, const char *colour, const char *fmt, va_list args)
{
    printf("%s%7.2f s%s  ", d->colour ? "\033[2m" : "", (double)(clock_mono_ms() - d->started_ms) / 1000,
           d->colour ? "\033[0m" : "");
    fputs(d->colour ? colour : "", stdout);
    vprintf(fmt, args);
    puts(d->colour ? "\033[0m" : "");
    fflush(stdout);
}

void demo_say(struct demo *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(d, "", fmt, args);
    va_end(args);
}

void demo_title(struct demo *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    putchar('\n');
    tell(d, "\033[1m", fmt, args);
    va_end(args);
}
