// Attempts of a contained program that no shell can make. `escape NAME [ARGUMENT...]` ends with 0 when the attempt worked, and with 1 when it was refused.
// The tests compile it into the agent's own directory; what each attempt is about stands in `cases.rs`.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

// Works when one byte of the file can be read.
static int readable(int fd) {
    char byte;
    return fd >= 0 && read(fd, &byte, 1) == 1;
}

static int is(const char *name, const char *wanted) { return strcmp(name, wanted) == 0; }

static int tcp(const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static int unix_socket(const char *name, int abstract) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path + abstract, name, sizeof to.sun_path - 2);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)abstract + strlen(name));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&to, length) == 0;
}

static int by_handle(const char *path) {
    struct { struct file_handle head; unsigned char rest[128]; } handle = {.head = {.handle_bytes = 128}};
    int mount;
    if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0) != 0) return 0;
    int root = open(".", O_RDONLY | O_DIRECTORY);
    return readable(open_by_handle_at(root, &handle.head, O_RDONLY));
}

static int attempt(const char *name, char **arguments) {
    const char *one = arguments[0] ? arguments[0] : "";
    const char *two = one[0] && arguments[1] ? arguments[1] : "";
    pid_t other = (pid_t)atoi(one);
    char word[256] = {0};
    struct iovec here = {word, 8};
    struct iovec there = {(void *)strtoull(two, NULL, 16), 8};
    if (is(name, "open-path")) {
        int fd = open(one, O_PATH);
        snprintf(word, sizeof word, "/proc/self/fd/%d", fd);
        return readable(open(word, O_RDONLY));
    }
    if (is(name, "by-handle")) return by_handle(one);
    if (is(name, "chroot")) return chroot(one) == 0 && readable(open(two, O_RDONLY));
    if (is(name, "user-namespace")) {
        return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && mkdir("mounted", 0700) == 0 && mount(one, "mounted", NULL, MS_BIND, NULL) == 0;
    }
    if (is(name, "mount-namespace")) return unshare(CLONE_NEWNS) == 0 && mount(one, "mounted", NULL, MS_BIND, NULL) == 0;
    if (is(name, "bind")) return mount(one, ".", NULL, MS_BIND, NULL) == 0;
    if (is(name, "tmpfs")) return mount("none", ".", "tmpfs", 0, NULL) == 0;
    if (is(name, "unmount")) return umount2("/proc", MNT_DETACH) == 0;
    if (is(name, "pivot")) return syscall(SYS_pivot_root, ".", ".") == 0;
    if (is(name, "open-tree")) return syscall(SYS_open_tree, AT_FDCWD, one, 1 /* OPEN_TREE_CLONE */) >= 0;
    if (is(name, "join-namespace")) {
        snprintf(word, sizeof word, "/proc/%s/ns/mnt", one);
        return setns(open(word, O_RDONLY), CLONE_NEWNS) == 0 && readable(open(two, O_RDONLY));
    }
    if (is(name, "memory-device")) return mknod("memory", S_IFCHR | 0600, makedev(1, 1)) == 0 && readable(open("memory", O_RDONLY));
    if (is(name, "disk-device")) {
        struct stat disk;
        return stat("/", &disk) == 0 && mknod("disk", S_IFBLK | 0600, disk.st_dev) == 0 && readable(open("disk", O_RDONLY));
    }
    if (is(name, "writable")) return open(one, O_WRONLY | O_CLOEXEC) >= 0;
    if (is(name, "truncate")) return truncate(one, 0) == 0;
    if (is(name, "exchange")) return syscall(SYS_renameat2, AT_FDCWD, "own", AT_FDCWD, one, 2 /* RENAME_EXCHANGE */) == 0;
    if (is(name, "temporary")) return open(one, O_TMPFILE | O_RDWR, 0600) >= 0;
    if (is(name, "trace")) return ptrace(PTRACE_ATTACH, other, 0, 0) == 0;
    if (is(name, "seize")) return ptrace(PTRACE_SEIZE, other, 0, 0) == 0;
    if (is(name, "read-memory")) return process_vm_readv(other, &here, 1, &there, 1, 0) > 0;
    if (is(name, "write-memory")) return process_vm_writev(other, &here, 1, &there, 1, 0) > 0;
    if (is(name, "take-file")) {
        int process = (int)syscall(SYS_pidfd_open, other, 0);
        return readable((int)syscall(SYS_pidfd_getfd, process, atoi(two), 0));
    }
    if (is(name, "signal")) return kill(other, 0) == 0;
    if (is(name, "signal-thread")) return syscall(SYS_tgkill, other, other, 0) == 0;
    if (is(name, "signal-by-file")) return syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, other, 0), 0, NULL, 0) == 0;
    if (is(name, "queue-signal")) return sigqueue(other, 0, (union sigval){0}) == 0;
    if (is(name, "limit")) {
        struct rlimit limit;
        return prlimit(other, RLIMIT_NOFILE, NULL, &limit) == 0 && prlimit(other, RLIMIT_NOFILE, &limit, NULL) == 0;
    }
    if (is(name, "tcp")) return tcp(one);
    if (is(name, "abstract")) return unix_socket(one, 1);
    if (is(name, "socket")) return unix_socket(one, 0);
    if (is(name, "udp")) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1;
    }
    if (is(name, "raw")) return socket(AF_INET, SOCK_RAW, IPPROTO_TCP) >= 0;
    if (is(name, "regain")) return setuid(0) == 0 && readable(open(one, O_RDONLY));
    fprintf(stderr, "no attempt is called %s\n", name);
    exit(2);
}

int main(int count, char **arguments) {
    if (count < 2) return 2;
    return attempt(arguments[1], arguments + 2) ? 0 : 1;
}
