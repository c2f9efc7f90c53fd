/*
 * The search language, as far as gh and vitrine speak it: words, shas and `key:value` qualifiers, quotes around values.
 *
 *     query     = *( term / blank )
 *     term      = [ "-" ] ( key ":" value / word )
 */
#include "sandbox/internal.h"

#define QUERY_MAX 256 /* characters, as GitHub */

static struct str take_term(struct str *in)
{
    size_t n = 0;
    bool quoted = false;

    while (n < in->n && (quoted || in->p[n] != ' ')) {
        if (in->p[n] == '"')
            quoted = !quoted;
        n++;
    }
    return str_cut(in, n);
}

static bool is_word(struct search_query *q, struct str value)
{
    static const struct {
        const char *name;
        size_t at;
    } words[] = {
        { "pr", offsetof(struct search_query, is_pull) },
        { "pull-request", offsetof(struct search_query, is_pull) },
        { "issue", offsetof(struct search_query, is_issue) },
        { "merged", offsetof(struct search_query, is_merged) },
        { "unmerged", offsetof(struct search_query, is_unmerged) },
        { "open", offsetof(struct search_query, is_open) },
        { "closed", offsetof(struct search_query, is_closed) },
        { "draft", offsetof(struct search_query, is_draft) },
    };

    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(value, words[i].name)) {
            *((bool *)((char *)q + words[i].at)) = true;
            return true;
        }
    return str_is(value, "public");
}

static bool take_qualifier(struct search_query *q, struct str key, struct str value)
{
    static const struct {
        const char *name;
        size_t at;
    } texts[] = {
        { "repo", offsetof(struct search_query, repo) },   { "author", offsetof(struct search_query, author) },
        { "base", offsetof(struct search_query, base) },   { "head", offsetof(struct search_query, head) },
        { "label", offsetof(struct search_query, label) },
    };

    if (str_is(key, "is") || str_is(key, "type") || str_is(key, "state"))
        return is_word(q, value);
    for (size_t i = 0; i < COUNT(texts); i++)
        if (str_is(key, texts[i].name)) {
            *((struct str *)((char *)q + texts[i].at)) = value;
            return true;
        }
    return false;
}

bool search_parse(struct arena *a, struct str q, struct search_query *out, struct err *e)
{
    struct search_query found = { 0 };

    if (utf8_count(q) > QUERY_MAX)
        return err_set(e, ERR_INVALID, "the search is longer than %d characters", QUERY_MAX);
    while ((q = str_trim(q)).n > 0) {
        struct str value = take_term(&q), key;
        if (str_find(value, S(":")) > 0 && value.p[0] != '"') {
            str_split(&value, S(":"), &key);
            if (!take_qualifier(&found, key, str_trim_set(value, "\"")))
                return err_set(e, ERR_INVALID, "the sandbox's search does not know '%.*s:%.*s'", STR(key), STR(value));
        } else if (found.n_words < COUNT(found.words)) {
            found.words[found.n_words++] = str_trim_set(value, "\"");
        } else {
            return err_set(e, ERR_INVALID, "the search has more than %zu words", COUNT(found.words));
        }
    }
    *out = found;
    return true;
}

static bool has_prefix(struct str sha, struct str prefix)
{
    return prefix.n >= 7 && prefix.n <= sha.n && str_ieq(str_slice(sha, 0, prefix.n), prefix);
}

static bool any_has_prefix(const struct value *shas, struct str prefix)
{
    for (size_t i = 0; i < value_len(shas); i++)
        if (has_prefix(value_as_str(value_item(shas, i)), prefix))
            return true;
    return false;
}

bool pull_has_commit(const struct value *pull, struct str sha)
{
    return has_prefix(value_str_at(pull, "head_sha"), sha) || has_prefix(value_str_at(pull, "merge_commit_sha"), sha)
           || any_has_prefix(value_get(pull, "commits"), sha) || any_has_prefix(value_get(pull, "merged_commits"), sha);
}

static bool contains_ignoring_case(struct str text, struct str word)
{
    for (size_t i = 0; word.n <= text.n && i <= text.n - word.n; i++)
        if (str_ieq(str_slice(text, i, i + word.n), word))
            return true;
    return false;
}

static bool word_matches(struct sandbox *s, const struct value *pull, struct str word)
{
    int64_t lag = value_int_at(&s->state, "index_lag_ms", 0);
    bool indexed = lag == 0 || value_str_at(pull, "merged_at").n == 0
                   || value_int_at(pull, "merged_ms", 0) + lag <= clock_wall_ms();

    return (indexed && pull_has_commit(pull, word)) || contains_ignoring_case(value_str_at(pull, "title"), word)
           || contains_ignoring_case(value_str_at(pull, "body"), word);
}

static bool has_label(const struct value *pull, struct str label)
{
    const struct value *names = value_get(pull, "labels");

    for (size_t i = 0; i < value_len(names); i++)
        if (str_ieq(value_as_str(value_item(names, i)), label))
            return true;
    return false;
}

bool search_matches(struct sandbox *s, const struct search_query *q, const struct value *repo, const struct value *pull)
{
    bool open = str_is(value_str_at(pull, "state"), "open"), merged = value_str_at(pull, "merged_at").n > 0;

    if (q->is_issue || (q->is_merged && !merged) || (q->is_unmerged && merged) || (q->is_open && !open)
        || (q->is_closed && open) || (q->is_draft && !value_bool_at(pull, "draft", false)))
        return false;
    if ((q->author.n > 0 && !str_ieq(q->author, value_str_at(pull, "user")))
        || (q->base.n > 0 && !str_eq(q->base, value_str_at(pull, "base_ref")))
        || (q->head.n > 0 && !str_eq(q->head, value_str_at(pull, "head_ref")))
        || (q->label.n > 0 && !has_label(pull, q->label)))
        return false;
    for (size_t i = 0; i < q->n_words; i++)
        if (!word_matches(s, pull, q->words[i]))
            return false;
    return true;
}

static bool in_repo(struct arena *a, const struct search_query *q, const struct value *repo)
{
    return q->repo.n == 0 || str_ieq(q->repo, repo_full_name(a, repo));
}

struct value search_run(struct arena *a, struct sandbox *s, const struct search_query *q)
{
    const struct map *all = value_get(&s->state, "repositories")->map;
    struct value out = value_list(a);

    for (size_t r = 0; r < all->n; r++) {
        const struct value *repo = &all->v[r].value, *pulls = value_get(repo, "pulls");
        if (!in_repo(a, q, repo))
            continue;
        for (size_t i = value_len(pulls); i-- > 0;) {
            struct value hit = value_map(a);
            if (!search_matches(s, q, repo, value_item(pulls, i)))
                continue;
            value_set(a, &hit, "repo", *repo);
            value_set(a, &hit, "pull", *value_item(pulls, i));
            list_push(a, out.list, hit);
        }
    }
    return out;
}

void search_issues(struct call *c)
{
    struct search_query q;
    struct err e = { 0 };
    struct str text = call_query(c, "q");
    struct value out = value_map(c->a), items = value_list(c->a);
    size_t first, last;

    c->s->search_used++;
    if (str_trim(text).n == 0) {
        call_refuse_field(c, "Search", "q", "missing", NULL);
        return;
    }
    if (!search_parse(c->a, text, &q, &e)) {
        call_refuse_field(c, "Search", "q", "invalid", "%s", e.text);
        return;
    }
    struct value hits = search_run(c->a, c->s, &q);
    call_page(c, value_len(&hits), &first, &last);
    for (size_t i = first; i < last; i++) {
        const struct value *hit = value_item(&hits, i);
        struct value item = view_issue(&c->view, value_get(hit, "repo"), value_get(hit, "pull"));
        value_set(c->a, &item, "score", value_int(1));
        list_push(c->a, items.list, item);
    }
    value_set(c->a, &out, "total_count", value_int((int64_t)value_len(&hits)));
    value_set(c->a, &out, "incomplete_results", value_bool(false));
    value_set(c->a, &out, "items", items);
    value_set(c->a, &out, "search_type", value_c("lexical"));
    call_reply(c, 200, out);
}
