/*
 * demo-web: GET / on port 8080 answers {"message": "..."}; GET /healthz answers {"status": "ok"}.
 *
 * One static binary. A thread per connection, one request per connection; SIGTERM stops accepting, lets running answers
 * finish and ends with 0. MESSAGE and PORT in the environment override the built-in ones.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

enum { HEAD_MAX = 8192, HEAD_TIMEOUT_MS = 5000, DRAIN_TIMEOUT_MS = 5000 };

static volatile sig_atomic_t stopping;
static atomic_int busy;

static void stop(int sig)
{
    (void)sig;
    stopping = 1;
}

/* Read until the blank line; 0 when the client is too slow, too long or gone. */
static size_t read_head(int fd, char *head, size_t max)
{
    size_t n = 0;
    while (n < max - 1) {
        struct pollfd p = { fd, POLLIN, 0 };
        if (poll(&p, 1, HEAD_TIMEOUT_MS) <= 0)
            return 0;
        ssize_t got = read(fd, head + n, max - 1 - n);
        if (got <= 0)
            return 0;
        n += (size_t)got;
        head[n] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            return n;
    }
    return 0;
}

static void json_escape(const char *text, char *out, size_t max)
{
    size_t n = 0;
    for (; *text != '\0' && n + 7 < max; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            n += (size_t)snprintf(out + n, max - n, "\\%c", c);
        else if (c < 0x20)
            n += (size_t)snprintf(out + n, max - n, "\\u%04x", c);
        else
            out[n++] = (char)c;
    }
    out[n] = '\0';
}

static void answer(int fd, const char *status, const char *body)
{
    char text[2048];
    int n =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 status, strlen(body), body);
    for (int sent = 0; sent < n;) {
        ssize_t got = send(fd, text + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (got <= 0)
            return;
        sent += (int)got;
    }
}

static void route(int fd, const char *head)
{
    const char *message = getenv("MESSAGE");
    char escaped[1024], body[1200];
    if (strncmp(head, "GET ", 4) != 0) {
        answer(fd, "405 Method Not Allowed", "{\"error\": \"only GET is known\"}\n");
    } else if (strncmp(head + 4, "/healthz ", 9) == 0) {
        answer(fd, "200 OK", "{\"status\": \"ok\"}\n");
    } else if (strncmp(head + 4, "/ ", 2) == 0 || strncmp(head + 4, "/?", 2) == 0) {
        json_escape(message != NULL && *message != '\0' ? message : MESSAGE, escaped, sizeof escaped);
        snprintf(body, sizeof body, "{\"message\": \"%s\"}\n", escaped);
        answer(fd, "200 OK", body);
    } else {
        answer(fd, "404 Not Found", "{\"error\": \"no such page\"}\n");
    }
}

static void *serve(void *arg)
{
    int fd = (int)(long)arg;
    char head[HEAD_MAX];
    if (read_head(fd, head, sizeof head) > 0)
        route(fd, head);
    shutdown(fd, SHUT_WR);
    close(fd);
    busy--;
    return NULL;
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0 || listen(fd, 128) != 0) {
        fprintf(stderr, "demo-web: listen on port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    return fd;
}

static void accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    pthread_t thread;
    if (fd < 0)
        return;
    busy++;
    if (pthread_create(&thread, NULL, serve, (void *)(long)fd) == 0) {
        pthread_detach(thread);
    } else {
        close(fd);
        busy--;
    }
}

int main(void)
{
    const char *port_text = getenv("PORT");
    int port = port_text != NULL ? (int)strtol(port_text, NULL, 10) : 8080;
    struct sigaction action = { .sa_handler = stop };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    int listener = listen_on(port);
    printf("demo-web: listening on port %d: %s\n", port, MESSAGE);
    fflush(stdout);
    while (!stopping) {
        struct pollfd p = { listener, POLLIN, 0 };
        if (poll(&p, 1, 1000) > 0)
            accept_one(listener);
    }
    close(listener);
    for (int waited = 0; busy > 0 && waited < DRAIN_TIMEOUT_MS; waited += 10)
        poll(NULL, 0, 10);
    puts("demo-web: stopped");
    return 0;
}
