/* One line per event on standard error; control characters of outside text cannot forge further lines. */
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/sys.h"

static _Atomic int least_level = LOG_INFO;

void log_set_level(enum log_level least)
{
    least_level = (int)least;
}

static void add_clean(char *line, size_t max, size_t *n, const char *text)
{
    for (; *text != '\0' && *n + 5 < max; text++) {
        uint8_t c = (uint8_t)*text;
        if (c >= 0x20 && c != 0x7f)
            line[(*n)++] = (char)c;
        else if (c == '\n' && text[1] == '\0')
            break;
        else
            *n += (size_t)snprintf(line + *n, max - *n, "\\x%02x", c);
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    if ((int)level < least_level)
        return;
    char text[4000], line[4400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    int64_t ns = clock_wall_ns();
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm t;
    gmtime_r(&seconds, &t);
    size_t n =
        (size_t)snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %-5s ", t.tm_year + 1900, t.tm_mon + 1,
                         t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (int)(ns / 1000000 % 1000), names[level]);
    add_clean(line, sizeof line - 1, &n, text);
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nowhere left to say it */
}
