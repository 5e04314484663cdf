/* provost: proofs, tasks, queues, provers and keys from the command line. */
#include "commands.h"
#include "std_streams.h"

int main(int argc, char **argv)
{
    struct cli cli;
    std_streams_begin("provost");
    cli_parse(&cli, argc, argv);
    return cli.command->run(&cli);
}
