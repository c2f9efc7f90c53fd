/* Errors are plain structs on the caller's stack: making one cannot fail. */
#include <errno.h>
#include <stdio.h>

#include "base/base.h"

/* Cut a text that was too long on a code point boundary. */
static void mend_tail(char *text, size_t n)
{
    while (n > 0 && ((uint8_t)text[n - 1] & 0xc0) == 0x80)
        n--;
    uint32_t rune;
    if (n > 0 && (uint8_t)text[n - 1] >= 0xc0
        && utf8_decode((struct str){ text + n - 1, strlen(text + n - 1) }, &rune) == 1)
        text[n - 1] = '\0';
}

static void write_text(struct err *e, const char *fmt, va_list args)
{
    int n = vsnprintf(e->text, sizeof e->text, fmt, args);
    if (n >= (int)sizeof e->text)
        mend_tail(e->text, sizeof e->text - 1);
}

static enum err_kind kind_of_errno(int os)
{
    switch (os) {
    case ENOENT: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM: return ERR_DENIED;
    case ECONNREFUSED:
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH: return ERR_UNAVAILABLE;
    default: return ERR_IO;
    }
}

void err_set_(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct err made = { .kind = kind };
    write_text(&made, fmt, args);
    va_end(args);
    *e = made; /* last: the arguments may point into *e */
}

void err_sys_(struct err *e, const char *fmt, ...)
{
    int os = errno;
    struct err made = { .kind = kind_of_errno(os), .os = os };
    va_list args;
    va_start(args, fmt);
    write_text(&made, fmt, args);
    va_end(args);
    char why[128];
    size_t n = strlen(made.text);
    snprintf(made.text + n, sizeof made.text - n, ": %s", strerror_r(os, why, sizeof why));
    *e = made;
}

void err_wrap_(struct err *e, const char *fmt, ...)
{
    struct err made = { .kind = e->kind, .os = e->os, .retry_at_ms = e->retry_at_ms };
    va_list args;
    va_start(args, fmt);
    write_text(&made, fmt, args);
    va_end(args);
    /* when it does not fit, context is cut and the cause stays */
    size_t context = strlen(made.text), cause = strlen(e->text), room = sizeof made.text - 1;
    if (cause + 2 >= room)
        return;
    if (context > room - cause - 2) {
        context = room - cause - 2;
        made.text[context] = '\0';
        mend_tail(made.text, context);
        context = strlen(made.text);
    }
    memcpy(made.text + context, ": ", 2);
    memcpy(made.text + context + 2, e->text, cause + 1);
    *e = made;
}
