/*
 * http-check URL [TEXT]: one GET; exit status 0 when the answer is 200 (and its body contains TEXT), 1 otherwise.
 *
 * The e2e test of the chart, as one static binary: where images can be pulled, alpine with curl does the same.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int fail(const char *what, const char *why)
{
    printf("FAIL : %s: %s\n", what, why);
    return -1;
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0)
        return fail(host, gai_strerror(error));
    int fd = -1;
    for (struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        struct timeval limit = { .tv_sec = 10 };
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd >= 0 ? fd : fail(host, strerror(errno));
}

/* The answer's first bytes, NUL-terminated; -1 when there is none. */
static int get(const char *host, const char *port, const char *path, char *answer, size_t max)
{
    char request[2048];
    int fd = connect_to(host, port);
    if (fd < 0)
        return -1;
    int n = snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
    if (n >= (int)sizeof request || send(fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        return fail(host, "the request could not be sent");
    size_t got = 0;
    for (ssize_t more; got < max - 1 && (more = read(fd, answer + got, max - 1 - got)) > 0;)
        got += (size_t)more;
    close(fd);
    answer[got] = '\0';
    return 0;
}

int main(int argc, char **argv)
{
    char host[256], port[8] = "80", path[1024] = "", answer[65536];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 2
        || (sscanf(argv[1], "http://%255[^:/]:%7[0-9]/%1023s", host, port, path) < 2
            && sscanf(argv[1], "http://%255[^:/]/%1023s", host, path) < 1)) {
        fprintf(stderr, "usage: http-check http://HOST[:PORT]/[PATH] [TEXT]\n");
        return 2;
    }
    if (get(host, port, path, answer, sizeof answer) != 0)
        return 1;
    int code = 0;
    sscanf(answer, "HTTP/1.%*d %d", &code);
    printf("Response code is %d\n", code);
    if (code != 200 || (argc > 2 && strstr(answer, argv[2]) == NULL)) {
        printf("FAIL : response code is %d%s%s\n", code, argc > 2 ? ", expected text: " : "", argc > 2 ? argv[2] : "");
        return 1;
    }
    printf("SUCCESS : response code is %d\n", code);
    return 0;
}
