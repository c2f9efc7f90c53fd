/*
 * cluster/local/wire.h - messages between runtime and holder: one JSON document and some descriptors on a
 * SOCK_SEQPACKET socket.
 *
 * A document over WIRE_INLINE_MAX travels in a sealed memory file instead, whose descriptor stands first.
 */
#pragma once
#include "data/value.h"

enum { WIRE_FDS_MAX = 32, WIRE_INLINE_MAX = 60 << 10, WIRE_BODY_MAX = 8 << 20 };

struct wire_message {
    struct value body;
    int fds[WIRE_FDS_MAX]; /* the receiver's to close: wire_close */
    int n_fds;
};
/* Send before `deadline_mono_ms` (0: do not wait at all). errors: ERR_UNAVAILABLE when the peer is gone or slow,
 * ERR_LIMIT. */
MUST_CHECK bool wire_send(struct arena *a, int fd, const struct value *body, const int *fds, int n_fds,
                          int64_t deadline_mono_ms, struct err *e);
/* Receive one message. errors: ERR_UNAVAILABLE when the peer is gone or nothing came in time, ERR_INVALID. */
MUST_CHECK bool wire_receive(struct arena *a, int fd, int64_t deadline_mono_ms, struct wire_message *out,
                             struct err *e);
void wire_close(struct wire_message *m);

/* An error as the members "error", "kind", "os" of a reply, and back (true: there was none). */
void wire_put_error(struct arena *a, const struct value *reply, const struct err *e);
MUST_CHECK bool wire_take_error(const struct value *reply, struct err *e);

/* A memory file with these bytes, read position 0; -1 with an error. */
int wire_memory_file(struct str bytes, struct err *e);
