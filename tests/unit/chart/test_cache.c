/* The cache of parsed charts: what is found again, what is dropped, and that a render cannot tell the difference.
 * argv[1] is the folder of the golden charts. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "chart/cache.h"
#include "fixture.h"

#define ROOM ((size_t)256 << 20)

static const char *golden;

static struct chart_cache *cache_of(size_t bytes, size_t charts)
{
    struct chart_cache *k;
    struct err e;

    assert_true(chart_cache_open(bytes, charts, &k, &e));
    return k;
}

static struct chart_use load(struct chart_cache *k, struct arena *a, const char *path)
{
    struct chart_use use;
    struct err e = { 0 };

    if (!chart_cache_load(k, a, path, NULL, &use, &e))
        fail_msg("%s: %s", path, e.text);
    return use;
}

static void touch(struct chart_cache *k, struct fixture *f, const char *name)
{
    struct chart_use use = load(k, &f->a, fixture_path(f, name));

    chart_use_end(&use);
}

static void holds(struct chart_cache *k, int64_t hits, int64_t misses, int64_t charts)
{
    struct chart_cache_counters c = chart_cache_counters(k);

    assert_int_equal(c.hits, hits);
    assert_int_equal(c.misses, misses);
    assert_int_equal(c.charts, charts);
    assert_true((c.bytes > 0) == (charts > 0));
}

/* ---- what is found, what is dropped --------------------------------------------------------- */

static void finds_by_content(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 8);

    fixture_chart(f, "one", "web", "1.0.0", "");
    fixture_chart(f, "two", "web", "1.0.0", "");
    touch(k, f, "one");
    touch(k, f, "one");
    touch(k, f, "two"); /* another folder, the same files */
    holds(k, 2, 1, 1);
    fixture_write(f, "two/values.yaml", "a: 1\n");
    touch(k, f, "two");
    fixture_write(f, "two/values.yaml", "a: 2\n");
    touch(k, f, "two");
    holds(k, 2, 3, 3);
    chart_cache_close(k);
}

/* Bytes that move from a name to the text, or to the next file, are other files. */
static void tells_files_apart(void **state)
{
    static const char *const names[][2] = { { "ab", "c" }, { "a", "bc" } };
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 8);

    for (size_t i = 0; i < COUNT(names); i++) {
        const char *folder = arena_fmt(&f->a, "%zu", i).p;
        fixture_chart(f, folder, "web", "1.0.0", "");
        fixture_write(f, arena_fmt(&f->a, "%s/%s", folder, names[i][0]).p, names[i][1]);
        touch(k, f, folder);
    }
    holds(k, 0, 2, 2);
    chart_cache_close(k);
}

static void drops_what_is_oldest(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 2);

    fixture_chart(f, "a", "a", "1.0.0", "");
    fixture_chart(f, "b", "b", "1.0.0", "");
    fixture_chart(f, "c", "c", "1.0.0", "");
    touch(k, f, "a");
    touch(k, f, "b");
    touch(k, f, "a");
    touch(k, f, "c"); /* b goes */
    holds(k, 1, 3, 2);
    touch(k, f, "a");
    touch(k, f, "c");
    holds(k, 3, 3, 2);
    touch(k, f, "b");
    holds(k, 3, 4, 2);
    chart_cache_close(k);
}

static void keeps_what_is_used(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 0);
    struct chart_use first, second;

    fixture_chart(f, "a", "a", "1.0.0", "");
    fixture_chart(f, "b", "b", "1.0.0", "");
    first = load(k, &f->a, fixture_path(f, "a"));
    second = load(k, &f->a, fixture_path(f, "a"));
    touch(k, f, "b");
    holds(k, 1, 2, 1);
    chart_use_end(&first);
    holds(k, 1, 2, 1);
    assert_true(str_is(chart_name(second.chart), "a"));
    chart_use_end(&second);
    chart_use_end(&second); /* nothing is left to end */
    holds(k, 1, 2, 0);
    chart_cache_close(k);
}

static void drops_the_large_one_alone(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(1 << 20, 8);
    char *text = arena_alloc(&f->a, 700001);

    memset(text, ' ', 700000);
    fixture_chart(f, "small", "a", "1.0.0", "");
    fixture_chart(f, "large", "b", "1.0.0", "");
    fixture_write(f, "large/README.md", text);
    touch(k, f, "small");
    touch(k, f, "large");
    holds(k, 0, 2, 1);
    touch(k, f, "small");
    holds(k, 1, 2, 1);
    chart_cache_close(k);
}

static void refuses_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 8);
    struct chart_use use;

    fixture_write(f, "bad/Chart.yaml", "apiVersion: v2\nname: web\n");
    for (int i = 0; i < 2; i++) {
        assert_false(chart_cache_load(k, &f->a, fixture_path(f, "bad"), NULL, &use, &f->e));
        assert_non_null(strstr(f->e.text, "chart.metadata.version is required"));
        chart_use_end(&use);
    }
    assert_false(chart_cache_load(k, &f->a, fixture_path(f, "none"), NULL, &use, &f->e));
    assert_int_equal(f->e.kind, ERR_NOT_FOUND);
    holds(k, 0, 2, 0);
    chart_cache_close(k);
}

/* ---- a render cannot tell ------------------------------------------------------------------- */

/* All that a render says. */
static struct str answer(struct arena *a, const struct chart *c, struct value values, bool crds)
{
    const struct chart_render o = { .release_name = S("rel"), .values = values, .include_crds = crds };
    struct chart_rendered out;
    struct buf b = { .a = a };
    struct err e = { 0 };

    if (!chart_render(a, c, &o, &out, &e)) {
        buf_fmt(&b, "%s\n%.*s\n", e.text, STR(out.message));
        chart_mistakes_print(&b, &out.mistakes);
    } else {
        buf_add(&b, chart_output_text(a, &out));
        buf_add(&b, out.notes);
    }
    for (size_t i = 0; i < out.n_warnings; i++)
        buf_fmt(&b, "%.*s\n", STR(out.warnings[i]));
    return buf_str(&b);
}

static void same(struct str is, struct str wanted, const char *where)
{
    if (!str_eq(is, wanted))
        fail_msg("%s: %.*s\n--- instead of\n%.*s", where, STR(is), STR(wanted));
}

static void check_values(struct chart_cache *k, struct arena *a, const char *path, struct value values)
{
    struct chart *plain;
    struct err e = { 0 };

    assert_true(chart_load(a, path, &plain, &e));
    struct str wanted = answer(a, plain, values, true);
    for (int i = 0; i < 2; i++) {
        struct chart_use use = load(k, a, path);
        same(answer(a, use.chart, values, true), wanted, path);
        same(answer(a, use.chart, values, true), wanted, path);
        chart_use_end(&use);
    }
}

static void check_case(struct chart_cache *k, const char *folder)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    const char *chart = fs_join(&a, folder, "chart");
    struct fs_names names;
    struct err e = { 0 };

    if (!fs_exists(chart) || fs_exists(fs_join(&a, folder, "make.py"))) /* that one makes keys of its own */
        return;
    check_values(k, &a, chart, value_null());
    assert_true(fs_list(&a, folder, &names, &e));
    for (size_t i = 0; i < names.n; i++) {
        struct str text;
        struct value values;
        if (!str_ends(names.v[i], S(".yaml")))
            continue;
        assert_true(fs_read(&a, AT_FDCWD, fs_join(&a, folder, arena_c(&a, names.v[i])), 1 << 20, &text, &e));
        if (chart_values_parse(&a, text, &values, &e))
            check_values(k, &a, chart, values);
    }
}

static void renders_the_same(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 100);
    struct fs_names cases;

    assert_true(fs_list(&f->a, golden, &cases, &f->e));
    assert_true(cases.n > 20);
    for (size_t i = 0; i < cases.n; i++)
        check_case(k, fs_join(&f->a, golden, arena_c(&f->a, cases.v[i])));
    assert_true(chart_cache_counters(k).hits > 2 * (int64_t)cases.n / 3);
    chart_cache_close(k);
}

static void write_umbrella(struct fixture *f)
{
    fixture_chart(f, "shop", "shop", "1.0.0",
                  "dependencies:\n- {name: web, version: ^1, alias: front, condition: front.enabled}\n"
                  "- {name: web, version: ^1, alias: back}\n"
                  "- {name: broken, version: ^1, condition: broken.enabled}\n");
    fixture_write(f, "shop/values.yaml", "broken: {enabled: false}\nkept: {list: [1, 2]}\n");
    fixture_write(f, "shop/crds/c.yaml", "kind: CustomResourceDefinition\n");
    fixture_write(f, "shop/templates/a.yaml",
                  "{{ define \"word\" }}shop{{ end }}{{- $_ := set .Values.kept \"seen\" .Values.n }}\nkind: A\n"
                  "v: {{ .Values | toJson }}\n");
    fixture_chart(f, "shop/charts/web", "web", "1.4.0", "");
    fixture_write(f, "shop/charts/web/templates/w.yaml",
                  "{{ define \"word\" }}web{{ end }}kind: {{ .Chart.Name }}\nw: {{ include \"word\" . }}\n");
    fixture_chart(f, "shop/charts/broken", "broken", "1.0.0", "");
    fixture_write(f, "shop/charts/broken/templates/x.yaml", "kind: X\nx: {{ if }}\n");
}

static struct value set(struct arena *a, const char *text)
{
    struct value values = value_map(a);
    struct err e = { 0 };

    assert_true(chart_set(a, &values, CHART_SET, str_c(text), &e));
    return values;
}

/* Each choice of subcharts has definitions of its own; a chart that cannot be parsed counts only when it is enabled. */
static void chooses_subcharts(void **state)
{
    static const char *const sets[] = { "n=1", "front.enabled=false", "broken.enabled=true", "n=2" };
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 8);

    write_umbrella(f);
    for (size_t i = 0; i < COUNT(sets); i++)
        check_values(k, &f->a, fixture_path(f, "shop"), set(&f->a, sets[i]));
    struct chart_use use = load(k, &f->a, fixture_path(f, "shop"));
    struct str wrong = answer(&f->a, use.chart, set(&f->a, "broken.enabled=true"), false);
    assert_true(str_find(wrong, S("parse error at (shop/charts/broken/templates/x.yaml:2)")) >= 0);
    chart_use_end(&use);
    chart_cache_close(k);
}

/* Two charts of one name have files of one path. */
static void renders_twins(void **state)
{
    struct fixture *f = *state;
    struct chart_cache *k = cache_of(ROOM, 8);

    fixture_chart(f, "top", "top", "1.0.0", "");
    fixture_chart(f, "top/charts/a", "sub", "1.0.0", "");
    fixture_chart(f, "top/charts/b", "sub", "1.0.0", "");
    fixture_write(f, "top/charts/a/templates/x.yaml", "kind: A\n");
    fixture_write(f, "top/charts/b/templates/x.yaml", "kind: B\n");
    check_values(k, &f->a, fixture_path(f, "top"), value_null());
    chart_cache_close(k);
}

/* ---- threads -------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 40 };

struct crew {
    struct chart_cache *cache;
    const char *chart, *others[3];
    struct str wanted[THREADS];
    atomic_int wrong, running;
};
struct worker {
    struct crew *crew;
    int number;
};

static struct value values_of(struct arena *a, int number)
{
    return set(a, arena_fmt(a, "n=%d,front.enabled=%s", number, number % 2 == 0 ? "true" : "false").p);
}

static void *render_often(void *user)
{
    const struct worker *w = user;
    struct crew *crew = w->crew;

    for (int i = 0; i < ROUNDS; i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        CLEANUP(chart_use_end) struct chart_use use = { 0 };
        struct err e = { 0 };
        if (!chart_cache_load(crew->cache, &a, crew->chart, NULL, &use, &e)
            || !str_eq(answer(&a, use.chart, values_of(&a, w->number), true), crew->wanted[w->number]))
            atomic_fetch_add(&crew->wrong, 1);
    }
    atomic_fetch_sub(&crew->running, 1);
    return NULL;
}

/* There is room for one: loading others drops the one that the rest renders, whenever nobody does. */
static void *push_out(void *user)
{
    struct crew *crew = user;

    for (size_t i = 0; atomic_load(&crew->running) > 0; i++) {
        CLEANUP(arena_close) struct arena a = { 0 };
        CLEANUP(chart_use_end) struct chart_use use = { 0 };
        struct err e = { 0 };
        if (!chart_cache_load(crew->cache, &a, crew->others[i % COUNT(crew->others)], NULL, &use, &e))
            atomic_fetch_add(&crew->wrong, 1);
    }
    return NULL;
}

static void run_crew(struct crew *crew)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS + 1];

    atomic_store(&crew->running, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ crew, i };
        assert_int_equal(pthread_create(&threads[i], NULL, render_often, &workers[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[THREADS], NULL, push_out, crew), 0);
    for (int i = 0; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void serves_threads(void **state)
{
    struct fixture *f = *state;
    struct crew crew = { .cache = cache_of(ROOM, 1), .chart = fixture_path(f, "shop") };
    struct chart *plain;

    write_umbrella(f);
    for (size_t i = 0; i < COUNT(crew.others); i++) {
        const char *folder = arena_fmt(&f->a, "other%zu", i).p;
        fixture_chart(f, folder, folder, "1.0.0", "");
        crew.others[i] = fixture_path(f, folder);
    }
    assert_true(chart_load(&f->a, crew.chart, &plain, &f->e));
    for (int i = 0; i < THREADS; i++)
        crew.wanted[i] = answer(&f->a, plain, values_of(&f->a, i), true);
    run_crew(&crew);
    assert_int_equal(atomic_load(&crew.wrong), 0);
    assert_true(chart_cache_counters(crew.cache).charts <= 1);
    chart_cache_close(crew.cache);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_by_content, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(tells_files_apart, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(drops_what_is_oldest, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(keeps_what_is_used, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(drops_the_large_one_alone, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(refuses_what_is_wrong, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(renders_the_same, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(chooses_subcharts, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(renders_twins, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(serves_threads, fixture_open, fixture_close),
    };

    if (argc != 2)
        return 2;
    golden = argv[1];
    return cmocka_run_group_tests_name("chart cache", tests, NULL, NULL);
}
