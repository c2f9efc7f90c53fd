#include "chart/libarchive.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libarchive.so.13"

static struct libarchive functions;
static const char *failure;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL) {
        failure = LIBRARY " cannot be loaded: install the package libarchive13";
        return;
    }
#define LOAD(name)                                                                                                     \
    if ((*(void **)&functions.name = dlsym(handle, #name)) == NULL)                                                    \
        failure = LIBRARY " has no " #name;
    LIBARCHIVE_FUNCTIONS(LOAD)
#undef LOAD
}

const struct libarchive *libarchive_open(struct err *e)
{
    pthread_once(&once, load);
    if (failure == NULL)
        return &functions;
    err_set_(e, ERR_UNAVAILABLE, "%s", failure);
    return NULL;
}
