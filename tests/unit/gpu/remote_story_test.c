/* What a node says to the processes of its GPUs, call by call, in a golden text: keys opened, closed and looked at, sums, memory that is lent and wiped, each
 * failure. The processes are the test's. `remote_story_test FILE write` writes the text anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend_remote.h"
#include "golden.h"
#include "gpu_words.h"
#include "gpus.h"
#include "shared_bytes.h"
#include "wtns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

static const char *golden;

/* ---- the GPUs ---- */

static struct {
    bool none, stops; /* no GPU is to be had; who naps is told to stop */
    unsigned device;  /* that is taken next */
    uint64_t generation;
    pv_status wait, call[8]; /* of the calls to come */
    unsigned calls, naps, naps_most, places, short_answer;
    bool unread; /* the process had not the job */
    struct gpu_key_plan plan;
    struct gpu_sums_found found;
    uint64_t keys;
    bool no_memory;
    void (*within)(void); /* the next call */
} now;

static const struct zkey *key_sent;
static const struct wtns *witness_sent;
static atomic_int stop;

unsigned __wrap_gpus_count(const struct gpus *g);
unsigned __wrap_gpus_count(const struct gpus *g)
{
    return 2;
}

unsigned __wrap_gpus_places(const struct gpus *g, unsigned i);
unsigned __wrap_gpus_places(const struct gpus *g, unsigned i)
{
    return now.places;
}

size_t __wrap_gpus_bytes(const struct gpus *g);
size_t __wrap_gpus_bytes(const struct gpus *g)
{
    return (size_t)1 << 30;
}

unsigned __wrap_gpus_sm_count(const struct gpus *g);
unsigned __wrap_gpus_sm_count(const struct gpus *g)
{
    return 132;
}

uint64_t __wrap_gpus_key_number(struct gpus *g);
uint64_t __wrap_gpus_key_number(struct gpus *g)
{
    return ++now.keys;
}

bool __wrap_gpus_take(struct gpus *g, unsigned *i, uint64_t *generation);
bool __wrap_gpus_take(struct gpus *g, unsigned *i, uint64_t *generation)
{
    if (now.none) return golden_tell("  none to take\n"), false;
    golden_tell("  take %u\n", now.device);
    *i = now.device;
    *generation = now.generation;
    return true;
}

void __wrap_gpus_take_one(struct gpus *g, unsigned i);
void __wrap_gpus_take_one(struct gpus *g, unsigned i)
{
    golden_tell("  take one %u\n", i);
}

void __wrap_gpus_give(struct gpus *g, unsigned i);
void __wrap_gpus_give(struct gpus *g, unsigned i)
{
    golden_tell("  give %u\n", i);
}

void __wrap_gpus_on_trial(struct gpus *g, unsigned i, uint64_t generation);
void __wrap_gpus_on_trial(struct gpus *g, unsigned i, uint64_t generation)
{
    golden_tell("  on trial %u in %d\n", i, (int)generation);
}

pv_status __wrap_gpus_wait(struct gpus *g, unsigned i, const atomic_int *stopped, struct prove_error *err);
pv_status __wrap_gpus_wait(struct gpus *g, unsigned i, const atomic_int *stopped, struct prove_error *err)
{
    golden_tell("  wait for %u%s\n", i, stopped == &stop ? " or the stop" : "");
    return now.wait == PV_OK ? PV_OK : prove_error_set(err, now.wait, "it does not come");
}

/* What the descriptor that goes along has. */
static const char *lent(int fd)
{
    struct stat st;
    if (fstat(fd, &st)) return "a closed descriptor";
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    const char *is = "other bytes";
    if (at == MAP_FAILED) return "what cannot be read";
    if ((size_t)st.st_size == key_sent->size && !memcmp(at, key_sent->bytes, key_sent->size)) is = "the key";
    if (witness_sent && (size_t)st.st_size == witness_sent->count * sizeof(bn254_scalar_packed) &&
        !memcmp(at, witness_sent->values, (size_t)st.st_size))
        is = "the witness";
    munmap(at, (size_t)st.st_size);
    return is;
}

static void job_tell(const struct supervisor_job *job)
{
    struct gpu_key_open open;
    struct gpu_key_check check;
    struct gpu_key_close close;
    struct gpu_sums sums;
    switch ((enum gpu_job)job->kind) {
    case GPU_KEY_OPEN:
        assert_int_equal(job->bytes, sizeof open);
        memcpy(&open, job->body, sizeof open);
        golden_tell("open key=%d bytes=%d most=%d places=%u%s", (int)open.key, (int)open.bytes,
                    (int)open.memory_bytes_max, open.places, open.best_plan_only ? " best plan only" : "");
        break;
    case GPU_KEY_CLOSE:
        assert_int_equal(job->bytes, sizeof close);
        memcpy(&close, job->body, sizeof close);
        golden_tell("close key=%d", (int)close.key);
        break;
    case GPU_SUMS:
        assert_int_equal(job->bytes, sizeof sums);
        memcpy(&sums, job->body, sizeof sums);
        golden_tell("sums key=%d place=%u", (int)sums.key, sums.place);
        break;
    case GPU_KEY_CHECK:
        assert_int_equal(job->bytes, sizeof check);
        memcpy(&check, job->body, sizeof check);
        golden_tell("check key=%d bytes=%d", (int)check.key, (int)check.bytes);
        break;
    }
}

static pv_status answered(const struct supervisor_job *job, struct supervisor_answer *answer)
{
    const void *body = job->kind == GPU_KEY_OPEN ? (const void *)&now.plan : &now.found;
    size_t bytes = job->kind == GPU_KEY_OPEN ? sizeof now.plan : job->kind == GPU_SUMS ? sizeof now.found : 0;
    pv_status s = now.call[now.calls++ % 8];
    answer->generation = now.unread ? 0 : job->generation ? job->generation : now.generation;
    answer->bytes = s == PV_OK ? bytes - (bytes ? now.short_answer : 0) : 0;
    assert_true(answer->bytes <= answer->room);
    if (answer->bytes) memcpy(answer->body, body, answer->bytes);
    return s;
}

pv_status __wrap_gpus_call(struct gpus *g, unsigned i, struct supervisor_job *job, uint64_t bytes,
                           struct supervisor_answer *answer, struct prove_error *err);
pv_status __wrap_gpus_call(struct gpus *g, unsigned i, struct supervisor_job *job, uint64_t bytes,
                           struct supervisor_answer *answer, struct prove_error *err)
{
    golden_tell("  call %u in %d: ", i, (int)job->generation);
    job_tell(job);
    golden_tell(" (for %d bytes, limit %d)%s%s", (int)bytes, (int)job->limit_ms, job->stop == &stop ? ", stops" : "",
                job->fds_n ? ", with " : "");
    for (unsigned k = 0; k < job->fds_n; k++) golden_tell("%s", lent(job->fds[k]));
    golden_tell("\n");
    void (*within)(void) = now.within;
    now.within = NULL;
    if (within) within();
    if (job->progress) job->progress(job->progress_arg, "word", 5);
    if (job->given) job->given(job->given_arg);
    pv_status s = answered(job, answer);
    if (s != PV_OK && err) prove_error_set(err, s, "it fails");
    return s;
}

int __wrap_nanosleep(const struct timespec *nap, struct timespec *left);
int __wrap_nanosleep(const struct timespec *nap, struct timespec *left)
{
    golden_tell("  nap of %d us\n", (int)(nap->tv_nsec / 1000));
    if (++now.naps >= now.naps_most) atomic_store(&stop, 1);
    return 0;
}

/* ---- memory that is shared ---- */

pv_status __real_shared_bytes_new(struct shared_bytes *s, const char *name, size_t bytes);
pv_status __wrap_shared_bytes_new(struct shared_bytes *s, const char *name, size_t bytes);
pv_status __wrap_shared_bytes_new(struct shared_bytes *s, const char *name, size_t bytes)
{
    golden_tell("  %d bytes for the %s%s\n", (int)bytes, name, now.no_memory ? ": none" : "");
    return now.no_memory ? PV_NO_MEMORY : __real_shared_bytes_new(s, name, bytes);
}

void __real_shared_bytes_lent(struct shared_bytes *s);
void __wrap_shared_bytes_lent(struct shared_bytes *s);
void __wrap_shared_bytes_lent(struct shared_bytes *s)
{
    golden_tell("  it has them\n");
    __real_shared_bytes_lent(s);
}

void __real_shared_bytes_wipe(struct shared_bytes *s);
void __wrap_shared_bytes_wipe(struct shared_bytes *s);
void __wrap_shared_bytes_wipe(struct shared_bytes *s)
{
    golden_tell("  wiped\n");
    __real_shared_bytes_wipe(s);
    for (size_t i = 0; i < s->bytes; i++) assert_int_equal(s->at[i], 0);
}

/* ---- the story ---- */

static struct zkey key;
static struct wtns witness;
static struct prove_error err;
static int device;

static void on_progress(void *arg, const char *word, unsigned percent)
{
    golden_tell("  progress: %s %u\n", word, percent);
}

static void meanwhile(void *arg)
{
    golden_tell("  meanwhile%s\n", arg == &device ? "" : ": for somebody else");
}

static struct prove_run run = {
    .cpu.stop = &stop, .progress = on_progress, .meanwhile = meanwhile, .meanwhile_arg = &device, .device = &device
};

static void told(const char *what, pv_status s)
{
    golden_tell("%s: %s%s%s\n", what, pv_status_word(s), s == PV_OK ? "" : ": ", s == PV_OK ? "" : err.text);
    err = (struct prove_error){ 0 };
}

/* Two GPUs, the first in its first process, all well. */
static void afresh(void)
{
    uint64_t keys = now.keys;
    memset(&now, 0, sizeof now);
    now.keys = keys;
    now.generation = 1;
    now.places = 2;
    now.naps_most = 2;
    now.plan = (struct gpu_key_plan){ 1000, 200, 30, 1500, 4, 7, 1, 0 };
    atomic_store(&stop, 0);
    device = -1;
}

static struct backend_key *opened(const struct backend_options *o)
{
    struct backend_key *k = NULL;
    golden_tell("\n");
    told("open", backend_remote.key_open(&k, &key, o, &run, &err));
    return k;
}

static const struct backend_options any = {
    .device = GPUS_ANY, .memory_bytes_max = 1 << 20, .places = 2, .best_plan_only = true
};

static void sums(struct backend_key *k)
{
    struct backend_sums out;
    memset(&out, 0x55, sizeof out);
    pv_status s = backend_remote.sums(&out, k, witness.values, &run, &err);
    bool as_told = !memcmp(&out, &now.found.sums, sizeof out);
    golden_tell("  device %d, sums %s\n", device, as_told ? "as it said" : "untouched");
    told("sums", s);
}

static void need_tell(struct backend_key *k)
{
    struct backend_need n;
    bool better = true;
    backend_remote.key_need(&n, &better, k);
    golden_tell("need: key %d + %d here, proof %d + %d, places %u, slower %u, best %d%s\n", (int)n.key_bytes,
                (int)n.key_host_bytes, (int)n.proof_bytes, (int)n.place_host_bytes, n.places, n.slower,
                (int)n.best_bytes, better ? ", a better plan now" : "");
}

static void a_key_is_opened(void)
{
    static const struct backend_options plain = { .device = GPUS_ANY };
    afresh();
    struct backend_key *k = opened(&plain);
    backend_remote.key_close(&k);
    backend_remote.key_close(&k);
    k = opened(&any);
    need_tell(k);
    backend_remote.key_close(&k);
    now.none = true;
    assert_null(opened(&any));
    now.none = false;
    now.call[now.calls % 8] = PV_DEVICE;
    assert_null(opened(&any));
    memset(now.call, 0, sizeof now.call);
    now.short_answer = 1;
    assert_null(opened(&any));
    now.short_answer = 0;
    now.no_memory = true;
    assert_null(opened(&any));
}

static void one_is_tested(void)
{
    static const struct backend_options second = { .device = 1 };
    afresh();
    now.generation = 9;
    struct backend_key *k = opened(&second);
    sums(k);
    backend_remote.key_close(&k);
    now.wait = PV_NO_DEVICE;
    assert_null(opened(&second));
    told("usable", backend_remote.usable(&second, &err));
    now.wait = PV_OK;
    told("usable", backend_remote.usable(&any, &err));
    now.call[now.calls % 8] = PV_BAD_ZKEY;
    assert_null(opened(&second));
    golden_tell("bytes %d\n", (int)backend_remote.device_bytes(&any));
}

static void sums_are_asked_for(void)
{
    afresh();
    struct backend_key *k = opened(&any);
    sums(k);
    now.found.better_now = 1;
    sums(k);
    need_tell(k);
    now.generation = 2; /* another process */
    now.found.better_now = 0;
    now.plan.slower = 3;
    sums(k);
    now.device = 1;
    now.generation = 5;
    now.plan.slower = 40;
    now.plan.key_bytes = 4000;
    sums(k);
    need_tell(k);
    now.device = 0;
    now.generation = 2;
    now.found.better_now = 1;
    sums(k);
    need_tell(k);
    atomic_store(&stop, 1);
    sums(k);
    atomic_store(&stop, 0);
    now.none = true;
    sums(k);
    backend_remote.key_close(&k);
}

static void each_failure_has_its_end(void)
{
    static const pv_status all[] = {
        PV_DEVICE, PV_BAD_MESSAGE, PV_CANCELLED, PV_BAD_STATE, PV_BAD_WITNESS, PV_NO_MEMORY
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        for (unsigned unread = 0; unread < 2; unread++) {
            afresh();
            struct backend_key *k = opened(&any);
            now.unread = unread;
            now.call[now.calls % 8] = all[i];
            sums(k);
            now.unread = false;
            sums(k); /* by the same process, which has the memory, or has it not */
            backend_remote.key_close(&k);
        }
    }
    afresh();
    struct backend_key *k = opened(&any);
    now.generation = 2;
    now.call[now.calls % 8] = PV_DEVICE; /* the key, in the next process */
    sums(k);
    sums(k);
    now.no_memory = true;
    now.generation = 3;
    sums(k);
    now.no_memory = false;
    sums(k);
    sums(k);
    backend_remote.key_close(&k);
}

static void what_are_no_points_is_refused(void)
{
    afresh();
    struct backend_key *k = opened(&any);
    now.short_answer = 1;
    sums(k);
    now.short_answer = 0;
    uint8_t *at[] = {
        (uint8_t *)&now.found.sums.a.x,  (uint8_t *)&now.found.sums.a.y,  (uint8_t *)&now.found.sums.a.z,
        (uint8_t *)&now.found.sums.b1.x, (uint8_t *)&now.found.sums.c.y,  (uint8_t *)&now.found.sums.h.z,
        (uint8_t *)&now.found.sums.b2.x, (uint8_t *)&now.found.sums.b2.y, (uint8_t *)&now.found.sums.b2.z
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        memset(at[i], 0xff, 32);
        golden_tell("number %d\n", (int)i);
        sums(k);
        memset(at[i], 0, 32);
    }
    backend_remote.key_close(&k);
}

static void a_key_is_looked_at(void)
{
    afresh();
    struct backend_key *k = opened(&any);
    told("check", backend_remote.key_check(k, &key, &run, &err));
    now.call[now.calls % 8] = PV_BAD_ZKEY;
    told("check", backend_remote.key_check(k, &key, &run, &err));
    memset(now.call, 0, sizeof now.call);
    now.generation = 2;
    told("check", backend_remote.key_check(k, &key, &run, &err));
    now.no_memory = true;
    told("check", backend_remote.key_check(k, &key, &run, &err));
    now.no_memory = false;
    now.generation = 3;
    now.call[now.calls % 8] = PV_DEVICE;
    told("check", backend_remote.key_check(k, &key, &run, &err));
    now.no_memory = true;
    told("check", backend_remote.key_check(k, &key, &run, &err));
    now.none = true;
    told("check", backend_remote.key_check(k, &key, &run, &err));
    backend_remote.key_close(&k);
}

/* Its own memory goes along, and no copy is made. */
static void a_key_that_can_be_lent_is_not_copied(void)
{
    static const char path[] = "data/chain-5/circuit.zkey";
    uint8_t digest[32];
    struct zkey mapped = key;
    afresh();
    assert_int_equal(zkey_digest_of(digest, mapped.bytes, mapped.size, &err), PV_OK);
    assert_int_equal(zkey_load_digest(&key, path, digest, ZKEY_LENDABLE, NULL, &err), PV_OK);
    struct backend_key *k = opened(&any);
    told("check", backend_remote.key_check(k, &key, &run, &err));
    backend_remote.key_close(&k);
    zkey_close(&key);
    key = mapped;
}

static struct backend_key *shared;

static void another(void)
{
    golden_tell("  (another\n");
    sums(shared);
    golden_tell("  )\n");
    atomic_store(&stop, 0);
}

static void others_wait(void)
{
    afresh();
    now.places = 1;
    shared = opened(&any);
    now.within = another;
    sums(shared); /* its place is taken */
    now.places = 2;
    now.naps = 0;
    now.within = another;
    sums(shared);
    now.generation = 2;
    now.naps = 0;
    now.within = another; /* while the key is opened in the next process */
    sums(shared);
    backend_remote.key_close(&shared);
}

static void needs_are_known_without_them(void)
{
    static const size_t most[] = { 0, 19, 20 << 20, (size_t)1 << 30, (size_t)2 << 30 };
    struct backend_need n;
    afresh();
    golden_tell("\n");
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        const struct backend_options o = { .places = 3, .memory_bytes_max = most[i] };
        n = (struct backend_need){ 0 };
        pv_status s = backend_remote.need(&n, &key, &o, &err);
        golden_tell("most %lu: %d %d %d %d %u\n", (unsigned long)most[i], (int)n.key_bytes, (int)n.key_host_bytes,
                    (int)n.proof_bytes, (int)n.place_host_bytes, n.places);
        told("need", s);
    }
    now.plan.known = 0; /* a process with one plan only */
    struct backend_key *k = opened(&any);
    need_tell(k);
    backend_remote.key_close(&k);
}

static void all_is_as_it_was(void **state)
{
    assert_int_equal(zkey_open(&key, "data/chain-5/circuit.zkey", &err), PV_OK);
    assert_int_equal(wtns_open(&witness, "data/chain-5/witness.wtns", &err), PV_OK);
    key_sent = &key;
    witness_sent = &witness;
    golden_tell("# Made by remote_story_test FILE write.\n");
    a_key_is_opened();
    one_is_tested();
    sums_are_asked_for();
    each_failure_has_its_end();
    what_are_no_points_is_refused();
    a_key_is_looked_at();
    a_key_that_can_be_lent_is_not_copied();
    others_wait();
    needs_are_known_without_them();
    wtns_close(&witness);
    zkey_close(&key);
    golden_is(golden);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_is_as_it_was) };
    golden = argc > 1 ? argv[1] : "vectors/gpu/remote.txt";
    golden_writes(argc > 2);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
