/* provost: proofs, tasks, queues, provers and keys from the command line. */
#include "commands.h"
#include "connect.h"
#include "process.h"
#include "std_streams.h"

int main(int argc, char **argv)
{
    struct cli cli;
    std_streams_begin("provost");
    process_thread_stacks();
    cli_signals_end(pv_status_exit(PV_INTERRUPTED));
    cli_parse(&cli, argc, argv);
    return cli.command->run(&cli);
}
