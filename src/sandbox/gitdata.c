/* Commits, refs, comparisons and files over the API. */
#include <openssl/evp.h>

#include "sandbox/internal.h"

#define COMMITS_MAX 1000
#define FILE_MAX ((size_t)1 << 20) /* GitHub sends larger files only raw */

static const char *dir_of(struct call *c)
{
    return repo_dir(c->a, c->s, &c->repo);
}

static struct str address_of(struct call *c)
{
    return call_repo_url(c);
}

/* ---- commits --------------------------------------------------------------------------------------- */

void get_commit(struct call *c)
{
    struct str sha = git_commit_of(c->a, dir_of(c), c->params[0]);

    if (sha.n == 0) {
        call_refuse(c, 422, "No commit found for SHA: %.*s", STR(c->params[0]));
        return;
    }
    if (str_find(c->accept, S(".sha")) >= 0) {
        c->status = 200;
        c->content_type = "application/vnd.github.sha; charset=utf-8";
        c->raw = sha;
        return;
    }
    struct value out = view_commit(&c->view, &c->repo, sha);
    value_set(c->a, &out, "files", value_list(c->a));
    call_reply(c, 200, out);
}

static struct value commits_of(struct call *c, const char *range, int most)
{
    struct value out = value_list(c->a);
    struct str text = git_line(c->a, dir_of(c), "rev-list", arena_fmt(c->a, "--max-count=%d", most).p,
                               "--end-of-options", range, NULL);
    struct str line;

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        list_push(c->a, out.list, value_str(line));
    }
    return out;
}

void list_commits(struct call *c)
{
    struct str from = call_query(c, "sha");
    struct str sha = git_commit_of(c->a, dir_of(c), from.n > 0 ? from : value_str_at(&c->repo, "default_branch"));
    struct value out = value_list(c->a);
    size_t first, last;

    if (sha.n == 0) {
        call_refuse(c, from.n > 0 ? 404 : 409, from.n > 0 ? "Not Found" : "Git Repository is empty.");
        return;
    }
    struct value shas = commits_of(c, arena_c(c->a, sha), COMMITS_MAX);
    call_page(c, value_len(&shas), &first, &last);
    for (size_t i = first; i < last; i++)
        list_push(c->a, out.list, view_commit(&c->view, &c->repo, value_as_str(value_item(&shas, i))));
    call_reply(c, 200, out);
}

static int64_t count_range(struct call *c, struct str not_in, struct str in)
{
    int64_t n = 0;

    str_to_int(
        git_line(c->a, dir_of(c), "rev-list", "--count", arena_fmt(c->a, "%.*s..%.*s", STR(not_in), STR(in)).p, NULL),
        &n);
    return n;
}

void compare_commits(struct call *c)
{
    struct str head = c->params[0], base;
    struct value vars = value_map(c->a), commits = value_list(c->a);

    str_split(&head, S("..."), &base);
    struct str from = git_commit_of(c->a, dir_of(c), base), to = git_commit_of(c->a, dir_of(c), head);
    if (from.n == 0 || to.n == 0) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    int64_t ahead = count_range(c, from, to), behind = count_range(c, to, from);
    struct value shas = commits_of(c, arena_fmt(c->a, "%.*s..%.*s", STR(from), STR(to)).p, 250);
    for (size_t i = value_len(&shas); i-- > 0;)
        list_push(c->a, commits.list, view_commit(&c->view, &c->repo, value_as_str(value_item(&shas, i))));
    struct str fork = git_line(c->a, dir_of(c), "merge-base", arena_c(c->a, from), arena_c(c->a, to), NULL);
    value_set(c->a, &vars, "status",
              value_c(ahead > 0 && behind > 0 ? "diverged"
                      : ahead > 0             ? "ahead"
                      : behind > 0            ? "behind"
                                              : "identical"));
    value_set(c->a, &vars, "ahead", value_int(ahead));
    value_set(c->a, &vars, "behind", value_int(behind));
    value_set(c->a, &vars, "base", view_commit(&c->view, &c->repo, from));
    value_set(c->a, &vars, "fork", view_commit(&c->view, &c->repo, fork));
    value_set(c->a, &vars, "commits", commits);
    value_set_str(c->a, &vars, "u", arena_fmt(c->a, "%.*s/compare/%.*s", STR(address_of(c)), STR(c->params[0])));
    value_set(c->a, &vars, "html", value_fmt(c->a, "%.*s/compare/%.*s", STR(call_repo_page(c)), STR(c->params[0])));
    call_reply(c, 200,
               shape(c->a, &vars,
                     "{'url':'$u','html_url':$html,'permalink_url':$html,'diff_url':'$html.diff',"
                     "'patch_url':'$html.patch','base_commit':$base,'merge_base_commit':$fork,'status':$status,"
                     "'ahead_by':$ahead,'behind_by':$behind,'total_commits':$ahead,'commits':$commits,'files':[]}"));
}

/* ---- refs ------------------------------------------------------------------------------------------- */

static struct value ref_document(struct call *c, struct str name, struct str sha)
{
    struct value vars = value_map(c->a);

    value_set_str(c->a, &vars, "ref", name);
    value_set_str(c->a, &vars, "sha", sha);
    value_set_str(c->a, &vars, "u", address_of(c));
    return shape(c->a, &vars,
                 "{'ref':$ref,'node_id':'REF_$sha','url':'$u/git/$ref','object':{'sha':$sha,'type':'commit',"
                 "'url':'$u/git/commits/$sha'}}");
}

void get_git_ref(struct call *c)
{
    struct str name = arena_fmt(c->a, "refs/%.*s", STR(c->params[0]));
    struct str sha = git_line(c->a, dir_of(c), "for-each-ref", "--format=%(objectname)", name.p, NULL);

    if (!is_sha(sha)) /* a prefix of several refs gives several lines */
        call_refuse(c, 404, "Not Found");
    else
        call_reply(c, 200, ref_document(c, name, sha));
}

void list_matching_refs(struct call *c)
{
    struct value out = value_list(c->a);
    struct str prefix = arena_fmt(c->a, "refs/%.*s", STR(c->params[0])), line, sha;
    struct str text = git_line(c->a, dir_of(c), "for-each-ref", "--format=%(objectname) %(refname)", NULL);

    while (text.n > 0) {
        str_split(&text, S("\n"), &line);
        str_split(&line, S(" "), &sha);
        if (str_starts(line, prefix))
            list_push(c->a, out.list, ref_document(c, line, sha));
    }
    call_reply_page(c, &out);
}

static bool check_ref(struct call *c, struct str name)
{
    struct err ignored = { 0 };

    if ((str_starts(name, S("refs/heads/")) || str_starts(name, S("refs/tags/")))
        && sandbox_git(c->a, dir_of(c), NULL, &ignored, "check-ref-format", arena_c(c->a, name), NULL))
        return true;
    call_refuse(c, 422, "Reference name must start with 'refs/heads/' or 'refs/tags/' and be well-formed");
    return false;
}

void create_git_ref(struct call *c)
{
    struct str name = value_str_at(&c->body, "ref"), sha = value_str_at(&c->body, "sha");
    struct err e = { 0 };

    if (!check_ref(c, name))
        return;
    if (!is_sha(sha) || git_commit_of(c->a, dir_of(c), sha).n == 0)
        call_refuse(c, 422, "Object does not exist");
    else if (state_ref(&c->repo, name).n > 0)
        call_refuse(c, 422, "Reference already exists");
    else if (!sandbox_git(c->a, dir_of(c), NULL, &e, "update-ref", arena_c(c->a, name), arena_c(c->a, sha), NULL))
        call_refuse(c, 422, "%s", e.text);
    else {
        refs_refresh(c->s, &c->repo, c->login);
        call_reply(c, 201, ref_document(c, name, sha));
    }
}

void move_git_ref(struct call *c)
{
    struct str name = arena_fmt(c->a, "refs/%.*s", STR(c->params[0])), sha = value_str_at(&c->body, "sha");
    struct str old = state_ref(&c->repo, name);
    struct err e = { 0 };

    if (!check_ref(c, name))
        return;
    if (old.n == 0 || !is_sha(sha) || git_commit_of(c->a, dir_of(c), sha).n == 0)
        call_refuse(c, 422, old.n == 0 ? "Reference does not exist" : "Object does not exist");
    else if (!value_bool_at(&c->body, "force", false)
             && !sandbox_git(c->a, dir_of(c), NULL, &e, "merge-base", "--is-ancestor", arena_c(c->a, old),
                             arena_c(c->a, sha), NULL))
        call_refuse(c, 422, "Update is not a fast forward");
    else if (!sandbox_git(c->a, dir_of(c), NULL, &e, "update-ref", name.p, arena_c(c->a, sha), NULL))
        call_refuse(c, 422, "%s", e.text);
    else {
        refs_refresh(c->s, &c->repo, c->login);
        call_reply(c, 200, ref_document(c, name, sha));
    }
}

void delete_git_ref(struct call *c)
{
    struct str name = arena_fmt(c->a, "refs/%.*s", STR(c->params[0]));
    struct err e = { 0 };

    if (!check_ref(c, name))
        return;
    if (state_ref(&c->repo, name).n == 0)
        call_refuse(c, 422, "Reference does not exist");
    else if (!sandbox_git(c->a, dir_of(c), NULL, &e, "update-ref", "-d", name.p, NULL))
        call_refuse(c, 422, "%s", e.text);
    else {
        refs_refresh(c->s, &c->repo, c->login);
        call_reply(c, 204, value_null());
    }
}

/* ---- files ------------------------------------------------------------------------------------------ */

/* base64 in lines of 60, as GitHub writes it */
static struct str base64_lines(struct arena *a, struct str bytes)
{
    struct buf b = { .a = a };
    unsigned char line[64];

    while (bytes.n > 0) {
        struct str part = str_cut(&bytes, 45);
        int n = EVP_EncodeBlock(line, (const unsigned char *)part.p, (int)part.n);
        buf_add(&b, (struct str){ (const char *)line, (size_t)n });
        buf_byte(&b, '\n');
    }
    return b.n > 0 ? buf_str(&b) : S("");
}

/* Like git_line, but with every byte of the file. */
static bool read_blob(struct call *c, struct str blob, struct str *out)
{
    const char *argv[] = { "git", "--git-dir", dir_of(c), "cat-file", "blob", arena_c(c->a, blob), NULL };
    struct proc_options o = {
        .argv = argv, .env = git_environment(c->a, S("sandbox")), .timeout_ms = 60000, .output_max = FILE_MAX
    };
    struct proc_result r = { 0 };
    struct err ignored = { 0 };

    if (!proc_run(c->a, &o, &r, &ignored) || r.status != 0)
        return false;
    *out = r.out;
    return true;
}

static struct value file_document(struct call *c, struct str sha, struct str blob, struct str content)
{
    struct value vars = value_map(c->a);
    struct str path = c->params[0];
    ptrdiff_t slash = str_rfind(path, S("/"));

    value_set_str(c->a, &vars, "path", path);
    value_set_str(c->a, &vars, "name", str_slice(path, (size_t)(slash + 1), path.n));
    value_set_str(c->a, &vars, "sha", blob);
    value_set_str(c->a, &vars, "ref", sha);
    value_set(c->a, &vars, "size", value_int((int64_t)content.n));
    value_set_str(c->a, &vars, "content", base64_lines(c->a, content));
    value_set_str(c->a, &vars, "u", address_of(c));
    value_set(c->a, &vars, "html", value_str(call_repo_page(c)));
    return shape(c->a, &vars,
                 "{'name':$name,'path':$path,'sha':$sha,'size':$size,'url':'$u/contents/$path?ref=$ref',"
                 "'html_url':'$html/blob/$ref/$path','git_url':'$u/git/blobs/$sha',"
                 "'download_url':'$html/raw/$ref/$path','type':'file','content':$content,'encoding':'base64',"
                 "'_links':{'self':'$u/contents/$path?ref=$ref','git':'$u/git/blobs/$sha',"
                 "'html':'$html/blob/$ref/$path'}}");
}

void get_contents(struct call *c)
{
    struct str git_ref = call_query(c, "ref"), content = { 0 };
    struct str sha = git_commit_of(c->a, dir_of(c), git_ref.n > 0 ? git_ref : value_str_at(&c->repo, "default_branch"));
    struct str spec = arena_fmt(c->a, "%.*s:%.*s", STR(sha), STR(c->params[0]));
    struct str blob =
        sha.n > 0 ? git_line(c->a, dir_of(c), "rev-parse", "--verify", "-q", "--end-of-options", spec.p, NULL) : S("");

    if (!is_sha(blob) || !read_blob(c, blob, &content)) {
        call_refuse(c, 404, "Not Found");
        return;
    }
    if (str_find(c->accept, S(".raw")) >= 0) {
        c->status = 200;
        c->content_type = "application/vnd.github.raw; charset=utf-8";
        c->raw = content;
        return;
    }
    call_reply(c, 200, file_document(c, sha, blob, content));
}

static bool base64_decode(struct arena *a, struct str text, struct str *out)
{
    struct buf b = { .a = a };

    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\n' && text.p[i] != '\r')
            buf_byte(&b, text.p[i]);
    unsigned char *bytes = arena_alloc(a, b.n + 4);
    int n = b.n > 0 ? EVP_DecodeBlock(bytes, (const unsigned char *)b.p, (int)b.n) : 0;
    if (n < 0 || b.n % 4 != 0)
        return false;
    for (size_t i = b.n; i > 0 && b.p[i - 1] == '=' && n > 0; i--)
        n--;
    *out = (struct str){ (const char *)bytes, (size_t)n };
    return true;
}

/* One file changed on a branch: a blob, an index of the parent's tree with it, a commit. */
static bool commit_file(struct call *c, struct str parent, struct str content, struct str *out, struct err *e)
{
    const char *dir = dir_of(c), *index = NULL;
    struct str blob = { 0 }, tree = { 0 };

    if (!fs_temp_dir(c->a, "sandbox-index", &index, e))
        return false;
    struct str index_env = arena_fmt(c->a, "GIT_INDEX_FILE=%s/index", index);
    const char *const *base = git_environment(c->a, c->login);
    const char *env[16] = { index_env.p };
    for (size_t i = 0; i < 14 && base[i] != NULL; i++)
        env[i + 1] = base[i];
    const char *read[] = { "git", "--git-dir", dir, "read-tree", arena_c(c->a, parent), NULL };
    const char *hash[] = { "git", "--git-dir", dir, "hash-object", "-w", "--stdin", NULL };
    struct proc_result r = { 0 };
    bool ok = proc_run(c->a, &(struct proc_options){ .argv = read, .env = env }, &r, e) && r.status == 0
              && proc_run(c->a, &(struct proc_options){ .argv = hash, .env = env, .stdin_bytes = content }, &r, e)
              && r.status == 0;
    blob = str_trim(r.out);
    struct str entry = arena_fmt(c->a, "100644,%.*s,%.*s", STR(blob), STR(c->params[0]));
    const char *update[] = { "git", "--git-dir", dir, "update-index", "--add", "--cacheinfo", entry.p, NULL };
    const char *write[] = { "git", "--git-dir", dir, "write-tree", NULL };
    ok = ok && proc_run(c->a, &(struct proc_options){ .argv = update, .env = env }, &r, e) && r.status == 0
         && proc_run(c->a, &(struct proc_options){ .argv = write, .env = env }, &r, e) && r.status == 0;
    tree = str_trim(r.out);
    struct err ignored = { 0 };
    (void)!fs_remove_tree(index, &ignored);
    if (!ok)
        return e->kind != ERR_NONE ? false : err_set(e, ERR_INVALID, "%.*s", STR(str_trim(r.err)));
    return git_commit_tree(c->a, dir, tree, c->login, value_str_at(&c->body, "message"), &parent, 1, out, e);
}

void put_contents(struct call *c)
{
    struct str branch = value_str_at(&c->body, "branch"), content, sha = { 0 };
    struct err e = { 0 };

    branch = branch.n > 0 ? branch : value_str_at(&c->repo, "default_branch");
    struct str name = arena_fmt(c->a, "refs/heads/%.*s", STR(branch));
    struct str parent = state_ref(&c->repo, name);
    if (parent.n == 0)
        call_refuse(c, 404, "Branch %.*s not found", STR(branch));
    else if (value_str_at(&c->body, "message").n == 0
             || !base64_decode(c->a, value_str_at(&c->body, "content"), &content))
        call_refuse(c, 422, "Invalid request. message and base64 content are needed");
    else if (!commit_file(c, parent, content, &sha, &e)
             || !sandbox_git(c->a, dir_of(c), NULL, &e, "update-ref", name.p, arena_c(c->a, sha), arena_c(c->a, parent),
                             NULL))
        call_refuse(c, 409, "%s", e.text);
    else {
        struct value out = value_map(c->a);
        refs_refresh(c->s, &c->repo, c->login);
        struct str blob = git_line(c->a, dir_of(c), "rev-parse", "--verify", "-q",
                                   arena_fmt(c->a, "%.*s:%.*s", STR(sha), STR(c->params[0])).p, NULL);
        value_set(c->a, &out, "content", file_document(c, sha, blob, content));
        struct value commit = view_commit(&c->view, &c->repo, sha);
        value_set(c->a, &out, "commit", *value_get(&commit, "commit"));
        value_set_str(c->a, value_get(&out, "commit"), "sha", sha);
        call_reply(c, 201, out);
    }
}
