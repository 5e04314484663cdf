/* Memory that is lent to a child: it cannot be written to or cut by anybody but its maker, who can always wipe it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES = 10000 };

static void its_maker_alone_writes(void **state)
{
    struct shared_bytes mine, theirs;
    assert_int_equal(shared_bytes_new(&mine, "test", BYTES), PV_OK);
    mine.at[BYTES - 1] = 7;
    int fd = dup(mine.fd);
    assert_int_equal(shared_bytes_of(&theirs, fd, BYTES), PV_OK);
    assert_int_equal(theirs.at[BYTES - 1], 7);
    mine.at[0] = 8; /* after it was lent, too */
    assert_int_equal(theirs.at[0], 8);
    assert_ptr_equal(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, mine.fd, 0), MAP_FAILED);
    assert_int_equal(pwrite(mine.fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(mine.fd, 0), -1);
    assert_int_equal(ftruncate(mine.fd, 2 * BYTES), -1);
    assert_int_equal(mprotect(theirs.at, BYTES, PROT_READ | PROT_WRITE), -1);
    shared_bytes_wipe(&theirs); /* does nothing */
    assert_int_equal(theirs.at[0], 8);
    shared_bytes_wipe(&mine);
    for (size_t i = 0; i < BYTES; i++) assert_int_equal(theirs.at[i], 0);
    shared_bytes_clear(&theirs);
    shared_bytes_clear(&mine);
    shared_bytes_clear(&mine);
}

/* What its maker could change under us or cut short (SIGBUS) is not taken. */
static void memory_that_is_not_sealed_is_refused(void **state)
{
    struct shared_bytes s = { 0 };
    int plain = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(plain, BYTES), 0);
    assert_int_equal(shared_bytes_of(&s, plain, BYTES), PV_BAD_MESSAGE);
    int shrinks = memfd_create("shrinks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(shrinks, BYTES), 0);
    assert_int_equal(fcntl(shrinks, F_ADD_SEALS, 0x10), 0);
    assert_int_equal(shared_bytes_of(&s, shrinks, BYTES), PV_BAD_MESSAGE);
    assert_int_equal(shared_bytes_of(&s, open("/proc/self/exe", O_RDONLY | O_CLOEXEC), BYTES), PV_BAD_MESSAGE);
    assert_int_equal(shared_bytes_of(&s, -1, BYTES), PV_BAD_MESSAGE);
    struct shared_bytes mine;
    assert_int_equal(shared_bytes_new(&mine, "test", BYTES), PV_OK);
    assert_int_equal(shared_bytes_of(&s, dup(mine.fd), BYTES + 1), PV_BAD_MESSAGE);
    assert_int_equal(shared_bytes_of(&s, dup(mine.fd), 0), PV_BAD_MESSAGE);
    assert_null(s.at);
    shared_bytes_clear(&mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(its_maker_alone_writes),
                                        cmocka_unit_test(memory_that_is_not_sealed_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
