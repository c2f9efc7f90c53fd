/* Images from a registry to a running container. */
#include "../oci/world.h"
#include "local_fixture.h"

static struct fixture f;
static struct world *w;

static struct str push(const char *tag, const char *file, const char *const *entrypoint)
{
    struct oci_descriptor d;
    struct oci_reference ref = world_ref(w, tag);
    struct oci_assemble spec = { .path = file, .name = S("app"), .entrypoint = entrypoint, .user = S("1000") };
    MUST(oci_assemble_push(&w->a, w->client, &ref, &spec, &d, &e));
    return d.digest;
}

static struct str reference(const char *name)
{
    struct oci_reference ref = world_ref(w, name);
    return oci_reference_str(&w->a, &ref);
}

static void pulled_and_run(void **state)
{
    struct runtime_image image;
    struct str digest = push("hello:1", f.app, (const char *const[]){ "/app", NULL });
    must(runtime_image_ensure(&f.a, f.r, reference("hello:1"), false, &image, &err_of_test));
    assert_true(str_eq(image.digest, digest));
    assert_int_equal(image.n_layers, 1);
    assert_true(str_is(value_as_str(value_item(value_at(&image.config, "config.Entrypoint"), 0)), "/app"));
    pod(&f, "img", "one");
    struct runtime_container c = command(&f, "one", "app", ARGV("id"));
    c.image = &image;
    start(&f, "img", &c);
    await_end(&f, "img", "one", "app");
    assert_string_equal(log_text(&f, "img", "one", "app").p, "stdout F uid=1000 gid=0 pid=3 home=/\n");
    must(runtime_env_stop(f.r, S("img"), &err_of_test));
}

static int64_t requests_of(struct str ref, bool always, struct runtime_image *image)
{
    int64_t before = oci_client_requests(w->client);
    must(runtime_image_ensure(&f.a, f.r, ref, always, image, &err_of_test));
    return oci_client_requests(w->client) - before;
}

static void asks_only_for_what_is_new(void **state)
{
    struct runtime_image one, two;
    struct str first = push("moving:latest", f.app, (const char *const[]){ "/app", "one", NULL });
    assert_true(requests_of(reference("moving:latest"), false, &one) > 1);
    assert_int_equal(requests_of(reference("moving:latest"), false, &two), 0);
    assert_int_equal(requests_of(reference("moving:latest"), true, &two), 1);
    struct str second = push("moving:latest", f.app, (const char *const[]){ "/app", "two", NULL });
    assert_false(str_eq(first, second));
    assert_int_equal(requests_of(reference("moving:latest"), false, &two), 0); /* IfNotPresent */
    assert_true(str_eq(two.digest, first));
    assert_true(requests_of(reference("moving:latest"), true, &two) > 1);
    assert_true(str_eq(two.digest, second));
    assert_true(str_eq(one.layer_dirs[0], two.layer_dirs[0])); /* the same program: unpacked once */
    struct str pinned = arena_fmt(&w->a, "127.0.0.1:%u/moving@%.*s", http_server_port(w->server), STR(second));
    assert_true(requests_of(pinned, true, &two) > 0);
    assert_int_equal(requests_of(pinned, true, &two), 0); /* a digest cannot move */
}

static void *ensure_in_thread(void *user)
{
    static __thread struct arena a;
    struct runtime_image image;
    struct err e = { 0 };
    bool ok = runtime_image_ensure(&a, f.r, *(struct str *)user, false, &image, &e);
    arena_close(&a);
    return ok ? user : NULL;
}

static void many_at_once(void **state)
{
    pthread_t threads[8];
    const char *file = fs_join(&w->a, w->dir, "unique");
    must(fs_write(file, S("a layer that nobody has yet"), 0755, &err_of_test));
    push("busy:1", file, (const char *const[]){ "/app", NULL });
    struct str ref = reference("busy:1");
    for (size_t i = 0; i < COUNT(threads); i++)
        must(thread_start(&threads[i], "ensure", ensure_in_thread, &ref, &err_of_test));
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *ok;
        pthread_join(threads[i], &ok);
        assert_non_null(ok);
    }
    struct fs_names left;
    must(fs_list(&f.a, fs_join(&f.a, f.dir, "images/tmp"), &left, &err_of_test));
    assert_int_equal(left.n, 0);
}

static void what_is_wrong_is_said(void **state)
{
    struct runtime_image image;
    struct err e = { 0 };
    assert_false(runtime_image_ensure(&f.a, f.r, reference("nothing:1"), false, &image, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "nothing:1"));
    assert_false(runtime_image_ensure(&f.a, f.r, S("Not A Reference"), false, &image, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_false(runtime_image_ensure(&f.a, f.r, S("127.0.0.1:1/x:1"), false, &image, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

/* A layer that somebody threw away is fetched again. */
static void lost_layer_comes_back(void **state)
{
    struct runtime_image image;
    push("lost:1", f.app, (const char *const[]){ "/app", NULL });
    must(runtime_image_ensure(&f.a, f.r, reference("lost:1"), false, &image, &err_of_test));
    must(fs_remove_tree(image.layer_dirs[0].p, &err_of_test));
    must(runtime_image_ensure(&f.a, f.r, reference("lost:1"), false, &image, &err_of_test));
    assert_true(fs_is_dir(image.layer_dirs[0].p));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pulled_and_run),        cmocka_unit_test(asks_only_for_what_is_new),
        cmocka_unit_test(many_at_once),          cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(lost_layer_comes_back),
    };
    void *made = NULL;
    world_open(&made);
    w = made;
    fixture_open(&f, argc, argv, w->client);
    int failed = cmocka_run_group_tests_name("local image", tests, NULL, NULL);
    fixture_close(&f);
    world_close(&made);
    return failed;
}
