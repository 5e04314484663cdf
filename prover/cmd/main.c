#include "cmd_bench.h"
#include "cmd_fullprove.h"
#include "cmd_gpu_child.h"
#include "cmd_inspect.h"
#include "cmd_prove.h"
#include "cmd_selftest.h"
#include "cmd_verify.h"
#include "process.h"
#include "status.h"
#include "std_streams.h"
#include "team.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Replaces the program of this process. Returns only on failure. */
static void become(const char *suffix, char **argv)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
    if (n < 0) return;
    strcpy(path + n, suffix);
    if (!getenv("OMP_WAIT_POLICY")) setenv("GOMP_SPINCOUNT", "1000", 0); /* spin.h says why */
    execv(path, argv);
}

/* provost-prover-node, from the folder of this program, takes over. */
static int run_node(int argc, char **argv)
{
    (void)argc;
    become("-node", argv);
    fprintf(stderr, "provost-prover: provost-prover-node: %s\n", strerror(errno));
    return pv_status_exit(PV_FAILED);
}

static const struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "prove", "ZKEY WTNS PROOF PUBLIC   prove, verify the proof and write both files", cmd_prove },
    { "fullprove", "INPUT WITNESS ZKEY PROOF PUBLIC   compute the witness, then prove", cmd_fullprove },
    { "verify", "VKEY PUBLIC PROOF        verify a proof for its public signals", cmd_verify },
    { "inspect", "ZKEY                     show what a key is for and what it needs", cmd_inspect },
    { "selftest", "                         check the arithmetic of this machine", cmd_selftest },
    { "bench", "ZKEY WTNS                measure proofs on this machine; prints a line of JSON", cmd_bench },
    { "handlers", "                         list the handlers that are programs, and check each", run_node },
    { "status", "                         show what the node that runs with a state folder does", run_node },
    { "run", "                         take tasks from a broker until told to stop", run_node },
    { "gpu-child", NULL, cmd_gpu_child }, /* for nodes, not for people */
};

static void usage(FILE *to)
{
    fprintf(to, "Usage: provost-prover COMMAND [OPTION...]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].summary) fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nFor the options of a command: provost-prover COMMAND --help\n");
}

static int run(const struct command *c, int argc, char **argv)
{
    char name[64];
    snprintf(name, sizeof name, "provost-prover %s", c->name);
    argv[0] = name; /* argp's messages name the command too */
    return c->run(argc, argv);
}

int main(int argc, char **argv)
{
    std_streams_begin("provost-prover");
    team_stack_suffices(argv);
    process_thread_stacks();
    argp_err_exit_status = pv_status_exit(PV_USAGE);
    const char *word = argc > 1 ? argv[1] : "";
    if (!strcmp(word, "--help") || !strcmp(word, "-?") || !strcmp(word, "help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(word, "--version")) {
        printf("provost-prover %s\n", PV_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(word, commands[i].name)) return run(&commands[i], argc - 1, argv + 1);
    if (*word) fprintf(stderr, "provost-prover: unknown command: %s\n", word);
    usage(stderr);
    return pv_status_exit(PV_USAGE);
}
