#include "cmd_open.h"

static pv_status open_key(struct cmd_inputs *in, const struct cmd_machine *machine, const char *zkey,
                          const struct prove_run *run, struct prove_error *err)
{
    double from = cmd_clock_ms(CLOCK_MONOTONIC);
    TRY(prove_key_new(&in->key, zkey, in->backend, &machine->options, run, err));
    in->key_ms = cmd_clock_ms(CLOCK_MONOTONIC) - from;
    return PV_OK;
}

pv_status cmd_open(struct cmd_inputs *in, const struct cmd_machine *machine, const char *zkey, const char *wtns,
                   unsigned slots, const struct prove_run *run, struct prove_error *err)
{
    TRY(backend_pick(&in->backend, machine->backend, &machine->options, in->note, sizeof in->note, err));
    if (in->backend->proofs_at_once < slots)
        return prove_error_set(err, PV_USAGE, "%s makes %u proofs at a time with one key", in->backend->name,
                               in->backend->proofs_at_once);
    TRY(open_key(in, machine, zkey, run, err));
    pv_status status = wtns_open(&in->witness, wtns, err);
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
