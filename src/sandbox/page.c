/* A few plain pages for people who follow a link: repositories, pull requests, runs and their logs. */
#include <fcntl.h>

#include "sandbox/internal.h"

#define LOG_MAX ((size_t)32 << 20)

static void add_escaped(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '<')
            buf_c(b, "&lt;");
        else if (c == '&')
            buf_c(b, "&amp;");
        else if (c == '"')
            buf_c(b, "&quot;");
        else
            buf_byte(b, c);
    }
}

static void begin(struct buf *b, struct str title)
{
    buf_c(b, "<!doctype html><meta charset=utf-8><title>");
    add_escaped(b, title);
    buf_c(b, "</title><style>body{font:16px/1.5 system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}"
             "td{padding:.1rem 1rem .1rem 0}code{font-size:.9em}.note{color:#666}</style>"
             "<p class=note>A sandbox forge, a stand-in for GitHub.</p><h1>");
    add_escaped(b, title);
    buf_c(b, "</h1>");
}

static void add_row(struct buf *b, struct str link, struct str text, struct str more)
{
    buf_c(b, "<tr><td><a href=\"");
    add_escaped(b, link);
    buf_c(b, "\">");
    add_escaped(b, text);
    buf_c(b, "</a><td>");
    add_escaped(b, more);
}

static void page_of_all(struct buf *b, struct sandbox *s)
{
    const struct map *all = value_get(&s->state, "repositories")->map;

    begin(b, S("Repositories"));
    buf_c(b, "<table>");
    for (size_t i = 0; i < all->n; i++)
        add_row(b, arena_fmt(b->a, "/%.*s", STR(all->v[i].key)), all->v[i].key,
                value_str_at(&all->v[i].value, "description"));
    buf_c(b, "</table>");
}

static void page_of_repo(struct buf *b, struct str full, const struct value *repo)
{
    const struct value *pulls = value_get(repo, "pulls"), *runs = value_get(repo, "runs");

    begin(b, full);
    buf_c(b, "<h2>Pull requests</h2><table>");
    for (size_t i = value_len(pulls); i-- > 0;) {
        const struct value *pull = value_item(pulls, i);
        long long number = (long long)value_int_at(pull, "number", 0);
        add_row(b, arena_fmt(b->a, "/%.*s/pull/%lld", STR(full), number),
                arena_fmt(b->a, "#%lld %.*s", number, STR(value_str_at(pull, "title"))),
                value_str_at(pull, "merged_at").n > 0 ? S("merged") : value_str_at(pull, "state"));
    }
    buf_c(b, "</table><h2>Workflow runs</h2><table>");
    for (size_t i = value_len(runs); i-- > 0;) {
        const struct value *run = value_item(runs, i);
        struct str conclusion = value_str_at(run, "conclusion");
        add_row(b, arena_fmt(b->a, "/%.*s/actions/runs/%lld", STR(full), (long long)value_int_at(run, "id", 0)),
                arena_fmt(b->a, "%.*s: %.*s", STR(value_str_at(run, "name")), STR(value_str_at(run, "title"))),
                conclusion.n > 0 ? conclusion : value_str_at(run, "status"));
    }
    buf_c(b, "</table>");
}

static void page_of_pull(struct buf *b, const struct value *repo, const struct value *pull)
{
    const struct value *statuses = value_get(repo, "statuses");
    struct str head = value_str_at(pull, "head_sha");

    begin(b,
          arena_fmt(b->a, "#%lld %.*s", (long long)value_int_at(pull, "number", 0), STR(value_str_at(pull, "title"))));
    buf_c(b, "<p>");
    add_escaped(b, value_str_at(pull, "merged_at").n > 0 ? S("merged") : value_str_at(pull, "state"));
    buf_c(b, ", <code>");
    add_escaped(b, value_str_at(pull, "head_ref"));
    buf_c(b, "</code> at <code>");
    add_escaped(b, head);
    buf_c(b, "</code></p><h2>Statuses</h2><table>");
    for (size_t i = value_len(statuses); i-- > 0;) {
        const struct value *one = value_item(statuses, i);
        if (!str_eq(value_str_at(one, "sha"), head))
            continue;
        struct str target = value_str_at(one, "target_url");
        add_row(b, target.n > 0 ? target : S("#"),
                arena_fmt(b->a, "%.*s: %.*s", STR(value_str_at(one, "context")), STR(value_str_at(one, "state"))),
                value_str_at(one, "description"));
    }
    buf_c(b, "</table>");
}

static void page_of_run(struct buf *b, struct sandbox *s, const struct value *run)
{
    const struct value *jobs = value_get(run, "jobs");

    begin(b, arena_fmt(b->a, "%.*s: %.*s", STR(value_str_at(run, "name")), STR(value_str_at(run, "title"))));
    for (size_t i = 0; i < value_len(jobs); i++) {
        const struct value *job = value_item(jobs, i);
        struct str conclusion = value_str_at(job, "conclusion"), text = S("");
        struct err ignored = { 0 };
        buf_c(b, "<h2>");
        add_escaped(b, arena_fmt(b->a, "%.*s: %.*s", STR(value_str_at(job, "name")),
                                 STR(conclusion.n > 0 ? conclusion : value_str_at(job, "status"))));
        buf_c(b, "</h2><pre>");
        if (fs_read(b->a, AT_FDCWD, run_log_path(b->a, s, value_int_at(job, "id", 0)), LOG_MAX, &text, &ignored))
            add_escaped(b, text);
        buf_c(b, "</pre>");
    }
}

/* /OWNER/NAME, /OWNER/NAME/pull/N, /OWNER/NAME/actions/runs/ID */
static bool page(struct buf *b, struct sandbox *s, struct str path)
{
    struct str owner, name, kind;
    int64_t number = 0;

    str_cut(&path, 1);
    if (path.n == 0) {
        page_of_all(b, s);
        return true;
    }
    str_split(&path, S("/"), &owner);
    str_split(&path, S("/"), &name);
    struct str full = arena_fmt(b->a, "%.*s/%.*s", STR(owner), STR(name));
    const struct value *repo = state_repo(s, full);
    if (!value_is(repo, VALUE_MAP))
        return false;
    if (path.n == 0) {
        page_of_repo(b, full, repo);
        return true;
    }
    ptrdiff_t slash = str_rfind(path, S("/"));
    kind = slash > 0 ? str_slice(path, 0, (size_t)slash) : S("");
    if (!str_to_int(str_slice(path, (size_t)(slash + 1), path.n), &number))
        return false;
    bool run = str_is(kind, "actions/runs");
    const struct value *found = state_by_int(value_get(repo, run ? "runs" : "pulls"), run ? "id" : "number", number);
    if (!value_is(found, VALUE_MAP) || (!run && !str_is(kind, "pull")))
        return false;
    if (run)
        page_of_run(b, s, found);
    else
        page_of_pull(b, repo, found);
    return true;
}

bool page_reply(struct sandbox *s, struct http_server_request *r, struct http_exchange *x)
{
    struct buf b = { .a = r->a };
    bool found;

    if (!str_is(r->method, "GET") || str_find(http_header_get(&r->headers, "accept"), S("text/html")) < 0)
        return false;
    pthread_mutex_lock(&s->lock);
    found = page(&b, s, r->path);
    pthread_mutex_unlock(&s->lock);
    if (found)
        http_reply(x, 200, "text/html; charset=utf-8", buf_str(&b));
    return found;
}
