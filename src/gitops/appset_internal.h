/* gitops/appset_internal.h - what the files of the ApplicationSet share. */
#pragma once
#include "gitops/application.h"
#include "gitops/appset.h"

/* Parameters of one list element. */
MUST_CHECK bool appset_element_params(struct arena *a, const struct value *element, bool go_template, struct value *out,
                                      struct err *e);
/* Does a generator's `selector` (a label selector) take these parameters? */
bool appset_selector_takes(struct arena *a, const struct value *selector, const struct value *params);
bool appset_is_go(const struct value *set);
