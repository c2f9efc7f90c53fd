#include "cluster/local/user.h"

enum { FIELDS_MAX = 7 };

/* Split a line at colons; fields that are not there are empty. */
static size_t split(struct str line, struct str *fields, size_t max)
{
    size_t n = 0;
    bool more = true;
    while (n < max && more)
        more = str_split(&line, S(":"), &fields[n++]);
    size_t found = n;
    while (n < max)
        fields[n++] = S("");
    return found;
}

static bool to_id(struct str s, uint32_t *out)
{
    int64_t n;
    if (s.n == 0 || s.p[0] == '+' || s.p[0] == '-' || !str_to_int(s, &n) || n > INT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

/* name:password:uid:gid:comment:home:shell */
static bool find_passwd(struct str passwd, struct str name, bool by_id, uint32_t id, struct str *fields)
{
    while (passwd.n > 0) {
        struct str line;
        uint32_t uid, gid;
        str_split(&passwd, S("\n"), &line);
        split(line, fields, FIELDS_MAX);
        if (!to_id(fields[2], &uid) || !to_id(fields[3], &gid))
            continue;
        if (by_id ? uid == id : fields[0].n > 0 && str_eq(fields[0], name))
            return true;
    }
    return false;
}

/* name:password:gid:member,member */
static bool find_group(struct str group, struct str name, uint32_t *out)
{
    while (group.n > 0) {
        struct str line, fields[4];
        str_split(&group, S("\n"), &line);
        split(line, fields, 4);
        if (fields[0].n > 0 && str_eq(fields[0], name) && to_id(fields[2], out))
            return true;
    }
    return false;
}

static bool is_member(struct str members, struct str name)
{
    while (members.n > 0) {
        struct str one;
        str_split(&members, S(","), &one);
        if (str_eq(str_trim(one), name))
            return true;
    }
    return false;
}

static void collect_groups(struct str group, struct str name, struct user *u)
{
    while (group.n > 0 && u->n_groups < USER_GROUPS_MAX) {
        struct str line, fields[4];
        uint32_t gid;
        str_split(&group, S("\n"), &line);
        split(line, fields, 4);
        if (to_id(fields[2], &gid) && gid != u->gid && is_member(fields[3], name))
            u->groups[u->n_groups++] = gid;
    }
}

bool user_resolve(struct str passwd, struct str group, struct str spec, int64_t uid, int64_t gid, struct user *out,
                  struct err *e)
{
    struct user u = { .home = S("/") };
    struct str user_part, fields[FIELDS_MAX];
    bool has_group = str_split(&spec, S(":"), &user_part);
    bool by_id = uid >= 0 || user_part.n == 0 || to_id(user_part, &u.uid);
    if (uid >= 0)
        u.uid = (uint32_t)uid;
    bool known = find_passwd(passwd, user_part, by_id, u.uid, fields);
    if (!known && !by_id)
        return err_set(e, ERR_INVALID, "the image has no user \"%.*s\" in /etc/passwd", STR(user_part));
    if (known) {
        (void)(to_id(fields[2], &u.uid) && to_id(fields[3], &u.gid)); /* find_passwd checked both */
        if (fields[5].n > 0 && fields[5].p[0] == '/')
            u.home = fields[5];
    }
    if (gid >= 0)
        u.gid = (uint32_t)gid;
    else if (has_group && uid < 0 && !to_id(spec, &u.gid) && !find_group(group, spec, &u.gid))
        return err_set(e, ERR_INVALID, "the image has no group \"%.*s\" in /etc/group", STR(spec));
    if (known && !has_group)
        collect_groups(group, fields[0], &u);
    if (u.uid >= 65536 || u.gid >= 65536)
        return err_set(e, ERR_INVALID, "user %u:%u is out of range: ids up to 65535 are mapped here", u.uid, u.gid);
    *out = u;
    return true;
}
