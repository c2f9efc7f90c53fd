/*
 * artefact/promote.c - the image that was tested becomes the image of the merge commit.
 *
 * What was tested is sha-<head>. pr-<n> must be the same digest: it differs when the last push was not built or was
 * built after the test, and then nothing may be promoted.
 */
#include <time.h>

#include "artefact/internal.h"
#include "base/sys.h"

enum { FIRST_PAUSE_MS = 1000, PAUSE_MAX_MS = 8000, EXTRA_TAGS_MAX = 100 };

/* ---- which pull request ------------------------------------------------------------------- */

static void pause_ms(int64_t ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* "Not found" may also mean that the repository is hidden from us: then nothing is known about the commit. */
static bool repository_answers(struct arena *a, const struct forge_repo *r, struct err *e)
{
    struct value ignored = { 0 };
    struct str path = arena_fmt(a, "/repos/%.*s/%.*s", STR(r->owner), STR(r->name));
    return forge_call(a, r, "GET", path, NULL, &ignored, e);
}

static bool find_pull(struct arena *a, const struct artefact_promote *p, struct forge_pull *out,
                      enum artefact_refusal *why, struct err *e)
{
    int64_t deadline = clock_mono_ms() + p->lookup_ms, pause = FIRST_PAUSE_MS;
    struct err hidden = { 0 };
    while (!forge_pull_of_commit(a, &p->repo, p->sha, true, out, e)) {
        if (e->kind != ERR_NOT_FOUND)
            return false;
        if (clock_mono_ms() + pause > deadline) {
            if (!repository_answers(a, &p->repo, &hidden)) {
                *e = hidden;
                return false;
            }
            *why = ARTEFACT_NO_PULL;
            return false;
        }
        pause_ms(pause);
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
    return true;
}

static bool know_pull(struct arena *a, const struct artefact_promote *p, struct artefact_promoted *out,
                      enum artefact_refusal *why, struct err *e)
{
    struct forge_pull pull = { 0 };
    out->pull = p->pull;
    out->head = p->head;
    if (p->pull > 0 && p->head.n > 0)
        return artefact_check_sha(p->head, e);
    if (p->pull > 0) {
        if (!forge_pull_get(a, &p->repo, p->pull, &pull, e))
            return false;
        if (!pull.merged) {
            *why = ARTEFACT_NO_PULL;
            return err_set(e, ERR_CONFLICT, "pull request %lld is not merged", (long long)p->pull);
        }
    } else if (!find_pull(a, p, &pull, why, e)) {
        return false;
    }
    out->pull = pull.number;
    out->head = pull.head_sha;
    return artefact_check_sha(out->head, e);
}

/* ---- which image -------------------------------------------------------------------------- */

static bool missing(enum artefact_refusal *why, struct str tag, struct err *e)
{
    *why = ARTEFACT_NO_TAG;
    return err_set(e, ERR_NOT_FOUND, "the registry has no tag %.*s", STR(tag));
}

/* The tested image's bytes, once both names agree on it. */
static bool take_tested(struct arena *a, struct oci_client *c, const struct artefact_promote *p,
                        const struct artefact_promoted *known, struct artefact_bytes *out, enum artefact_refusal *why,
                        struct err *e)
{
    struct str pull_tag = artefact_pull_tag(a, known->pull), head_tag = artefact_sha_tag(a, known->head);
    struct oci_reference tested = artefact_named(&p->image, head_tag);
    struct oci_descriptor now = { 0 };
    struct err seen = { 0 };
    if (!oci_manifest_get(a, c, &tested, &out->manifest, &out->bytes, &seen)) {
        if (seen.kind == ERR_NOT_FOUND)
            return missing(why, head_tag, e);
        *e = seen;
        return false;
    }
    if (!artefact_look(a, c, &p->image, pull_tag, &now, e))
        return false;
    if (now.digest.n == 0)
        return missing(why, pull_tag, e);
    if (str_eq(now.digest, out->manifest.digest))
        return true;
    *why = ARTEFACT_DIFFERS;
    return err_set(e, ERR_CONFLICT, "%.*s is %.*s, but the tested %.*s is %.*s", STR(pull_tag), STR(now.digest),
                   STR(head_tag), STR(out->manifest.digest));
}

/* ---- its new names ------------------------------------------------------------------------ */

static bool name_it(struct arena *a, struct oci_client *c, const struct artefact_promote *p,
                    const struct artefact_bytes *tested, struct artefact_promoted *out, enum artefact_refusal *why,
                    struct err *e)
{
    struct str merge_tag = artefact_sha_tag(a, p->sha);
    struct oci_descriptor now = { 0 };
    out->tags = arena_new(a, struct artefact_tag, p->n_tags + 1);
    if (!artefact_look(a, c, &p->image, merge_tag, &now, e))
        return false;
    if (now.digest.n > 0 && !str_eq(now.digest, tested->manifest.digest)) {
        *why = ARTEFACT_DIFFERS;
        return err_set(e, ERR_CONFLICT, "%.*s is already another image (%.*s, the tested one is %.*s)", STR(merge_tag),
                       STR(now.digest), STR(tested->manifest.digest));
    }
    if (!artefact_name(a, c, &p->image, merge_tag, &now, tested, &out->tags[out->n_tags++], e))
        return false;
    for (size_t i = 0; i < p->n_tags; i++)
        if (!artefact_look(a, c, &p->image, p->tags[i], &now, e)
            || !artefact_name(a, c, &p->image, p->tags[i], &now, tested, &out->tags[out->n_tags++], e))
            return false;
    return true;
}

bool artefact_promote(struct arena *a, struct oci_client *c, const struct artefact_promote *p,
                      struct artefact_promoted *out, enum artefact_refusal *why, struct err *e)
{
    struct artefact_promoted done = { 0 };
    struct artefact_bytes tested = { 0 };
    struct oci_reference image = artefact_named(&p->image, S(""));
    *why = ARTEFACT_FAILED;
    if (!artefact_check_sha(p->sha, e))
        return false;
    if (p->n_tags > EXTRA_TAGS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tags", EXTRA_TAGS_MAX);
    if (!know_pull(a, p, &done, why, e) || !take_tested(a, c, p, &done, &tested, why, e)
        || !name_it(a, c, p, &tested, &done, why, e))
        return err_wrap(e, "promote %.*s", STR(oci_reference_str(a, &image)));
    done.manifest = tested.manifest;
    *out = done;
    return true;
}
