/* Messages with descriptors. Both sides trust the socket's folder (0700), not each other's wits: every length is
 * checked. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"
#include "cluster/local/wire.h"
#include "data/json.h"

enum { LARGE = '@' }; /* the whole inline text of a message whose document is in a memory file */

int wire_memory_file(struct str bytes, struct err *e)
{
    CLEANUP(fd_close) int fd = memfd_create("message", MFD_CLOEXEC);
    if (fd < 0) {
        err_sys_(e, "create a memory file");
        return -1;
    }
    if (!fd_write_all(fd, bytes, e) || lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd_take(&fd);
}

static bool wait_for(int fd, short events, int64_t deadline_mono_ms, struct err *e)
{
    for (;;) {
        int64_t left = deadline_mono_ms - clock_mono_ms();
        struct pollfd p = { fd, events, 0 };
        int n = poll(&p, 1, left < 0 ? 0 : left > 1000 ? 1000 : (int)left);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (left <= 0)
            return err_set(e, ERR_UNAVAILABLE, "the environment's holder does not answer");
    }
}

static bool send_packet(int fd, struct str text, const int *fds, int n_fds, int64_t deadline, struct err *e)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
        struct cmsghdr align;
    } control = { { 0 } };
    struct iovec io = { (void *)(uintptr_t)text.p, text.n };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    if (n_fds > 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)n_fds);
    }
    for (;;) {
        if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return true;
        if (errno == EINTR)
            continue;
        if ((errno == EAGAIN || errno == EWOULDBLOCK) && deadline > 0) {
            if (!wait_for(fd, POLLOUT, deadline, e))
                return false;
            continue;
        }
        err_sys_(e, "send to the environment's holder");
        e->kind = ERR_UNAVAILABLE;
        return false;
    }
}

bool wire_send(struct arena *a, int fd, const struct value *body, const int *fds, int n_fds, int64_t deadline_mono_ms,
               struct err *e)
{
    struct str text = json_str(a, body, 0);
    if (n_fds >= WIRE_FDS_MAX || text.n > WIRE_BODY_MAX)
        return err_set(e, ERR_LIMIT, "a message of %zu bytes and %d descriptors is too large", text.n, n_fds);
    if (text.n <= WIRE_INLINE_MAX)
        return send_packet(fd, text, fds, n_fds, deadline_mono_ms, e);
    CLEANUP(fd_close) int file = wire_memory_file(text, e);
    if (file < 0)
        return false;
    int with[WIRE_FDS_MAX] = { file };
    for (int i = 0; i < n_fds; i++)
        with[i + 1] = fds[i];
    return send_packet(fd, S("@"), with, n_fds + 1, deadline_mono_ms, e);
}

static void take_fds(struct msghdr *m, struct wire_message *out)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (out->n_fds < WIRE_FDS_MAX)
                out->fds[out->n_fds++] = fd;
            else
                close(fd);
        }
    }
}

static bool read_large(struct arena *a, struct wire_message *m, struct str *out, struct err *e)
{
    if (m->n_fds == 0)
        return err_set(e, ERR_INVALID, "a large message without its file");
    CLEANUP(fd_close) int file = m->fds[0];
    m->n_fds--;
    memmove(m->fds, m->fds + 1, sizeof(int) * (size_t)m->n_fds);
    off_t size = lseek(file, 0, SEEK_END);
    if (size < 0 || size > WIRE_BODY_MAX)
        return err_set(e, ERR_LIMIT, "a message is too large");
    char *p = arena_alloc_raw(a, (size_t)size + 1);
    if (pread(file, p, (size_t)size, 0) != size)
        return err_set(e, ERR_INVALID, "a large message is cut short");
    *out = (struct str){ p, (size_t)size };
    return true;
}

static bool receive_packet(struct arena *a, int fd, struct wire_message *out, struct str *text, struct err *e)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
        struct cmsghdr align;
    } control;
    size_t room = WIRE_INLINE_MAX + 1;
    struct iovec io = { arena_alloc_raw(a, room), room };
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control
    };
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0) {
        err_sys_(e, "receive from the environment's holder");
        e->kind = ERR_UNAVAILABLE;
        return false;
    }
    take_fds(&m, out);
    *text = (struct str){ io.iov_base, (size_t)n };
    if (n == 0)
        return err_set(e, ERR_UNAVAILABLE, "the environment's holder is gone");
    if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return err_set(e, ERR_INVALID, "a message was cut short");
    return true;
}

bool wire_receive(struct arena *a, int fd, int64_t deadline_mono_ms, struct wire_message *out, struct err *e)
{
    *out = (struct wire_message){ 0 };
    struct str text = { 0 };
    if (!wait_for(fd, POLLIN, deadline_mono_ms, e))
        return false;
    bool ok = receive_packet(a, fd, out, &text, e);
    if (ok && text.n == 1 && text.p[0] == LARGE)
        ok = read_large(a, out, &text, e);
    if (ok)
        ok = json_parse(a, text, &out->body, e);
    if (!ok)
        wire_close(out);
    return ok;
}

void wire_close(struct wire_message *m)
{
    for (int i = 0; i < m->n_fds; i++)
        if (m->fds[i] >= 0)
            close(m->fds[i]);
    m->n_fds = 0;
}

void wire_put_error(struct arena *a, const struct value *reply, const struct err *e)
{
    value_set_str(a, reply, "error", str_c(e->text));
    value_set(a, reply, "kind", value_int(e->kind));
    value_set(a, reply, "os", value_int(e->os));
}

bool wire_take_error(const struct value *reply, struct err *e)
{
    struct str text = value_str_at(reply, "error");
    int64_t kind = value_int_at(reply, "kind", ERR_NONE);
    if (kind == ERR_NONE)
        return true;
    *e = (struct err){ .kind = kind > ERR_NONE && kind <= ERR_IO ? (enum err_kind)kind : ERR_IO,
                       .os = (int)value_int_at(reply, "os", 0) };
    snprintf(e->text, sizeof e->text, "%.*s", STR(text));
    return false;
}
