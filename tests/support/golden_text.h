/** A long text that a test writes line by line, and the file that it has to be equal to.
 *
 *      golden_add("close %d\n", fd);  ...  golden_compare("vectors/link/calls.txt", write_it);
 *
 *  With write_it the file is made anew. On a difference the test fails with the first line that is another one.
 */
#ifndef PV_GOLDEN_TEXT_H
#define PV_GOLDEN_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { GOLDEN_BYTES = 1 << 19 };

static char golden_text[GOLDEN_BYTES];
static size_t golden_n;

static inline __attribute__((format(printf, 1, 2))) void golden_add(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(golden_text + golden_n, GOLDEN_BYTES - golden_n, format, list);
    va_end(list);
    if (n < 0 || golden_n + (size_t)n >= GOLDEN_BYTES) fail_msg("the text has no room: %d bytes more", n);
    golden_n += (size_t)n;
}

/** What was added since `from` is replaced by one number: for what is too long to be read. */
static inline uint64_t golden_fold(size_t from)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = from; i < golden_n; i++) h = (h ^ (unsigned char)golden_text[i]) * 1099511628211u;
    golden_n = from;
    golden_text[golden_n] = 0;
    return h;
}

static inline void golden_compare(const char *path, bool write_it)
{
    static char want[GOLDEN_BYTES];
    FILE *f = fopen(path, write_it ? "w" : "r");
    if (!f) fail_msg("%s is not there", path);
    size_t n = write_it ? fwrite(golden_text, 1, golden_n, f) : fread(want, 1, sizeof want - 1, f);
    fclose(f);
    if (write_it || (n == golden_n && !memcmp(want, golden_text, n))) return;
    size_t at = 0, line = 0;
    for (; at < n && at < golden_n && want[at] == golden_text[at]; at++)
        if (want[at] == '\n') line = at + 1;
    fail_msg("%s has\n%.*s\nand now it is\n%.*s", path, (int)strcspn(want + line, "\n"), want + line,
             (int)strcspn(golden_text + line, "\n"), golden_text + line);
}

#endif
