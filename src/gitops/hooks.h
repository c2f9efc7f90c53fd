/*
 * gitops/hooks.h - what an object's annotations say about when it is applied: hook types, delete policies, waves.
 */
#pragma once
#include "data/value.h"

enum sync_phase {
    PHASE_PRESYNC,
    PHASE_SYNC,
    PHASE_POSTSYNC,
    PHASE_SYNCFAIL,
    PHASE_PREDELETE,
    PHASE_POSTDELETE,
    PHASES
};
const char *phase_name(enum sync_phase p); /* "PreSync" ... */

enum hook_delete { HOOK_BEFORE_CREATION = 1, HOOK_SUCCEEDED = 2, HOOK_FAILED = 4 };

#define HOOK_FINALIZER "argocd.argoproj.io/hook-finalizer"

/* An object with a hook annotation is a hook even if it names no known phase: then it is never applied. */
bool hook_is(const struct value *object);
/* `hook: Skip` alone: never touched, no status, no health. */
bool hook_is_skip(const struct value *object);
/* Bit (1 << phase) for each phase the hook runs in. */
unsigned hook_phases(const struct value *object);
unsigned hook_delete_policy(const struct value *object); /* HOOK_BEFORE_CREATION when none is valid */
/* argocd.argoproj.io/sync-wave, else helm.sh/hook-weight, else 0. */
int64_t sync_wave(const struct value *object);
/* Comma list annotation argocd.argoproj.io/sync-options has this entry ("Prune=false"). */
bool resource_option(const struct value *object, const char *option);
/* metadata.name, or for generateName: "<generateName><rev7>-<phase>-<started unix>" in lower case. */
struct str hook_name(struct arena *a, const struct value *object, struct str revision, enum sync_phase p,
                     int64_t started_ms);
