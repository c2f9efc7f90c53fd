/*
 * sandbox/trigger.h - does a workflow file want an event?
 *
 * Source: GitHub's documentation "Workflow syntax", `on`. Filters are lists of patterns, read in order; one that starts
 * with
 * '!' takes away again what matched before.
 */
#pragma once
#include "data/value.h"

struct trigger_event {
    struct str name;           /* pull_request, push, workflow_dispatch */
    struct str action;         /* opened ...; empty for others */
    struct str git_ref;        /* push: refs/heads/x or refs/tags/x */
    struct str base;           /* pull_request: the branch it is for */
    const struct value *paths; /* list of changed paths */
};
/* doc: the workflow file. YAML 1.1 reads the key `on` as true, so both are looked at. */
bool trigger_wants(const struct value *doc, const struct trigger_event *ev);
/* The value of `on`; null when the file has none. */
const struct value *trigger_on(const struct value *doc);
/* Does a pattern match the whole text? `*` anything but '/', `**` anything, `?` and `+` none-or-one and one-or-more of
 * the character before, `[...]` a set, backslash takes the next character as it is. */
bool trigger_glob(struct str pattern, struct str text);
/* The inputs of workflow_dispatch: defaults put in, what is missing or unknown refused as GitHub does. */
MUST_CHECK bool trigger_inputs(struct arena *a, const struct value *doc, const struct value *given, struct value *out,
                               struct err *e);
