#include "golden.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char told[1 << 20], wanted[1 << 20];
static bool anew;

void golden_writes(bool writes)
{
    anew = writes;
}

char *golden_told(void)
{
    return told;
}

void golden_tell(const char *format, ...)
{
    size_t at = strlen(told);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(told + at, sizeof told - at, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof told - at) fail_msg("more is told than there is room for");
}

const char *golden_wanted(const char *file)
{
    FILE *in = fopen(file, "rb");
    if (!in) fail_msg("%s: %s", file, strerror(errno));
    wanted[fread(wanted, 1, sizeof wanted - 1, in)] = '\0';
    fclose(in);
    return wanted;
}

static void write_anew(const char *file)
{
    FILE *to = fopen(file, "wb");
    assert_non_null(to);
    assert_int_equal(fwrite(told, 1, strlen(told), to), strlen(told));
    assert_int_equal(fclose(to), 0);
}

static void compare(const char *file)
{
    static char got[600];
    size_t at = 0, line = 1;
    golden_wanted(file);
    if (!strcmp(told, wanted)) return;
    while (told[at] && told[at] == wanted[at]) line += told[at++] == '\n';
    while (at > 0 && told[at - 1] != '\n') at--;
    snprintf(got, sizeof got, "%.599s", told + at);
    *told = '\0'; /* the test ends here, and the next begins with nothing told */
    fail_msg("%s:%zu: wanted\n%.600s\ngot\n%s", file, line, wanted + at, got);
}

void golden_is(const char *file)
{
    if (anew)
        write_anew(file);
    else
        compare(file);
    *told = '\0';
}
