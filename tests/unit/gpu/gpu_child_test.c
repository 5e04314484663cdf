/* The process of a GPU without its socket: each thing that it can be told, right and wrong, with the CPU's sums in the GPU's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "child_serve.h"
#include "gpu_child.h"
#include "gpu_words.h"
#include "shared_bytes.h"
#include "wtns.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- the other end ---- */

static pv_status (*serve)(void *arg, struct child_job *job, struct child_answer *answer);
static struct gpu_ready ready;
static char refused[128];

int __wrap_child_serve(const struct child_serve_options *o, const uint8_t *bytes, size_t n);
int __wrap_child_serve(const struct child_serve_options *o, const uint8_t *bytes, size_t n)
{
    serve = o->run;
    assert_int_equal(o->threads, 3);
    assert_int_equal(n, sizeof ready);
    memcpy(&ready, bytes, n);
    return 17;
}

int __wrap_child_refuse(const char *why);
int __wrap_child_refuse(const char *why)
{
    snprintf(refused, sizeof refused, "%s", why);
    return 18;
}

void __wrap_child_progress(const struct child_job *job, const char *word, unsigned percent);
void __wrap_child_progress(const struct child_job *job, const char *word, unsigned percent)
{
    assert_int_equal(job->kind, GPU_SUMS);
}

/* ---- the GPU ---- */

static struct backend fake;
static int opened, needs;
static pv_status usable_is, open_is, sums_are, check_is;
static unsigned slower;

static pv_status fake_usable(const struct backend_options *options, struct prove_error *err)
{
    assert_int_equal(options->device, 4);
    return usable_is == PV_OK ? PV_OK : prove_error_set(err, usable_is, "no driver");
}

static size_t fake_bytes(const struct backend_options *options)
{
    return options->device == 4 ? 1000 : 0;
}

static unsigned fake_sm(const struct backend_options *options)
{
    return options->device == 4 ? 132 : 0;
}

static pv_status fake_open(struct backend_key **key, const struct zkey *z, const struct backend_options *o,
                           const struct prove_run *run, struct prove_error *err)
{
    assert_int_equal(o->device, 4);
    assert_int_equal(o->threads, 1);
    assert_int_equal(o->memory_bytes_max, 1 << 20);
    assert_int_equal(o->places, 2);
    assert_true(o->best_plan_only);
    if (open_is != PV_OK) return prove_error_set(err, open_is, "the card is full");
    const struct backend_options own = { .threads = 1 };
    TRY(backend_cpu.key_open(key, z, &own, run, err));
    opened++;
    return PV_OK;
}

static void fake_close(struct backend_key **key)
{
    opened -= *key != NULL;
    backend_cpu.key_close(key);
}

static void fake_need(struct backend_need *need, bool *better, struct backend_key *key)
{
    needs++;
    *better = true;
    *need = (struct backend_need){
        .key_bytes = 1, .proof_bytes = 2, .place_host_bytes = 3, .best_bytes = 4, .places = 5, .slower = slower
    };
}

static pv_status fake_check(struct backend_key *key, const struct zkey *z, const struct prove_run *run,
                            struct prove_error *err)
{
    return check_is == PV_OK ? PV_OK : prove_error_set(err, check_is, "a point is bad");
}

static pv_status fake_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                           const struct prove_run *run, struct prove_error *err)
{
    if (sums_are != PV_OK) return prove_error_set(err, sums_are, "an illegal memory access");
    return backend_cpu.sums(out, key, witness, run, err);
}

/* ---- the node ---- */

static struct child_answer answer;
static struct mapfile file;
static struct wtns w;

static int lend(const void *bytes, size_t n)
{
    struct shared_bytes b;
    assert_int_equal(shared_bytes_new(&b, "lent", n), PV_OK);
    memcpy(b.at, bytes, n);
    int fd = fcntl(b.fd, F_DUPFD_CLOEXEC, 0);
    shared_bytes_clear(&b);
    return fd;
}

/* fd: -1, none is sent. It is closed by whoever has it last. */
static pv_status ask(unsigned kind, const void *body, size_t n, int fd)
{
    struct child_job job = { .kind = kind, .body = body, .bytes = n, .fds = { fd }, .fds_n = fd >= 0 };
    memset(&answer, 0, sizeof answer);
    pv_status s = serve(NULL, &job, &answer);
    if (job.fds_n && job.fds[0] >= 0) close(job.fds[0]);
    return s;
}

static void expect_rule(unsigned kind, const void *body, size_t n, int fd)
{
    assert_int_equal(ask(kind, body, n, fd), PV_BAD_MESSAGE);
    assert_string_equal(answer.why, "the GPU's process was told what makes no sense");
    assert_int_equal(answer.bytes, 0);
}

static int key_lent(void)
{
    return lend(file.bytes, file.size);
}

static struct gpu_key_open opening(uint64_t number)
{
    return (struct gpu_key_open){
        .key = number, .bytes = file.size, .memory_bytes_max = 1 << 20, .places = 2, .best_plan_only = 1
    };
}

static void open_key(uint64_t number)
{
    const struct gpu_key_open m = opening(number);
    pv_status s = ask(GPU_KEY_OPEN, &m, sizeof m, key_lent());
    if (s != PV_OK) fail_msg("%s", answer.why);
}

static void close_key(uint64_t number)
{
    const struct gpu_key_close m = { number };
    assert_int_equal(ask(GPU_KEY_CLOSE, &m, sizeof m, -1), PV_OK);
    assert_int_equal(answer.bytes, 0);
}

static int begin(void **state)
{
    static const struct gpu_child_options o = { .backend = &fake, .device = 4, .jobs = 3, .threads = 1 };
    fake = backend_cpu;
    fake.name = "fake";
    fake.proofs_at_once = 6;
    fake.usable = fake_usable;
    fake.device_bytes = fake_bytes;
    fake.device_sm_count = fake_sm;
    fake.key_open = fake_open;
    fake.key_close = fake_close;
    fake.key_need = fake_need;
    fake.key_check = fake_check;
    fake.sums = fake_sums;
    usable_is = open_is = sums_are = check_is = PV_OK;
    slower = 0;
    needs = 0;
    assert_int_equal(mapfile_open(&file, "data/chain-5/circuit.zkey", NULL), PV_OK);
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", NULL), PV_OK);
    assert_int_equal(gpu_child(&o), 17);
    usable_is = PV_NO_DEVICE;
    assert_int_equal(gpu_child(&o), 18);
    assert_string_equal(refused, "no driver");
    return 0;
}

static int end(void **state)
{
    assert_int_equal(opened, 0);
    wtns_close(&w);
    mapfile_close(&file);
    return 0;
}

/* ---- the tests ---- */

static void it_says_what_the_card_is(void **state)
{
    const struct gpu_ready wanted = {
        .version = GPU_WORDS_VERSION, .proofs_at_once = 6, .bytes = 1000, .sm_count = 132
    };
    assert_memory_equal(&ready, &wanted, sizeof ready);
}

static void a_key_is_opened_and_closed(void **state)
{
    struct gpu_key_plan plan,
        wanted = { .key_bytes = 1, .proof_bytes = 2, .place_host_bytes = 3, .best_bytes = 4, .places = 5, .known = 1 };
    open_key(7);
    assert_int_equal(answer.bytes, sizeof plan);
    assert_memory_equal(answer.body, &wanted, sizeof wanted);
    assert_int_equal(opened, 1);
    fake.key_need = NULL;
    open_key(8);
    memset(&wanted, 0, sizeof wanted);
    assert_memory_equal(answer.body, &wanted, sizeof wanted);
    assert_int_equal(opened, 2);
    close_key(7);
    assert_int_equal(opened, 1);
    expect_rule(GPU_KEY_CLOSE, &(struct gpu_key_close){ 7 }, sizeof(struct gpu_key_close), -1);
    close_key(8);
}

static void a_key_that_cannot_be_opened_leaves_nothing(void **state)
{
    struct gpu_key_open m = opening(7);
    open_is = PV_NO_MEMORY;
    assert_int_equal(ask(GPU_KEY_OPEN, &m, sizeof m, key_lent()), PV_NO_MEMORY);
    assert_string_equal(answer.why, "the card is full");
    open_is = PV_OK;
    m.bytes--;
    assert_int_equal(ask(GPU_KEY_OPEN, &m, sizeof m, key_lent()), PV_BAD_MESSAGE);
    assert_non_null(strstr(answer.why, "the key's memory: "));
    m = opening(7);
    uint8_t *copy = memcpy((uint8_t[8192]){ 0 }, file.bytes, file.size);
    copy[0] ^= 1;
    assert_int_equal(ask(GPU_KEY_OPEN, &m, sizeof m, lend(copy, file.size)), PV_BAD_ZKEY);
    assert_non_null(strstr(answer.why, "the key: not a zkey file"));
    assert_int_equal(opened, 0);
    open_key(7); /* the number was not taken */
    m.key = 7;
    expect_rule(GPU_KEY_OPEN, &m, sizeof m, key_lent());
    assert_int_equal(opened, 1);
    close_key(7);
}

static void what_makes_no_sense_is_refused(void **state)
{
    const struct gpu_key_open m = opening(9);
    const struct gpu_key_close c = { 7 };
    const struct gpu_key_check k = { .key = 7, .bytes = file.size }, unknown = { .key = 9, .bytes = file.size };
    const struct gpu_sums x = { .key = 7 }, of_none = { .key = 9 }, beyond = { .key = 7, .place = GPU_PLACES_MAX };
    open_key(7);
    expect_rule(GPU_KEY_OPEN, &m, sizeof m - 1, key_lent());
    expect_rule(GPU_KEY_OPEN, &m, sizeof m, -1);
    expect_rule(GPU_KEY_CLOSE, &c, sizeof c - 1, -1);
    expect_rule(GPU_KEY_CHECK, &k, sizeof k - 1, key_lent());
    expect_rule(GPU_KEY_CHECK, &k, sizeof k, -1);
    expect_rule(GPU_KEY_CHECK, &unknown, sizeof unknown, key_lent());
    expect_rule(GPU_SUMS, &x, sizeof x - 1, -1);
    expect_rule(GPU_SUMS, &x, sizeof x, -1);         /* the place has no memory yet */
    expect_rule(GPU_SUMS, &x, sizeof x, key_lent()); /* nor has it that many bytes */
    expect_rule(GPU_SUMS, &of_none, sizeof of_none, key_lent());
    expect_rule(GPU_SUMS, &beyond, sizeof beyond, key_lent());
    expect_rule(4, &c, sizeof c, -1);
    close_key(7);
}

static void expect_sums(const struct gpu_sums *m, int fd, bool better)
{
    struct gpu_sums_found found;
    pv_status s = ask(GPU_SUMS, m, sizeof *m, fd);
    if (s != PV_OK) fail_msg("%s", answer.why);
    assert_int_equal(answer.bytes, sizeof found);
    memcpy(&found, answer.body, sizeof found);
    assert_int_equal(found.better_now, better);
    assert_false(bn254_g1_is_infinity(&found.sums.a));
}

static void sums_are_made_in_a_place_that_stays(void **state)
{
    const struct gpu_sums one = { .key = 7 }, last = { .key = 7, .place = GPU_PLACES_MAX - 1 };
    size_t n = w.count * sizeof *w.values;
    open_key(7);
    needs = 0;
    expect_sums(&one, lend(w.values, n), false);
    expect_sums(&one, -1, false);
    expect_sums(&one, lend(w.values, n), false); /* another memory in its place */
    expect_sums(&last, lend(w.values, n), false);
    assert_int_equal(needs, 0); /* the device is not asked for a key that has its best plan */
    sums_are = PV_DEVICE;
    assert_int_equal(ask(GPU_SUMS, &one, sizeof one, -1), PV_DEVICE);
    assert_string_equal(answer.why, "an illegal memory access");
    assert_int_equal(answer.bytes, 0);
    sums_are = PV_OK;
    close_key(7);
    slower = 9;
    open_key(7);
    expect_sums(&one, lend(w.values, n), true);
    close_key(7);
}

static void a_key_is_looked_at_again(void **state)
{
    const struct gpu_key_check m = { .key = 7, .bytes = file.size };
    struct gpu_key_check shorter = m;
    struct mapfile other;
    open_key(7);
    assert_int_equal(ask(GPU_KEY_CHECK, &m, sizeof m, key_lent()), PV_OK);
    assert_int_equal(answer.bytes, 0);
    check_is = PV_BAD_ZKEY;
    assert_int_equal(ask(GPU_KEY_CHECK, &m, sizeof m, key_lent()), PV_BAD_ZKEY);
    assert_string_equal(answer.why, "a point is bad");
    check_is = PV_OK;
    shorter.bytes--;
    assert_int_equal(ask(GPU_KEY_CHECK, &shorter, sizeof shorter, key_lent()), PV_BAD_MESSAGE);
    assert_string_equal(answer.why, "the key's memory");
    assert_int_equal(mapfile_open(&other, "data/chain-6/circuit.zkey", NULL), PV_OK);
    shorter.bytes = other.size;
    assert_int_equal(ask(GPU_KEY_CHECK, &shorter, sizeof shorter, lend(other.bytes, other.size)), PV_BAD_MESSAGE);
    assert_string_equal(answer.why, "another key's bytes");
    mapfile_close(&other);
    fake.key_check = NULL;
    assert_int_equal(ask(GPU_KEY_CHECK, &m, sizeof m, key_lent()), PV_NO_DEVICE);
    assert_string_equal(answer.why, "this backend looks at no keys");
    close_key(7);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(it_says_what_the_card_is),
        T(a_key_is_opened_and_closed),
        T(a_key_that_cannot_be_opened_leaves_nothing),
        T(what_makes_no_sense_is_refused),
        T(sums_are_made_in_a_place_that_stays),
        T(a_key_is_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
