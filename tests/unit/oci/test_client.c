/* The client against the embedded registry, with and without logins. */
#include <fcntl.h>
#include <sys/stat.h>

#include "world.h"

static const char *write_program(struct world *w, const char *text)
{
    const char *path = fs_join(&w->a, w->dir, "program");
    MUST(fs_write(path, str_c(text), 0755, &e));
    return path;
}

static struct oci_descriptor publish(struct world *w, const char *name, const char *text)
{
    struct oci_reference r = world_ref(w, name);
    struct oci_descriptor d = { 0 };
    const char *const labels[] = { "org.opencontainers.image.source", "https://forge.test/o/r", NULL };
    struct oci_assemble spec = { .path = write_program(w, text),
                                 .name = S("app"),
                                 .user = S("65532"),
                                 .env = (const char *const[]){ "A=b", NULL },
                                 .exposed_ports = (const char *const[]){ "8080/tcp", NULL },
                                 .labels = labels };
    MUST(oci_assemble_push(&w->a, w->client, &r, &spec, &d, &e));
    return d;
}

static void assembles_reproducibly(void **state)
{
    struct world *w = *state;
    struct oci_descriptor one = publish(w, "demo/app:sha-1", "program one");
    struct oci_descriptor again = publish(w, "other/app:sha-2", "program one");
    struct oci_descriptor two = publish(w, "demo/app:sha-2", "program two");
    assert_true(str_eq(one.digest, again.digest));
    assert_false(str_eq(one.digest, two.digest));
    struct oci_reference r = world_ref(w, "demo/app:sha-1");
    struct oci_image image = { 0 };
    MUST(oci_image_get(&w->a, w->client, &r, &image, &e));
    assert_int_equal(image.n_layers, 1);
    assert_true(str_is(value_str_at(&image.config_json, "config.Entrypoint.0"), "/app"));
    assert_true(str_is(value_str_at(&image.config_json, "config.User"), "65532"));
    assert_true(str_is(value_str_at(&image.config_json, "created"), "1970-01-01T00:00:00Z"));
    assert_int_equal(value_get(value_at(&image.config_json, "config.ExposedPorts"), "8080/tcp")->kind, VALUE_MAP);
    assert_int_equal(value_get(value_at(&image.config_json, "config.Labels"), "org.opencontainers.image.source")->kind,
                     VALUE_STRING);
}

static void packs_folders(void **state)
{
    struct world *w = *state;
    const char *root = fs_join(&w->a, w->dir, "root");
    MUST(fs_mkdirs(fs_join(&w->a, root, "etc/deep/er"), 0700, &e));
    MUST(fs_write(fs_join(&w->a, root, "etc/file"), S("x"), 0600, &e));
    assert_int_equal(symlink("../etc/file", fs_join(&w->a, root, "etc/link")), 0);
    struct oci_reference r = world_ref(w, "demo/folder:1");
    struct oci_assemble spec = { .path = root };
    struct oci_descriptor one = { 0 }, two = { 0 };
    MUST(oci_assemble_push(&w->a, w->client, &r, &spec, &one, &e));
    assert_int_equal(chmod(fs_join(&w->a, root, "etc"), 0755), 0);
    MUST(oci_assemble_push(&w->a, w->client, &r, &spec, &two, &e));
    assert_true(str_eq(one.digest, two.digest));
    assert_int_equal(mkfifo(fs_join(&w->a, root, "pipe"), 0600), 0);
    struct err e = { 0 };
    assert_false(oci_assemble_push(&w->a, w->client, &r, &spec, &two, &e));
    assert_string_equal(e.text, arena_fmt(&w->a, "%s/pipe is neither file, folder nor symbolic link", root).p);
}

static void retags(void **state)
{
    struct world *w = *state;
    publish(w, "demo/app:sha-1", "program");
    struct oci_reference from = world_ref(w, "demo/app:sha-1"), to = world_ref(w, "demo/app:pr-7");
    struct oci_descriptor d = { 0 }, moved = { 0 };
    struct str bytes = { 0 }, digest = { 0 };
    int64_t before = oci_client_requests(w->client);
    MUST(oci_manifest_get(&w->a, w->client, &from, &d, &bytes, &e));
    MUST(oci_manifest_put(&w->a, w->client, &to, d.media_type, bytes, &digest, &e));
    assert_int_equal(oci_client_requests(w->client) - before, 2);
    MUST(oci_resolve(&w->a, w->client, &to, &moved, &e));
    assert_true(str_eq(moved.digest, d.digest));
    assert_true(str_is(moved.media_type, OCI_IMAGE));
    assert_int_equal(moved.size, bytes.n);
}

static void lists_tags(void **state)
{
    struct world *w = *state;
    static const char *const names[] = { "demo/tags:b", "demo/tags:a", "demo/tags:c" };
    for (size_t i = 0; i < COUNT(names); i++)
        publish(w, names[i], "program");
    struct oci_reference r = world_ref(w, "demo/tags");
    struct str *tags = NULL;
    size_t n = 0;
    MUST(oci_tags(&w->a, w->client, &r, &tags, &n, &e));
    assert_int_equal(n, 3);
    assert_true(str_is(tags[0], "a") && str_is(tags[2], "c"));
    r = world_ref(w, "demo/nobody");
    struct err e = { 0 };
    assert_false(oci_tags(&w->a, w->client, &r, &tags, &n, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void moves_blobs(void **state)
{
    struct world *w = *state;
    struct oci_reference r = world_ref(w, "demo/blobs"), other = world_ref(w, "other/blobs");
    struct str bytes = S("some bytes");
    struct oci_descriptor d = { .digest = oci_digest_of(&w->a, bytes, S("")), .size = (int64_t)bytes.n };
    bool there = true;
    MUST(oci_blob_exists(&w->a, w->client, &r, d.digest, &there, &e));
    assert_false(there);
    MUST(oci_blob_put(&w->a, w->client, &r, &d, bytes, -1, &e));
    MUST(oci_blob_put(&w->a, w->client, &r, &d, bytes, -1, &e));
    int64_t before = oci_client_requests(w->client);
    MUST(oci_blob_put(&w->a, w->client, &other, &d, bytes, -1, &e)); /* HEAD, then a mount */
    assert_int_equal(oci_client_requests(w->client) - before, 2);
    CLEANUP(fd_close) int fd = open(w->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    MUST(fd_write_all(fd, S("head"), &e));
    MUST(oci_blob_get(&w->a, w->client, &other, &d, fd, &e));
    assert_int_equal(lseek(fd, 0, SEEK_END), 14);
    d.size = 9;
    struct err e = { 0 };
    assert_false(oci_blob_get(&w->a, w->client, &other, &d, fd, &e));
    assert_int_equal(lseek(fd, 0, SEEK_END), 14); /* nothing half-written stays */
    d.digest = S("sha256:0000000000000000000000000000000000000000000000000000000000000000");
    assert_false(oci_blob_get(&w->a, w->client, &other, &d, fd, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_false(oci_blob_put(&w->a, w->client, &r, &d, S("123456789"), -1, &e));
    assert_true(str_find(str_c(e.text), S("DIGEST_INVALID")) >= 0);
}

static void sees_damage(void **state)
{
    struct world *w = *state;
    struct oci_descriptor d = publish(w, "demo/app:sha-1", "program"), out = { 0 };
    struct oci_reference r = world_ref(w, "demo/app"), by_digest = oci_reference_at(&r, d.digest);
    struct str bytes = { 0 };
    struct err e = { 0 };
    w->corrupt = "/manifests/";
    assert_false(oci_manifest_get(&w->a, w->client, &by_digest, &out, &bytes, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_int_equal(out.digest.n, 0);
    w->corrupt = "/blobs/";
    r = world_ref(w, "demo/app:sha-1");
    struct oci_image image = { 0 };
    assert_false(oci_image_get(&w->a, w->client, &r, &image, &e));
    assert_int_equal(e.kind, ERR_INVALID);
}

static void logs_in_with_tokens(void **state)
{
    struct world *w = *state;
    w->gate = GATE_TOKEN;
    publish(w, "demo/app:sha-1", "program");
    assert_int_equal(atomic_load(&w->asked_for_tokens), 1); /* pull,push at once */
    int64_t before = oci_client_requests(w->client);
    struct oci_reference r = world_ref(w, "demo/app:sha-1"), another = world_ref(w, "demo/more:sha-1");
    struct oci_descriptor d = { 0 };
    MUST(oci_resolve(&w->a, w->client, &r, &d, &e));
    assert_int_equal(oci_client_requests(w->client) - before, 1); /* the token that may push may pull */
    struct err e = { 0 };
    before = oci_client_requests(w->client);
    assert_false(oci_resolve(&w->a, w->client, &another, &d, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_int_equal(oci_client_requests(w->client) - before, 2); /* a token, and no 401 before it */
}

static void takes_no_for_an_answer(void **state)
{
    struct world *w = *state;
    w->gate = GATE_TOKEN;
    w->read_only = true;
    struct oci_reference r = world_ref(w, "demo/app:sha-1");
    struct str digest = { 0 };
    struct err e = { 0 };
    assert_false(oci_manifest_put(&w->a, w->client, &r, S(OCI_IMAGE), S("{}"), &digest, &e));
    assert_int_equal(e.kind, ERR_DENIED);
    assert_string_equal(e.text, arena_fmt(&w->a,
                                          "127.0.0.1:%u/demo/app:sha-1: the registry denies access (status 401, "
                                          "UNAUTHORIZED: log in)",
                                          http_server_port(w->server))
                                    .p);
    assert_int_equal(oci_client_requests(w->client), 3);
}

static void logs_in_with_passwords(void **state)
{
    struct world *w = *state;
    w->gate = GATE_BASIC;
    publish(w, "demo/app:sha-1", "program");
    int64_t before = oci_client_requests(w->client);
    struct oci_reference r = world_ref(w, "demo/app:sha-1");
    struct oci_descriptor d = { 0 };
    MUST(oci_resolve(&w->a, w->client, &r, &d, &e));
    assert_int_equal(oci_client_requests(w->client) - before, 1);
}

static void logs_in_with_identity_tokens(void **state)
{
    struct world *w = *state;
    struct oci_client *c = NULL;
    const char *path = fs_join(&w->a, w->dir, "config.json");
    struct str text =
        arena_fmt(&w->a, "{\"auths\":{\"127.0.0.1:%u\":{\"identitytoken\":\"T1\"}}}", http_server_port(w->server));
    publish(w, "demo/app:sha-1", "program");
    MUST(fs_write(path, text, 0600, &e));
    setenv("REGISTRY_AUTH_FILE", path, 1);
    MUST(oci_client_open(NULL, &c, &e));
    w->gate = GATE_TOKEN;
    w->identity = "T1";
    struct oci_reference r = world_ref(w, "demo/app:sha-1");
    struct oci_descriptor d = { 0 };
    MUST(oci_resolve(&w->a, c, &r, &d, &e));
    unsetenv("REGISTRY_AUTH_FILE");
    oci_client_close(c);
}

static void refuses_realms(void **state)
{
    struct world *w = *state;
    struct oci_reference r = world_ref(w, "demo/app:sha-1");
    struct oci_descriptor d = { 0 };
    struct err e = { 0 };
    w->gate = GATE_TOKEN;
    w->realm = "ftp://elsewhere.test/token";
    assert_false(oci_resolve(&w->a, w->client, &r, &d, &e));
    assert_int_equal(e.kind, ERR_DENIED);
    assert_true(str_find(str_c(e.text), S("names a token server without https")) >= 0);
    assert_int_equal(atomic_load(&w->asked_for_tokens), 0);
}

static void tries_again_when_told_to(void **state)
{
    struct world *w = *state;
    publish(w, "demo/app:sha-1", "program");
    struct oci_reference r = world_ref(w, "demo/app:sha-1");
    struct oci_descriptor d = { 0 };
    atomic_store(&w->trouble, 2);
    MUST(oci_resolve(&w->a, w->client, &r, &d, &e));
    atomic_store(&w->trouble, 3);
    struct err e = { 0 };
    assert_false(oci_resolve(&w->a, w->client, &r, &d, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

static void reads_docker_files(void **state)
{
    struct world *w = *state;
    struct oci_credentials k = { 0 };
    const char *path = fs_join(&w->a, w->dir, "config.json");
    MUST(fs_write(path,
                  S("{\"auths\":{\"https://reg.test/v1/\":{\"auth\":\"Ym9iOnNlY3JldA==\"},"
                    "\"id.test\":{\"identitytoken\":\"T\"},\"https://index.docker.io/v1/\":"
                    "{\"username\":\"u\",\"password\":\"p\"}}}"),
                  0600, &e));
    setenv("REGISTRY_AUTH_FILE", path, 1);
    MUST(oci_credentials_find(&w->a, S("reg.test"), false, &k, &e));
    assert_true(str_is(k.username, "bob") && str_is(k.password, "secret"));
    MUST(oci_credentials_find(&w->a, S("id.test"), false, &k, &e));
    assert_true(str_is(k.identity_token, "T"));
    MUST(oci_credentials_find(&w->a, S("docker.io"), false, &k, &e));
    assert_true(str_is(k.username, "u") && str_is(k.password, "p"));
    MUST(oci_credentials_find(&w->a, S("unknown.test"), false, &k, &e));
    assert_int_equal(k.username.n, 0);
    MUST(fs_write(path, S("{"), 0600, &e));
    struct err e = { 0 };
    assert_false(oci_credentials_find(&w->a, S("reg.test"), false, &k, &e));
    unsetenv("REGISTRY_AUTH_FILE");
}

static void follows_aliases(void **state)
{
    struct world *w = *state;
    struct oci_client *c = NULL;
    const char *to = arena_fmt(&w->a, "127.0.0.1:%u", http_server_port(w->server)).p;
    struct oci_client_options o = { .aliases = (const char *const[]){ "registry.test", to, NULL } };
    publish(w, "demo/app:sha-1", "program");
    MUST(oci_client_open(&o, &c, &e));
    struct oci_reference r = { 0 };
    struct oci_descriptor d = { 0 };
    MUST(oci_reference_parse(&w->a, S("registry.test/demo/app:sha-1"), &r, &e));
    MUST(oci_resolve(&w->a, c, &r, &d, &e));
    oci_client_close(c);
}

static struct str blob_file(struct world *w, const char *layout, struct str bytes)
{
    struct str digest = oci_digest_of(&w->a, bytes, S(""));
    MUST(fs_write(arena_fmt(&w->a, "%s/blobs/sha256/%.*s", layout, STR(oci_digest_hex(digest))).p, bytes, 0644, &e));
    return arena_fmt(&w->a, "\"digest\":\"%.*s\",\"size\":%zu", STR(digest), bytes.n);
}

static void pushes_layouts(void **state)
{
    struct world *w = *state;
    const char *layout = fs_join(&w->a, w->dir, "layout");
    MUST(fs_mkdirs(fs_join(&w->a, layout, "blobs/sha256"), 0755, &e));
    struct str config = blob_file(w, layout, S("{\"os\":\"linux\"}"));
    struct str image = blob_file(
        w, layout,
        arena_fmt(&w->a, "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI_CONFIG "\",%.*s},\"layers\":[]}",
                  STR(config)));
    const char *form = "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_IMAGE
                       "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"},%.*s}]}";
    struct str index = blob_file(w, layout, arena_fmt(&w->a, form, "amd64", STR(image)));
    struct str file =
        arena_fmt(&w->a, "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI_INDEX "\",%.*s}]}", STR(index));
    MUST(fs_write(fs_join(&w->a, layout, "index.json"), file, 0644, &e));
    struct oci_reference r = world_ref(w, "demo/layout:1");
    struct oci_descriptor d = { 0 };
    MUST(oci_layout_push(&w->a, w->client, layout, &r, &d, &e));
    assert_true(str_is(d.media_type, OCI_INDEX));
    assert_true(str_find(index, d.digest) > 0); /* byte for byte */
    MUST(oci_resolve(&w->a, w->client, &r, &d, &e));
    struct err e = { 0 };
    assert_false(oci_layout_push(&w->a, w->client, w->dir, &r, &d, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void tells_who_is_down(void **state)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct oci_client *c = NULL;
    struct oci_reference r = { 0 };
    struct oci_descriptor d = { 0 };
    MUST(oci_client_open(NULL, &c, &e));
    MUST(oci_reference_parse(&a, S("127.0.0.1:1/a:b"), &r, &e));
    struct err e = { 0 };
    assert_false(oci_resolve(&a, c, &r, &d, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_string_equal(e.text, "127.0.0.1:1/a:b: connect to 127.0.0.1:1: connection refused");
    oci_client_close(c);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
    const struct CMUnitTest tests[] = {
        IN_WORLD(assembles_reproducibly),
        IN_WORLD(packs_folders),
        IN_WORLD(retags),
        IN_WORLD(lists_tags),
        IN_WORLD(moves_blobs),
        IN_WORLD(sees_damage),
        IN_WORLD(logs_in_with_tokens),
        IN_WORLD(takes_no_for_an_answer),
        IN_WORLD(logs_in_with_passwords),
        IN_WORLD(reads_docker_files),
        IN_WORLD(logs_in_with_identity_tokens),
        IN_WORLD(refuses_realms),
        IN_WORLD(tries_again_when_told_to),
        IN_WORLD(follows_aliases),
        IN_WORLD(pushes_layouts),
        cmocka_unit_test(tells_who_is_down),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
