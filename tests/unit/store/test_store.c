#include "../cmocka_all.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "store/store.h"

struct fixture {
    struct arena a;
    const char *dir;
    struct store *s;
};

static int open_store(void **state)
{
    static struct fixture f;
    struct err e;
    f = (struct fixture){ 0 };
    assert_true(fs_temp_dir(&f.a, "vitrine-store", &f.dir, &e));
    assert_true(store_open(f.dir, &f.s, &e));
    *state = &f;
    return 0;
}

static int close_store(void **state)
{
    struct fixture *f = *state;
    struct err e;
    store_close(f->s);
    assert_true(fs_remove_tree(f->dir, &e));
    arena_close(&f->a);
    return 0;
}

static void reopen(struct fixture *f)
{
    struct err e;
    store_close(f->s);
    assert_true(store_open(f->dir, &f->s, &e));
}

static struct value doc(struct arena *a, const char *text)
{
    struct value v;
    struct err e;
    assert_true(json_parse(a, str_c(text), &v, &e));
    return v;
}

static const struct store_key web = { "local", { "apps", 4 }, { "Deployment", 10 }, { "pr-1", 4 }, { "web", 3 } };

static void objects_are_stamped(void **state)
{
    struct fixture *f = *state;
    struct err e;
    bool changed;
    struct value first, again, other;
    struct value d = doc(&f->a, "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":1}}");
    assert_true(store_put(&f->a, f->s, &web, &d, &first, &changed, &e));
    assert_true(changed);
    assert_int_equal(value_int_at(&first, "metadata.generation", 0), 1);
    assert_int_equal(value_str_at(&first, "metadata.uid").n, 36);
    assert_true(store_put(&f->a, f->s, &web, &d, &again, &changed, &e));
    assert_false(changed);
    assert_true(value_equal(&first, &again));
    value_put_at(&f->a, &d, "spec.replicas", value_int(2));
    assert_true(store_put(&f->a, f->s, &web, &d, &other, &changed, &e));
    assert_int_equal(value_int_at(&other, "metadata.generation", 0), 2);
    assert_true(str_eq(value_str_at(&other, "metadata.uid"), value_str_at(&first, "metadata.uid")));
    assert_false(store_put(&f->a, f->s, &web, &first, NULL, NULL, &e)); /* based on an old version */
    assert_int_equal(e.kind, ERR_CONFLICT);
}

static void status_keeps_the_generation(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct value d = doc(&f->a, "{\"spec\":{\"replicas\":1}}"), got;
    struct value status = doc(&f->a, "{\"replicas\":1}");
    struct value notes = doc(&f->a, "{\"a\":\"1\",\"b\":null}");
    assert_false(store_put_status(&f->a, f->s, &web, &status, NULL, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_true(store_put(&f->a, f->s, &web, &d, NULL, NULL, &e));
    int64_t before = store_version(f->s);
    assert_true(store_put_status(&f->a, f->s, &web, &status, &notes, &e));
    assert_int_equal(store_version(f->s), before + 1);
    assert_true(store_put_status(&f->a, f->s, &web, &status, NULL, &e));
    assert_int_equal(store_version(f->s), before + 1);
    assert_true(store_get(&f->a, f->s, &web, &got, &e));
    assert_int_equal(value_int_at(&got, "metadata.generation", 0), 1);
    assert_true(str_is(value_str_at(&got, "metadata.annotations.a"), "1"));
}

static void versions_survive(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct value d = doc(&f->a, "{\"spec\":{}}"), all;
    struct store_key any = { .scope = "local", .ns = S("pr-1") };
    assert_true(store_put(&f->a, f->s, &web, &d, NULL, NULL, &e));
    assert_true(store_delete(f->s, &web, &e));
    int64_t version = store_version(f->s);
    reopen(f);
    assert_int_equal(store_version(f->s), version);
    assert_int_equal(store_wait(f->s, version - 1, clock_mono_ms() + 10000), version);
    assert_true(store_list(&f->a, f->s, &any, &all, &e));
    assert_int_equal(value_len(&all), 0);
}

static void outbox_is_once(void **state)
{
    struct fixture *f = *state;
    struct err e;
    bool added;
    struct outbox_item *due, item = { .key = S("k:1"), .app = S("a"), .service = S("s"), .request = value_map(&f->a) };
    size_t n;
    assert_true(store_outbox_add(f->s, &item, &added, &e));
    assert_true(added);
    assert_true(store_outbox_add(f->s, &item, &added, &e));
    assert_false(added);
    item.key = S("k:2");
    assert_true(store_outbox_add(f->s, &item, &added, &e));
    assert_true(store_outbox_due(&f->a, f->s, clock_wall_ms(), 10, &due, &n, &e));
    assert_int_equal(n, 1); /* the second waits for the first */
    assert_true(str_is(due[0].key, "k:1"));
    assert_true(store_outbox_result(f->s, due[0].id, "sent", 0, S("201"), S(""), &e));
    reopen(f);
    item.key = S("k:1");
    assert_true(store_outbox_add(f->s, &item, &added, &e));
    assert_false(added);
    assert_true(store_outbox_due(&f->a, f->s, clock_wall_ms(), 10, &due, &n, &e));
    assert_int_equal(n, 1);
    assert_true(str_is(due[0].key, "k:2"));
    assert_true(store_outbox_result(f->s, due[0].id, "failed", 0, S(""), S("gone"), &e));
    assert_true(store_outbox_due(&f->a, f->s, clock_wall_ms(), 10, &due, &n, &e));
    assert_int_equal(n, 0);
    assert_true(store_once_forget(f->s, S("k:1"), &e));
    assert_true(store_outbox_add(f->s, &item, &added, &e));
    assert_true(added);
}

static void events_do_not_repeat(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct store_event *events;
    size_t n;
    for (int i = 0; i < 3; i++)
        assert_true(store_event_add(f->s, "Normal", S("a"), "Synced", S("done"), &e));
    assert_true(store_event_add(f->s, "Warning", S("b"), "Failed", S("oh"), &e));
    assert_true(store_events(&f->a, f->s, S(""), 0, 10, &events, &n, &e));
    assert_int_equal(n, 2);
    assert_true(str_is(events[0].reason, "Failed"));
}

static void one_owner_per_folder(void **state)
{
    struct fixture *f = *state;
    struct store *second;
    struct err e;
    assert_false(store_open(f->dir, &second, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
}

static void killed_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct value all;
    store_close(f->s);
    f->s = NULL;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *s;
        struct arena a = { 0 };
        if (!store_open(f->dir, &s, &e))
            _exit(1);
        for (int i = 0;; i++) {
            struct value d = doc(&a, "{\"spec\":{}}");
            struct store_key k = { "local", S(""), S("Pod"), S("ns"), arena_fmt(&a, "p%d", i) };
            if (!store_put(&a, s, &k, &d, NULL, NULL, &e))
                _exit(2);
            if (write(ready[1], "x", 1) != 1)
                _exit(3);
        }
    }
    close(ready[1]);
    char byte;
    for (int i = 0; i < 25; i++)
        assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    assert_true(store_open(f->dir, &f->s, &e));
    assert_true(store_list(&f->a, f->s, &(struct store_key){ .scope = "local" }, &all, &e));
    assert_true(value_len(&all) >= 25); /* all that was announced is there */
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_store, close_store)
    static const struct CMUnitTest tests[] = {
        CASE(objects_are_stamped),  CASE(status_keeps_the_generation), CASE(versions_survive),     CASE(outbox_is_once),
        CASE(events_do_not_repeat), CASE(one_owner_per_folder),        CASE(killed_in_the_middle),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
