/* vitrine artefact publish|promote|tags: the life of an image, for CI and by hand. */
#include "artefact/artefact.h"
#include "cli/full.h"

#include <stdlib.h>

#include "base/sys.h"

enum {                   /* beside cli_exit; CI acts on them */
       EXIT_NO_PULL = 3, /* the commit came without a merged pull request: build there */
       EXIT_DIFFERS = 4, /* pr-<n> is not the image that was tested, or the name is taken */
       EXIT_NO_TAG = 5,  /* pr-<n> or sha-<head> does not exist */
};
enum { LOOKUP_S = 15, LABELS_MAX = 64 };

static const char usage[] =
    "artefact publish IMAGE --sha SHA [--pr N] SOURCE | promote IMAGE --sha SHA --repo OWNER/NAME | tags IMAGE\n\n"
    "IMAGE is a repository without tag, such as ghcr.io/owner/app.\n"
    "  publish   push SOURCE, name it sha-<sha>, move pr-<n> to it. SOURCE is one of --binary FILE, --folder DIR,\n"
    "            --layout DIR (an OCI layout), --dockerfile FILE (built with buildah)\n"
    "  promote   name the image tested in the merged pull request of SHA sha-<sha>; no layer is moved\n"
    "  tags      list the tags with their digests\n\n"
    "Exit codes: 0 done or nothing to do, 1 failed, 2 wrong call, 3 the commit has no merged pull request (build "
    "there),\n"
    "4 the digests differ, 5 the tag of the pull request or of its head is missing.\n"
    "Credentials: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG, ~/.docker/config.json, or --username with --password-env.";

struct call {
    struct arena *a;
    struct oci_client *client;
    struct oci_reference image;
    const char *sha, *pull, *output;
    const char *binary, *folder, *layout, *dockerfile, *context, *user, *workdir, *name, *source;
    struct cli_words entrypoint, cmd, env, ports, labels, tags, rest;
    bool force;
    const char *repo, *api, *token_env, *head, *wait;
    const char *username, *password_env;
};

/* ---- output ------------------------------------------------------------------------------- */

static const char *change_word(enum artefact_change change)
{
    switch (change) {
    case ARTEFACT_NEW: return "new";
    case ARTEFACT_MOVED: return "moved";
    case ARTEFACT_UNCHANGED: break;
    }
    return "unchanged";
}

static struct value tag_value(struct arena *a, const struct artefact_tag *t)
{
    struct value v = value_map(a);
    value_set_str(a, &v, "tag", t->tag);
    value_set_str(a, &v, "digest", t->digest);
    value_set_str(a, &v, "change", str_c(change_word(t->change)));
    if (t->before.n > 0)
        value_set_str(a, &v, "before", t->before);
    return v;
}

static struct value tags_value(struct arena *a, const struct artefact_tag *tags, size_t n)
{
    struct value list = value_list(a);
    for (size_t i = 0; i < n; i++)
        list_push(a, list.list, tag_value(a, &tags[i]));
    return list;
}

static bool any_change(const struct artefact_tag *tags, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tags[i].change != ARTEFACT_UNCHANGED)
            return true;
    return false;
}

/* "sha-1 (new), pr-7 (moved)" */
static struct str tags_text(struct arena *a, const struct artefact_tag *tags, size_t n)
{
    struct buf b = { .a = a };
    for (size_t i = 0; i < n; i++)
        buf_fmt(&b, "%s%.*s (%s)", i > 0 ? ", " : "", STR(tags[i].tag), change_word(tags[i].change));
    return buf_str(&b);
}

static struct value manifest_value(struct call *c, const struct oci_descriptor *d)
{
    struct value v = value_map(c->a);
    value_set_str(c->a, &v, "image", oci_reference_str(c->a, &c->image));
    value_set_str(c->a, &v, "digest", d->digest);
    value_set_str(c->a, &v, "mediaType", d->media_type);
    value_set(c->a, &v, "requests", value_int(oci_client_requests(c->client))); /* to the registry, so far */
    return v;
}

/* ---- the registry ------------------------------------------------------------------------- */

static bool given_credentials(void *user, struct arena *a, struct str registry, struct str *name, struct str *password)
{
    const struct call *c = user;
    const char *secret = getenv(c->password_env);
    *name = str_c(c->username);
    *password = str_c(secret);
    return true;
}

static bool open_client(struct call *c, struct err *e)
{
    struct oci_client_options o = { 0 };
    if ((c->username == NULL) != (c->password_env == NULL))
        return err_set(e, ERR_INVALID, "--username and --password-env belong together");
    if (c->password_env != NULL && getenv(c->password_env) == NULL)
        return err_set(e, ERR_INVALID, "the environment has no %s", c->password_env);
    if (c->username != NULL)
        o = (struct oci_client_options){ .credentials = given_credentials, .user = c };
    return oci_client_open(&o, &c->client, e);
}

/* ---- publish ------------------------------------------------------------------------------ */

/* NULL-terminated, or NULL when the flag was not given. */
static const char *const *words(const struct cli_words *w)
{
    return w->n > 0 ? w->v : NULL;
}

/* "key=value" words as key, value, ..., NULL. */
static bool split_labels(struct call *c, const char ***out, struct err *e)
{
    const char **list = arena_new(c->a, const char *, LABELS_MAX * 2 + 3);
    size_t n = 0;
    for (size_t i = 0; i < c->labels.n; i++) {
        struct str value = str_c(c->labels.v[i]), key = { 0 };
        if (i == LABELS_MAX || !str_split(&value, S("="), &key) || key.n == 0)
            return err_set(e, ERR_INVALID, "--label wants KEY=VALUE, at most %d of them", LABELS_MAX);
        list[n++] = arena_c(c->a, key);
        list[n++] = arena_c(c->a, value);
    }
    const char *source = c->source;
    if (source == NULL && getenv("GITHUB_SERVER_URL") != NULL && getenv("GITHUB_REPOSITORY") != NULL)
        source = arena_fmt(c->a, "%s/%s", getenv("GITHUB_SERVER_URL"), getenv("GITHUB_REPOSITORY")).p;
    if (source != NULL) { /* links the package to its repository on ghcr.io */
        list[n++] = "org.opencontainers.image.source";
        list[n++] = source;
    }
    *out = list;
    return true;
}

/* A finished image keeps its own configuration: flags that would be lost are refused. */
static bool check_source_flags(const struct call *c, struct err *e)
{
    bool finished = c->layout != NULL || c->dockerfile != NULL;
    bool described = c->entrypoint.n + c->cmd.n + c->env.n + c->ports.n + c->labels.n > 0 || c->user != NULL
                     || c->workdir != NULL || c->source != NULL;
    if (finished && described)
        return err_set(
            e, ERR_INVALID,
            "--entrypoint, --cmd, --env, --port, --user, --workdir, --label and --source are for --binary and "
            "--folder; this image brings its own");
    if (c->name != NULL && c->binary == NULL)
        return err_set(e, ERR_INVALID, "--name is for --binary");
    if (c->context != NULL && c->dockerfile == NULL)
        return err_set(e, ERR_INVALID, "--context is for --dockerfile");
    return true;
}

static bool read_source(struct call *c, struct artefact_publish *p, struct oci_assemble *assemble, struct err *e)
{
    const char **labels = NULL;
    int given = (c->binary != NULL) + (c->folder != NULL) + (c->layout != NULL) + (c->dockerfile != NULL);
    if (given != 1)
        return err_set(e, ERR_INVALID, "give one of --binary, --folder, --layout and --dockerfile");
    if (!check_source_flags(c, e))
        return false;
    p->layout = c->layout;
    p->dockerfile = c->dockerfile;
    p->context = c->context;
    if (c->layout != NULL || c->dockerfile != NULL)
        return true;
    if (!split_labels(c, &labels, e))
        return false;
    *assemble = (struct oci_assemble){
        .path = c->binary != NULL ? c->binary : c->folder,
        .name = c->binary != NULL ? str_c(c->name) : S(""),
        .entrypoint = words(&c->entrypoint),
        .cmd = words(&c->cmd),
        .env = words(&c->env),
        .user = str_c(c->user),
        .working_dir = str_c(c->workdir),
        .labels = labels,
        .exposed_ports = words(&c->ports),
    };
    p->assemble = assemble;
    return true;
}

static void print_published(struct call *c, const struct artefact_published *done)
{
    struct value v = manifest_value(c, &done->manifest);
    value_set(c->a, &v, "tags", tags_value(c->a, done->tags, done->n_tags));
    if (cli_print_value(c->output, &v))
        return;
    struct str image = oci_reference_str(c->a, &c->image);
    struct str tags = tags_text(c->a, done->tags, done->n_tags);
    if (any_change(done->tags, done->n_tags))
        printf("Published %.*s: %.*s at %.*s\n", STR(image), STR(tags), STR(done->manifest.digest));
    else
        printf("Nothing to do, %.*s: %.*s at %.*s\n", STR(image), STR(tags), STR(done->manifest.digest));
}

static int publish(struct call *c)
{
    struct artefact_publish p = { .image = c->image, .sha = str_c(c->sha), .force = c->force };
    struct oci_assemble assemble = { 0 };
    struct artefact_published done = { 0 };
    struct err e = { 0 };
    if (c->sha == NULL)
        return cli_usage("artefact", "publish needs --sha");
    if (c->pull != NULL && (!str_to_int(str_c(c->pull), &p.pull) || p.pull <= 0))
        return cli_usage("artefact", "--pr is no pull request number: %s", c->pull);
    if (!read_source(c, &p, &assemble, &e))
        return cli_usage("artefact", "%s", e.text);
    struct patience *busy = patience_begin("publishing");
    bool ok = artefact_publish(c->a, c->client, &p, &done, &e);
    patience_end(busy);
    if (!ok) {
        int status = cli_fail(&e);
        return e.kind == ERR_CONFLICT ? EXIT_DIFFERS : status;
    }
    print_published(c, &done);
    return CLI_OK;
}

/* ---- promote ------------------------------------------------------------------------------ */

static const char *first_set(const char *flag, const char *variable)
{
    return flag != NULL ? flag : getenv(variable);
}

static bool read_repo(struct call *c, struct forge_repo *out, struct err *e)
{
    const char *repo = first_set(c->repo, "GITHUB_REPOSITORY");
    const char *token = getenv(c->token_env != NULL ? c->token_env : "GITHUB_TOKEN");
    struct str name = str_c(repo), owner = { 0 };
    if (repo == NULL || !str_split(&name, S("/"), &owner) || owner.n == 0 || name.n == 0)
        return err_set(e, ERR_INVALID, "promote needs --repo OWNER/NAME, or --pr with --head");
    *out = (struct forge_repo){ .owner = owner, .name = name, .token = str_c(token) };
    out->api = forge_api_base(c->a, str_c(first_set(c->api, "GITHUB_API_URL")));
    return true;
}

static bool read_promote(struct call *c, struct artefact_promote *p, struct err *e)
{
    int64_t wait_s = LOOKUP_S;
    struct str *tags = arena_new(c->a, struct str, c->tags.n);
    if (c->sha == NULL)
        return err_set(e, ERR_INVALID, "promote needs --sha");
    if (c->pull != NULL && (!str_to_int(str_c(c->pull), &p->pull) || p->pull <= 0))
        return err_set(e, ERR_INVALID, "--pr is no pull request number: %s", c->pull);
    if (c->wait != NULL && (!str_to_int(str_c(c->wait), &wait_s) || wait_s < 0 || wait_s > 3600))
        return err_set(e, ERR_INVALID, "--lookup-wait is no number of seconds up to 3600: %s", c->wait);
    for (size_t i = 0; i < c->tags.n; i++)
        tags[i] = str_c(c->tags.v[i]);
    p->image = c->image;
    p->sha = str_c(c->sha);
    p->head = str_c(c->head);
    p->lookup_ms = wait_s * 1000;
    p->tags = tags;
    p->n_tags = c->tags.n;
    return (p->pull > 0 && p->head.n > 0) || read_repo(c, &p->repo, e);
}

static void print_promoted(struct call *c, const struct artefact_promoted *done)
{
    struct value v = manifest_value(c, &done->manifest);
    value_set(c->a, &v, "pull", value_int(done->pull));
    value_set_str(c->a, &v, "head", done->head);
    value_set(c->a, &v, "tags", tags_value(c->a, done->tags, done->n_tags));
    if (cli_print_value(c->output, &v))
        return;
    printf("%s %.*s: pr-%lld (head %.7s, %.*s) is %.*s\n",
           any_change(done->tags, done->n_tags) ? "Promoted" : "Nothing to do,",
           STR(oci_reference_str(c->a, &c->image)), (long long)done->pull, arena_c(c->a, done->head),
           STR(done->manifest.digest), STR(tags_text(c->a, done->tags, done->n_tags)));
}

static int refusal_status(enum artefact_refusal why)
{
    switch (why) {
    case ARTEFACT_NO_PULL: return EXIT_NO_PULL;
    case ARTEFACT_DIFFERS: return EXIT_DIFFERS;
    case ARTEFACT_NO_TAG: return EXIT_NO_TAG;
    case ARTEFACT_FAILED: break;
    }
    return CLI_FAILED;
}

static int promote(struct call *c)
{
    struct artefact_promote p = { 0 };
    struct artefact_promoted done = { 0 };
    enum artefact_refusal why = ARTEFACT_FAILED;
    struct err e = { 0 };
    if (!read_promote(c, &p, &e))
        return cli_usage("artefact", "%s", e.text);
    struct patience *busy = patience_begin("promoting");
    bool ok = artefact_promote(c->a, c->client, &p, &done, &why, &e);
    patience_end(busy);
    if (!ok) {
        cli_fail(&e);
        return refusal_status(why);
    }
    print_promoted(c, &done);
    return CLI_OK;
}

/* ---- tags --------------------------------------------------------------------------------- */

static int list(struct call *c)
{
    static const char *const head[] = { "TAG", "DIGEST", "SIZE", "TYPE" };
    struct artefact_listed *tags = NULL;
    struct cli_table t = { .a = c->a, .columns = COUNT(head) };
    struct value all = value_list(c->a);
    size_t n = 0;
    struct err e = { 0 };
    if (!artefact_tags(c->a, c->client, &c->image, &tags, &n, &e))
        return cli_fail(&e);
    cli_table_row(&t, head);
    for (size_t i = 0; i < n; i++) {
        struct value v = value_map(c->a);
        value_set_str(c->a, &v, "tag", tags[i].tag);
        value_set_str(c->a, &v, "digest", tags[i].manifest.digest);
        value_set_str(c->a, &v, "mediaType", tags[i].manifest.media_type);
        value_set(c->a, &v, "size", value_int(tags[i].manifest.size));
        list_push(c->a, all.list, v);
        cli_table_cell(&t, tags[i].tag);
        cli_table_cell(&t, tags[i].manifest.digest);
        cli_table_cell(&t, arena_fmt(c->a, "%lld", (long long)tags[i].manifest.size));
        cli_table_cell(&t, tags[i].manifest.media_type);
    }
    if (!cli_print_value(c->output, &all))
        cli_table_print(&t, stdout);
    return CLI_OK;
}

/* ---- the command -------------------------------------------------------------------------- */

static int run(struct call *c)
{
    static const struct {
        const char *name;
        int (*run)(struct call *c);
    } verbs[] = { { "publish", publish }, { "promote", promote }, { "tags", list } };
    struct err e = { 0 };
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (c->rest.n == 0 || strcmp(c->rest.v[0], verbs[i].name) != 0)
            continue;
        if (c->rest.n != 2)
            return cli_usage("artefact", "%s needs one IMAGE", verbs[i].name);
        if (!artefact_image_parse(c->a, str_c(c->rest.v[1]), &c->image, &e) || !open_client(c, &e))
            return cli_usage("artefact", "%s", e.text);
        int status = verbs[i].run(c);
        oci_client_close(c->client);
        return status;
    }
    return cli_usage("artefact", "publish, promote or tags was expected");
}

int cmd_artefact(int argc, char **argv)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct call c = { .a = &a };
    const struct cli_flag flags[] = {
        { "sha", 0, NULL, &c.sha, NULL, "full commit sha; names sha-<sha>" },
        { "pr", 0, NULL, &c.pull, NULL, "pull request number; names pr-<n> (promote: skips the search)" },
        { "binary", 0, NULL, &c.binary, NULL, "publish: one static program" },
        { "name", 0, NULL, &c.name, NULL, "publish: name of the program in the image (default: the file's)" },
        { "folder", 0, NULL, &c.folder, NULL, "publish: a folder, becomes the image's root" },
        { "layout", 0, NULL, &c.layout, NULL, "publish: an OCI layout folder, pushed as it is" },
        { "dockerfile", 0, NULL, &c.dockerfile, NULL, "publish: built with buildah" },
        { "context", 0, NULL, &c.context, NULL, "publish: build context (default: the Dockerfile's folder)" },
        { "entrypoint", 0, NULL, NULL, &c.entrypoint, "publish: program and arguments, one flag each" },
        { "cmd", 0, NULL, NULL, &c.cmd, "publish: default arguments, one flag each" },
        { "env", 0, NULL, NULL, &c.env, "publish: NAME=VALUE, may be repeated" },
        { "port", 0, NULL, NULL, &c.ports, "publish: exposed port such as 8080/tcp, may be repeated" },
        { "user", 0, NULL, &c.user, NULL, "publish: user id, such as 65532" },
        { "workdir", 0, NULL, &c.workdir, NULL, "publish: working folder" },
        { "label", 0, NULL, NULL, &c.labels, "publish: KEY=VALUE, may be repeated" },
        { "source", 0, NULL, &c.source, NULL, "publish: URL of the repository (default: from $GITHUB_REPOSITORY)" },
        { "force", 0, &c.force, NULL, NULL, "publish: replace sha-<sha> when it is another image" },
        { "repo", 0, NULL, &c.repo, NULL, "promote: OWNER/NAME (default $GITHUB_REPOSITORY)" },
        { "api", 0, NULL, &c.api, NULL, "promote: API of the forge (default $GITHUB_API_URL or github.com)" },
        { "token-env", 0, NULL, &c.token_env, NULL, "promote: variable with the token (default GITHUB_TOKEN)" },
        { "head", 0, NULL, &c.head, NULL, "promote: the sha that was tested; with --pr nobody is asked" },
        { "lookup-wait", 0, NULL, &c.wait, NULL, "promote: seconds to wait for the forge to know the commit (15)" },
        { "tag", 0, NULL, NULL, &c.tags, "promote: one more tag for the image, may be repeated" },
        { "username", 0, NULL, &c.username, NULL, "user of the registry" },
        { "password-env", 0, NULL, &c.password_env, NULL, "variable with the password of the registry" },
        { "output", 'o', NULL, &c.output, NULL, "json or yaml", "json yaml" },
        { NULL },
    };
    int status;
    return cli_start(argc, argv, usage, flags, &c.rest, &status) ? run(&c) : status;
}
