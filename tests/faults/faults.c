/* A library for LD_PRELOAD that breaks one thing in a process, so that tests need neither root nor a full disk.

   FAULT_FOLDER   only changes of files below this folder count
   FAULT_AT       the number of the change at which the fault begins, from 1
   FAULT_ACTION   `full`: this change and all later ones fail with ENOSPC; `once`: this change alone fails;
                  `kill`: SIGKILL before this change is made
   FAULT_MARK     a file that is made when the fault happens
   FAULT_CLOCK_S  seconds that are added to the wall clock

   A change is a write to a regular file, a new file or folder, a rename, or a change of length. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int changes;

static int is_below(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    char whole[PATH_MAX], here[PATH_MAX];
    if (!folder || !path) return 0;
    if (path[0] != '/') {
        if (!getcwd(here, sizeof here) || snprintf(whole, sizeof whole, "%s/%s", here, path) >= (int)sizeof whole) return 0;
        path = whole;
    }
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int is_file_below(int fd) {
    char link[64], path[PATH_MAX];
    struct stat found;
    if (!getenv("FAULT_FOLDER") || fstat(fd, &found) || !S_ISREG(found.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_below(path);
}

/* Count a change; whether it must fail. */
static int fails(void) {
    const char *at = getenv("FAULT_AT"), *action = getenv("FAULT_ACTION"), *mark = getenv("FAULT_MARK");
    if (!at || !action) return 0;
    int number = __atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST);
    if (number < atoi(at) || (number > atoi(at) && strcmp(action, "full"))) return 0;
    if (mark) {
        long fd = syscall(SYS_openat, AT_FDCWD, mark, O_WRONLY | O_CREAT, 0600);
        if (fd >= 0) syscall(SYS_close, fd);
    }
    if (!strcmp(action, "kill")) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *data, size_t size) {
    return is_file_below(fd) && fails() ? -1 : REAL(write)(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return is_file_below(fd) && fails() ? -1 : REAL(writev)(fd, parts, count);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return is_file_below(fd) && fails() ? -1 : REAL(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return is_file_below(fd) && fails() ? -1 : REAL(pwrite64)(fd, data, size, at);
}

int ftruncate(int fd, off_t size) {
    return is_file_below(fd) && fails() ? -1 : REAL(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size) {
    return is_file_below(fd) && fails() ? -1 : REAL(ftruncate64)(fd, size);
}

int mkdir(const char *path, mode_t mode) {
    return is_below(path) && fails() ? -1 : REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
    return is_below(to) && fails() ? -1 : REAL(rename)(from, to);
}

#define OPEN(name)                                                                         \
    int name(const char *path, int flags, ...) {                                           \
        mode_t mode = 0;                                                                   \
        if (flags & (O_CREAT | O_TMPFILE)) {                                               \
            va_list more;                                                                  \
            va_start(more, flags);                                                         \
            mode = va_arg(more, mode_t);                                                   \
            va_end(more);                                                                  \
        }                                                                                  \
        if ((flags & O_CREAT) && is_below(path) && access(path, F_OK) && fails()) return -1; \
        return REAL(name)(path, flags, mode);                                              \
    }
OPEN(open)
OPEN(open64)

int clock_gettime(clockid_t clock, struct timespec *time) {
    int code = REAL(clock_gettime)(clock, time);
    const char *shift = getenv("FAULT_CLOCK_S");
    if (!code && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += atoll(shift);
    return code;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
