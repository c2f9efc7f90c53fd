/* gitops/appset_internal.h - what the files of the ApplicationSet share. */
#pragma once
#include "gitops/application.h"
#include "gitops/appset.h"

typedef VEC(struct appset_params) appset_params_list;

/* All parameter sets of the set's generators; *held and *requeue_ms as in appset_generated. */
MUST_CHECK bool appset_run_generators(struct arena *a, const struct value *set, const struct config *c,
                                      struct forge_cache *cache, appset_params_list *out, struct appset_generated *g,
                                      struct err *e);
/* A generator's `values`, each substituted with the parameters, put into them. */
MUST_CHECK bool appset_add_values(struct arena *a, const struct value *params, const struct value *values,
                                  bool go_template, const struct value *options, struct err *e);
/* Parameters of one list element. */
MUST_CHECK bool appset_element_params(struct arena *a, const struct value *element, bool go_template, struct value *out,
                                      struct err *e);
/* Does a generator's `selector` (a label selector) take these parameters? */
bool appset_selector_takes(struct arena *a, const struct value *selector, const struct value *params);
/* One Go template text. */
MUST_CHECK bool appset_go_template(struct arena *a, struct str text, const struct value *params,
                                   const struct value *options, struct str *out, struct err *e);
bool appset_is_go(const struct value *set);
