/*
 * What a test cannot do to one process of a machine otherwise, preloaded into it:
 * its clock steps back by an hour while the file $STEPPED_CLOCK exists,
 * and its disk is full while the file $FULL_DISK exists: files can be written, but do not grow, and a file that is its
 * standard output takes nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int is_on(const char *variable) {
    const char *path = getenv(variable);
    int before = errno;
    int there = path != NULL && access(path, F_OK) == 0;
    errno = before;
    return there;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_REALTIME && is_on("STEPPED_CLOCK"))
        now->tv_sec -= 3600;
    return result;
}

/* PostgreSQL asks this way. */
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    (void)zone;
    if (result == 0) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return result;
}

static int does_not_fit(int file, off_t end) {
    struct stat known;
    return is_on("FULL_DISK") && fstat(file, &known) == 0 && S_ISREG(known.st_mode) && end > known.st_size;
}

static ssize_t full(void) {
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    if (does_not_fit(file, offset + (off_t)count))
        return full();
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t offset) {
    return pwrite(file, bytes, count, offset);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    off_t end = offset;
    for (int part = 0; part < count; part++)
        end += (off_t)parts[part].iov_len;
    if (does_not_fit(file, end))
        return full();
    return syscall(SYS_pwritev, file, parts, count, offset, 0);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off_t offset) {
    return pwritev(file, parts, count, offset);
}

/* Standard output, under whatever number; other files that are written so stay as they are. */
static int is_output(int file) {
    struct stat one, other;
    return fstat(file, &one) == 0 && fstat(STDOUT_FILENO, &other) == 0 && S_ISREG(one.st_mode)
        && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (count > 0 && is_on("FULL_DISK") && is_output(file))
        return full();
    return syscall(SYS_write, file, bytes, count);
}

int posix_fallocate(int file, off_t offset, off_t count) {
    if (does_not_fit(file, offset + count))
        return ENOSPC;
    return syscall(SYS_fallocate, file, 0, offset, count) == 0 ? 0 : errno;
}

int posix_fallocate64(int file, off_t offset, off_t count) {
    return posix_fallocate(file, offset, count);
}
