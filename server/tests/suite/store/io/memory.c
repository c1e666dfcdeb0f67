/*
 * Stands between the embedded database and the C library's memory: a chosen piece of it is refused.
 *
 * The database is compiled into the program, asks for memory by `malloc` and `realloc` as everything else does, and is compiled without the counters
 * that a limit of its own (`PRAGMA hard_heap_limit`) would need. So who asks is told by where the call comes from: only its two functions that ask are ever
 * refused anything, and the rest of the process never is.
 *
 * The environment says where they are: AQ_IO_MEMORY, two pairs of a place in the program's file and a length, as hexadecimal numbers. Which piece is
 * refused is decided in `record.c`, where calls are counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *old, size_t size);
int aq_io_refuses_memory(void);

static uintptr_t first[2], behind[2];

/* The first thing that is listed is the program itself. */
static int place_of_program(struct dl_phdr_info *info, size_t size, void *place) {
    (void)size;
    *(uintptr_t *)place = info->dlpi_addr;
    return 1;
}

__attribute__((constructor)) static void find_the_database(void) {
    char *text = getenv("AQ_IO_MEMORY");
    uintptr_t program = 0;
    if (!text) return;
    dl_iterate_phdr(place_of_program, &program);
    for (int function = 0; function < 2; function++) {
        first[function] = program + strtoul(text, &text, 16);
        behind[function] = first[function] + strtoul(text, &text, 16);
    }
}

static int is_refused(uintptr_t caller) {
    for (int function = 0; function < 2; function++) {
        if (caller >= first[function] && caller < behind[function]) return aq_io_refuses_memory();
    }
    return 0;
}

void *malloc(size_t size) {
    if (!is_refused((uintptr_t)__builtin_return_address(0))) return __libc_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *old, size_t size) {
    if (!is_refused((uintptr_t)__builtin_return_address(0))) return __libc_realloc(old, size);
    errno = ENOMEM;
    return NULL;
}
