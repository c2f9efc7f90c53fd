/* Publishing, promoting, listing against the embedded registry. */
#include "artefact/artefact.h"
#include "world.h"

#define HEAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MERGE "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OTHER "cccccccccccccccccccccccccccccccccccccccc"

static struct oci_reference image(struct world *w)
{
    struct oci_reference r = { 0 };
    struct str text = arena_fmt(&w->a, "127.0.0.1:%u/demo/app", http_server_port(w->server));
    MUST(artefact_image_parse(&w->a, text, &r, &e));
    return r;
}

static void write_program(const char *path, const char *text)
{
    MUST(fs_write(path, str_c(text), 0755, &e));
}

static bool try_publish(struct world *w, const char *text, const char *sha, int64_t pull, bool force,
                        struct artefact_published *out, struct err *e)
{
    const char *path = fs_join(&w->a, w->dir, "program");
    struct oci_assemble assemble = { .path = path, .name = S("app") };
    struct artefact_publish p = {
        .image = image(w), .sha = str_c(sha), .pull = pull, .force = force, .assemble = &assemble
    };
    write_program(path, text);
    return artefact_publish(&w->a, w->client, &p, out, e);
}

static struct artefact_published publish(struct world *w, const char *text, const char *sha, int64_t pull)
{
    struct artefact_published out = { 0 };
    MUST(try_publish(w, text, sha, pull, false, &out, &e));
    return out;
}

static void parses_images(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct oci_reference r = { 0 };
    struct err e = { 0 };
    assert_true(artefact_image_parse(&a, S("127.0.0.1:5000/a/b"), &r, &e));
    assert_int_equal(r.tag.n, 0);
    assert_false(artefact_image_parse(&a, S("r.test/a:latest"), &r, &e));
    assert_string_equal(e.text, "\"r.test/a:latest\" names one image; give the repository without tag and digest");
    assert_false(artefact_image_parse(&a, S("r.test/a:1"), &r, &e));
    assert_false(artefact_image_parse(&a, S("r.test/A"), &r, &e));
}

static void publishes(void **state)
{
    struct world *w = *state;
    struct artefact_published first = publish(w, "one", HEAD, 7), again = publish(w, "one", HEAD, 7);
    assert_int_equal(first.n_tags, 2);
    assert_int_equal(first.tags[0].change, ARTEFACT_NEW);
    assert_true(str_is(first.tags[1].tag, "pr-7"));
    assert_int_equal(again.tags[0].change, ARTEFACT_UNCHANGED);
    assert_int_equal(again.tags[1].change, ARTEFACT_UNCHANGED);
    assert_true(str_eq(first.manifest.digest, again.manifest.digest));
    struct artefact_published next = publish(w, "two", OTHER, 7), alone = publish(w, "three", MERGE, 0);
    assert_int_equal(next.tags[1].change, ARTEFACT_MOVED);
    assert_true(str_eq(next.tags[1].before, first.manifest.digest));
    assert_int_equal(alone.n_tags, 1);
}

static void keeps_a_commits_image(void **state)
{
    struct world *w = *state;
    struct artefact_published out = { 0 };
    struct err e = { 0 };
    publish(w, "one", HEAD, 7);
    assert_false(try_publish(w, "two", HEAD, 7, false, &out, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_int_equal(out.n_tags, 0);
    assert_true(try_publish(w, "two", HEAD, 7, true, &out, &e));
    assert_int_equal(out.tags[0].change, ARTEFACT_MOVED);
    assert_false(try_publish(w, "two", "abc", 7, false, &out, &e));
    assert_string_equal(e.text, arena_fmt(&w->a, "\"abc\" is not a full commit sha (40 lower-case hex digits)").p);
}

static bool promote(struct world *w, const char *head, struct artefact_promoted *out, enum artefact_refusal *why,
                    struct err *e)
{
    static const struct str tags[] = { { "main", 4 } };
    struct artefact_promote p = {
        .image = image(w), .sha = S(MERGE), .pull = 7, .head = str_c(head), .tags = tags, .n_tags = 1
    };
    return artefact_promote(&w->a, w->client, &p, out, why, e);
}

static void promotes(void **state)
{
    struct world *w = *state;
    struct artefact_published made = publish(w, "one", HEAD, 7);
    struct artefact_promoted done = { 0 };
    enum artefact_refusal why;
    int64_t before = oci_client_requests(w->client);
    MUST(promote(w, HEAD, &done, &why, &e));
    /* GET sha-<head>, HEAD pr-7, then HEAD and PUT for each of two names: nothing else, and no blob */
    assert_int_equal(oci_client_requests(w->client) - before, 6);
    assert_true(str_eq(done.manifest.digest, made.manifest.digest));
    assert_int_equal(done.n_tags, 2);
    assert_int_equal(done.tags[0].change, ARTEFACT_NEW);
    assert_true(str_is(done.tags[0].tag, "sha-" MERGE));
    MUST(promote(w, HEAD, &done, &why, &e));
    assert_int_equal(done.tags[0].change, ARTEFACT_UNCHANGED);
    assert_int_equal(done.tags[1].change, ARTEFACT_UNCHANGED);
}

static void refuses_to_promote(void **state)
{
    struct world *w = *state;
    struct artefact_promoted done = { 0 };
    enum artefact_refusal why = ARTEFACT_FAILED;
    struct err e = { 0 };
    assert_false(promote(w, HEAD, &done, &why, &e));
    assert_int_equal(why, ARTEFACT_NO_TAG);
    publish(w, "one", HEAD, 7);
    publish(w, "two", OTHER, 7);
    assert_false(promote(w, HEAD, &done, &why, &e));
    assert_int_equal(why, ARTEFACT_DIFFERS);
    assert_true(promote(w, OTHER, &done, &why, &e));
    publish(w, "one", HEAD, 7); /* pr-7 goes back: now the merge commit's name is taken by the other image */
    assert_false(promote(w, HEAD, &done, &why, &e));
    assert_int_equal(why, ARTEFACT_DIFFERS);
    w->gate = GATE_TOKEN;
    w->read_only = true;
    assert_false(promote(w, "bad", &done, &why, &e));
    assert_int_equal(why, ARTEFACT_FAILED);
}

static void lists(void **state)
{
    struct world *w = *state;
    struct artefact_listed *tags = NULL;
    struct oci_reference r = image(w);
    size_t n = 0;
    struct artefact_published made = publish(w, "one", HEAD, 7);
    MUST(artefact_tags(&w->a, w->client, &r, &tags, &n, &e));
    assert_int_equal(n, 2);
    assert_true(str_is(tags[0].tag, "pr-7") && str_is(tags[1].tag, "sha-" HEAD));
    assert_true(str_eq(tags[0].manifest.digest, made.manifest.digest));
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_images), IN_WORLD(publishes), IN_WORLD(keeps_a_commits_image), IN_WORLD(promotes),
        IN_WORLD(refuses_to_promote),    IN_WORLD(lists),
    };
    return cmocka_run_group_tests_name("artefact", tests, NULL, NULL);
}
