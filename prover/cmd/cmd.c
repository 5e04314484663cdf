#include "cmd.h"

#include "process.h"
#include "team.h"
#include "values.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

atomic_int cmd_stop;

static void on_stop(int sig)
{
    (void)sig;
    if (atomic_exchange(&cmd_stop, 1)) _exit(130);
}

static void on_bus(int sig)
{
    static const char text[] = "provost-prover: an input file was cut short while it was being read\n";
    (void)sig;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(1);
    _exit(pv_status_exit(PV_IO));
}

/* No SA_RESTART: whoever waits for the other end of a pipe is woken. */
static void stop_on(int sig)
{
    struct sigaction stop = { .sa_handler = on_stop };
    if (!process_ignores(sig)) sigaction(sig, &stop, NULL);
}

void cmd_catch_signals(void)
{
    struct sigaction bus = { .sa_handler = on_bus };
    stop_on(SIGINT);
    stop_on(SIGTERM);
    sigaction(SIGBUS, &bus, NULL);
}

static void say_fewer(unsigned threads, unsigned wanted, const struct limits *l)
{
    char text[LIMITS_TEXT_BYTES];
    fprintf(stderr, "provost-prover: only %u of %u threads could be started: %s\n", threads, wanted,
            limits_threads_text(text, l));
}

void cmd_start_team(struct cmd_machine *m)
{
    limits_read(&m->limits, LIMITS_ROOT);
    unsigned wanted = m->cpu.threads ? m->cpu.threads : m->limits.cpus;
    unsigned threads = team_start(wanted, TEAM_SPIN_LESS);
    if (threads < wanted) say_fewer(threads, wanted, &m->limits);
    m->cpu.threads = m->options.threads = threads;
}

unsigned cmd_start_team_of_slot(const struct cmd_machine *m)
{
    unsigned threads = team_start(m->cpu.threads, TEAM_SPIN_AS_IT_IS);
    if (threads < m->cpu.threads) say_fewer(threads, m->cpu.threads, &m->limits);
    return threads;
}

struct numa cmd_start_proving(struct cmd_machine *machine)
{
    struct numa numa;
    process_no_core();
    numa_read(&numa, NUMA_ROOT);
    (void)numa_share(&numa);
    cmd_catch_signals();
    cmd_start_team(machine);
    return numa;
}

int cmd_end_proving(pv_status status, struct prove_error *err)
{
    if (status == PV_CANCELLED) prove_error_set(err, PV_INTERRUPTED, "interrupted");
    return status == PV_OK ? 0 : cmd_failed(err);
}

pv_status cmd_file_failed(struct prove_error *err, pv_status status, const struct file_why *why)
{
    return status == PV_OK ? PV_OK : prove_error_set(err, status, "%s", why->text);
}

int cmd_failed(const struct prove_error *err)
{
    fprintf(stderr, "provost-prover: %s\n", err->text[0] ? err->text : pv_status_text(err->status));
    return pv_status_exit(err->status);
}

enum { KEY_BACKEND = 0x100, KEY_DEVICE, KEY_PATH, KEY_DEVELOPMENT };

static const struct argp_option machine_options[] = {
    { "backend", KEY_BACKEND, "auto|cpu|cuda", 0,
      "Where the sums are computed (default auto: on a GPU when one is usable)", 1 },
    { "device", KEY_DEVICE, "N", 0, "Which GPU (default 0)", 1 },
    { "threads", 't', "N", 0, "CPU threads (default: as many as this process may use processors)", 1 },
    { "path", KEY_PATH, "auto|portable|adx|ifma", 0, "CPU arithmetic (default auto: the best that this CPU has)", 1 },
    { "verbose", 'v', 0, 0, "Say where it proves when no GPU is usable", 1 },
    { "allow-development-key", KEY_DEVELOPMENT, 0, 0, CMD_DEVELOPMENT_KEY, 1 },
    { 0 },
};

unsigned cmd_number(const char *text, unsigned low, unsigned high, struct argp_state *state)
{
    uint64_t n = 0;
    if (!value_number(&n, text) || n < low || n > high)
        argp_error(state, "not a number from %u to %u: \"%s\"", low, high, text);
    return (unsigned)n;
}

static void parse_path(struct cmd_machine *m, const char *arg, struct argp_state *state)
{
    if (!bn254_path_parse(&m->cpu.path, arg)) argp_error(state, "--path: not auto, portable, adx or ifma: \"%s\"", arg);
    if (!bn254_path_available(m->cpu.path)) argp_failure(state, 1, 0, "this CPU has no %s arithmetic", arg);
}

static error_t parse_machine(int key, char *arg, struct argp_state *state)
{
    struct cmd_machine *m = state->input;
    switch (key) {
    case KEY_BACKEND:
        if (!backend_choice_parse(&m->backend, arg)) argp_error(state, "--backend: not auto, cpu or cuda: \"%s\"", arg);
        return 0;
    case KEY_DEVICE: m->options.device = (int)cmd_number(arg, 0, 1023, state); return 0;
    case 't': m->cpu.threads = m->options.threads = cmd_number(arg, 0, 4096, state); return 0;
    case 'v': m->verbose = true; return 0;
    case KEY_DEVELOPMENT: m->options.keys = GROTH16_KEYS_DEVELOPMENT; return 0;
    case KEY_PATH: parse_path(m, arg, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct argp cmd_machine_argp = { .options = machine_options, .parser = parse_machine };
