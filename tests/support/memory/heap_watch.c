#include "heap_watch.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void __real_free(void *block);
char *__real_realpath(const char *path, char *to);
char *__wrap_realpath(const char *path, char *to);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);
int __wrap_asprintf(char **to, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap___asprintf_chk(char **to, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
FILE *__wrap_open_memstream(char **to, size_t *bytes);
void __wrap_free(void *block);

/* What is allocated: an open table, so that the watch itself allocates nothing that it would see. A freed place keeps its mark, for what was put
 * behind it; they go when the table grows. */
struct place {
    void *block; /* NULL: never used; GONE: freed */
    size_t bytes;
};

static char gone;
#define GONE ((void *)&gone)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct place *table;
static size_t room, used, blocks;
static size_t largest;
static _Thread_local long fail_after = -1;
static _Thread_local bool failed;
static const void *secret;
static size_t secret_bytes;
static unsigned leaks;

static struct place *place_of(void *block)
{
    size_t at = (size_t)(((uintptr_t)block >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);
    while (table[at].block && table[at].block != block) at = (at + 1) & (room - 1);
    return &table[at];
}

static void widen(void)
{
    struct place *old = table;
    size_t old_room = room;
    room = blocks * 4 > 4096 ? blocks * 4 : 4096;
    while (room & (room - 1)) room += room & -room;
    table = __real_calloc(room, sizeof *table);
    if (!table) abort();
    used = blocks;
    for (size_t i = 0; i < old_room; i++)
        if (old[i].block && old[i].block != GONE) *place_of(old[i].block) = old[i];
    __real_free(old);
}

static void *put(void *block, size_t bytes)
{
    if (!block) return NULL;
    pthread_mutex_lock(&lock);
    if (secret) memset(block, 0, bytes); /* else what a library has freed before would be found in it */
    if (used * 2 >= room) widen();
    struct place *p = place_of(block);
    if (!p->block) used++, blocks++; /* else a library freed it and it is given out again */
    *p = (struct place){ block, bytes };
    pthread_mutex_unlock(&lock);
    return block;
}

/* Looks at the block too: its owner has done with it. */
static void take(void *block)
{
    if (!block) return;
    pthread_mutex_lock(&lock);
    struct place *p = room ? place_of(block) : NULL;
    if (p && p->block) {
        if (secret && p->bytes >= secret_bytes && memmem(block, p->bytes, secret, secret_bytes)) leaks++;
        p->block = GONE;
        blocks--;
    }
    pthread_mutex_unlock(&lock);
}

static bool fails(size_t bytes)
{
    pthread_mutex_lock(&lock);
    bool now = largest && bytes > largest;
    pthread_mutex_unlock(&lock);
    if (fail_after < 0 || fail_after-- > 0) return now;
    return failed = true;
}

void *__wrap_malloc(size_t bytes)
{
    return fails(bytes) ? NULL : put(__real_malloc(bytes), bytes);
}

void *__wrap_calloc(size_t n, size_t bytes)
{
    return fails(n * bytes) ? NULL : put(__real_calloc(n, bytes), n * bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    void *block = NULL;
    return fails(bytes) || posix_memalign(&block, alignment, bytes) ? NULL : put(block, bytes);
}

/* A block of a library's that is made larger stays a library's. One of ours moves, so that what it held is looked at like a freed one. */
void *__wrap_realloc(void *old, size_t bytes)
{
    if (fails(bytes)) return NULL;
    pthread_mutex_lock(&lock);
    struct place *p = old && room ? place_of(old) : NULL;
    size_t before = p && p->block ? p->bytes : 0;
    bool ours = !old || (p && p->block);
    pthread_mutex_unlock(&lock);
    if (!ours) return __real_realloc(old, bytes);
    void *block = put(__real_malloc(bytes), bytes);
    if (!block) return NULL;
    memcpy(block, old ? old : block, before < bytes ? before : bytes);
    __wrap_free(old);
    return block;
}

char *__wrap_strndup(const char *text, size_t most)
{
    size_t n = strnlen(text, most);
    char *copy = __wrap_malloc(n + 1);
    if (!copy) return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, SIZE_MAX);
}

/* The text of libc's becomes one of ours. */
static int ours(char **to, int n)
{
    if (n < 0) return n;
    char *copy = __wrap_strdup(*to);
    __real_free(*to);
    *to = copy;
    return copy ? n : -1;
}

int __wrap_asprintf(char **to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vasprintf(to, format, args);
    va_end(args);
    return ours(to, n);
}

/* What asprintf is in a fortified build. */
int __wrap___asprintf_chk(char **to, int flag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vasprintf(to, format, args);
    va_end(args);
    return ours(to, n);
}

char *__wrap_realpath(const char *path, char *to)
{
    char whole[PATH_MAX];
    const char *found = __real_realpath(path, to ? to : whole);
    return found && !to ? __wrap_strdup(found) : to && found ? to : NULL;
}

void __wrap_free(void *block)
{
    take(block);
    __real_free(block);
}

/* ---- texts that are written like files ---- */

struct text_file {
    char **to;
    size_t *bytes, room;
};

static ssize_t text_write(void *cookie, const char *bytes, size_t n)
{
    struct text_file *t = cookie;
    if (*t->bytes + n + 1 > t->room) {
        size_t larger = (*t->bytes + n + 1) * 2;
        char *text = put(__real_malloc(larger), larger);
        if (!text) return 0;
        memcpy(text, *t->to, *t->bytes);
        __wrap_free(*t->to);
        *t->to = text;
        t->room = larger;
    }
    memcpy(*t->to + *t->bytes, bytes, n);
    *t->bytes += n;
    (*t->to)[*t->bytes] = '\0';
    return (ssize_t)n;
}

static int text_close(void *cookie)
{
    __real_free(cookie);
    return 0;
}

FILE *__wrap_open_memstream(char **to, size_t *bytes)
{
    static const cookie_io_functions_t calls = { .write = text_write, .close = text_close };
    struct text_file *t = __real_calloc(1, sizeof *t);
    char *text = put(__real_calloc(1, 64), 64);
    FILE *f = t && text ? fopencookie(t, "w", calls) : NULL;
    if (!f) {
        __wrap_free(text);
        __real_free(t);
        return NULL;
    }
    *t = (struct text_file){ to, bytes, 64 };
    *to = text;
    *bytes = 0;
    return f;
}

/* ---- jansson's, where a program has it: it is a library of its own, and what it makes is the program's to free ---- */

void json_set_alloc_funcs(void *(*allocate)(size_t), void (*give_back)(void *)) __attribute__((weak));

static void *of_jansson(size_t bytes)
{
    return put(__real_malloc(bytes), bytes);
}

__attribute__((constructor)) static void watch_jansson(void)
{
    if (json_set_alloc_funcs) json_set_alloc_funcs(of_jansson, __wrap_free);
}

size_t heap_blocks(void)
{
    pthread_mutex_lock(&lock);
    size_t n = blocks;
    pthread_mutex_unlock(&lock);
    return n;
}

void heap_fail_after(long n)
{
    fail_after = n;
    failed = false;
}

bool heap_failed(void)
{
    return failed;
}

void heap_most(size_t bytes)
{
    pthread_mutex_lock(&lock);
    largest = bytes;
    pthread_mutex_unlock(&lock);
}

void heap_look_for(const void *bytes, size_t n)
{
    pthread_mutex_lock(&lock);
    secret = bytes;
    secret_bytes = n;
    leaks = 0;
    pthread_mutex_unlock(&lock);
}

unsigned heap_leaks(void)
{
    pthread_mutex_lock(&lock);
    unsigned n = leaks;
    pthread_mutex_unlock(&lock);
    return n;
}
