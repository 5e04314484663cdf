/* What is mapped for a file, or for a proof's memory, is unmapped: counted byte by byte, whatever the reading comes to. A read that fails is told
 * as that, wherever in the file it is. */
#include "arena.h"
#include "golden_text.h"
#include "wtns.h"
#include "zkey_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const wtns_file = "data/chain-5/witness.wtns", *const zkey_file = "data/chain-5/circuit.zkey";

/* ---- the system ---- */

static size_t mapped;
static int reads, fail_at; /* the number of the read that fails; 0: none */

void *__real_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t from);
void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t from);
void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t from)
{
    void *p = __real_mmap(at, bytes, access, flags, fd, from);
    if (p != MAP_FAILED) mapped += bytes;
    return p;
}

int __real_munmap(void *at, size_t bytes);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_munmap(void *at, size_t bytes)
{
    int r = __real_munmap(at, bytes);
    if (!r) mapped -= bytes;
    return r;
}

ssize_t __real_pread(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at)
{
    if (++reads != fail_at) return __real_pread(fd, to, n, at);
    errno = EIO;
    return -1;
}

static int begin(void **state)
{
    mapped = 0;
    reads = fail_at = 0;
    return 0;
}

/* ---- the tests ---- */

static void an_arena_is_unmapped(void **state)
{
    static const size_t sizes[] = { 1, 4096, 4097, 9 << 20 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *a = arena_new(sizes[i]);
        assert_non_null(a);
        assert_int_equal(mapped, sizes[i]);
        memset(a, 7, sizes[i]);
        arena_destroy(a, sizes[i]);
        assert_int_equal(mapped, 0);
    }
}

static void a_witness_is_unmapped(void **state)
{
    struct prove_error err = { 0 };
    struct wtns w;
    assert_int_equal(wtns_open(&w, wtns_file, &err), PV_OK);
    assert_int_equal(mapped, w.file.size);
    assert_ptr_equal(mapfile_own(&w.file), w.file.bytes); /* so that it can be wiped */
    wtns_close(&w);
    assert_int_equal(mapped, 0);
    assert_null(w.values);
    wtns_close(&w);
    assert_int_equal(mapped, 0);
    assert_int_equal(wtns_open(&w, zkey_file, &err), PV_BAD_WTNS);
    assert_string_equal(err.text, "data/chain-5/circuit.zkey: not a wtns file (it begins with \"zkey\")");
    assert_int_equal(mapped, 0);
}

static pv_status survey(struct zkey *z, struct prove_error *err)
{
    uint8_t digest[32];
    return zkey_survey(z, digest, zkey_file, NULL, err);
}

static pv_status witness(struct zkey *z, struct prove_error *err)
{
    struct wtns w;
    pv_status s = wtns_open(&w, wtns_file, err);
    if (s == PV_OK) wtns_close(&w);
    return s;
}

static void each_read_fails(pv_status (*open)(struct zkey *z, struct prove_error *err), const char *file, int least)
{
    char wanted[200];
    struct zkey z = { 0 };
    struct prove_error err = { 0 };
    int n = 0;
    snprintf(wanted, sizeof wanted, "%s: cannot be read: Input/output error", file);
    for (fail_at = 1; open(&z, &err) != PV_OK; fail_at++, reads = 0, n++) {
        assert_int_equal(err.status, PV_IO);
        assert_string_equal(err.text, wanted);
        assert_int_equal(mapped, 0);
        assert_int_equal(reads, fail_at); /* nothing is read after it */
        assert_true(n < 100);
    }
    assert_true(n >= least);
    zkey_close(&z);
    assert_int_equal(mapped, 0);
}

static void a_read_that_fails_is_told_wherever_it_is(void **state)
{
    each_read_fails(survey, zkey_file, 10);
    begin(state);
    each_read_fails(witness, wtns_file, 1);
}

#define T(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_arena_is_unmapped),
        T(a_witness_is_unmapped),
        T(a_read_that_fails_is_told_wherever_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
