/* Manifests come out of charts that anybody may send in a pull request: judge and compare them, whatever they are. */
#include <assert.h>

#include "data/yaml.h"
#include "gitops/application.h"
#include "gitops/compare.h"
#include "gitops/hooks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct arena *a, const struct value *doc)
{
    struct health h = health_of(a, doc);
    assert(h.status <= HEALTH_UNKNOWN);
    (void)hook_is_skip(doc);
    (void)hook_delete_policy(doc);
    (void)sync_wave(doc);
    (void)resource_option(doc, "Prune=false");
    (void)tracking_is_ours(a, S("demo"), doc);
    if (hook_phases(doc) != 0)
        assert(hook_is(doc));
    hook_name(a, doc, S("d751238e003a92968e2276456f2e0e3ac2ba7216"), PHASE_POSTSYNC, 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_close) struct arena a = { .cap = 256 << 20 };
    struct str text = { (const char *)data, size < 16384 ? size : 16384 };
    struct value docs = { 0 }, app = value_map(&a);
    struct compare_result r = { 0 };
    struct err e = { 0 };

    if (!yaml_parse_all(&a, text, "fuzz", &docs, &e))
        return 0;
    for (size_t i = 0; i < value_len(&docs); i++) {
        const struct value *doc = value_item(&docs, i);
        if (!value_is(doc, VALUE_MAP))
            continue;
        look_at(&a, doc);
        compare_modified(&a, doc, doc,
                         &value_nil); /* true is possible: what the last apply set may be gone from both */
        compare_modified(&a, doc, value_item(&docs, (i + 1) % value_len(&docs)), &value_nil);
    }
    if (compare_application(&a, NULL, &app, &docs, &docs, &r, &e))
        assert(r.n <= value_len(&docs));
    return 0;
}
