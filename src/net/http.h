/*
 * net/http.h - HTTP: one client call (libcurl) and a threaded server (libmicrohttpd).
 */
#pragma once
#include "data/value.h"

struct http_header {
    struct str name, value;
};
struct http_headers {
    struct http_header *v;
    size_t n;
};
/* Value of the first header of that name (ASCII case folded); empty when absent. */
struct str http_header_get(const struct http_headers *h, const char *name);
/* Append one; name and value are shared, not copied. */
void http_header_add(struct arena *a, struct http_headers *h, const char *name, struct str value);
/* What a status means to a caller: 401 and 403 ERR_DENIED, 404 and 410 ERR_NOT_FOUND, 409 and 412 ERR_CONFLICT, 413 and
 * 429 ERR_LIMIT, 408 and 5xx ERR_UNAVAILABLE, 2xx ERR_NONE, any other ERR_INVALID. */
enum err_kind http_status_kind(int status);

/* ---- client ------------------------------------------------------------------------------- */

struct http_request {
    const char *method; /* NULL: GET */
    struct str url;     /* http or https, absolute */
    struct http_headers headers;
    struct str body;
    int body_fd;         /* >0: send this file instead (size by fstat) */
    int64_t timeout_ms;  /* whole exchange; 0: 30 s; negative: none (streams) */
    size_t response_max; /* 0: 64 MiB; ERR_LIMIT */
    int sink_fd;         /* >0: a 2xx body goes here instead of memory */
    /* At most 10; Authorization is dropped on another host; from an address outside never to one inside
     * (net/address.h). */
    bool follow_redirects;
    bool outside_only; /* ERR_DENIED for addresses inside, after resolution; a proxy's own address is not looked at */
    bool insecure_tls;
    const char *ca_file;              /* trust these certificates instead of the system's; NULL: the system's */
    const char *cert_file, *key_file; /* who we are, in PEM; NULL: nobody */
    bool compressed;                  /* ask for gzip and unpack it; not for bytes whose digest counts */
    const char *unix_socket;          /* connect here instead of the URL's host */
    /* Called with pieces of a 2xx body as they come (event streams); false stops. */
    bool (*on_data)(void *user, struct str piece);
    /* Asked about once a second while waiting; true ends the exchange with ERR_UNAVAILABLE ("cancelled"). NULL: never.
     */
    bool (*cancelled)(void *user);
    void *user;
};
struct http_response {
    int status;
    struct http_headers headers;
    struct str body;
    int64_t body_bytes; /* counted also for sinks */
    struct str final_url;
};
/*
 * One exchange on a pooled connection (per thread). True for any HTTP status. errors: ERR_UNAVAILABLE for DNS, connect,
 * TLS, time-out, broken or truncated answer, in words a user understands ("connect to 127.0.0.1:9: connection
 * refused").
 */
MUST_CHECK bool http_do(struct arena *a, const struct http_request *r, struct http_response *out, struct err *e);
/* GET with a JSON answer; a status other than 2xx becomes an error that quotes the start of the body. */
MUST_CHECK bool http_get_json(struct arena *a, struct str url, struct http_headers headers, struct value *out,
                              struct err *e);
/* A User-Agent for all requests: "vitrine/VERSION". */
extern const char http_user_agent[];

/* ---- server ------------------------------------------------------------------------------- */

struct http_server;
struct http_exchange; /* one request being answered; valid inside the handler only */

struct http_server_request {
    struct arena *a;       /* lives until the answer is sent */
    struct str method;     /* HEAD is shown as GET: the server leaves the body out by itself */
    bool head;             /* it was HEAD */
    struct str path;       /* decoded, without the query; an absolute-form target is reduced to its path */
    struct str raw_target; /* as sent, with the query */
    struct str query;      /* raw */
    struct http_headers headers;
    struct str body; /* whole, at most body_max; empty when body_fd is set */
    int body_fd; /* a spooled file (unlinked, at offset 0) when spooling was asked for, else -1; the server closes it
                  * unless the handler takes it with fd_take */
    struct str peer; /* "127.0.0.1" */
    struct str host; /* Host header, with the port */
};
/* First value of a query parameter, decoded; empty when absent. */
struct str http_query(struct http_server_request *r, const char *name);

/* Does it come from a page of another site? Its Origin names another host than the Host header. */
bool http_is_foreign(const struct http_server_request *r);
/* Is its Host a name that a stranger may have pointed at us? Not so: addresses, localhost, names that no public DNS
 * has, the host of the URL `also` (may be empty). */
bool http_host_is_rebound(const struct http_server_request *r, struct str also);

/* Answers: exactly one of these per exchange. */
void http_reply(struct http_exchange *x, int status, const char *content_type, struct str body);
void http_reply_json(struct http_exchange *x, int status, const struct value *v);
void http_reply_fd(struct http_exchange *x, int status, const char *content_type, int fd, int64_t offset,
                   int64_t size); /* takes fd */
/* Add a header before replying. */
void http_reply_header(struct http_exchange *x, const char *name, struct str value);
/* A stream: `produce` is called on a thread of its own with a writer until it returns; for server-sent events and logs.
 * `arg` is freed by `done`. Write returns false once the client is gone. */
struct http_stream;
void http_reply_stream(struct http_exchange *x, int status, const char *content_type,
                       void (*produce)(struct http_stream *s, void *arg), void (*done)(void *arg), void *arg);
bool http_stream_write(struct http_stream *s, struct str bytes);
bool http_stream_closed(struct http_stream *s);

struct http_server_options {
    const char *address;     /* "127.0.0.1" */
    uint16_t port;           /* 0: any free one */
    const char *unix_socket; /* instead of address and port */
    size_t body_max;         /* 0: 25 MiB; larger bodies get 413 */
    /* Bodies of requests for which this says true are spooled to an unlinked file instead of memory (no body_max).
     * NULL: none. */
    bool (*spool)(void *user, struct str method, struct str path);
    const char *spool_dir; /* NULL: /tmp */
    void (*handle)(void *user, struct http_server_request *r,
                   struct http_exchange *x); /* on a pool thread; may block */
    void *user;
    unsigned threads; /* 0: 8 */
};
MUST_CHECK bool http_server_open(const struct http_server_options *o, struct http_server **out, struct err *e);
uint16_t http_server_port(const struct http_server *s);
/* Stops accepting, ends streams, waits for running handlers. NULL is fine. */
void http_server_close(struct http_server *s);
