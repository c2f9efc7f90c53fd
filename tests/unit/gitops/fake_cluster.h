/* A destination in memory: what is applied is there, status is what the test says. */
#pragma once
#include "cluster/cluster.h"

struct cluster *fake_cluster_open(void);
/* Workloads become healthy as soon as they are applied: Deployments roll out, Jobs complete, Ingresses get an address.
 */
void fake_cluster_auto(struct cluster *c, bool on);
/* Applying this kind fails with this message (NULL: works again). A dry run passes all the same. */
void fake_cluster_refuse(struct cluster *c, const char *kind, const char *message);
/* Deletion only begins: the object stays with a deletionTimestamp until released. */
void fake_cluster_linger(struct cluster *c, bool on);
/* Widgets, the kind it does not know, are stored all the same. */
void fake_cluster_keep_unknown(struct cluster *c);
void fake_cluster_set(struct cluster *c, const char *kind, const char *name, const char *path, const char *json);
/* "apply Namespace/x; apply Service/web; delete Job/old" since the last call. */
struct str fake_cluster_log(struct cluster *c, struct arena *a);
size_t fake_cluster_count(struct cluster *c);
bool fake_cluster_has(struct cluster *c, const char *kind, const char *name);
