/* What a proof with a resident key asks of the driver, counted: calls, launches, waits, bytes. Budgets, of small proofs that run and of large
 * ones on an H200's plan that are only counted; and that proofs of one key fly side by side in the key's memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cuda_layout.h"
#include "cuda_places.h"
#include "emu_fault.h"
#include "fixed_proof.h"
#include "same_sum.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static const struct prove_run plain_run = { .cpu.threads = 1 };

/* ---- what was asked of it ---- */

struct tally {
    unsigned long long taken, freed, made, blocking, waits, launches, kernels, copies, up, down;
};

static unsigned long long calls(const char *const *names)
{
    unsigned long long n = 0;
    while (*names) n += emu_count(*names++);
    return n;
}

#define CALLS(...) calls((const char *const[]){ __VA_ARGS__, NULL })

static struct tally so_far(void)
{
    return (struct tally){
        .taken = CALLS("cudaMalloc", "cudaMallocHost"),
        .freed = CALLS("cudaFree", "cudaFreeHost", "cudaFreeAsync", "cudaStreamDestroy", "cudaEventDestroy",
                       "cudaGraphExecDestroy"),
        .made = CALLS("cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaGraphInstantiate"),
        .blocking = CALLS("cudaStreamSynchronize", "cudaEventSynchronize", "cudaDeviceSynchronize"),
        .waits = CALLS("wait"),
        .launches = CALLS("launch", "cudaGraphLaunch"),
        .kernels = CALLS("kernel"),
        .copies = CALLS("cudaMemcpyAsync", "cudaMemsetAsync"),
        .up = CALLS("bytes up"),
        .down = CALLS("bytes down"),
    };
}

static struct tally since(const struct tally *from)
{
    const struct tally now = so_far();
    return (struct tally){ now.taken - from->taken,       now.freed - from->freed,   now.made - from->made,
                           now.blocking - from->blocking, now.waits - from->waits,   now.launches - from->launches,
                           now.kernels - from->kernels,   now.copies - from->copies, now.up - from->up,
                           now.down - from->down };
}

/* Nothing is made or given back while a key is resident, and no call stands still: the host looks at what is done, and naps. */
static void assert_resident(const struct tally *t)
{
    assert_int_equal(t->taken, 0);
    assert_int_equal(t->freed, 0);
    assert_int_equal(t->made, 0);
    assert_int_equal(t->blocking, 0);
}

/* ---- a circuit ---- */

struct circuit {
    struct zkey z;
    struct wtns w;
    struct backend_key *key;
};

static void circuit_open(struct circuit *c, const char *name, const struct backend_options *options)
{
    char path[64];
    struct prove_error err = { 0 };
    *c = (struct circuit){ 0 };
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    assert_int_equal(zkey_open(&c->z, path, &err), PV_OK);
    snprintf(path, sizeof path, "data/%s/witness.wtns", name);
    assert_int_equal(wtns_open(&c->w, path, &err), PV_OK);
    if (backend_cuda.key_open(&c->key, &c->z, options, &plain_run, &err) != PV_OK) fail_msg("%s", err.text);
}

static void circuit_close(struct circuit *c)
{
    backend_cuda.key_close(&c->key);
    wtns_close(&c->w);
    zkey_close(&c->z);
}

static struct tally counted_sums(struct backend_key *key, const bn254_scalar_packed *witness)
{
    struct backend_sums sums;
    struct prove_error err = { 0 };
    const struct tally before = so_far();
    if (backend_cuda.sums(&sums, key, witness, &plain_run, &err) != PV_OK) fail_msg("%s", err.text);
    return since(&before);
}

static void a_resident_proof_takes_nothing_and_waits_for_its_streams_alone(void **state)
{
    static const char *const names[] = { "chain-5", "chain-6", "bits", "hidden" };
    const struct backend_options one = { .places = 1 };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct circuit c;
        circuit_open(&c, names[i], &one);
        const struct tally first = counted_sums(c.key, c.w.values), second = counted_sums(c.key, c.w.values),
                           third = counted_sums(c.key, c.w.values);
        assert_resident(&second);
        assert_memory_equal(&second, &third, sizeof second);
        assert_true(first.made > 0);                     /* its recordings */
        assert_in_range(second.waits, 3, 4);             /* the witness is up; a stream for each part */
        assert_int_equal(second.launches, second.waits); /* a graph for the quotient and for each part */
        assert_int_equal(second.up, c.w.count * sizeof(bn254_scalar_packed));
        assert_int_equal(second.copies, 2); /* it goes up; all of it is wiped */
        assert_int_equal(first.up, second.up);
        circuit_close(&c);
    }
    assert_int_equal(emu_live(), 0);
}

/* ---- large ones, counted ---- */

/* A key of no circuit: points that are not infinity, and three entries of the matrices a row. */
struct paper {
    struct zkey z;
    uint8_t *points, *of_b;
    struct zkey_coef *coefs;
    bn254_scalar_packed *witness;
};

static void put32(uint8_t to[4], uint32_t v)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(v >> 8 * i);
}

static void paper_points(struct paper *p, bool b_is_sparse)
{
    const size_t bytes = (size_t)p->z.domain * 128;
    p->points = malloc(bytes);
    p->of_b = malloc(bytes);
    assert_true(p->points && p->of_b);
    memset(p->points, 1, bytes);
    memset(p->of_b, 1, bytes);
    for (size_t i = 0; b_is_sparse && i < bytes; i += 1024)
        memset(p->of_b + i, 0, 768); /* three quarters are infinity */
    p->z.ic = p->z.a = p->z.c = p->z.h = (const bn254_g1_packed *)p->points;
    p->z.b1 = (const bn254_g1_packed *)p->of_b;
    p->z.b2 = (const bn254_g2_packed *)p->of_b;
}

static void paper_new(struct paper *p, unsigned log_n, bool b_is_sparse)
{
    const uint32_t n = (uint32_t)1 << log_n;
    *p = (struct paper){ .z = { .vars = n - 2, .publics = 1, .domain = n, .log_domain = log_n, .coef_count = 3 * n } };
    paper_points(p, b_is_sparse);
    p->coefs = calloc(p->z.coef_count, sizeof *p->coefs);
    p->witness = calloc(p->z.vars, sizeof *p->witness);
    assert_true(p->coefs && p->witness);
    for (uint32_t i = 0; i < p->z.coef_count; i++) {
        put32(p->coefs[i].matrix, i % 3 == 2);
        put32(p->coefs[i].row, i / 3);
        put32(p->coefs[i].signal, i % p->z.vars);
        p->coefs[i].value[0] = 2;
    }
    p->z.coefs = p->coefs;
}

static void paper_free(struct paper *p)
{
    free(p->points);
    free(p->of_b);
    free(p->coefs);
    free(p->witness);
}

/* Of a resident proof on an H200. EXPECTED.md has them. */
struct budget {
    unsigned log_n;
    bool b_is_sparse;
    unsigned launches, kernels, copies, waits, down_kib, place_mib, pinned_mib;
};
static const struct budget budgets[] = {
    { 13, false, 3, 44, 2, 3, 10, 31, 1 },      { 16, false, 3, 44, 3, 3, 12, 197, 3 },
    { 16, true, 4, 59, 3, 4, 12, 158, 3 },      { 18, false, 46, 46, 17, 3, 13, 381, 9 },
    { 20, false, 50, 50, 41, 3, 15, 1100, 33 }, { 20, true, 65, 65, 45, 4, 14, 1010, 33 },
};

static unsigned kib(unsigned long long bytes)
{
    return (unsigned)((bytes + 1023) >> 10);
}

static void assert_budget(const struct budget *b)
{
    const struct backend_options one = { .places = 1 };
    struct paper p;
    struct backend_key *key = NULL;
    struct backend_need need;
    struct prove_error err = { 0 };
    bool better;
    paper_new(&p, b->log_n, b->b_is_sparse);
    if (backend_cuda.key_open(&key, &p.z, &one, &plain_run, &err) != PV_OK) fail_msg("%s", err.text);
    counted_sums(key, p.witness);
    const struct tally t = counted_sums(key, p.witness);
    backend_cuda.key_need(&need, &better, key);
    print_message(
        "2^%u%s: %llu launches of %llu kernels, %llu copies and wipes, %llu waits, %u KiB down; a place has %u MiB, "
        "and %u pinned; key %u MiB\n",
        b->log_n, b->b_is_sparse ? ", B sparse" : "", t.launches, t.kernels, t.copies, t.waits, kib(t.down),
        kib(kib(need.proof_bytes)), kib(kib(need.place_host_bytes)), kib(kib(need.key_bytes)));
    assert_resident(&t);
    assert_int_equal(t.up, p.z.vars * 32ull);
    assert_int_equal(t.waits, b->waits);
    assert_in_range(t.launches, 1, b->launches);
    assert_in_range(t.kernels, 1, b->kernels);
    assert_in_range(t.copies, 1, b->copies);
    assert_in_range(kib(t.down), 1, b->down_kib);
    assert_in_range(kib(kib(need.proof_bytes)), 1, b->place_mib);
    assert_in_range(kib(kib(need.place_host_bytes)), 1, b->pinned_mib);
    backend_cuda.key_close(&key);
    paper_free(&p);
}

static void proofs_of_real_sizes_keep_their_budgets(void **state)
{
    (void)state;
    setenv("EMU_SMS", "132", 1);
    emu_dry(1);
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) assert_budget(&budgets[i]);
    emu_dry(0);
    unsetenv("EMU_SMS");
    assert_int_equal(emu_live(), 0);
}

/* ---- proofs of one key side by side ---- */

enum { MOST = 4, MEET_S = 60 };

/* Where proofs wait for one another when all their work is queued. */
struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t came;
    unsigned wanted, there, busy, late;
    unsigned long long waits, kernels; /* seen by the last that came */
};

static void meet(void *arg)
{
    struct meeting *m = arg;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += MEET_S;
    pthread_mutex_lock(&m->lock);
    if (++m->there == m->wanted) {
        m->busy = emu_busy(), m->waits = emu_count("wait"), m->kernels = emu_count("kernel");
        pthread_cond_broadcast(&m->came);
    }
    int rc = 0;
    while (m->there < m->wanted && rc != ETIMEDOUT) rc = pthread_cond_timedwait(&m->came, &m->lock, &until);
    m->late += rc == ETIMEDOUT;
    pthread_mutex_unlock(&m->lock);
}

struct flyer {
    struct circuit *circuit;
    struct meeting *meeting;
    struct backend_sums sums;
    struct prove_error err;
    pv_status status;
};

static void *fly(void *arg)
{
    struct flyer *f = arg;
    const struct prove_run run = { .cpu.threads = 1, .meanwhile = meet, .meanwhile_arg = f->meeting };
    f->status = backend_cuda.sums(&f->sums, f->circuit->key, f->circuit->w.values, &run, &f->err);
    return NULL;
}

static void assert_same(const struct backend_sums *a, const struct backend_sums *b)
{
    assert_true(same_sum_g1(&a->a, &b->a) && same_sum_g1(&a->b1, &b->b1) && same_sum_g1(&a->c, &b->c) &&
                same_sum_g1(&a->h, &b->h) && same_sum_g2(&a->b2, &b->b2));
}

/* n proofs of the key, none of which goes on before all of them have queued their work; what was asked of the driver. */
static struct tally fly_together(struct circuit *c, unsigned n, const struct backend_sums *right)
{
    struct meeting m = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER, .wanted = n };
    struct flyer f[MOST] = { 0 };
    pthread_t thread[MOST];
    const struct tally before = so_far();
    for (unsigned i = 0; i < n; i++) {
        f[i].circuit = c, f[i].meeting = &m;
        assert_int_equal(pthread_create(&thread[i], NULL, fly, &f[i]), 0);
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(thread[i], NULL);
        if (f[i].status != PV_OK) fail_msg("%s", f[i].err.text);
        assert_same(&f[i].sums, right);
    }
    assert_int_equal(m.late, 0); /* nobody waited for one that another's proof held up */
    assert_in_range(m.busy, 2 * n, CUDA_STREAMS * n);
    const struct tally t = since(&before);
    if (t.taken) return t;                   /* a place was made, which waits */
    assert_int_equal(m.waits, before.waits); /* nobody's host waited, and no kernel ran, before all were queued */
    assert_int_equal(m.kernels, before.kernels);
    return t;
}

static void proofs_of_one_key_fly_side_by_side_in_its_memory(void **state)
{
    (void)state;
    unsigned long long tables = 0, place = 0;
    for (unsigned n = 1; n <= MOST; n++) {
        const struct backend_options options = { .places = n };
        struct circuit c;
        struct backend_sums right;
        struct prove_error err = { 0 };
        circuit_open(&c, "chain-5", &options);
        if (n == 1) place = cuda_places_bytes(0), tables = emu_allocated() - place;
        assert_int_equal(backend_cuda.sums(&right, c.key, c.w.values, &plain_run, &err), PV_OK);
        fly_together(&c, n, &right); /* makes the places */
        assert_int_equal(cuda_places_bytes(0), n * place);
        assert_int_equal(emu_allocated(), tables + n * place);
        const struct tally t = fly_together(&c, n, &right);
        assert_resident(&t);
        assert_int_equal(t.up, n * c.w.count * sizeof(bn254_scalar_packed));
        assert_int_equal(t.waits, t.launches);
        assert_in_range(t.waits, 3 * n, 4 * n);
        assert_int_equal(emu_allocated(), tables + n * place);
        circuit_close(&c);
        assert_int_equal(emu_live(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resident_proof_takes_nothing_and_waits_for_its_streams_alone),
        cmocka_unit_test(proofs_of_real_sizes_keep_their_budgets),
        cmocka_unit_test(proofs_of_one_key_fly_side_by_side_in_its_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
