/* Charts from folders and packages; what leads outside of them. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "chart/internal.h"
#include "fixture.h"

static bool load(struct fixture *f, const char *name, struct chart **out)
{
    return chart_load(&f->a, fixture_path(f, name), out, &f->e);
}

static void loads_a_folder(void **state)
{
    struct fixture *f = *state;
    struct chart *c;

    fixture_chart(f, "demo", "demo", "1.2.3",
                  "dependencies:\n- {name: sub, version: 0.1.0}\n- {name: gone, version: '*'}\n");
    fixture_write(f, "demo/values.yaml", "a: 1\nb: {c: x}\n");
    fixture_write(f, "demo/templates/a.yaml", "x: 1\n");
    fixture_write(f, "demo/README.md", "hello\n");
    fixture_chart(f, "demo/charts/sub", "sub", "0.1.0", "");
    assert_true(load(f, "demo", &c));
    assert_true(str_is(chart_name(c), "demo"));
    assert_true(str_is(chart_version(c), "1.2.3"));
    assert_true(value_at(chart_values(c), "a")->kind == VALUE_FLOAT);
    assert_int_equal(c->n_charts, 1);
    assert_int_equal(c->templates.n, 1);
    assert_string_equal(arena_c(&f->a, chart_missing_dependencies(&f->a, c)), "gone");
    assert_string_equal(arena_c(&f->a, chart_dependency_status(&f->a, c, fixture_path(f, "demo"), 0)), "unpacked");
    assert_string_equal(arena_c(&f->a, chart_dependency_status(&f->a, c, fixture_path(f, "demo"), 1)), "missing");
}

static void says_what_is_wrong(void **state)
{
    static const struct {
        const char *file, *text, *error;
    } rows[] = {
        { "Chart.yaml", "apiVersion: v2\nversion: 1.0.0\n", "validation: chart.metadata.name is required" },
        { "Chart.yaml", "apiVersion: v2\nname: a/b\nversion: 1.0.0\n",
          "validation: chart.metadata.name \"a/b\" is invalid" },
        { "Chart.yaml", "apiVersion: v2\nname: ..\nversion: 1.0.0\n",
          "validation: chart.metadata.name \"..\" is not allowed" },
        { "Chart.yaml", "apiVersion: v9\nname: a\nversion: 1.0.0\n", "unsupported chart version" },
        { "Chart.yaml", "apiVersion: v2\nname: a\nversion: [1]\n",
          "cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go "
          "struct "
          "field Metadata.version of type string" },
        { "values.yaml", "- a\n",
          "cannot load values.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: "
          "json: "
          "cannot unmarshal array into Go value of type map[string]interface {}" },
        { "charts/README.md", "x\n", "error unpacking subchart README.md in demo: Chart.yaml file is missing" },
        { ".helmignore", "a/**\n", "double-star (**) syntax is not supported" },
    };
    struct fixture *f = *state;
    struct chart *c;

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *folder = arena_fmt(&f->a, "wrong%zu", i).p;
        fixture_chart(f, folder, "demo", "1.0.0", "");
        fixture_write(f, arena_fmt(&f->a, "%s/%s", folder, rows[i].file).p, rows[i].text);
        assert_false(load(f, folder, &c));
        assert_string_equal(f->e.text, rows[i].error);
    }
}

static void follows_links_inside_only(void **state)
{
    struct fixture *f = *state;
    struct chart *c;

    fixture_chart(f, "demo", "demo", "1.0.0", "");
    fixture_write(f, "demo/files/real.txt", "inside\n");
    fixture_write(f, "secret.txt", "outside\n");
    assert_int_equal(symlink("files/real.txt", fixture_path(f, "demo/link.txt")), 0);
    assert_true(load(f, "demo", &c));
    assert_int_equal(c->files.n, 2);
    assert_int_equal(symlink("../secret.txt", fixture_path(f, "demo/escape.txt")), 0);
    assert_false(load(f, "demo", &c));
    assert_int_equal(f->e.kind, ERR_DENIED);
    assert_non_null(strstr(f->e.text, "escape.txt"));
}

static void follows_links_as_far_as_told(void **state)
{
    struct fixture *f = *state;
    struct chart *c;

    fixture_chart(f, "repo/charts/demo", "demo", "1.0.0", "");
    fixture_chart(f, "repo/library", "library", "1.0.0", "");
    fixture_write(f, "secret.txt", "outside\n");
    const char *demo = fixture_path(f, "repo/charts/demo"), *repo = fixture_path(f, "repo");
    assert_int_equal(mkdir(fixture_path(f, "repo/charts/demo/charts"), 0755), 0);
    assert_int_equal(symlink("../../../library", fixture_path(f, "repo/charts/demo/charts/library")), 0);
    assert_false(chart_load(&f->a, demo, &c, &f->e));
    assert_true(chart_load_within(&f->a, demo, repo, &c, &f->e));
    assert_true(chart_has(c, S("library")));
    assert_int_equal(c->n_warnings, 1);
    assert_non_null(strstr(c->warnings[0].p, "found symbolic link in path"));
    assert_false(chart_load_within(&f->a, demo, fixture_path(f, "repo/library"), &c, &f->e));
    assert_int_equal(symlink("../../../secret.txt", fixture_path(f, "repo/charts/demo/escape.txt")), 0);
    assert_false(chart_load_within(&f->a, demo, repo, &c, &f->e));
    assert_int_equal(f->e.kind, ERR_DENIED);
}

static void refuses_pipes(void **state)
{
    struct fixture *f = *state;
    struct chart *c;

    fixture_chart(f, "demo", "demo", "1.0.0", "");
    assert_int_equal(mkfifo(fixture_path(f, "demo/pipe"), 0644), 0);
    assert_false(load(f, "demo", &c));
    assert_non_null(strstr(f->e.text, "cannot load irregular file"));
}

/* ---- packages ------------------------------------------------------------------------------- */

struct member {
    const char *name, *text, *link;
};

static struct str make_archive(struct fixture *f, const struct member *members, size_t n)
{
    char *tar = arena_alloc(&f->a, 64 << 10), *gz = arena_alloc(&f->a, 64 << 10);
    size_t used = 0;
    z_stream z = { 0 };

    struct archive *w = archive_write_new();
    archive_write_set_format_pax_restricted(w);
    assert_int_equal(archive_write_open_memory(w, tar, 64 << 10, &used), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_filetype(entry, members[i].link != NULL ? AE_IFLNK : AE_IFREG);
        if (members[i].link != NULL)
            archive_entry_set_symlink(entry, members[i].link);
        else
            archive_entry_set_size(entry, (la_int64_t)strlen(members[i].text));
        assert_int_equal(archive_write_header(w, entry), ARCHIVE_OK);
        if (members[i].link == NULL)
            archive_write_data(w, members[i].text, strlen(members[i].text));
        archive_entry_free(entry);
    }
    archive_write_close(w);
    archive_write_free(w);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)tar;
    z.avail_in = (uInt)used;
    z.next_out = (Bytef *)gz;
    z.avail_out = 64 << 10;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct str out = { gz, (64 << 10) - z.avail_out };
    deflateEnd(&z);
    return out;
}

#define CHART_YAML "apiVersion: v2\nname: demo\nversion: 1.0.0\n"

static void refuses_hostile_packages(void **state)
{
    static const struct {
        struct member member;
        const char *error;
    } rows[] = {
        { { "demo/../../etc/x", "x", NULL }, "chart illegally references parent directory" },
        { { "demo//etc/x", "x", NULL }, "chart illegally contains absolute paths" },
        { { "/etc/x", "x", NULL }, "chart illegally contains absolute paths" },
        { { "\\etc\\x", "x", NULL }, "chart illegally contains absolute paths" },
        { { "x", "x", NULL }, "chart illegally contains content outside the base directory: \"x\"" },
        { { "demo/c:/x", "x", NULL }, "chart contains illegally named files" },
        { { "demo/link", NULL, "../../etc/passwd" },
          "chart illegally contains a link to the outside: link -> ../../etc/passwd" },
        { { "demo/link", NULL, "/etc/passwd" }, "chart illegally contains a link to the outside: link -> /etc/passwd" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct member members[] = { { "demo/Chart.yaml", CHART_YAML, NULL }, rows[i].member };
        struct chart_files files = { 0 };
        if (chart_read_archive(&f->a, make_archive(f, members, 2), &files, &f->e))
            fail_msg("%s was taken", rows[i].member.name);
        assert_string_equal(f->e.text, rows[i].error);
    }
}

static void refuses_what_is_no_package(void **state)
{
    struct fixture *f = *state;
    struct chart *c;

    fixture_write(f, "values.yaml", "a: 1\n");
    assert_false(load(f, "values.yaml", &c));
    assert_non_null(strstr(f->e.text, "seems to be a YAML file, but expected a gzipped archive"));
    assert_false(load(f, "nothing", &c));
    assert_int_equal(f->e.kind, ERR_NOT_FOUND);
    struct str whole = make_archive(f, (struct member[]){ { "demo/Chart.yaml", CHART_YAML, NULL } }, 1);
    struct chart_files files = { 0 };
    for (size_t n = 0; n < whole.n; n += 7) /* cut off anywhere: refused, and nothing read past the end */
        assert_false(chart_read_archive(&f->a, arena_str(&f->a, str_slice(whole, 0, n)), &files, &f->e));
}

static void packages_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    const char *first, *second;
    struct str one, two;
    struct chart *c;

    fixture_chart(f, "demo", "demo", "1.2.3", "description: d\n");
    fixture_write(f, "demo/values.yaml", "# kept\na: 1\n");
    fixture_write(f, "demo/templates/a.yaml", "x: {{ .Values.a }}\n");
    fixture_write(f, "demo/LICENSE", "free\n");
    fixture_chart(f, "demo/charts/sub", "sub", "0.1.0", "");
    assert_true(chart_package(&f->a, fixture_path(f, "demo"), fixture_path(f, "one"), &first, &f->e));
    assert_true(chart_package(&f->a, fixture_path(f, "demo"), fixture_path(f, "two"), &second, &f->e));
    assert_true(fs_read(&f->a, AT_FDCWD, first, 1 << 20, &one, &f->e));
    assert_true(fs_read(&f->a, AT_FDCWD, second, 1 << 20, &two, &f->e));
    assert_true(str_eq(one, two));
    assert_true(load(f, "one/demo-1.2.3.tgz", &c));
    assert_true(str_is(c->values_text, "# kept\na: 1\n"));
    assert_int_equal(c->n_charts, 1);
    assert_int_equal(c->templates.n, 1);
    assert_int_equal(c->files.n, 1);
}

static void indexes_a_folder_of_packages(void **state)
{
    struct fixture *f = *state;
    const char *path;
    struct str index;

    for (int i = 1; i <= 2; i++) {
        const char *folder = arena_fmt(&f->a, "v%d", i).p;
        fixture_chart(f, folder, "demo", i == 1 ? "1.0.0" : "1.10.0", "");
        assert_true(chart_package(&f->a, fixture_path(f, folder), fixture_path(f, "repo"), &path, &f->e));
    }
    fixture_write(f, "repo/broken.tgz", "no package");
    assert_true(chart_repo_index(&f->a, fixture_path(f, "repo"), S("https://charts.example"), &index, &f->e));
    ptrdiff_t newer = str_find(index, S("https://charts.example/demo-1.10.0.tgz"));
    ptrdiff_t older = str_find(index, S("https://charts.example/demo-1.0.0.tgz"));
    assert_true(newer > 0 && older > newer);
    assert_true(str_find(index, S("broken")) < 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(loads_a_folder),
        TEST(says_what_is_wrong),
        TEST(follows_links_inside_only),
        TEST(follows_links_as_far_as_told),
        TEST(refuses_pipes),
        TEST(refuses_hostile_packages),
        TEST(refuses_what_is_no_package),
        TEST(packages_the_same_bytes),
        TEST(indexes_a_folder_of_packages),
    };
    return cmocka_run_group_tests_name("chart load", tests, NULL, NULL);
}
