/*
 * cluster/local/admit.h - what happens to a document on its way in: defaults, validation, refusals. Private to the
 * room.
 *
 * All of it works on documents alone. `doc` is a complete object (after merging); `row` is its kind's row or NULL.
 */
#pragma once
#include "cluster/local/kinds.h"

/* A Secret's stringData becomes base64 in data; for the configuration of a Secret, before merging. */
void admit_secret(struct arena *a, const struct value *doc);
/* Fill in what Kubernetes fills in, as far as status, health and the controllers look at it. */
void admit_defaults(struct arena *a, const struct kind_row *row, const struct value *doc);
/* ERR_INVALID: `Deployment.apps "x" is invalid: spec.selector: Required value`. Types first (when asked), then meaning.
 */
MUST_CHECK bool admit_validate(struct arena *a, bool typed, const struct kind_row *row, const struct value *doc,
                               struct err *e);
/* ERR_INVALID when a field differs that never may: Deployment selector, Job template ... Both documents have defaults.
 */
MUST_CHECK bool admit_immutable(struct arena *a, const struct kind_row *row, const struct value *old,
                                const struct value *doc, struct err *e);
/* ERR_DENIED, naming the field, for what the local engine will not do (privileged, hostPath, hostNetwork ...). */
MUST_CHECK bool admit_refusals(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e);

/* The parts of admit_validate that have files of their own. */
MUST_CHECK bool admit_types(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e);
MUST_CHECK bool admit_pod(struct arena *a, const struct kind_row *row, const struct value *doc, struct err *e);

/* `Deployment.apps "x" is invalid: ` plus the text; yields false. */
bool admit_invalid(const struct value *doc, struct err *e, const char *fmt, ...) PRINTF(3, 4);
/* Whether the labels satisfy spec.selector's form (matchLabels and matchExpressions). An empty selector matches all. */
bool selector_matches(const struct value *selector, const struct value *labels);
/* The same for the plain map form that Services use; an empty map matches nothing. */
bool selector_map_matches(const struct value *selector, const struct value *labels);
/* A DNS label of at most 63 bytes; a DNS subdomain of at most 253. */
bool name_is_label(struct str s);
bool name_is_subdomain(struct str s);
