/* provost: proofs, tasks, queues, provers and keys from the command line. */
#include "commands.h"
#include "process.h"

#include <stdio.h>

/* When stdout is a full disk or a closed pipe, the command fails. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    perror("provost: stdout");
    return status ? status : pv_status_exit(PV_IO);
}

int main(int argc, char **argv)
{
    struct cli cli;
    process_ignore_pipe();
    cli_parse(&cli, argc, argv);
    return finish(cli.command->run(&cli));
}
