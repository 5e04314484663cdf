#include "cmd_bench.h"

#include "cmd_need.h"
#include "cmd_open.h"
#include "keycheck.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct arguments {
    struct cmd_machine machine;
    const char *zkey, *wtns;
    unsigned rounds, slots;
    bool no_check;
    size_t gpu_memory; /* cmd_need_of */
    struct numa numa;
};

enum { NO_CHECK = 256 }; /* a key beyond every letter */

static const struct argp_option options[] = {
    { "rounds", 'r', "N", 0, "Measured proofs of each slot (default 5)", 0 },
    { "slots", 's', "N", 0, "Proofs that run at a time, each on --threads threads (default 1)", 0 },
    { "no-check", NO_CHECK, 0, 0, "Leave out the check of every point of the key", 0 },
    { "gpu-memory", CMD_GPU_MEMORY, "SIZE", 0, CMD_GPU_MEMORY_HELP, 0 },
    { 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &a->machine; return 0;
    case 'r': a->rounds = cmd_number(arg, 1, 10000, state); return 0;
    case 's': a->slots = cmd_number(arg, 1, 64, state); return 0;
    case NO_CHECK: a->no_check = true; return 0;
    case CMD_GPU_MEMORY: a->gpu_memory = cmd_gpu_memory(arg, state); return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 2) argp_error(state, "unexpected argument \"%s\"", arg);
        *(state->arg_num ? &a->wtns : &a->zkey) = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2) argp_error(state, "missing argument: %s", state->arg_num ? "WTNS" : "ZKEY");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = { { &cmd_machine_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "ZKEY WTNS",
    .doc =
        "Measures how long proofs take on this machine. Opens the key, proves once, then proves with the key resident, "
        "and prints one line of JSON: the times of opening the key, of its full check and of the first proof, and for "
        "the others the median wall time with its parts, the processor time and the proofs per second. On a GPU also "
        "when a proof reached each stage there, in ms since its sums were asked for: staged, uploaded, device (done), "
        "wiped, finished. What the key needs of a GPU is told with or without one, as inspect tells it. Every proof is "
        "verified, and that counts in its time; none is written.",
    .children = children,
};

/* The parts of a proof, and the percentage that the pipeline reports at the end of each. A GPU does not report the end
 * of the quotient alone: there h_sum is both. */
enum part { QUOTIENT, H_SUM, WITNESS_SUMS, BLINDING, VERIFY, PARTS };
static const char *const part_names[PARTS] = { "quotient_ms", "h_sum_ms", "witness_sums_ms", "blinding_ms",
                                               "verify_ms" };
static const unsigned part_ends[PARTS] = { 20, 45, 95, 97, 100 };

/* When a proof on a device reached each stage (backend.h): medians of their own, each since the sums were asked for. */
static const struct {
    const char *name;
    size_t at;
} stages[] = {
    { "staged_ms", offsetof(struct backend_times, staged_ms) },
    { "uploaded_ms", offsetof(struct backend_times, uploaded_ms) },
    { "device_ms", offsetof(struct backend_times, device_ms) },
    { "wiped_ms", offsetof(struct backend_times, wiped_ms) },
    { "finished_ms", offsetof(struct backend_times, finished_ms) },
};
enum { STAGES = sizeof stages / sizeof *stages };

struct lap {
    double wall_ms, part_ms[PARTS];
    struct backend_times times;
};

struct watch {
    double last_ms;
    struct lap *lap;
};

static void on_progress(void *arg, const char *phase, unsigned percent)
{
    struct watch *w = arg;
    double now = cmd_clock_ms(CLOCK_MONOTONIC);
    (void)phase;
    for (unsigned p = 0; p < PARTS; p++)
        if (percent == part_ends[p]) w->lap->part_ms[p] = now - w->last_ms;
    w->last_ms = now;
}

/* One thread's proofs, one after another. */
struct slot {
    const struct arguments *a;
    const struct cmd_inputs *in;
    struct lap *laps;
    unsigned rounds, at; /* at: which of several */
    unsigned threads;
    pv_status status;
    struct prove_error err;
};

static void *slot_main(void *arg)
{
    struct slot *s = arg;
    for (unsigned i = 0; i < s->rounds && s->status == PV_OK; i++) {
        struct watch watch = { .lap = &s->laps[i] };
        struct prove_run run = { .cpu = s->a->machine.cpu, .progress = on_progress, .progress_arg = &watch };
        run.times = &s->laps[i].times;
        struct groth16_proof proof;
        run.cpu.threads = s->threads;
        double from = cmd_clock_ms(CLOCK_MONOTONIC);
        s->status = prove_groth16(&proof, s->in->key, &s->in->witness, NULL, &run, &s->err);
        s->laps[i].wall_ms = cmd_clock_ms(CLOCK_MONOTONIC) - from;
    }
    return NULL;
}

/* A slot on the NUMA node where a prover node would put it. */
static void *settled_main(void *arg)
{
    struct slot *s = arg;
    if (numa_fits(&s->a->numa, s->a->machine.cpu.threads)) (void)numa_settle(&s->a->numa, s->at);
    s->threads = cmd_start_team_of_slot(&s->a->machine);
    return slot_main(arg);
}

struct figures {
    double check_ms, gpu_check_ms, first_ms, all_ms, cpu_ms;
    unsigned slots, rounds;
    struct lap *laps; /* slots * rounds */
};

static pv_status too_many_slots(unsigned started, const struct arguments *a, struct prove_error *err)
{
    char text[LIMITS_TEXT_BYTES];
    return prove_error_set(err, PV_BUSY, "only %u of %u slots could be started: %s", started, a->slots,
                           limits_threads_text(text, &a->machine.limits));
}

/* One slot is the thread that is here: it has its team already. */
static pv_status run_one(struct figures *f, const struct arguments *a, const struct cmd_inputs *in,
                         struct prove_error *err)
{
    struct slot slot = { .a = a, .in = in, .laps = f->laps, .rounds = f->rounds, .threads = a->machine.cpu.threads };
    double wall = cmd_clock_ms(CLOCK_MONOTONIC), cpu = cmd_clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    slot_main(&slot);
    f->all_ms = cmd_clock_ms(CLOCK_MONOTONIC) - wall;
    f->cpu_ms = cmd_clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (slot.status != PV_OK) *err = slot.err;
    return slot.status;
}

/* Runs all slots at a time, each on its own thread; the first that failed gives the error. */
static pv_status run_slots(struct figures *f, const struct arguments *a, const struct cmd_inputs *in,
                           struct prove_error *err)
{
    pthread_t thread[64];
    static struct slot slot[64]; /* too large for a stack */
    unsigned started = 0;
    pv_status status = PV_OK;
    double wall = cmd_clock_ms(CLOCK_MONOTONIC), cpu = cmd_clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    for (; started < f->slots; started++) {
        slot[started] = (struct slot){
            .a = a, .in = in, .laps = f->laps + (size_t)started * f->rounds, .rounds = f->rounds, .at = started
        };
        if (pthread_create(&thread[started], NULL, settled_main, &slot[started])) break;
    }
    if (started < f->slots) status = too_many_slots(started, a, err);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(thread[i], NULL);
        if (status == PV_OK && slot[i].status != PV_OK) *err = slot[i].err, status = slot[i].status;
    }
    f->all_ms = cmd_clock_ms(CLOCK_MONOTONIC) - wall;
    f->cpu_ms = cmd_clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return status;
}

static pv_status run_first(struct figures *f, const struct arguments *a, const struct cmd_inputs *in,
                           struct prove_error *err)
{
    struct lap lap = { 0 };
    struct slot first = { .a = a, .in = in, .laps = &lap, .rounds = 1, .threads = a->machine.cpu.threads };
    slot_main(&first);
    f->first_ms = lap.wall_ms;
    if (first.status != PV_OK) *err = first.err;
    return first.status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* at: the offset of the value in a lap. */
static json_t *median(const struct figures *f, size_t at)
{
    size_t n = (size_t)f->slots * f->rounds;
    double *v = malloc(n * sizeof *v);
    if (!v) return NULL;
    for (size_t i = 0; i < n; i++) memcpy(&v[i], (const char *)&f->laps[i] + at, sizeof *v);
    qsort(v, n, sizeof *v, by_value);
    json_t *result = json_real(v[n / 2]);
    free(v);
    return result;
}

static size_t peak_kib(void)
{
    char line[256];
    size_t kib = 0;
    FILE *in = fopen("/proc/self/status", "re");
    while (in && fgets(line, sizeof line, in)) (void)sscanf(line, "VmHWM: %zu", &kib);
    if (in) fclose(in);
    return kib;
}

/* The stages, or a word why there are none. */
static void add_stages(json_t *o, const struct figures *f, const struct backend *backend)
{
    const bool told = f->laps[0].times.finished_ms > 0;
    const char *why = backend == &backend_cpu ? "none: the CPU makes the sums" : "none: the backend does not tell them";
    json_object_set_new(o, "stages", json_string(told ? "device" : why));
    for (int i = 0; told && i < STAGES; i++)
        json_object_set_new(o, stages[i].name, median(f, offsetof(struct lap, times) + stages[i].at));
}

/* Where there is no GPU, that of one which is assumed. */
static void add_need(json_t *o, const struct arguments *a, const struct zkey *z)
{
    struct cmd_need n;
    cmd_need_of(&n, z, &a->machine.options, a->gpu_memory);
    json_object_set_new(o, "gpu", cmd_need_json(&n));
    json_object_set_new(o, "gpu_assumed_bytes", cmd_need_assumed_json(&n));
    json_object_set_new(o, "gpu_least_bytes", json_integer((json_int_t)n.least));
}

static pv_status print(const struct figures *f, const struct arguments *a, const struct cmd_inputs *in,
                       struct prove_error *err)
{
    const struct zkey *z = prove_key_zkey(in->key);
    double proofs = (double)f->slots * f->rounds;
    json_t *o =
        json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:i, s:i, s:i, s:f, s:o, s:f, s:o, s:f, s:f, s:I}", "bench",
                  "resident", "zkey", a->zkey, "zkey_bytes", (json_int_t)z->file.size, "domain", (json_int_t)z->domain,
                  "backend", in->backend->name, "path", bn254_path_name(bn254_run_path(&a->machine.cpu)), "threads",
                  (int)bn254_run_threads(&a->machine.cpu), "slots", (int)f->slots, "rounds", (int)f->rounds, "open_ms",
                  in->key_ms, "check_ms", a->no_check ? json_null() : json_real(f->check_ms), "first_ms", f->first_ms,
                  "wall_ms", median(f, offsetof(struct lap, wall_ms)), "cpu_ms", f->cpu_ms / proofs, "proofs_per_s",
                  1e3 * proofs / f->all_ms, "peak_kib", (json_int_t)peak_kib());
    for (int p = 0; o && p < PARTS; p++)
        if (f->laps[0].part_ms[p] > 0)
            json_object_set_new(o, part_names[p],
                                median(f, offsetof(struct lap, part_ms) + (size_t)p * sizeof(double)));
    if (o) add_stages(o, f, in->backend);
    if (o) add_need(o, a, z);
    if (o && f->gpu_check_ms > 0) json_object_set_new(o, "gpu_check_ms", json_real(f->gpu_check_ms));
    if (!o) return prove_error_set(err, PV_FAILED, "%s: the name is not UTF-8, as JSON wants it", a->zkey);
    json_dumpf(o, stdout, JSON_REAL_PRECISION(5));
    putchar('\n');
    json_decref(o);
    return PV_OK;
}

/* A good key: anything else that the device says is a failure. */
static pv_status check_on_device(const struct arguments *a, const struct cmd_inputs *in, struct figures *f,
                                 struct prove_error *err)
{
    const struct prove_run run = { .cpu = a->machine.cpu };
    const double from = cmd_clock_ms(CLOCK_MONOTONIC);
    TRY(prove_key_check(in->key, &run, err));
    f->gpu_check_ms = cmd_clock_ms(CLOCK_MONOTONIC) - from;
    return PV_OK;
}

static pv_status measure(const struct arguments *a, const struct cmd_inputs *in, struct figures *f,
                         struct prove_error *err)
{
    TRY(run_first(f, a, in, err));
    TRY(a->slots == 1 ? run_one(f, a, in, err) : run_slots(f, a, in, err));
    f->check_ms = cmd_clock_ms(CLOCK_MONOTONIC);
    if (!a->no_check) TRY(keycheck_points(prove_key_zkey(in->key), &a->machine.cpu, err));
    f->check_ms = cmd_clock_ms(CLOCK_MONOTONIC) - f->check_ms;
    if (!a->no_check && in->backend->key_check) TRY(check_on_device(a, in, f, err));
    return print(f, a, in, err);
}

static pv_status bench(const struct arguments *a, struct prove_error *err)
{
    const struct prove_run run = { .cpu = a->machine.cpu };
    struct cmd_inputs in = { 0 };
    struct figures f = { .slots = a->slots, .rounds = a->rounds };
    const struct cmd_witness witness = { .path = a->wtns };
    TRY(cmd_open(&in, &a->machine, a->zkey, &witness, a->slots, &run, err));
    f.laps = calloc((size_t)f.slots * f.rounds, sizeof *f.laps);
    pv_status status = f.laps ? measure(a, &in, &f, err) : prove_error_set(err, PV_NO_MEMORY, "out of memory");
    free(f.laps);
    cmd_close(&in);
    return status;
}

int cmd_bench(int argc, char **argv)
{
    static struct arguments a = { .machine.cpu.stop = &cmd_stop, .rounds = 5, .slots = 1 }; /* large: struct numa */
    struct prove_error err = { 0 };
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    a.numa = cmd_start_proving(&a.machine);
    return cmd_end_proving(bench(&a, &err), &err);
}
