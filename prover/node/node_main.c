/* provost-prover-node: what `provost-prover run` becomes. A program of its own, because the libraries a node talks to its
 * broker with (32 shared objects) take longer to load than a small proof takes to make. */
#include "node.h"

#include "status.h"

#include <argp.h>

int main(int argc, char **argv)
{
    argp_err_exit_status = pv_status_exit(PV_USAGE);
    return cmd_run(argc, argv);
}
