/* The Link header (RFC 8288), as far as pagination needs it. */
#include "forge/internal.h"

/* One parameter of a link: true when it is rel=next, quoted or not, alone or among other relation types. */
static bool is_rel_next(struct str param)
{
    struct str name, types, type;

    if (!str_split(&param, S("="), &name) || !str_ieq(str_trim(name), S("rel")))
        return false;
    types = str_trim_set(str_trim(param), "\"");
    while (types.n > 0) {
        str_split(&types, S(" "), &type);
        if (str_ieq(str_trim(type), S("next")))
            return true;
    }
    return false;
}

/* link-value = "<" URI ">" *( OWS ";" OWS param ); consumes up to the comma that ends it. */
static bool take_link(struct str *in, struct str *target, bool *next)
{
    struct str skipped, param;

    if (!str_split(in, S("<"), &skipped) || !str_split(in, S(">"), target))
        return false;
    *next = false;
    while (in->n > 0 && in->p[0] != ',') {
        size_t n = 0;
        bool quoted = false;
        while (n < in->n && (quoted || (in->p[n] != ';' && in->p[n] != ',') || n == 0)) {
            if (in->p[n] == '"')
                quoted = !quoted;
            n++;
        }
        param = str_trim(str_cut(in, n));
        if (str_starts(param, S(";")))
            str_cut(&param, 1);
        *next = *next || is_rel_next(str_trim(param));
    }
    return true;
}

struct str forge_link_next(struct str header)
{
    struct str target;
    bool next;

    while (take_link(&header, &target, &next))
        if (next)
            return target;
    return S("");
}
