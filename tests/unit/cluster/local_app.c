/*
 * The one program in the images of the local engine's tests, linked statically. argv[1] says what to do; every verb is
 * a few lines, so that a test row reads as a command line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    fflush(stdout);
    return 1;
}

static void forever(void)
{
    for (;;)
        pause();
}

static int verb_exit(char **argv)
{
    return (int)strtol(argv[2], NULL, 10);
}

static int verb_echo(char **argv)
{
    puts(argv[2]);
    fprintf(stderr, "%s\n", argv[2]);
    return 0;
}

static int verb_cat(char **argv)
{
    char bytes[4096];
    int fd = open(argv[2], O_RDONLY);
    if (fd < 0)
        return fail(argv[2]);
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
        fwrite(bytes, 1, (size_t)n, stdout);
    return 0;
}

static int verb_write(char **argv)
{
    int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, argv[3], strlen(argv[3])) < 0)
        return fail(argv[2]);
    puts("written");
    return 0;
}

static int verb_id(char **argv)
{
    printf("uid=%u gid=%u pid=%d home=%s\n", getuid(), getgid(), getpid(),
           getenv("HOME") != NULL ? getenv("HOME") : "");
    return 0;
}

static int verb_sleep(char **argv)
{
    puts("sleeping");
    fflush(stdout);
    forever();
    return 0;
}

static void on_term(int sig)
{
    _exit(7);
}

static int verb_trap(char **argv)
{
    signal(SIGTERM, on_term);
    puts("trapping");
    fflush(stdout);
    forever();
    return 0;
}

static int verb_abort(char **argv)
{
    abort();
}

/* A socket that listens on this port of every address, announced as "serving"; -1 when there is none. */
static int serve_at(const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port, NULL, 10)) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0)
        return -1;
    puts("serving");
    fflush(stdout);
    return fd;
}

/* Answer every connection with argv[3] on port argv[2]. */
static int verb_serve(char **argv)
{
    int fd = serve_at(argv[2]);
    if (fd < 0)
        return fail("bind");
    for (;;) {
        int c = accept(fd, NULL, NULL);
        if (c >= 0 && write(c, argv[3], strlen(argv[3])) >= 0)
            close(c);
    }
}

/* A web server on port argv[2]: every request head is answered with the text argv[3], one request per connection. */
static int verb_http(char **argv)
{
    int fd = serve_at(argv[2]);
    if (fd < 0)
        return fail("bind");
    for (;;) {
        char head[4096] = "";
        size_t n = 0;
        int c = accept(fd, NULL, NULL);
        for (ssize_t got; n < sizeof head - 1 && strstr(head, "\r\n\r\n") == NULL; n += (size_t)got) {
            got = read(c, head + n, sizeof head - 1 - n);
            if (got <= 0)
                break;
            head[n + (size_t)got] = '\0';
        }
        dprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(argv[3]), argv[3]);
        close(c);
    }
}

/* Connect to host argv[2], port argv[3], print what it says. */
static int verb_get(char **argv)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    char bytes[256];
    if (getaddrinfo(argv[2], argv[3], &hints, &list) != 0)
        return fail("getaddrinfo");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, list->ai_addr, list->ai_addrlen) != 0)
        return fail("connect");
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
        fwrite(bytes, 1, (size_t)n, stdout);
    puts("");
    return 0;
}

/* GET / of host argv[2], port argv[3]; 0 when the answer holds the text argv[4]. */
static int verb_fetch(char **argv)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    char answer[4096] = "";
    size_t n = 0;
    if (getaddrinfo(argv[2], argv[3], &hints, &list) != 0)
        return fail("getaddrinfo");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, list->ai_addr, list->ai_addrlen) != 0)
        return fail("connect");
    dprintf(fd, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", argv[2]);
    for (ssize_t got; n < sizeof answer - 1 && (got = read(fd, answer + n, sizeof answer - 1 - n)) > 0;
         n += (size_t)got)
        ;
    answer[n] = '\0';
    puts(answer);
    return strstr(answer, argv[4]) != NULL ? 0 : 1;
}

static const char *verdict(long result)
{
    return result >= 0 ? "allowed" : errno == ENOSYS ? "absent" : "refused";
}

/* What hostile code would try first. */
static int inherited(void)
{
    int n = 0;
    for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int verb_attack(char **argv)
{
    printf("inherited %d\n", inherited());
    printf("mount %s\n", verdict(mount("tmpfs", "/tmp", "tmpfs", 0, NULL)));
    printf("unshare %s\n", verdict(syscall(SYS_unshare, 0x10000000)));
    printf("ptrace %s\n", verdict(syscall(SYS_ptrace, 16, 1, 0, 0)));
    printf("clone3 %s\n", verdict(syscall(SYS_clone3, NULL, 0)));
    errno = 0; /* ENOTTY would mean that only the lack of a terminal stopped it */
    printf("typing %s\n", syscall(SYS_ioctl, 0, 0x5412UL, "x") < 0 && errno == EPERM ? "refused" : "allowed");
    printf("typing, in other words, %s\n",
           syscall(SYS_ioctl, 0, 0x100005412UL, "x") < 0 && errno == EPERM ? "refused" : "allowed");
    printf("clone %s\n", verdict(syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0)));
    printf("keyctl %s\n", verdict(syscall(SYS_keyctl, 0, 0, 0, 0, 0)));
    printf("packet %s\n", verdict(socket(AF_PACKET, SOCK_RAW, 0)));
    printf("vsock %s\n", verdict(socket(AF_VSOCK, SOCK_STREAM, 0)));
    long made = syscall(SYS_mknod, "/node", 020666, 0x101);
    printf("mknod %s\n",
           made == 0 && access("/node", F_OK) == 0 ? "allowed" : "refused"); /* with one id it only says yes */
    printf(
        "kcore %s\n",
        verdict(open("/proc/kcore", O_RDONLY) >= 0 && lseek(open("/proc/kcore", O_RDONLY), 0, SEEK_END) > 0 ? 0 : -1));
    printf("sysctl %s\n", verdict(open("/proc/sys/kernel/hostname", O_WRONLY)));
    printf("init %s\n", verdict(open("/proc/1/environ", O_RDONLY)));
    return 0;
}

static int verb_memory(char **argv)
{
    size_t n = (size_t)strtol(argv[2], NULL, 10) << 20;
    char *p = malloc(n);
    if (p == NULL)
        return fail("malloc");
    for (size_t i = 0; i < n; i += 4096)
        ((volatile char *)p)[i] = 1;
    puts("allocated");
    fflush(stdout);
    forever();
    return 0;
}

/* Several processes, each below a limit of its own. */
static int verb_memory_family(char **argv)
{
    for (int i = 0; i < 4; i++)
        if (fork() == 0)
            return verb_memory(argv);
    forever();
    return 0;
}

static int verb_lines(char **argv)
{
    long n = strtol(argv[2], NULL, 10);
    for (long i = 0; i < n; i++)
        printf("line %ld of a container that talks a lot, and then some more\n", i);
    return 0;
}

static int verb_fork(char **argv)
{
    int n = 0;
    while (n < 200) {
        pid_t pid = fork();
        if (pid == 0)
            forever();
        if (pid < 0)
            break;
        n++;
    }
    printf("children %d\n", n);
    return 0;
}

static const struct verb {
    const char *name;
    int (*run)(char **argv);
} verbs[] = {
    { "exit", verb_exit },   { "echo", verb_echo },     { "cat", verb_cat },
    { "write", verb_write }, { "id", verb_id },         { "sleep", verb_sleep },
    { "trap", verb_trap },   { "abort", verb_abort },   { "serve", verb_serve },
    { "get", verb_get },     { "attack", verb_attack }, { "memory", verb_memory },
    { "lines", verb_lines }, { "fork", verb_fork },     { "family", verb_memory_family },
    { "http", verb_http },   { "fetch", verb_fetch },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argv);
    return 2;
}
