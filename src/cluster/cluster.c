/* The interface's thin calls: which destination answers is decided by the table of the handle. */
#include "cluster/cluster.h"

bool cluster_key_of(const struct value *object, struct cluster_key *out, struct err *e)
{
    struct str version = value_str_at(object, "apiVersion");
    struct str kind = value_str_at(object, "kind");
    struct str name = value_str_at(object, "metadata.name");
    if (version.n == 0)
        return err_set(e, ERR_INVALID, "object has no apiVersion");
    if (kind.n == 0)
        return err_set(e, ERR_INVALID, "object (%.*s) has no kind", STR(version));
    if (name.n == 0)
        return err_set(e, ERR_INVALID, "%.*s: metadata.name: Required value", STR(kind));
    struct str group = { "", 0 };
    ptrdiff_t slash = str_find(version, S("/"));
    if (slash >= 0) {
        group = str_slice(version, 0, (size_t)slash);
        version = str_slice(version, (size_t)slash + 1, version.n);
    }
    *out = (struct cluster_key){ group, version, kind, value_str_at(object, "metadata.namespace"), name };
    return true;
}

bool cluster_kind(struct cluster *c, struct str group, struct str kind, struct cluster_kind *out, struct err *e)
{
    return c->ops->kind(c, group, kind, out, e);
}

bool cluster_keeps_unknown_kinds(const struct cluster *c)
{
    return c->ops->keeps_unknown_kinds;
}

bool cluster_apply(struct cluster *c, struct arena *a, const struct value *object, const struct cluster_apply *o,
                   struct value *out_live, enum cluster_verb *out_verb, struct err *e)
{
    return c->ops->apply(c, a, object, o, out_live, out_verb, e);
}

bool cluster_get(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    return c->ops->get(c, a, k, out, e);
}

bool cluster_list(struct cluster *c, struct arena *a, const struct cluster_key *k, struct value *out, struct err *e)
{
    return c->ops->list(c, a, k, out, e);
}

bool cluster_remove(struct cluster *c, const struct cluster_key *k, enum cluster_propagation p, struct err *e)
{
    return c->ops->remove(c, k, p, e);
}

int64_t cluster_wait(struct cluster *c, int64_t after, int64_t deadline_mono_ms)
{
    return c->ops->wait(c, after, deadline_mono_ms);
}

bool cluster_logs(struct cluster *c, const struct cluster_logs *o, bool (*line)(void *user, struct str text),
                  void *user, struct err *e)
{
    return c->ops->logs(c, o, line, user, e);
}

struct str cluster_version(struct cluster *c)
{
    return c->ops->version(c);
}

void cluster_close(struct cluster *c)
{
    if (c != NULL)
        c->ops->close(c);
}
