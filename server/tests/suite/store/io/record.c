/*
 * Stands between a process and its files: notes what it writes, and lets chosen calls fail.
 *
 * Preloaded (LD_PRELOAD) into a child of the tests, never into a server. It takes the place of the C library's functions that change, read and
 * lock files and does what they do by system calls of its own. One lock is held over each call and its note, so that the notes are in the one
 * order in which things happened, whatever the number of threads. What is mapped into memory is not seen: of SQLite's files only the index of
 * the log (`-shm`) is, and that is built anew after a crash. The database's memory is the business of `memory.c`.
 *
 * The environment says what to do:
 *   AQ_IO_UNDER  only files in this folder (and the folder itself) are looked at; without it nothing is.
 *   AQ_IO_LOG    the file the notes go to; without it none are made. Their form is `struct note`, then `length` bytes.
 *   AQ_IO_CALLS  which calls are counted, letters of the kinds below: `w` write, `s` sync, `t` truncate, `o` open, `c` open for writing, `u` unlink,
 *                `r` rename, `f` read, `l` lock, `b` lock of the one who writes, `m` memory of the database.
 *   AQ_IO_ENDING only files whose names end so are counted.
 *   AQ_IO_FROM   counting begins when the process has told this on standard output; without it, at once.
 *   AQ_IO_UNTIL  and ends, with all failures, when it has told this.
 *   AQ_IO_AT     the number, from 1, of the counted call at which something happens.
 *   AQ_IO_DO     what happens: `fail` (the call does nothing and answers AQ_IO_ERRNO), `short` (half of it is written or read, the next counted
 *                call fails with AQ_IO_ERRNO, if that is not 0), `spoil` (other bytes than wanted are written or read, and nobody says so), `exit`
 *                (the process is gone before the call).
 *   AQ_IO_TIMES  to how many counted calls it happens; 0: to all from then on.
 *   AQ_IO_HASTE  1: whoever sleeps is woken at once. The database counts how long it has waited for a lock, so that its patience ends soon.
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
#include <time.h>
#include <unistd.h>

#define MOST_FILES 4096
#define LONGEST_PATH 512
#define MOST_RUBBISH 65536
/* The byte of the index of the log whose lock is that of the one connection that writes; the form of the file is documented and fixed. */
#define LOCK_OF_THE_WRITER 120

/* A note; numbers in the order of bytes of the machine, because the same machine reads them. `file` is the number of an opening (0 is none). */
struct note {
    uint8_t kind; /* one of the letters above, `a` for bytes told on standard output, `x` for a call that was made to fail */
    uint8_t unused[3];
    uint32_t file;
    uint64_t offset; /* of a write; the length after a truncation */
    uint64_t length;
};

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static const char *under, *calls, *deed, *ending, *from, *until;
static size_t under_length;
static long at, times, counted;
static int answer, notes = -1, half_done, counting, hasty;
static uint32_t openings, opening_of[MOST_FILES];
/* Whether calls to the file behind a descriptor are counted. */
static uint8_t counts[MOST_FILES];
static uint8_t rubbish[MOST_RUBBISH];

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
    times = number("AQ_IO_TIMES");
    hasty = (int)number("AQ_IO_HASTE");
    ending = getenv("AQ_IO_ENDING");
    from = getenv("AQ_IO_FROM");
    until = getenv("AQ_IO_UNTIL");
    counting = !from;
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
enum fate { DONE, HALF, SPOILED, FAILED };

/* Counts a call of this kind and says what becomes of it. */
static enum fate meet(char kind, uint32_t file) {
    int carries = kind == 'w' || kind == 'f';
    if (!calls || !deed || !counting || !strchr(calls, kind)) return DONE;
    counted++;
    if (half_done && answer) {
        half_done = times != 1;
        goto fail;
    }
    if (at == 0 || counted < at || (times && counted >= at + times)) return DONE;
    if (!strcmp(deed, "exit")) _exit(0);
    if (!strcmp(deed, "short") || !strcmp(deed, "spoil")) {
        half_done = deed[1] == 'h';
        if (!carries) return DONE;
        note('x', file, (uint64_t)kind, NULL, 0);
        return half_done ? HALF : SPOILED;
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

/* As `meet`, for a call to an open file. */
static enum fate meet_at(int fd, char kind) { return counts[fd] ? meet(kind, opening_of[fd]) : DONE; }

static int ends_well(const char *path) {
    size_t length = strlen(path), end = ending ? strlen(ending) : 0;
    return length >= end && !memcmp(path + length - end, ending ? ending : "", end);
}

/* Whether a piece of the database's memory is refused. */
int aq_io_refuses_memory(void) {
    pthread_mutex_lock(&one_at_a_time);
    int refused = meet('m', 0) == FAILED;
    pthread_mutex_unlock(&one_at_a_time);
    return refused;
}

/* Other bytes each time, and the same ones in every run. */
static void spoil(uint8_t *data, size_t length) {
    uint64_t state = 0x9e3779b97f4a7c15u * (uint64_t)(counted + 1);
    for (size_t byte = 0; byte < length; byte++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        data[byte] = (uint8_t)(state >> 32);
    }
}

/* Begins or ends the counting when the process tells of its progress. */
static void heed(const void *told, size_t length) {
    if (from && memmem(told, length, from, strlen(from))) counting = 1;
    if (until && memmem(told, length, until, strlen(until))) counting = 0;
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
    enum fate fate = file ? meet_at(fd, 'w') : DONE;
    if (fate == FAILED) {
        done = -1;
    } else {
        if (fate == HALF && length > 1) length /= 2;
        if (fate == SPOILED) {
            if (length > MOST_RUBBISH) length = MOST_RUBBISH;
            spoil(rubbish, length);
            data = rubbish;
        }
        if (file && !placed) offset = lseek(fd, 0, SEEK_CUR);
        done = placed ? syscall(SYS_pwrite64, fd, data, length, offset) : syscall(SYS_write, fd, data, length);
        if (done > 0) note(file ? 'w' : 'a', file, (uint64_t)offset, data, (uint64_t)done);
        if (done > 0 && !file) heed(data, (size_t)done);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return write_at(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return write_at(fd, data, length, offset, 1); }

static ssize_t read_at(int fd, void *data, size_t length, off_t offset, int placed) {
    int looked_at = opening(fd) != 0;
    ssize_t done = -1;
    if (looked_at) pthread_mutex_lock(&one_at_a_time);
    enum fate fate = looked_at ? meet_at(fd, 'f') : DONE;
    if (fate != FAILED) {
        if (fate == HALF && length > 1) length /= 2;
        done = placed ? syscall(SYS_pread64, fd, data, length, offset) : syscall(SYS_read, fd, data, length);
        if (fate == SPOILED && done > 0) spoil(data, (size_t)done);
    }
    if (looked_at) pthread_mutex_unlock(&one_at_a_time);
    return done;
}

ssize_t read(int fd, void *data, size_t length) { return read_at(fd, data, length, 0, 0); }
ssize_t pread(int fd, void *data, size_t length, off_t offset) { return read_at(fd, data, length, offset, 1); }
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) { return read_at(fd, data, length, offset, 1); }

/* Letting go of a lock is never refused. */
static int control(int fd, int command, void *argument) {
    struct flock *wanted = argument;
    if (command == F_SETLK && opening(fd) && wanted->l_type != F_UNLCK) {
        pthread_mutex_lock(&one_at_a_time);
        int writes = calls && strchr(calls, 'b') && wanted->l_type == F_WRLCK && wanted->l_start == LOCK_OF_THE_WRITER;
        enum fate fate = meet_at(fd, writes ? 'b' : 'l');
        pthread_mutex_unlock(&one_at_a_time);
        if (fate == FAILED) return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

#define CONTROLS(name)                        \
    int name(int fd, int command, ...) {      \
        va_list rest;                         \
        va_start(rest, command);              \
        void *argument = va_arg(rest, void *); \
        va_end(rest);                         \
        return control(fd, command, argument); \
    }
CONTROLS(fcntl)
CONTROLS(fcntl64)

int nanosleep(const struct timespec *wanted, struct timespec *left) {
    return hasty ? 0 : (int)syscall(SYS_nanosleep, wanted, left);
}

int usleep(useconds_t wanted) {
    struct timespec time = {.tv_sec = wanted / 1000000, .tv_nsec = wanted % 1000000 * 1000};
    return nanosleep(&time, NULL);
}

int ftruncate64(int fd, off64_t length) {
    uint32_t file = opening(fd);
    int done = -1;
    if (!file) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&one_at_a_time);
    if (meet_at(fd, 't') != FAILED) {
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
    if (meet_at(fd, 's') != FAILED) {
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
    char kind = calls && strchr(calls, 'c') && (flags & O_ACCMODE) != O_RDONLY ? 'c' : 'o';
    int counted_here = ends_well(path);
    if (!counted_here || meet(kind, 0) != FAILED) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
        if (fd >= MOST_FILES) _exit(113);
        if (fd >= 0) {
            opening_of[fd] = ++openings;
            counts[fd] = (uint8_t)counted_here;
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
    if (!ends_well(path) || meet('u', 0) != FAILED) {
        done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
        if (!done) note('u', 0, 0, path, strlen(path));
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}

int rename(const char *old, const char *new) {
    int done = -1;
    if (!is_under(old)) return (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
    pthread_mutex_lock(&one_at_a_time);
    if (!ends_well(old) || meet('r', 0) != FAILED) {
        done = (int)syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0);
        if (!done) {
            /* Both names with a zero byte between them. */
            char both[2 * LONGEST_PATH];
            size_t first = strlen(old), second = strlen(new);
            if (first + second + 1 > sizeof both) _exit(114);
            memcpy(both, old, first + 1);
            memcpy(both + first + 1, new, second);
            note('r', 0, 0, both, first + second + 1);
        }
    }
    pthread_mutex_unlock(&one_at_a_time);
    return done;
}
