/* net/server_internal.h - what server.c, exchange.c and stream.c share. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>

#include "base/sys.h"
#include "net/http.h"

struct http_server {
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    struct pool *pool;
    uint16_t port;
    char unix_socket[108]; /* empty for TCP */
    pthread_mutex_t lock;
    pthread_cond_t changed;      /* one of the counts went down */
    bool closing;                /* under `lock`, as all below */
    size_t running;              /* handlers queued or at work */
    size_t open;                 /* requests between their first line and the end of the answer */
    struct http_stream *streams; /* with a thread at work */
};

struct http_exchange {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct arena arena;
    struct http_server_request request;
    bool begun, submitted, spooled, too_large;
    int spool_errno;
    int64_t received;
    struct buf body;
    struct http_headers reply_headers;
    struct MHD_Response *response; /* ours until it is queued */
    int status;
};

/* libmicrohttpd's callbacks for requests; `server` is their context. */
void *exchange_open(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_step(void *server, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_n, void **exchange);
void exchange_close(void *server, struct MHD_Connection *connection, void **exchange,
                    enum MHD_RequestTerminationCode why);

/* Keep `response` as the exchange's answer; an earlier one is dropped. NULL stands for "out of memory". */
void exchange_answer(struct http_exchange *x, int status, const char *content_type, struct MHD_Response *response);

/* Tell every stream of a closing server to end; the server's lock is held. */
void streams_end(struct http_server *s);
