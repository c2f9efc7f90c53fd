/*
 * cluster/local/kinds.h - the kinds the local engine knows: their names, scope and where a pod template sits in them.
 * Private to the room.
 */
#pragma once
#include "cluster/cluster.h"

struct kind_row {
    const char *group, *version, *kind, *plural;
    bool namespaced;
    const char *pod_spec; /* dotted path of the pod specification inside the document, or NULL */
};
/* NULL for a kind that is only kept. */
const struct kind_row *kind_find(struct str group, struct str kind);
/* "deployments.apps", "namespaces", or the lower-cased kind for unknown ones: how Kubernetes names things in messages.
 */
struct str kind_resource(struct arena *a, struct str group, struct str kind);
