/* After a proof, no memory that this process can write to holds a value of the witness, or r, or s. While the proof
 * runs some does: the pipeline keeps r and s, and the caller keeps the witness, as the node keeps a task's input.
 *
 * Looked for: the blinding values, and 500 large values of the witness as they are in the file and in Montgomery's
 * form. The patterns of the search are masked, and a child process makes them, so that the search never finds the
 * test's own copy. */
#include "fr.h"
#include "prove.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char key_path[] = "data/member/circuit.zkey", witness_path[] = "data/member/witness.wtns";
static const uint64_t mask = 0xa5c3965a3c69f00f;

enum { VALUES = 500, PATTERNS = 2 + 2 * VALUES, FILTER = 1 << 16 };

/* Shared with the child that fills it. A pattern is 32 bytes, each word under the mask. */
static struct looked_for {
    size_t n;
    uint64_t pattern[PATTERNS][4];
    uint8_t filter[FILTER]; /* of the lowest 16 bits, unmasked: says little and saves most comparisons */
} * looked_for;

struct found {
    size_t blinding, witness;
};

/* Two draws that are certainly below r. */
static pv_status fixed_random(void *arg, uint8_t *bytes, size_t n)
{
    unsigned *call = arg;
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(0x11 + 37 * i + 101 * *call);
    bytes[n - 1] = 0x0b;
    ++*call;
    return PV_OK;
}

static void look_for(const uint64_t value[4])
{
    uint64_t *p = looked_for->pattern[looked_for->n++];
    for (int i = 0; i < 4; i++) p[i] = value[i] ^ mask;
    looked_for->filter[value[0] % FILTER] = 1;
}

static void look_for_value(const bn254_scalar_packed *packed)
{
    bn254_scalar k;
    bn254_fr x;
    memcpy(k.l, packed->bytes, sizeof k.l);
    if (!k.l[3]) return; /* small: such words are anywhere */
    bn254_fr_from_scalar(&x, &k);
    look_for(k.l);
    look_for(x.l);
}

static int fill(void)
{
    struct prove_error err = { 0 };
    struct wtns w;
    uint64_t k[4];
    for (unsigned call = 0; looked_for->n < 2; look_for(k)) fixed_random(&call, (uint8_t *)k, sizeof k);
    if (wtns_open(&w, witness_path, &err) != PV_OK) return 1;
    for (uint32_t i = w.count; i-- > 0 && looked_for->n + 2 <= PATTERNS;) look_for_value(&w.values[i]);
    return looked_for->n < 200;
}

static void fill_in_a_child(void)
{
    int status;
    looked_for = mmap(NULL, sizeof *looked_for, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(looked_for, MAP_FAILED);
    pid_t child = fork();
    if (child == 0) _exit(fill());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void compare_at(const uint8_t *at, struct found *found)
{
    uint64_t v[4];
    memcpy(v, at, sizeof v);
    for (size_t i = 0; i < looked_for->n; i++) {
        const uint64_t *p = looked_for->pattern[i];
        if ((v[0] ^ mask) != p[0] || (v[1] ^ mask) != p[1] || (v[2] ^ mask) != p[2] || (v[3] ^ mask) != p[3]) continue;
        *(i < 2 ? &found->blinding : &found->witness) += 1;
    }
    explicit_bzero(v, sizeof v);
}

static void search(const uint8_t *bytes, size_t n, struct found *found)
{
    for (size_t i = 0; i + 32 <= n; i++)
        if (looked_for->filter[bytes[i] | bytes[i + 1] << 8]) compare_at(bytes + i, found);
}

/* Windows overlap, so that nothing hides between two of them. The buffer is wiped, or the search would find it in the
 * end. */
static void search_range(int memory, uintptr_t from, uintptr_t to, struct found *found)
{
    static uint8_t window[1 << 16];
    while (from < to) {
        size_t want = to - from < sizeof window ? to - from : sizeof window;
        ssize_t got = pread(memory, window, want, (off_t)from);
        if (got <= 0) return; /* [vvar] and the like */
        search(window, (size_t)got, found);
        explicit_bzero(window, sizeof window);
        from += (size_t)got == want && to - from > want ? want - 32 : (size_t)got;
    }
}

static struct found search_process(void)
{
    struct found found = { 0 };
    char line[512], mode[8];
    unsigned long from, to;
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_true(memory >= 0);
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w')
            search_range(memory, from, to, &found);
    fclose(maps);
    close(memory);
    return found;
}

/* The most matches at any of the moments at which a proof reports progress. */
static void on_progress(void *arg, const char *phase, unsigned percent)
{
    struct found *most = arg, now = search_process();
    (void)phase;
    (void)percent;
    if (now.blinding > most->blinding) most->blinding = now.blinding;
    if (now.witness > most->witness) most->witness = now.witness;
}

/* By read(2): a stream would leave a copy in its buffer. */
static uint8_t *read_witness(size_t *bytes)
{
    struct stat st;
    int fd = open(witness_path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *input = malloc((size_t)st.st_size);
    assert_non_null(input);
    assert_int_equal(read(fd, input, (size_t)st.st_size), st.st_size);
    close(fd);
    *bytes = (size_t)st.st_size;
    return input;
}

static void prove_once(enum bn254_path path, struct found *during)
{
    static const struct backend_options backend_options;
    unsigned call = 0;
    struct prove_options options = { .random = fixed_random, .random_arg = &call };
    struct prove_run run = { .cpu = { .path = path, .threads = 2 }, .progress = on_progress, .progress_arg = during };
    struct prove_error err = { 0 };
    struct prove_key *key;
    struct groth16_proof proof;
    struct wtns w;
    if (prove_key_new(&key, key_path, &backend_cpu, &backend_options, &run, &err) != PV_OK) fail_msg("%s", err.text);
    size_t bytes;
    uint8_t *input = read_witness(&bytes);
    assert_int_equal(wtns_of(&w, input, bytes, witness_path, &err), PV_OK);
    assert_int_equal(prove_groth16(&proof, key, &w, &options, &run, &err), PV_OK);
    wtns_close(&w);
    explicit_bzero(input, bytes);
    free(input);
    prove_key_destroy(&key);
}

static void nothing_of_a_witness_outlives_its_proof(void **state)
{
    enum bn254_path path = *(enum bn254_path *)*state;
    struct found during = { 0 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* terabytes of shadow to search, and freed memory kept on purpose */
#endif
    if (!bn254_path_available(path)) skip();
    prove_once(path, &during);
    struct found after = search_process();
    print_message("%s: during %zu blinding, %zu witness; after %zu, %zu\n", bn254_path_name(path), during.blinding,
                  during.witness, after.blinding, after.witness);
    assert_true(during.blinding > 0);
    assert_true(during.witness > 0);
    assert_int_equal(after.blinding, 0);
    assert_int_equal(after.witness, 0);
}

int main(void)
{
    static enum bn254_path paths[] = { BN254_PATH_PORTABLE, BN254_PATH_ADX, BN254_PATH_IFMA };
    const struct CMUnitTest tests[] = {
        { "portable", nothing_of_a_witness_outlives_its_proof, NULL, NULL, &paths[0] },
        { "mulx/adx", nothing_of_a_witness_outlives_its_proof, NULL, NULL, &paths[1] },
        { "IFMA", nothing_of_a_witness_outlives_its_proof, NULL, NULL, &paths[2] },
    };
    fill_in_a_child();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
