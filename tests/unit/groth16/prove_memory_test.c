/* The memory of a proof: no more than planned, no page that is not used, and of the key only the part in use. */
#include "arena.h"
#include "prove.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const char key_path[] = "data/member/circuit.zkey", witness_path[] = "data/member/witness.wtns";

static size_t status_kib(const char *field)
{
    char line[256];
    size_t kib = 0;
    FILE *in = fopen("/proc/self/status", "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in))
        if (!strncmp(line, field, strlen(field))) kib = strtoul(line + strlen(field) + 1, NULL, 10);
    fclose(in);
    return kib;
}

/* Resets the kernel's record of the highest resident size. */
static void forget_the_peak(void)
{
    FILE *out = fopen("/proc/self/clear_refs", "w");
    if (!out || fputs("5", out) < 0 || fclose(out) != 0) skip();
}

/* The most KiB that opening the key and one proof add to the resident size. */
static size_t peak_kib(enum prove_key_pages key_pages)
{
    struct prove_run run = { .key_pages = key_pages };
    static const struct backend_options options;
    struct prove_error err = { 0 };
    struct prove_key *key;
    struct groth16_proof proof;
    struct wtns w;
    forget_the_peak();
    size_t before = status_kib("VmRSS:");
    if (prove_key_new(&key, key_path, &backend_cpu, &options, &run, &err) != PV_OK) fail_msg("%s", err.text);
    assert_int_equal(wtns_open(&w, witness_path, &err), PV_OK);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, &err), PV_OK);
    size_t peak = status_kib("VmHWM:") - before;
    wtns_close(&w);
    prove_key_destroy(&key);
    return peak;
}

static void a_single_proof_never_holds_the_whole_key(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their shadows count too */
#endif
    static const struct backend_options options;
    struct backend_need need;
    struct zkey z;
    assert_int_equal(zkey_open(&z, key_path, NULL), PV_OK);
    assert_int_equal(backend_cpu.need(&need, &z, &options, NULL), PV_OK);
    /* At most the three G1 sections of the witness's sums at one time; coefficients, H and B2 come before and after. */
    size_t file = z.file.size, at_once = 3 * z.vars * sizeof *z.a;
    zkey_close(&z);
    (void)peak_kib(PROVE_KEY_STAYS); /* the libraries' own pages, once */
    size_t stays = peak_kib(PROVE_KEY_STAYS), passes = peak_kib(PROVE_KEY_PASSES_BY);
    size_t planned = (need.key_bytes + need.proof_bytes) / 1024, slack = 700; /* the witness's file, threads, tables */
    printf("key %zu KiB, planned %zu, peak %zu, of a key that passes by %zu\n", file / 1024, planned, stays, passes);
    assert_true(stays <= file / 1024 + planned + slack);
    assert_true(passes <= at_once / 1024 + planned + slack);
}

/* KiB of the mapping that begins there which this process holds: counted page by page. (The sizes of the whole process in
 * /proc/self/status are summed up from its threads in batches, and differ by hundreds of KiB from run to run.) */
static size_t held_kib(const void *from)
{
    char line[256], begin[32];
    bool here = false;
    size_t kib = SIZE_MAX;
    FILE *in = fopen("/proc/self/smaps", "r");
    assert_non_null(in);
    snprintf(begin, sizeof begin, "%zx-", (size_t)from);
    while (kib == SIZE_MAX && fgets(line, sizeof line, in)) {
        here |= !strncmp(line, begin, strlen(begin));
        if (here && !strncmp(line, "Rss:", 4)) kib = strtoul(line + 4, NULL, 10);
    }
    fclose(in);
    assert_true(kib != SIZE_MAX);
    return kib;
}

/* What is held of a key at each report of its proof. */
struct held {
    const void *key;
    size_t kib[101]; /* by percent */
};

static void on_progress(void *arg, const char *phase, unsigned percent)
{
    struct held *h = arg;
    if (h->key) h->kib[percent] = held_kib(h->key);
}

/* Each section goes when its step is over. */
static void a_key_that_passes_by_is_released_step_by_step(void **state)
{
    (void)state;
    enum { AROUND = 200 }; /* KiB that the kernel maps around a page that is read, at the ends of the sections */
    static const struct backend_options options;
    struct held held = { 0 };
    struct prove_run run = { .key_pages = PROVE_KEY_PASSES_BY, .progress = on_progress, .progress_arg = &held };
    struct prove_key *key;
    struct groth16_proof proof;
    struct wtns w;
    assert_int_equal(prove_key_new(&key, key_path, &backend_cpu, &options, &run, NULL), PV_OK);
    assert_int_equal(wtns_open(&w, witness_path, NULL), PV_OK);
    const struct zkey *z = prove_key_zkey(key);
    held.key = z->file.bytes;
    size_t b2 = z->vars * sizeof *z->b2 / 1024, coefs = z->coef_count * sizeof *z->coefs / 1024;
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, NULL), PV_OK);
    printf("held: %zu KiB after the checks, %zu after the quotient, %zu after H, %zu after the sums (B2: %zu)\n",
           held.kib[5], held.kib[20], held.kib[45], held.kib[95], b2);
    assert_true(b2 > 2 * AROUND && coefs > 2 * AROUND && z->domain * sizeof *z->h / 1024 > 2 * AROUND);
    assert_true(held.kib[5] <= coefs + AROUND); /* they come next */
    assert_true(held.kib[20] <= AROUND);
    assert_true(held.kib[45] <= AROUND);
    assert_true(held.kib[95] <= b2 + AROUND);
    wtns_close(&w);
    prove_key_destroy(&key);
}

static size_t present_pages(uint8_t *from, size_t pages, size_t page)
{
    unsigned char *there = malloc(pages);
    size_t n = 0;
    assert_int_equal(mincore(from, pages * page, there), 0);
    for (size_t i = 0; i < pages; i++) n += there[i] & 1;
    free(there);
    return n;
}

static void an_arena_takes_no_page_before_it_is_written_to(void **state)
{
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = 20000;
    uint8_t *arena = arena_new(pages * page);
    assert_non_null(arena);
    assert_int_equal(present_pages(arena, pages, page), 0);
    arena[5000 * page] = 1;
    size_t touched = present_pages(arena, pages, page); /* one page, or a huge one */
    assert_in_range(touched, 1, 512);
    arena_give_back(arena + 1, 4000 * page); /* looks at pages that are not there */
    assert_true(present_pages(arena, pages, page) <= touched);
    arena_destroy(arena, pages * page);
}

/* Also where it begins and ends inside a page. */
static void what_is_given_back_reads_as_zeroes_and_nothing_else_does(void **state)
{
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 9 * page;
    static const size_t ranges[][2] = { { 0, 1 },    { 5, 90 },          { 1, 3 * 4096 }, { 4096, 4096 },
                                        { 4095, 2 }, { 100, 4096 + 17 }, { 7, 0 } };
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
        uint8_t *arena = arena_new(bytes);
        assert_non_null(arena);
        memset(arena, 0xa5, bytes);
        arena_give_back(arena + ranges[r][0], ranges[r][1]);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(arena[i], i >= ranges[r][0] && i - ranges[r][0] < ranges[r][1] ? 0 : 0xa5);
        arena_destroy(arena, bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_proof_never_holds_the_whole_key),
        cmocka_unit_test(a_key_that_passes_by_is_released_step_by_step),
        cmocka_unit_test(an_arena_takes_no_page_before_it_is_written_to),
        cmocka_unit_test(what_is_given_back_reads_as_zeroes_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
