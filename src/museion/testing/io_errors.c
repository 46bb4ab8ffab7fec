/* Preloaded into a process by museion.testing.io_errors: lets its calls fail on command.

   The commands stand in a file that is mapped into memory here and there, so they hold at once. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, FLUSH = 2, RESIZE = 3 };
enum { RULES = 8, FOLDER_BYTES = 1024 };

/* As struct "=6i2q" in io_errors.py. */
struct rule {
    int32_t call, error, skip, left, done, hits;
    int64_t from, to;
};

static struct {
    char folder[FOLDER_BYTES];
    struct rule rules[RULES];
} *commands;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("MUSEION_IO_ERRORS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *commands, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    commands = mapped == MAP_FAILED ? NULL : mapped;
    close(fd);
}

static int concerns(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return strncmp(path, commands->folder, strlen(commands->folder)) == 0;
}

/* Return the rule by which a call fails, or NULL. */
static struct rule *failing(int call, int fd, int64_t at) {
    if (!commands)
        return NULL;
    for (struct rule *rule = commands->rules; rule < commands->rules + RULES; rule++) {
        if (rule->call != call || at < rule->from || at >= rule->to || rule->left <= 0 || !concerns(fd))
            continue;
        if (__atomic_fetch_sub(&rule->skip, 1, __ATOMIC_SEQ_CST) > 0)
            return NULL;
        if (__atomic_fetch_sub(&rule->left, 1, __ATOMIC_SEQ_CST) <= 0)
            continue;
        __atomic_fetch_add(&rule->hits, 1, __ATOMIC_SEQ_CST);
        return rule;
    }
    return NULL;
}

#define CALL(kind, fd, at, type, name, parameters, arguments)                                     \
    do {                                                                                          \
        static type(*real) parameters;                                                            \
        if (!real)                                                                                \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                            \
        struct rule *rule = failing(kind, fd, at);                                                \
        if (rule && rule->done)                                                                   \
            (void)!real arguments;                                                                \
        if (rule) {                                                                               \
            errno = rule->error;                                                                  \
            return -1;                                                                            \
        }                                                                                         \
        return real arguments;                                                                    \
    } while (0)

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    CALL(WRITE, fd, at, ssize_t, pwrite, (int, const void *, size_t, off_t), (fd, bytes, size, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    CALL(WRITE, fd, at, ssize_t, pwrite64, (int, const void *, size_t, off64_t),
         (fd, bytes, size, at));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    CALL(WRITE, fd, at, ssize_t, pwritev, (int, const struct iovec *, int, off_t),
         (fd, parts, count, at));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    CALL(WRITE, fd, lseek(fd, 0, SEEK_CUR), ssize_t, writev, (int, const struct iovec *, int),
         (fd, parts, count));
}

ssize_t write(int fd, const void *bytes, size_t size) {
    CALL(WRITE, fd, lseek(fd, 0, SEEK_CUR), ssize_t, write, (int, const void *, size_t),
         (fd, bytes, size));
}

int fsync(int fd) { CALL(FLUSH, fd, 0, int, fsync, (int), (fd)); }

int fdatasync(int fd) { CALL(FLUSH, fd, 0, int, fdatasync, (int), (fd)); }

int ftruncate(int fd, off_t size) { CALL(RESIZE, fd, 0, int, ftruncate, (int, off_t), (fd, size)); }
