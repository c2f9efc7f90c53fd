/*
 * gitops/appset.h - ApplicationSets: generators turn pull requests into parameters, parameters into Applications.
 *
 * Supported generators: pullRequest (github) and list. Rendering is pure; the forge is asked through forge.h.
 * Source: Argo CD applicationset, see docs/argo-compatibility.md.
 */
#pragma once
#include "forge/forge.h"
#include "gitops/config.h"

/* One parameter set and where it came from. */
struct appset_params {
    struct value params;           /* classic: flat map of strings; goTemplate: nested, with labels */
    struct value template;         /* the generator's own template, or null */
    const struct forge_pull *pull; /* NULL for other generators */
    struct forge_repo repo;        /* where the pull request lives */
};

/* What became of a generation. */
struct appset_generated {
    const char *reason;        /* of the condition, in Argo CD's words; the one field that is set on failure, too */
    struct value applications; /* list of Application documents that are valid, by name */
    struct str *names;         /* every generated name, valid or not: none of these may be deleted */
    size_t n_names;
    struct str invalid; /* message about applications left out; empty when all are valid */
    struct str held;    /* fork requests waiting for a label, in words; empty when none */
    int64_t requeue_ms; /* the least over the generators; 0: none asks */
    bool not_modified;  /* every listing answered 304 */
};

/*
 * Run all generators of `set` and render. Any error means: nothing may be created, changed or deleted. The message
 * starts with the reason of Argo CD's condition; e->kind and e->retry_at_ms tell the forge's troubles apart.
 */
MUST_CHECK bool appset_generate(struct arena *a, const struct value *set, const struct config *c,
                                struct forge_cache *cache, struct appset_generated *out, struct err *e);

/* Is the pull request selected by the pullRequest generator `generator` of `set` (state, labels, filters, fork rule)?
 * For proving that an environment may go. *why (may be NULL) says why not. */
MUST_CHECK bool appset_selects(struct arena *a, const struct value *set, const struct value *generator,
                               const struct forge_pull *pull, bool *out, struct str *why, struct err *e);
/* The repository that a pullRequest generator watches, with its token. */
MUST_CHECK bool appset_repo(struct arena *a, const struct value *set, const struct value *generator,
                            const struct config *c, struct forge_repo *out, struct err *e);

/* ---- the parts, for tests ----------------------------------------------------------------- */

/* Parameters of one pull request. values: the generator's `values`, or null. */
MUST_CHECK bool appset_pull_params(struct arena *a, const struct forge_pull *pull, bool go_template,
                                   const struct value *options, const struct value *values, struct value *out,
                                   struct err *e);
/* branch_slug: at most 50 bytes, cut at a dash. */
struct str slug_branch(struct arena *a, struct str branch);
/* slugify [max] [smart] text, and normalize text, of the goTemplate functions. */
struct str slug_slugify(struct arena *a, int64_t max, bool smart, struct str text);
struct str slug_normalize(struct arena *a, struct str text);

/* Classic {{param}} substitution in one string. */
MUST_CHECK bool appset_substitute(struct arena *a, struct str text, const struct value *params, struct str *out,
                                  struct err *e);
/* A whole document: every string, list item, map value and map key. options: goTemplateOptions list or null. */
MUST_CHECK bool appset_render(struct arena *a, const struct value *document, const struct value *params,
                              bool go_template, const struct value *options, struct value *out, struct err *e);
/* The Application of one parameter set: template merged, rendered, patched, finalizer and namespace set. */
MUST_CHECK bool appset_application(struct arena *a, const struct value *set, const struct appset_params *p,
                                   struct value *out, struct err *e);
/* What an update writes: `generated` with the kept parts of `live`. */
struct value appset_merge_live(struct arena *a, const struct value *set, const struct value *generated,
                               const struct value *live);
