/* Hooks, waves and per-resource options, read from annotations. */
#include "gitops/hooks.h"
#include "base/sys.h"

static const char *const phase_names[PHASES] = { "PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete" };

const char *phase_name(enum sync_phase p)
{
    return phase_names[p];
}

static struct str annotation(const struct value *object, const char *key)
{
    return value_as_str(value_get(value_at(object, "metadata.annotations"), key));
}

#define ARGO_HOOK "argocd.argoproj.io/hook"
#define HELM_HOOK "helm.sh/hook"

/* Each trimmed entry of a comma list, one at a time. */
static bool next_entry(struct str *list, struct str *out)
{
    while (list->n > 0) {
        str_split(list, S(","), out);
        *out = str_trim(*out);
        if (out->n > 0)
            return true;
    }
    return false;
}

bool hook_is(const struct value *object)
{
    struct str helm = annotation(object, HELM_HOOK), entry;
    if (annotation(object, ARGO_HOOK).n > 0)
        return true;
    while (next_entry(&helm, &entry))
        if (!str_is(entry, "crd-install"))
            return true;
    return false;
}

bool hook_is_skip(const struct value *object)
{
    return str_is(str_trim(annotation(object, ARGO_HOOK)), "Skip");
}

static unsigned argo_phases(const struct value *object, bool *any)
{
    struct str list = annotation(object, ARGO_HOOK), entry;
    unsigned phases = 0;
    while (next_entry(&list, &entry)) {
        *any = *any || str_is(entry, "Skip");
        for (unsigned p = 0; p < PHASES; p++)
            if (str_is(entry, phase_names[p])) {
                phases |= 1u << p;
                *any = true;
            }
    }
    return phases;
}

unsigned hook_phases(const struct value *object)
{
    static const struct {
        const char *hook;
        enum sync_phase phase;
    } rows[] = { { "pre-install", PHASE_PRESYNC },   { "pre-upgrade", PHASE_PRESYNC },
                 { "post-install", PHASE_POSTSYNC }, { "post-upgrade", PHASE_POSTSYNC },
                 { "pre-delete", PHASE_PREDELETE },  { "post-delete", PHASE_POSTDELETE } };
    struct str list = annotation(object, HELM_HOOK), entry;
    bool any = false;
    unsigned phases = argo_phases(object, &any);
    if (any)
        return phases; /* valid Argo CD types silence Helm's */
    while (next_entry(&list, &entry))
        for (size_t i = 0; i < COUNT(rows); i++)
            if (str_is(entry, rows[i].hook))
                phases |= 1u << rows[i].phase;
    return phases;
}

static unsigned policies(struct str list, const char *const names[3])
{
    unsigned found = 0;
    struct str entry;
    while (next_entry(&list, &entry))
        for (unsigned i = 0; i < 3; i++)
            if (str_is(entry, names[i]))
                found |= 1u << i;
    return found;
}

unsigned hook_delete_policy(const struct value *object)
{
    static const char *const argo[] = { "BeforeHookCreation", "HookSucceeded", "HookFailed" };
    static const char *const helm[] = { "before-hook-creation", "hook-succeeded", "hook-failed" };
    unsigned found = policies(annotation(object, "argocd.argoproj.io/hook-delete-policy"), argo)
                     | policies(annotation(object, "helm.sh/hook-delete-policy"), helm);
    return found != 0 ? found : HOOK_BEFORE_CREATION;
}

int64_t sync_wave(const struct value *object)
{
    int64_t wave = 0;
    if (str_to_int(annotation(object, "argocd.argoproj.io/sync-wave"), &wave))
        return wave;
    return str_to_int(annotation(object, "helm.sh/hook-weight"), &wave) ? wave : 0;
}

bool resource_option(const struct value *object, const char *option)
{
    struct str list = annotation(object, "argocd.argoproj.io/sync-options"), entry;
    while (next_entry(&list, &entry))
        if (str_is(entry, option))
            return true;
    return false;
}

struct str hook_name(struct arena *a, const struct value *object, struct str revision, enum sync_phase p,
                     int64_t started_ms)
{
    struct str name = value_str_at(object, "metadata.name");
    if (name.n > 0)
        return name;
    struct str short_revision = revision.n < 8 ? revision : str_slice(revision, 0, 7);
    struct str made = arena_fmt(a, "%.*s%.*s-%s-%lld", STR(value_str_at(object, "metadata.generateName")),
                                STR(short_revision), phase_names[p], (long long)(started_ms / 1000));
    char *text = arena_alloc(a, made.n + 1);
    for (size_t i = 0; i < made.n; i++)
        text[i] = made.p[i] >= 'A' && made.p[i] <= 'Z' ? (char)(made.p[i] - 'A' + 'a') : made.p[i];
    return (struct str){ text, made.n };
}
