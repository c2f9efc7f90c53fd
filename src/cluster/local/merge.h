/*
 * cluster/local/merge.h - server-side apply: which fields a manager set, and the merge of a configuration into a live
 * object.
 *
 * The rules per field (lists merged by key, sets, atomic parts) are the published ones of the Kubernetes API schema.
 * Private to the room.
 */
#pragma once
#include "data/value.h"

enum merge_rule {
    MERGE_GRANULAR, /* a map: every member by itself. A list without a rule of its own is atomic. */
    MERGE_ATOMIC,   /* replaced whole */
    MERGE_SET,      /* a list of scalars, united */
    MERGE_KEYED,    /* a list of maps, item by item, matched by the members `key` */
};
struct schema {
    const char *field; /* NULL ends a table */
    enum merge_rule rule;
    const char *key[2];          /* MERGE_KEYED; the second may be NULL */
    const struct schema *fields; /* of the map, or of each item; NULL: no exceptions below */
};
/* The exceptions of one kind; never NULL. */
const struct schema *schema_of(struct str group, struct str kind);

/* The fields that `config` sets, in the FieldsV1 form ({"f:spec":{"f:replicas":{}}}); identity and status are left out.
 */
struct value fields_of(struct arena *a, const struct value *config, const struct schema *fields);
/*
 * `live` overlaid by `config`, less what `owned` (a former fields_of, or null) has and `config` no longer sets.
 * Server-owned metadata and status stay as they are in `live`. A new tree in `a`.
 */
struct value merge_apply(struct arena *a, const struct value *live, const struct value *config,
                         const struct value *owned, const struct schema *fields);
/* A copy without members that are null, as the API server reads a configuration. */
struct value merge_without_nulls(struct arena *a, const struct value *v);
