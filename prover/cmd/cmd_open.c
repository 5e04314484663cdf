#include "cmd_open.h"

/* A proof that grows beyond a control group's memory ends in a kill without a word. */
static struct backend_options within_limits(const struct cmd_inputs *in, const struct cmd_machine *machine)
{
    struct backend_options o = machine->options;
    if (in->backend == &backend_cpu && machine->limits.memory_why) o.memory_bytes_max = machine->limits.memory;
    return o;
}

/* One proof fits, and do all slots' proofs at once? */
static pv_status slots_fit(const struct cmd_inputs *in, const struct backend_options *o, unsigned slots,
                           struct prove_error *err)
{
    struct backend_need need;
    if (!o->memory_bytes_max) return PV_OK;
    TRY(in->backend->need(&need, prove_key_zkey(in->key), o, err));
    size_t bytes = need.key_bytes + slots * need.proof_bytes;
    if (bytes <= o->memory_bytes_max) return PV_OK;
    return prove_error_set(err, PV_RESOURCES, "%u proofs at once need %zu MiB, but only %zu MiB are allowed", slots,
                           bytes >> 20, o->memory_bytes_max >> 20);
}

/* The sentence says who allows no more. */
static pv_status because_of_limits(pv_status status, const struct cmd_machine *machine, struct prove_error *err)
{
    struct prove_error was = *err;
    if (status != PV_RESOURCES || !machine->limits.memory_why) return status;
    return prove_error_set(err, status, "%s (%s)", was.text, machine->limits.memory_why);
}

static pv_status open_key(struct cmd_inputs *in, const struct cmd_machine *machine, const char *zkey, unsigned slots,
                          const struct prove_run *run, struct prove_error *err)
{
    struct backend_options options = within_limits(in, machine);
    options.places = slots;
    double from = cmd_clock_ms(CLOCK_MONOTONIC);
    TRY(because_of_limits(prove_key_new(&in->key, zkey, in->backend, &options, run, err), machine, err));
    in->key_ms = cmd_clock_ms(CLOCK_MONOTONIC) - from;
    return because_of_limits(slots_fit(in, &options, slots, err), machine, err);
}

static pv_status open_witness(struct cmd_inputs *in, const struct cmd_witness *w, struct prove_error *err)
{
    if (w->path) return wtns_open(&in->witness, w->path, err);
    return w->make(&in->witness, w->arg, prove_key_zkey(in->key)->vars, err);
}

pv_status cmd_open(struct cmd_inputs *in, const struct cmd_machine *machine, const char *zkey,
                   const struct cmd_witness *witness, unsigned slots, const struct prove_run *run,
                   struct prove_error *err)
{
    TRY(backend_pick(&in->backend, machine->backend, &machine->options, in->note, sizeof in->note, err));
    if (in->backend->proofs_at_once < slots)
        return prove_error_set(err, PV_USAGE, "%s makes %u proofs at a time with one key", in->backend->name,
                               in->backend->proofs_at_once);
    pv_status status = open_key(in, machine, zkey, slots, run, err);
    if (status == PV_OK) status = open_witness(in, witness, err);
    if (status != PV_OK) cmd_close(in);
    return status;
}

void cmd_close(struct cmd_inputs *in)
{
    wtns_close(&in->witness);
    prove_key_destroy(&in->key);
}

double cmd_clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}
