/*
 * Stands between a process and its files: notes what it writes, and lets chosen calls fail.
 *
 * Preloaded (LD_PRELOAD) into a child of the tests, never into a server. It takes the place of the C library's functions that change files and
 * does what they do by system calls of its own. One lock is held over each call and its note, so that the notes are in the one order in which
 * things happened, whatever the number of threads. What is mapped into memory is not seen: of SQLite's files only the index of the log
 * (`-shm`) is, and that is built anew after a crash.
 *
 * The environment says what to do:
 *   AQ_IO_UNDER  only files in this folder (and the folder itself) are looked at; without it nothing is.
 *   AQ_IO_LOG    the file the notes go to; without it none are made. Their form is `struct note`, then `length` bytes.
 *   AQ_IO_CALLS  which calls are counted, letters of the kinds below: `w` write, `s` sync, `t` truncate, `o` open, `u` unlink, `r` rename.
 *   AQ_IO_AT     the number, from 1, of the counted call at which something happens.
 *   AQ_IO_DO     what happens: `fail` (the call does nothing and answers AQ_IO_ERRNO), `short` (half of it is written, the next counted
 *                call fails with AQ_IO_ERRNO, if that is not 0), `exit` (the process is gone before the call).
 *   AQ_IO_EVER   1: every counted call from then on, not only that one.
 *   AQ_IO_LIMIT  seconds after which a process that hangs is ended by SIGALRM.
 * Synchronising does nothing but leave its note: what would have survived is found from the notes, and disks are slow.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FILES 4096
#define LONGEST_PATH 512

/* A note; numbers in the order of bytes of the machine, because the same machine reads them. `file` is the number of an opening (0 is none). */
struct note {
    uint8_t kind; /* one of the letters above, `a` for bytes told on standard output, `x` for a call that was made to fail */
    uint8_t unused[3];
    uint32_t file;
    uint64_t offset; /* of a write; the length after a truncation */
    uint64_t length;
};

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static const char *under, *calls, *deed;
static size_t under_length;
static long at, counted;
static int ever, answer, notes = -1, half_done;
static uint32_t openings, opening_of[MOST_FILES];

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("AQ_IO_LOG");
    under = getenv("AQ_IO_UNDER");
    under_length = under ? strlen(under) : 0;
    calls = getenv("AQ_IO_CALLS");
    deed = getenv("AQ_IO_DO");
    at = number("AQ_IO_AT");
    answer = (int)number("AQ_IO_ERRNO");
    ever = (int)number("AQ_IO_EVER");
    if (log) {
        int low = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (low < 0) _exit(111);
        /* Far from the numbers that the process opens and closes itself. */
        notes = fcntl(low, F_DUPFD_CLOEXEC, 900);
        syscall(SYS_close, low);
        if (notes < 0) _exit(111);
    }
    if (number("AQ_IO_LIMIT")) alarm((unsigned)number("AQ_IO_LIMIT"));
}

static void note(char kind, uint32_t file, uint64_t offset, const void *data, uint64_t length) {
    struct note head = {.kind = (uint8_t)kind, .file = file, .offset = offset, .length = length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    int kept = errno;
    if (notes >= 0 && syscall(SYS_writev, notes, parts, 2) != (long)(sizeof head + length)) _exit(112);
    errno = kept;
}

/* What becomes of a call. */
enum fate { DONE, HALF, FAILED };

/* Counts a call of this kind and says what becomes of it. */
static enum fate meet(char kind, uint32_t file) {
    if (!calls || !deed || !strchr(calls, kind)) return DONE;
    counted++;
    if (half_done && answer) {
        half_done = ever;
        goto fail;
    }
    if (at == 0 || (ever ? counted < at : counted != at)) return DONE;
    if (!strcmp(deed, "exit")) _exit(0);
    if (!strcmp(deed, "short")) {
        half_done = 1;
        if (kind == 'w') {
            note('x', file, (uint64_t)kind, NULL, 0);
            return HALF;
        }
        return DONE;
    }
fail:
    note('x', file, (uint64_t)kind, NULL, 0);
    errno = answer;
    return FAILED;
}

/* The number of the opening behind a descriptor, 0 when it is none that is looked at. */
static uint32_t opening(int fd) {
    return fd >= 0 && fd < MOST_FILES ? opening_of[fd] : 0;
}

static int is_under(const char *path) {
    return under && !strncmp(path, under, under_length) && (path[under_length] == '/' || path[under_length] == 0);
}

static ssize_t write_at(int fd, const void *data, size_t length, off_t offset, int placed) {
    uint32_t file = opening(fd);
    ssize_t done;
    int told = under && fd == 1;
    if (!file && !told) return placed ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
    pthread_mutex_lock(&one_at_a_time);
    enum fate fate = file ? meet('w', file) : DONE;
    if (fate == FAILED) {
        done = -1;
    } else {
        if (fate == HALF && length > 1) length /= 2;
        if (file && !placed) offset = lseek(fd, 0, SEEK_CUR);
        done = placed ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
        if (done > 0) note(file ? 'w' : 'a', file, (uint64_t)offset, data, (uint64_t)done);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return write_at(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return write_at(fd, data, length, offset, 1); }

int ftruncate64(int fd, off64_t length) {
    uint32_t file = opening(fd);
    int done = -1;
    if (!file) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&one_at_a_time);
    if (meet('t', file) != FAILED) {
        done = (int)syscall(SYS_ftruncate, fd, length);
        if (!done) note('t', file, (uint64_t)length, NULL, 0);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int synchronise(int fd, long call) {
    uint32_t file = opening(fd);
    int done = -1;
    if (!file) return (int)syscall(call, fd);
    pthread_mutex_lock(&one_at_a_time);
    if (meet('s', file) != FAILED) {
        done = 0;
        note('s', file, 0, NULL, 0);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}
int fsync(int fd) { return synchronise(fd, SYS_fsync); }
int fdatasync(int fd) { return synchronise(fd, SYS_fdatasync); }

static int open_file(const char *path, int flags, mode_t mode) {
    int fd = -1;
    if (!is_under(path)) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&one_at_a_time);
    if (meet('o', 0) != FAILED) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
        if (fd >= MOST_FILES) _exit(113);
        if (fd >= 0) {
            opening_of[fd] = ++openings;
            note('o', openings, (uint64_t)flags, path, strlen(path));
            if (flags & O_TRUNC) note('t', openings, 0, NULL, 0);
        }
    }
    pthread_mutex_unlock(&one_at_a_time);
    return fd;
}

static mode_t mode_of(int flags, va_list rest) { return flags & O_CREAT ? va_arg(rest, mode_t) : 0; }

#define OPENS(name)                              \
    int name(const char *path, int flags, ...) { \
        va_list rest;                            \
        va_start(rest, flags);                   \
        mode_t mode = mode_of(flags, rest);      \
        va_end(rest);                            \
        return open_file(path, flags, mode);     \
    }
OPENS(open)
OPENS(open64)

int close(int fd) {
    /* Forgotten before it is closed: a thread may be given the same number right after. */
    pthread_mutex_lock(&one_at_a_time);
    if (fd >= 0 && fd < MOST_FILES) opening_of[fd] = 0;
    int done = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

int unlink(const char *path) {
    int done = -1;
    if (!is_under(path)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&one_at_a_time);
    if (meet('u', 0) != FAILED) {
        done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
        if (!done) note('u', 0, 0, path, strlen(path));
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

int rename(const char *from, const char *to) {
    int done = -1;
    if (!is_under(from)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&one_at_a_time);
    if (meet('r', 0) != FAILED) {
        done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
        if (!done) {
            /* Both names with a zero byte between them. */
            char both[2 * LONGEST_PATH];
            size_t first = strlen(from), second = strlen(to);
            if (first + second + 1 > sizeof both) _exit(114);
            memcpy(both, from, first + 1);
            memcpy(both + first + 1, to, second);
            note('r', 0, 0, both, first + second + 1);
        }
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}
