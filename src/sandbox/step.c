/*
 * One step: `run:` is a script in a shell of its own, in the job's workspace, with the environment that Actions would
 * give it. `uses:` is known for actions/checkout alone; anything else is refused with a line that says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "sandbox/run.h"

#define LOG_LINE_MAX ((size_t)64 << 10) /* longer lines are masked in pieces */
#define LOOK_MS 100                     /* how often a cancelled run is noticed */
#define FILE_MAX ((size_t)1 << 20)      /* of GITHUB_OUTPUT and the like */

struct step {
    struct job *j;
    const struct value *def;
    size_t number;
    struct value env; /* the step's own variables over the job's */
    const char *output_file, *env_file, *path_file, *summary_file;
};

/* ---- log ------------------------------------------------------------------------------------------- */

static struct str mask_one(struct arena *a, struct str text, struct str secret)
{
    struct buf b = { .a = a };
    struct str plain;

    if (secret.n < 3 || str_find(text, secret) < 0)
        return text;
    while (str_split(&text, secret, &plain)) {
        buf_add(&b, plain);
        buf_c(&b, "***");
    }
    buf_add(&b, plain);
    return buf_str(&b);
}

void job_write(struct job *j, struct str text)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const struct value *secrets = value_get(&j->x.contexts, "secrets");
    struct err ignored = { 0 };

    for (size_t i = 0; value_is(secrets, VALUE_MAP) && i < secrets->map->n; i++)
        text = mask_one(&a, text, value_as_str(&secrets->map->v[i].value));
    (void)!fd_write_all(j->log, text, &ignored);
}

void job_log(struct job *j, const char *fmt, ...)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    va_list args;

    va_start(args, fmt);
    struct str text = arena_vfmt(&a, fmt, args);
    va_end(args);
    job_write(j, arena_fmt(&a, "%.*s\n", STR(text)));
}

/* ---- environment -------------------------------------------------------------------------------------- */

bool job_add_env(struct job *j, const struct value *texts, struct value *env, struct err *e)
{
    for (size_t i = 0; value_is(texts, VALUE_MAP) && i < texts->map->n; i++) {
        struct str name = texts->map->v[i].key, text;
        if (!wexpr_fill(j->a, wexpr_text(j->a, &texts->map->v[i].value), &j->x, &text, e))
            return err_wrap(e, "env %.*s", STR(name));
        map_put(j->a, env->map, name, value_str(text));
    }
    return true;
}

/* GITHUB_SHA and the others are the github context in capitals. */
static void add_github_variables(struct job *j, struct value *env)
{
    static const char *const names[][2] = {
        { "GITHUB_SHA", "sha" },
        { "GITHUB_REF", "ref" },
        { "GITHUB_REF_NAME", "ref_name" },
        { "GITHUB_REF_TYPE", "ref_type" },
        { "GITHUB_HEAD_REF", "head_ref" },
        { "GITHUB_BASE_REF", "base_ref" },
        { "GITHUB_ACTOR", "actor" },
        { "GITHUB_TRIGGERING_ACTOR", "triggering_actor" },
        { "GITHUB_EVENT_NAME", "event_name" },
        { "GITHUB_EVENT_PATH", "event_path" },
        { "GITHUB_REPOSITORY", "repository" },
        { "GITHUB_REPOSITORY_OWNER", "repository_owner" },
        { "GITHUB_RUN_ID", "run_id" },
        { "GITHUB_RUN_NUMBER", "run_number" },
        { "GITHUB_RUN_ATTEMPT", "run_attempt" },
        { "GITHUB_WORKFLOW", "workflow" },
        { "GITHUB_JOB", "job" },
        { "GITHUB_WORKSPACE", "workspace" },
        { "GITHUB_SERVER_URL", "server_url" },
        { "GITHUB_API_URL", "api_url" },
        { "GITHUB_GRAPHQL_URL", "graphql_url" },
    };
    const struct value *github = value_get(&j->x.contexts, "github");

    for (size_t i = 0; i < COUNT(names); i++)
        value_set_str(j->a, env, names[i][0], value_str_at(github, names[i][1]));
}

static struct str search_path(struct job *j)
{
    struct buf b = { .a = j->a };
    const char *inherited = getenv("PATH");

    for (size_t i = 0; i < value_len(&j->paths); i++)
        buf_fmt(&b, "%.*s:", STR(value_as_str(value_item(&j->paths, i))));
    if (j->r->s->path_first != NULL)
        buf_fmt(&b, "%s:", j->r->s->path_first);
    buf_c(&b, inherited != NULL ? inherited : "/usr/local/bin:/usr/bin:/bin");
    return buf_str(&b);
}

static void add_runner_variables(struct step *st, struct value *env)
{
    struct job *j = st->j;
    const struct {
        const char *name, *value;
    } fixed[] = {
        { "CI", "true" },
        { "GITHUB_ACTIONS", "true" },
        { "GITHUB_ACTION", "__run" },
        { "GITHUB_OUTPUT", st->output_file },
        { "GITHUB_ENV", st->env_file },
        { "GITHUB_PATH", st->path_file },
        { "GITHUB_STEP_SUMMARY", st->summary_file },
        { "HOME", j->temp },
        { "LANG", "C.UTF-8" },
        { "RUNNER_OS", "Linux" },
        { "RUNNER_NAME", "sandbox" },
        { "RUNNER_TEMP", j->temp },
        { "GIT_TERMINAL_PROMPT", "0" },
    };

    for (size_t i = 0; i < COUNT(fixed); i++)
        value_set(j->a, env, fixed[i].name, value_c(fixed[i].value));
    value_set_str(j->a, env, "PATH", search_path(j));
}

/* What the file says comes last: it may set even PATH, but not what Actions keeps for itself. */
static const char *const *environment(struct step *st)
{
    struct job *j = st->j;
    struct value env = value_map(j->a);

    add_runner_variables(st, &env);
    for (size_t i = 0; i < st->env.map->n; i++)
        if (!str_starts(st->env.map->v[i].key, S("GITHUB_")) || str_is(st->env.map->v[i].key, "GITHUB_TOKEN"))
            map_put(j->a, env.map, st->env.map->v[i].key, st->env.map->v[i].value);
    add_github_variables(j, &env);
    const char **out = arena_new(j->a, const char *, env.map->n + 1);
    for (size_t i = 0; i < env.map->n; i++)
        out[i] = arena_fmt(j->a, "%.*s=%.*s", STR(env.map->v[i].key), STR(value_as_str(&env.map->v[i].value))).p;
    return out;
}

/* ---- the process ----------------------------------------------------------------------------------------- */

/* Whole lines go to the log at once, so that a secret is not cut in two; the rest waits. */
static void log_lines(struct job *j, struct buf *held, bool all)
{
    ptrdiff_t newline = str_rfind(buf_str(held), S("\n"));
    size_t n = all || held->n > LOG_LINE_MAX ? held->n : (size_t)(newline + 1);

    if (n == 0)
        return;
    job_write(j, str_slice(buf_str(held), 0, n));
    if (all && held->p[n - 1] != '\n')
        job_write(j, S("\n"));
    memmove(held->p, held->p + n, held->n - n);
    held->n -= n;
}

/* Read what the step prints until it ends; false when it must be stopped. */
static bool follow(struct job *j, int out, int pidfd, int64_t deadline, enum step_end *why)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct buf held = { .a = &a };
    bool open = true, running = true;

    while (open && running) {
        struct pollfd set[] = { { out, POLLIN, 0 }, { pidfd, POLLIN, 0 } };
        if (runner_stopped(j->r->s, j->r->id) || clock_mono_ms() > deadline) {
            *why = clock_mono_ms() > deadline ? STEP_TIMED_OUT : STEP_CANCELLED;
            log_lines(j, &held, true);
            return false;
        }
        if (poll(set, 2, LOOK_MS) < 0 && errno != EINTR)
            break;
        running = set[1].revents == 0; /* what it printed before its end is still read below */
        do {
            buf_reserve(&held, 8192);
            ssize_t n = read(out, held.p + held.n, 8192);
            open = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
            if (n <= 0)
                break;
            held.n += (size_t)n;
            held.p[held.n] = '\0';
            log_lines(j, &held, false);
        } while (true);
    }
    log_lines(j, &held, true);
    return true;
}

static enum step_end run_process(struct step *st, const char *const *argv, const char *cwd, int64_t deadline)
{
    struct job *j = st->j;
    CLEANUP(fd_close) int read_end = -1, write_end = -1, pidfd = -1;
    struct err e = { 0 };
    enum step_end why = STEP_SUCCESS;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return STEP_FAILURE;
    read_end = ends[0];
    write_end = ends[1];
    fcntl(read_end, F_SETFL, O_NONBLOCK);
    struct child o = { .argv = argv, .env = environment(st), .cwd = cwd, .in = -1, .out = write_end, .err = write_end };
    if (!child_start(&o, &pid, &e)) {
        job_log(j, "##[error]%s", e.text);
        return STEP_FAILURE;
    }
    fd_close(&write_end);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool ended = follow(j, read_end, pidfd, deadline, &why);
    int status = child_end(pid, true); /* what it left in the background goes with it */
    if (!ended)
        return why;
    if (status != 0)
        job_log(j, "##[error]Process completed with exit code %d.", status);
    return status == 0 ? STEP_SUCCESS : STEP_FAILURE;
}

/* ---- run: -------------------------------------------------------------------------------------------------- */

static struct str setting(struct job *j, const struct value *def, const char *key)
{
    const struct value *own = value_get(def, key);
    const char *path = arena_fmt(j->a, "defaults.run.%s", key).p;

    if (value_is(own, VALUE_STRING))
        return value_as_str(own);
    struct str of_job = value_str_at(j->def, path);
    return of_job.n > 0 ? of_job : value_str_at(&j->r->workflow, path);
}

/* As Actions calls them: no `shell` is bash -e, `shell: bash` adds pipefail. */
static bool shell_of(struct job *j, struct str shell, const char *script, const char **argv)
{
    static const struct {
        const char *name;
        const char *argv[7];
    } shells[] = {
        { "", { "bash", "-e", NULL } },
        { "bash", { "bash", "--noprofile", "--norc", "-eo", "pipefail", NULL } },
        { "sh", { "sh", "-e", NULL } },
        { "python", { "python3", NULL } },
    };
    size_t n = 0;

    for (size_t i = 0; i < COUNT(shells); i++) {
        if (!str_is(shell, shells[i].name))
            continue;
        for (; shells[i].argv[n] != NULL; n++)
            argv[n] = shells[i].argv[n];
        argv[n] = script;
        argv[n + 1] = NULL;
        return true;
    }
    job_log(j, "##[error]The sandbox has no shell '%.*s': use bash, sh or python.", STR(utf8_prefix(shell, 60)));
    return false;
}

static enum step_end run_script(struct step *st, int64_t deadline)
{
    struct job *j = st->j;
    struct str script, folder;
    struct err e = { 0 };
    const char *argv[9];
    const char *file = arena_fmt(j->a, "%s/step-%zu.sh", j->temp, st->number).p;

    if (!wexpr_fill(j->a, value_str_at(st->def, "run"), &j->x, &script, &e)
        || !wexpr_fill(j->a, setting(j, st->def, "working-directory"), &j->x, &folder, &e)
        || !fs_write(file, arena_fmt(j->a, "%.*s\n", STR(script)), 0700, &e)) {
        job_log(j, "##[error]%s", e.text);
        return STEP_FAILURE;
    }
    job_log(j, "%.*s", STR(str_trim_set(script, "\n")));
    job_log(j, "##[endgroup]");
    if (!shell_of(j, setting(j, st->def, "shell"), file, argv))
        return STEP_FAILURE;
    return run_process(st, argv, folder.n > 0 ? fs_join(j->a, j->workspace, arena_c(j->a, folder)) : j->workspace,
                       deadline);
}

/* ---- uses: actions/checkout ---------------------------------------------------------------------------------- */

static struct str basic(struct arena *a, struct str token)
{
    struct str plain = arena_fmt(a, "x-access-token:%.*s", STR(token));
    char *out = arena_alloc(a, plain.n * 2 + 4);
    int n = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)plain.p, (int)plain.n);

    return (struct str){ out, (size_t)n };
}

/* The script that stands for actions/checkout@v4: the commit, a remote, and the token for it. The object store is
 * shared by hard links, so a commit that no branch holds (a test merge, an old head) is there too. */
static const char checkout_script[] =
    "set -e\n"
    "mkdir -p \"$(dirname \"$CHECKOUT_INTO\")\"\n"
    "rm -rf \"$CHECKOUT_INTO.new\"\n"
    "git clone -q --no-checkout \"$CHECKOUT_FROM\" \"$CHECKOUT_INTO.new\"\n"
    "mkdir -p \"$CHECKOUT_INTO\"\n"
    "rm -rf \"$CHECKOUT_INTO/.git\"\n"
    "mv \"$CHECKOUT_INTO.new/.git\" \"$CHECKOUT_INTO/.git\"\n"
    "rmdir \"$CHECKOUT_INTO.new\"\n"
    "cd \"$CHECKOUT_INTO\"\n"
    "git remote set-url origin \"$CHECKOUT_URL\"\n"
    "git config \"http.$GITHUB_SERVER_URL/.extraheader\" \"AUTHORIZATION: basic $CHECKOUT_BASIC\"\n"
    "git config advice.detachedHead false\n"
    "sha=$(git rev-parse --verify -q \"$CHECKOUT_REF^{commit}\" || git rev-parse --verify -q "
    "\"origin/$CHECKOUT_REF^{commit}\") || {\n"
    "  echo \"##[error]A branch or tag with the name '$CHECKOUT_REF' could not be found\"; exit 1; }\n"
    "if [ -n \"$CHECKOUT_BRANCH\" ]; then git checkout -q -f -B \"$CHECKOUT_BRANCH\" \"$sha\"; else git checkout -q -f "
    "--detach \"$sha\"; fi\n"
    "git clean -qffdx\n"
    "git log -1 --format='HEAD is now at %h %s'\n";

static bool checkout_inputs(struct step *st, struct str *git_ref, struct str *path, struct err *e)
{
    struct job *j = st->j;
    const struct value *with = value_get(st->def, "with");
    struct str repository;

    if (!wexpr_fill(j->a, value_str_at(with, "ref"), &j->x, git_ref, e)
        || !wexpr_fill(j->a, value_str_at(with, "path"), &j->x, path, e)
        || !wexpr_fill(j->a, value_str_at(with, "repository"), &j->x, &repository, e))
        return false;
    if (repository.n > 0 && !str_ieq(repository, j->r->full_name))
        return err_set(e, ERR_INVALID, "the sandbox checks out the run's own repository only, not %.*s",
                       STR(repository));
    if (str_starts(*path, S("/")) || str_find(*path, S("..")) >= 0)
        return err_set(e, ERR_DENIED, "path '%.*s' leaves the workspace", STR(*path));
    return true;
}

static enum step_end run_checkout(struct step *st, int64_t deadline)
{
    struct job *j = st->j;
    const char *const argv[] = { "bash", "-c", checkout_script, NULL };
    struct str git_ref, path, branch = S(""), run_ref = value_str_at(&j->r->github, "ref");
    struct err e = { 0 };

    if (!checkout_inputs(st, &git_ref, &path, &e)) {
        job_log(j, "##[error]%s", e.text);
        return STEP_FAILURE;
    }
    job_log(j, "##[endgroup]");
    if (git_ref.n == 0 && str_starts(run_ref, S("refs/heads/")))
        branch = str_slice(run_ref, S("refs/heads/").n, run_ref.n);
    const struct {
        const char *name;
        struct str value;
    } variables[] = {
        { "CHECKOUT_FROM", str_c(j->r->git_dir) },
        { "CHECKOUT_INTO", path.n > 0 ? str_c(fs_join(j->a, j->workspace, arena_c(j->a, path))) : str_c(j->workspace) },
        { "CHECKOUT_URL", arena_fmt(j->a, "%.*s/%.*s", STR(j->r->s->url), STR(j->r->full_name)) },
        { "CHECKOUT_BASIC", basic(j->a, j->r->s->bot_token) },
        { "CHECKOUT_REF", git_ref.n > 0 ? git_ref : value_str_at(&j->r->github, "sha") },
        { "CHECKOUT_BRANCH", branch },
    };
    for (size_t i = 0; i < COUNT(variables); i++)
        value_set_str(j->a, &st->env, variables[i].name, variables[i].value);
    return run_process(st, argv, j->temp, deadline);
}

/* ---- the whole step ------------------------------------------------------------------------------------------- */

static bool make_files(struct step *st, struct err *e)
{
    struct job *j = st->j;
    const struct {
        const char *name;
        const char **path;
    } files[] = {
        { "output", &st->output_file },
        { "env", &st->env_file },
        { "path", &st->path_file },
        { "summary", &st->summary_file },
    };

    for (size_t i = 0; i < COUNT(files); i++) {
        *files[i].path = arena_fmt(j->a, "%s/step-%zu.%s", j->temp, st->number, files[i].name).p;
        if (!fs_write(*files[i].path, S(""), 0600, e))
            return false;
    }
    return true;
}

/* steps.ID.outputs, later steps' variables and folders */
static bool read_files(struct step *st, struct value *outputs, struct err *e)
{
    struct job *j = st->j;
    struct str text, line;
    struct value added;

    if (!fs_read(j->a, AT_FDCWD, st->output_file, FILE_MAX, &text, e) || !stepfile_parse(j->a, text, outputs, e))
        return err_wrap(e, "GITHUB_OUTPUT");
    if (!fs_read(j->a, AT_FDCWD, st->env_file, FILE_MAX, &text, e) || !stepfile_parse(j->a, text, &added, e))
        return err_wrap(e, "GITHUB_ENV");
    for (size_t i = 0; i < added.map->n; i++)
        map_put(j->a, j->env.map, added.map->v[i].key, added.map->v[i].value);
    if (!fs_read(j->a, AT_FDCWD, st->path_file, FILE_MAX, &text, e))
        return err_wrap(e, "GITHUB_PATH");
    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        if (line.n > 0)
            list_push(j->a, j->paths.list, value_str(line));
    }
    return true;
}

static int64_t minutes_to_deadline(const struct value *def, int64_t latest)
{
    int64_t minutes = value_int_at(def, "timeout-minutes", 0);
    int64_t own = minutes > 0 ? clock_mono_ms() + minutes * 60000 : latest;

    return own < latest ? own : latest;
}

static enum step_end carry_out(struct step *st)
{
    struct job *j = st->j;
    struct str uses = value_str_at(st->def, "uses");
    int64_t deadline = minutes_to_deadline(st->def, j->deadline_ms);

    if (uses.n > 0 && (str_is(uses, "actions/checkout") || str_starts(uses, S("actions/checkout@"))))
        return run_checkout(st, deadline);
    if (value_is(value_get(st->def, "run"), VALUE_STRING))
        return run_script(st, deadline);
    job_log(j, "##[endgroup]");
    if (uses.n > 0)
        job_log(j, "##[error]The sandbox runs `run:` steps and actions/checkout only; it does not know %.*s.",
                STR(utf8_prefix(uses, 200)));
    else
        job_log(j, "##[error]The step has neither `run` nor `uses`.");
    return STEP_FAILURE;
}

static void note_result(struct step *st, enum step_end end, const struct value *outputs)
{
    static const char *const names[] = { "success", "failure", "skipped", "cancelled", "failure" };
    struct job *j = st->j;
    struct str id = value_str_at(st->def, "id");
    bool forgiven = end == STEP_FAILURE && value_bool_at(st->def, "continue-on-error", false);
    struct value result = value_map(j->a);

    if (id.n == 0)
        return;
    value_set(j->a, &result, "outcome", value_c(names[end]));
    value_set(j->a, &result, "conclusion", value_c(forgiven ? "success" : names[end]));
    value_set(j->a, &result, "outputs", *outputs);
    value_set(j->a, value_get(&j->x.contexts, "steps"), arena_c(j->a, id), result);
}

static bool prepare(struct step *st, bool *wanted, struct err *e)
{
    struct job *j = st->j;
    const struct value *condition = value_get(st->def, "if");

    st->env = value_clone(j->a, &j->env);
    value_set(j->a, &j->x.contexts, "env", st->env);
    if (!wexpr_if(j->a, wexpr_text(j->a, condition), &j->x, wanted, e))
        return err_wrap(e, "if");
    return !*wanted || (job_add_env(j, value_get(st->def, "env"), &st->env, e) && make_files(st, e));
}

enum step_end step_run(struct job *j, const struct value *def, size_t number)
{
    struct step st = { .j = j, .def = def, .number = number };
    struct value outputs = value_map(j->a);
    struct str name = value_str_at(def, "name"), uses = value_str_at(def, "uses"), run = value_str_at(def, "run");
    struct err e = { 0 };
    bool wanted = false;
    enum step_end end = STEP_SKIPPED;

    if (!prepare(&st, &wanted, &e)) {
        job_log(j, "##[error]%s", e.text);
        end = STEP_FAILURE;
    } else if (wanted) {
        struct str first_line;
        str_split(&run, S("\n"), &first_line);
        if (name.n > 0 && wexpr_fill(j->a, name, &j->x, &name, &e))
            job_log(j, "##[group]%.*s", STR(name));
        else
            job_log(j, "##[group]Run %.*s", STR(uses.n > 0 ? uses : first_line));
        end = carry_out(&st);
        if (!read_files(&st, &outputs, &e)) {
            job_log(j, "##[error]%s", e.text);
            end = end == STEP_SUCCESS ? STEP_FAILURE : end;
        }
    }
    note_result(&st, end, &outputs);
    return end;
}
