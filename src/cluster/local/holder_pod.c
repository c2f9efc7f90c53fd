/* Pods: an address, a folder env/pods/UID/{etc,volumes,logs,run}, containers. And volumes, which are folders of a pod.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/holder.h"

enum { FIRST_INDEX = 2, VOLUME_FILE_MAX = 16 << 20, FILE_MODE_MASK = 0777 };

struct pod *pod_find(struct holder *h, struct str id)
{
    for (struct pod *p = h->pods; p != NULL; p = p->next)
        if (str_is(id, p->id))
            return p;
    return NULL;
}

bool pod_of(struct holder *h, struct request *r, struct pod **out, struct err *e)
{
    struct str id = value_str_at(&r->m->body, "pod");
    *out = pod_find(h, id);
    if (*out == NULL)
        return err_set(e, ERR_NOT_FOUND, "pod %.*s is not running in environment %s", STR(id), h->name);
    if ((*out)->removing)
        return err_set(e, ERR_CONFLICT, "pod %.*s is being removed", STR(id));
    return true;
}

/* Going round, so that an address rests for long before another pod has it. */
static bool free_index(struct holder *h, unsigned *out, struct err *e)
{
    for (unsigned n = 0; n < PODS_MAX; n++) {
        unsigned i = FIRST_INDEX + (h->last_index + n) % PODS_MAX;
        bool used = false;
        for (struct pod *p = h->pods; p != NULL && !used; p = p->next)
            used = p->index == i;
        if (!used) {
            *out = i;
            h->last_index = i - FIRST_INDEX + 1;
            return true;
        }
    }
    return err_set(e, ERR_LIMIT, "environment %s has %d pods, which is the most", h->name, PODS_MAX);
}

static struct str dotted(struct arena *a, uint32_t ip)
{
    return arena_fmt(a, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static bool put_file(const char *path, struct str text, struct err *e)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd >= 0 ? fd_write_all(fd, text, e) : err_sys(e, "create %s", path);
}

static bool make_folders(struct arena *a, const char *id, struct err *e)
{
    static const char *const names[] = { "", "/etc", "/volumes", "/logs", "/run" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *path = arena_fmt(a, "env/pods/%s%s", id, names[i]).p;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return err_sys(e, "create %s", path);
    }
    return true;
}

bool pod_resolv_conf(struct arena *a, const struct pod *p, struct str search, struct err *e)
{
    struct buf text = { .a = a };
    buf_fmt(&text, "nameserver %.*s\n", STR(dotted(a, ADDRESS_HOLDER)));
    if (search.n > 0)
        buf_fmt(&text, "search %.*s\n", STR(search));
    buf_c(&text, "options ndots:5\n");
    return put_file(arena_fmt(a, "env/pods/%s/etc/resolv.conf", p->id).p, buf_str(&text), e);
}

/* What a kubelet writes into every container's /etc. */
static bool write_etc(struct arena *a, struct pod *p, const struct value *body, struct err *e)
{
    struct str hostname = value_str_at(body, "hostname"), ip = dotted(a, ADDRESS_PODS + p->index);
    struct str hosts = arena_fmt(a, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%.*s\t%.*s\n",
                                 STR(ip), STR(hostname));
    return put_file(arena_fmt(a, "env/pods/%s/etc/hosts", p->id).p, hosts, e)
           && put_file(arena_fmt(a, "env/pods/%s/etc/hostname", p->id).p, arena_fmt(a, "%.*s\n", STR(hostname)), e)
           && pod_resolv_conf(a, p, value_str_at(body, "search"), e);
}

static void reply_address(struct holder *h, struct request *r, const struct pod *p)
{
    struct value body = value_map(r->a);
    value_set_str(r->a, &body, "ip", dotted(r->a, ADDRESS_PODS + p->index));
    holder_reply(h, r->peer->id, r->a, &body, NULL, 0);
}

bool pod_create(struct holder *h, struct request *r, struct err *e)
{
    struct str id = value_str_at(&r->m->body, "pod"), hostname = value_str_at(&r->m->body, "hostname");
    if (!holder_name_check(id, e) || !holder_name_check(hostname, e))
        return false;
    struct pod *p = pod_find(h, id);
    if (p != NULL && !p->removing) { /* the runtime came back and asks again */
        reply_address(h, r, p);
        return true;
    }
    if (p != NULL)
        return err_set(e, ERR_CONFLICT, "pod %s is being removed", p->id);
    struct pod made = { .next = h->pods, .h = h, .netns = -1 };
    snprintf(made.id, sizeof made.id, "%.*s", STR(id));
    if (!free_index(h, &made.index, e) || !make_folders(r->a, made.id, e) || !write_etc(r->a, &made, &r->m->body, e))
        return false;
    p = malloc(sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    if (!network_pod(h, made.index, &made.netns, e)) {
        free(p);
        return false;
    }
    *p = made;
    h->pods = p;
    reply_address(h, r, p);
    return true;
}

/* ---- removal: kill, wait for the last process, remove the files, answer --------------------------- */

void pod_begin_removal(struct pod *p)
{
    p->removing = true;
    for (struct container *c = p->containers; c != NULL; c = c->next)
        container_kill(c, SIGKILL);
    pod_ended(p);
}

bool pod_remove(struct holder *h, struct request *r, struct err *e)
{
    struct pod *p = pod_find(h, value_str_at(&r->m->body, "pod"));
    if (p == NULL) {
        holder_reply_ok(h, r->peer->id);
        return true;
    }
    if (p->removing && p->waiter != 0)
        return err_set(e, ERR_CONFLICT, "pod %s is being removed", p->id);
    p->waiter = r->peer->id;
    if (!p->removing)
        pod_begin_removal(p);
    return true;
}

static bool busy(const struct pod *p)
{
    for (const struct container *c = p->containers; c != NULL; c = c->next)
        if (c->pid != 0)
            return true;
    for (const struct task *t = p->h->tasks; t != NULL; t = t->next)
        if (t->pod == p)
            return true;
    return false;
}

void pod_ended(struct pod *p)
{
    char path[128];
    struct err e = { 0 };
    if (!p->removing || busy(p))
        return;
    if (p->netns >= 0)
        network_pod_close(p->h, p);
    snprintf(path, sizeof path, "env/pods/%s", p->id);
    if (!task_remove_files(p->h, path, p, &e)) {
        fprintf(stderr, "%s\n", e.text);
        pod_files_removed(p);
    }
}

void pod_files_removed(struct pod *p)
{
    struct holder *h = p->h;
    struct pod **at = &h->pods;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    while (p->containers != NULL) {
        struct container *c = p->containers;
        p->containers = c->next;
        container_free(c);
    }
    holder_reply_ok(h, p->waiter);
    loop_free(&h->loop, p);
    if (h->stopping && h->pods == NULL)
        h->loop.stopped = true;
}

/* ---- volumes --------------------------------------------------------------------------------------- */

bool pod_volume(struct holder *h, struct request *r, struct err *e)
{
    struct pod *p;
    struct str name = value_str_at(&r->m->body, "name");
    if (!pod_of(h, r, &p, e) || !holder_name_check(name, e))
        return false;
    const char *path = arena_fmt(r->a, "env/pods/%s/volumes/%.*s", p->id, STR(name)).p;
    /* programs of any user write here, as in an emptyDir; the pod's folder keeps others out */
    if ((mkdir(path, 0777) != 0 && errno != EEXIST) || chmod(path, 0777) != 0)
        return err_sys(e, "create volume %.*s", STR(name));
    holder_reply_ok(h, r->peer->id);
    return true;
}

/* Below a volume a running container may have put anything: no link is followed. */
static int open_in_volume(int dir, const char *path, int flags, mode_t mode)
{
    struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC,
                            .mode = mode,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static bool make_parents(int dir, const char *path, struct err *e)
{
    char step[4096];
    for (size_t i = 1; i < sizeof step && path[i] != '\0'; i++) {
        if (path[i] != '/')
            continue;
        memcpy(step, path, i);
        step[i] = '\0';
        char *name = strrchr(step, '/');
        CLEANUP(fd_close) int parent = -1;
        if (name != NULL)
            *name = '\0';
        parent = open_in_volume(dir, name != NULL ? step : ".", O_PATH | O_DIRECTORY, 0);
        if (parent < 0 || (mkdirat(parent, name != NULL ? name + 1 : step, 0755) != 0 && errno != EEXIST))
            return err_sys(e, "create the folder of %s", path);
    }
    return true;
}

static bool write_content(int dir, const char *path, unsigned mode, int content, struct err *e)
{
    CLEANUP(arena_close) struct arena a = { 0 };
    struct str bytes;
    char source[64];
    snprintf(source, sizeof source, "/proc/self/fd/%d", content);
    if (!fs_read(&a, AT_FDCWD, source, VOLUME_FILE_MAX, &bytes, e) || !make_parents(dir, path, e))
        return false;
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    const char *folder = slash != NULL ? arena_c(&a, (struct str){ path, (size_t)(slash - path) }) : ".";
    CLEANUP(fd_close) int parent = open_in_volume(dir, folder, O_PATH | O_DIRECTORY, 0);
    const char *temp = arena_fmt(&a, ".new-%s", name).p;
    if (parent < 0 || (unlinkat(parent, temp, 0) != 0 && errno != ENOENT))
        return err_sys(e, "write %s", path);
    CLEANUP(fd_close) int fd = openat(parent, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "write %s", path);
    if (!fd_write_all(fd, bytes, e))
        return false;
    return (fchmod(fd, mode & FILE_MODE_MASK) == 0 && renameat(parent, temp, parent, name) == 0)
           || err_sys(e, "write %s", path);
}

bool pod_write(struct holder *h, struct request *r, struct err *e)
{
    struct pod *p;
    struct str volume = value_str_at(&r->m->body, "volume"), path = value_str_at(&r->m->body, "path");
    if (!pod_of(h, r, &p, e) || !holder_name_check(volume, e))
        return false;
    if (r->m->n_fds != 1 || path.n == 0 || path.n > 4000 || path.p[0] == '/')
        return err_set(e, ERR_INVALID, "write to volume %.*s: bad path \"%.*s\"", STR(volume), STR(path));
    CLEANUP(fd_close)
    int dir = open(arena_fmt(r->a, "env/pods/%s/volumes/%.*s", p->id, STR(volume)).p,
                   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "open volume %.*s", STR(volume));
    if (!write_content(dir, arena_c(r->a, path), (unsigned)value_int_at(&r->m->body, "mode", 0644), r->m->fds[0], e))
        return err_wrap(e, "volume %.*s", STR(volume));
    holder_reply_ok(h, r->peer->id);
    return true;
}
