/*
 * net/client.c - one blocking exchange over libcurl.
 *
 * Each thread keeps one easy handle, and with it the connections that stay open between calls. A call made from inside
 * `on_data` finds the handle busy and gets one of its own for the time of the call.
 */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "data/json.h"
#include "net/address.h"
#include "net/http.h"
#include "net/url.h"

enum { TIMEOUT_MS = 30000, CONNECT_TIMEOUT_MS = 10000, REDIRECTS_MAX = 10, HEADERS_MAX = 1000 };
#define RESPONSE_MAX ((size_t)64 << 20)
#define ERROR_TEXT_MAX ((size_t)64 << 10)

struct transfer { /* what the callbacks of one exchange share */
    struct arena *a;
    const struct http_request *r;
    CURL *easy;
    struct http_headers headers;
    struct buf body;
    int64_t body_bytes, sent, body_size;
    size_t max;
    bool over_limit, stopped, cancelled, denied;
    bool began_inside; /* the first hop's address was an inner one */
    int sink_errno;
    char detail[CURL_ERROR_SIZE];
};

/* ---- handles ------------------------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t idle_handle; /* this thread's handle while no call uses it */

static void close_handle(void *easy)
{
    curl_easy_cleanup(easy);
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    signal(SIGPIPE, SIG_IGN); /* TLS libraries write without MSG_NOSIGNAL */
    pthread_key_create(&idle_handle, close_handle);
}

static CURL *take_handle(void)
{
    pthread_once(&once, start_curl);
    CURL *easy = pthread_getspecific(idle_handle);
    if (easy == NULL)
        return curl_easy_init();
    pthread_setspecific(idle_handle, NULL);
    return easy;
}

static void give_handle_back(CURL **easy)
{
    if (*easy == NULL)
        return;
    curl_easy_reset(*easy); /* options go, connections stay */
    if (pthread_getspecific(idle_handle) != NULL || pthread_setspecific(idle_handle, *easy) != 0)
        curl_easy_cleanup(*easy);
}

static void free_list(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

/* ---- callbacks ---------------------------------------------------------------------------- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str line = { p, size * n };
    if (str_starts(line, S("HTTP/"))) { /* another answer begins: after 100 Continue or a redirect */
        t->headers = (struct http_headers){ 0 };
        return line.n;
    }
    struct str name = { 0 }, rest = line;
    if (!str_split(&rest, S(":"), &name) || t->headers.n >= HEADERS_MAX)
        return line.n;
    http_header_add(t->a, &t->headers, arena_c(t->a, str_trim(name)), arena_str(t->a, str_trim(rest)));
    return line.n;
}

static bool is_success(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

/* An error's text may be longer than the answer that was hoped for. */
static size_t memory_limit(const struct transfer *t, bool success)
{
    return success || t->max > ERROR_TEXT_MAX ? t->max : ERROR_TEXT_MAX;
}

static size_t keep_in_memory(struct transfer *t, struct str piece, bool success)
{
    if (piece.n > memory_limit(t, success) - t->body.n) {
        t->over_limit = true;
        return 0;
    }
    buf_add(&t->body, piece);
    return piece.n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    struct str piece = { p, size * n };
    struct err e = { 0 };
    t->body_bytes += (int64_t)piece.n;
    bool success = is_success(t->easy);
    if (!success || (t->r->sink_fd <= 0 && t->r->on_data == NULL))
        return keep_in_memory(t, piece, success);
    if (t->r->on_data != NULL) {
        t->stopped = !t->r->on_data(t->r->user, piece);
        return t->stopped ? 0 : piece.n;
    }
    if (t->r->response_max != 0 && t->body_bytes > (int64_t)t->max) {
        t->over_limit = true;
        return 0;
    }
    if (!fd_write_all(t->r->sink_fd, piece, &e)) {
        t->sink_errno = e.os != 0 ? e.os : EIO;
        return 0;
    }
    return piece.n;
}

static size_t on_send(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t room = size * n, left = (size_t)(t->body_size - t->sent);
    size_t want = left < room ? left : room;
    if (t->r->body_fd > 0) {
        ssize_t got = pread(t->r->body_fd, p, want, t->sent);
        if (got < 0 || (got == 0 && want > 0))
            return CURL_READFUNC_ABORT;
        want = (size_t)got;
    } else {
        memcpy(p, t->r->body.p + t->sent, want);
    }
    t->sent += (int64_t)want;
    return want;
}

/* curl starts a body again when a kept connection turns out to be dead, or after a redirect. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct transfer *t = arg;
    if (origin != SEEK_SET || offset < 0 || offset > t->body_size)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent = offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    struct transfer *t = arg;
    t->cancelled = t->r->cancelled(t->r->user);
    return t->cancelled ? 1 : 0;
}

static bool has_proxy(void)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (getenv(names[i]) != NULL)
            return true;
    return false;
}

/* Connected, nothing sent yet; asked again after each redirect, and for connections that were kept. The address counts,
 * not the name: a name may mean something else by now. */
static int on_connected(void *arg, char *address, char *local, int port, int local_port)
{
    struct transfer *t = arg;
    long redirects = 0;
    bool inner = address_is_inner(str_c(address));
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
    if (redirects == 0)
        t->began_inside = inner;
    t->denied = inner && (t->r->outside_only ? !has_proxy() : !t->began_inside);
    return t->denied ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* Programs that we start must not inherit our connections. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/* ---- setting up --------------------------------------------------------------------------- */

static bool method_has_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

static bool set_body(struct transfer *t, const char *method, struct err *e)
{
    struct stat st;
    t->body_size = (int64_t)t->r->body.n;
    if (t->r->body_fd > 0) {
        if (fstat(t->r->body_fd, &st) != 0)
            return err_sys(e, "read the size of the body to send");
        t->body_size = st.st_size;
    }
    if (t->body_size == 0 && !method_has_body(method))
        return true;
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_size);
    curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
    return true;
}

static bool set_method(struct transfer *t, struct err *e)
{
    const char *method = t->r->method != NULL ? t->r->method : "GET";
    if (!set_body(t, method, e))
        return false;
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
    return true;
}

static bool has_line_break(struct str s)
{
    return s.n > 0 && (memchr(s.p, '\r', s.n) != NULL || memchr(s.p, '\n', s.n) != NULL || memchr(s.p, 0, s.n) != NULL);
}

static bool set_headers(struct transfer *t, struct curl_slist **list, struct err *e)
{
    struct curl_slist *head = curl_slist_append(NULL, "Expect:"); /* a second's wait per upload otherwise */
    *list = head;
    for (size_t i = 0; head != NULL && i < t->r->headers.n; i++) {
        struct http_header h = t->r->headers.v[i];
        if (has_line_break(h.name) || has_line_break(h.value))
            return err_set(e, ERR_INVALID, "header %.*s holds a line break", STR(h.name));
        const char *form = h.value.n > 0 ? "%.*s: %.*s" : "%.*s;"; /* curl's way to send an empty header */
        *list = head;
        head = curl_slist_append(head, arena_fmt(t->a, form, STR(h.name), STR(h.value)).p);
    }
    if (head == NULL)
        return err_set(e, ERR_LIMIT, "out of memory");
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, head);
    return true;
}

static void set_limits(struct transfer *t)
{
    int64_t timeout = t->r->timeout_ms == 0 ? TIMEOUT_MS : t->r->timeout_ms < 0 ? 0 : t->r->timeout_ms;
    int64_t connect = timeout > 0 && timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS;
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)timeout);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 128L << 10);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, t->r->follow_redirects ? 1L : 0L);
    curl_easy_setopt(t->easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
}

static void set_callbacks(struct transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->detail);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    if (t->r->unix_socket == NULL) {
        curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_connected);
        curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    }
    if (t->r->cancelled == NULL)
        return;
    curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
}

static bool set_target(struct transfer *t, struct url *u, struct err *e)
{
    const struct http_request *r = t->r;
    if (!url_parse(r->url, u, e))
        return false;
    if ((!str_ieq(u->scheme, S("http")) && !str_ieq(u->scheme, S("https"))) || u->host.n == 0)
        return err_set(e, ERR_INVALID, "%.*s: not an http or https URL", STR(url_redact(t->a, r->url)));
    curl_easy_setopt(t->easy, CURLOPT_URL, arena_c(t->a, r->url));
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, &http_user_agent[0]);
    if (r->unix_socket != NULL)
        curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
    if (url_is_loopback(url_hostname(u))) /* a proxy of the environment cannot reach our loopback */
        curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "*");
    if (r->insecure_tls) {
        curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (r->ca_file != NULL)
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, r->ca_file);
    if (r->cert_file != NULL)
        curl_easy_setopt(t->easy, CURLOPT_SSLCERT, r->cert_file);
    if (r->key_file != NULL)
        curl_easy_setopt(t->easy, CURLOPT_SSLKEY, r->key_file);
    if (r->compressed)
        curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    return true;
}

/* ---- errors in a user's words ------------------------------------------------------------- */

/* "host:port", or the socket's path. */
static struct str where(struct transfer *t, const struct url *u)
{
    if (t->r->unix_socket != NULL)
        return str_c(t->r->unix_socket);
    struct str host = url_hostname(u);
    const char *form = memchr(host.p, ':', host.n) != NULL ? "[%.*s]:%d" : "%.*s:%d";
    return arena_fmt(t->a, form, STR(host), url_port(u));
}

/* The system's text for an errno in lower case ("connection refused"), or curl's own. */
static struct str reason(struct transfer *t, CURLcode code)
{
    long os = 0;
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
    char text[128];
    if (os == 0)
        return str_c(t->detail[0] != 0 ? t->detail : curl_easy_strerror(code));
    struct str copy = arena_str(t->a, str_c(strerror_r((int)os, text, sizeof text)));
    char *first = (char *)(uintptr_t)copy.p;
    if (copy.n > 1 && islower((unsigned char)copy.p[1]))
        *first = (char)tolower((unsigned char)*first);
    return copy;
}

static bool fail_timeout(struct transfer *t, struct str to, struct err *e)
{
    double seconds = 0;
    curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME, &seconds);
    return err_set(e, ERR_UNAVAILABLE, "%.*s: no %sanswer within %.1f s", STR(to), t->headers.n > 0 ? "complete " : "",
                   seconds);
}

static bool fail_write(struct transfer *t, struct str to, struct err *e)
{
    if (t->over_limit)
        return err_set(e, ERR_LIMIT, "%.*s: answer is larger than %zu bytes", STR(to), t->max);
    errno = t->sink_errno;
    return err_sys(e, "write the answer of %.*s", STR(to));
}

static bool fail(struct transfer *t, const struct url *u, CURLcode code, struct err *e)
{
    struct str to = where(t, u), why = reason(t, code);
    if (t->denied)
        return err_set(e, ERR_DENIED, "%.*s: leads to an address of this machine or its networks", STR(to));
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(e, ERR_UNAVAILABLE, "resolve %.*s: no address for this host name", STR(url_hostname(u)));
    case CURLE_COULDNT_CONNECT: return err_set(e, ERR_UNAVAILABLE, "connect to %.*s: %.*s", STR(to), STR(why));
    case CURLE_OPERATION_TIMEDOUT: return fail_timeout(t, to, e);
    case CURLE_WRITE_ERROR: return fail_write(t, to, e);
    case CURLE_ABORTED_BY_CALLBACK:
        return t->cancelled ? err_set(e, ERR_UNAVAILABLE, "%.*s: cancelled", STR(to))
                            : err_set(e, ERR_IO, "%.*s: the body to send could not be read", STR(to));
    case CURLE_GOT_NOTHING: return err_set(e, ERR_UNAVAILABLE, "%.*s closed the connection without an answer", STR(to));
    case CURLE_PARTIAL_FILE:
        return err_set(e, ERR_UNAVAILABLE, "%.*s: answer is cut short after %lld bytes", STR(to),
                       (long long)t->body_bytes);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return err_set(e, ERR_UNAVAILABLE, "%.*s: connection broke: %.*s", STR(to), STR(why));
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(e, ERR_UNAVAILABLE, "%.*s: certificate is not trusted: %s", STR(to), t->detail);
    case CURLE_SSL_CONNECT_ERROR: return err_set(e, ERR_UNAVAILABLE, "%.*s: TLS failed: %s", STR(to), t->detail);
    case CURLE_TOO_MANY_REDIRECTS:
        return err_set(e, ERR_UNAVAILABLE, "%.*s: more than %d redirects", STR(to), REDIRECTS_MAX);
    case CURLE_UNSUPPORTED_PROTOCOL: /* the scheme was checked: an answer in another language, or a redirect away */
        return err_set(e, ERR_UNAVAILABLE, "%.*s: answer is not HTTP (%s)", STR(to), t->detail);
    case CURLE_URL_MALFORMAT:
        return err_set(e, ERR_INVALID, "%.*s: not a usable URL", STR(url_redact(t->a, t->r->url)));
    default:
        return err_set(e, ERR_UNAVAILABLE, "%.*s: %s", STR(to),
                       t->detail[0] != 0 ? t->detail : curl_easy_strerror(code));
    }
}

/* ---- the exchange ------------------------------------------------------------------------- */

static void read_result(struct transfer *t, struct http_response *out)
{
    long status = 0;
    char *url = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url);
    *out = (struct http_response){
        .status = (int)status,
        .headers = t->headers,
        .body = t->body.n > 0 ? buf_str(&t->body) : S(""),
        .body_bytes = t->body_bytes,
        .final_url = arena_str(t->a, str_c(url)),
    };
}

bool http_do(struct arena *a, const struct http_request *r, struct http_response *out, struct err *e)
{
    CLEANUP(give_handle_back) CURL *easy = take_handle();
    CLEANUP(free_list) struct curl_slist *list = NULL;
    struct transfer t = {
        .a = a, .r = r, .easy = easy, .body = { .a = a }, .max = r->response_max != 0 ? r->response_max : RESPONSE_MAX
    };
    struct url u = { 0 };
    if (easy == NULL)
        return err_set(e, ERR_LIMIT, "out of memory for an HTTP request");
    set_limits(&t);
    set_callbacks(&t);
    if (!set_target(&t, &u, e) || !set_method(&t, e) || !set_headers(&t, &list, e))
        return false;
    CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK && !t.stopped)
        return fail(&t, &u, code, e);
    read_result(&t, out);
    return true;
}

bool http_get_json(struct arena *a, struct str url, struct http_headers headers, struct value *out, struct err *e)
{
    struct http_request r = { .url = url, .headers = headers, .follow_redirects = true, .compressed = true };
    struct http_response response = { 0 };
    struct str shown = url_redact(a, url);
    if (!http_do(a, &r, &response, e))
        return err_wrap(e, "GET %.*s", STR(shown));
    if (response.status < 200 || response.status > 299)
        return err_set(e, http_status_kind(response.status), "GET %.*s: status %d: %.*s", STR(shown), response.status,
                       STR(utf8_prefix(str_trim(response.body), 200)));
    if (!json_parse(a, response.body, out, e))
        return err_wrap(e, "GET %.*s", STR(shown));
    return true;
}
