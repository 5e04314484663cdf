#include "commands.h"
#include "connect.h"
#include "show.h"

static const char *const columns[] = { "prover", "principal", "live",    "draining", "quarantined_ms",
                                       "slots",  "prefetch",  "running", "held",     "done",
                                       "failed", "lost",      "busy_ms", "software", NULL };

static int run_with(struct cli *cli, pv_status act(pv_client *c, pv_table **t, const struct cli *cli))
{
    pv_client *c = NULL;
    pv_table *t = NULL;
    pv_status s = cli_connect(&c, cli, PV_ROLE_ADMIN);
    if (s == PV_OK) {
        s = act(c, &t, cli);
        if (s != PV_OK)
            cli_fail(c, s, cli->args_n > 0 ? cli->args[0] : NULL);
        else
            show_table(cli, t, columns);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

static pv_status list(pv_client *c, pv_table **t, const struct cli *cli)
{
    return pv_list(c, t, &(struct pv_list_options){ .what = PV_LIST_PROVERS }, PV_DEFAULT_TIMEOUT);
}

static pv_status drain(pv_client *c, pv_table **t, const struct cli *cli)
{
    return pv_prover_drain_of(c, t, cli->principal, cli->args[0], PV_DEFAULT_TIMEOUT);
}

static pv_status resume(pv_client *c, pv_table **t, const struct cli *cli)
{
    return pv_prover_resume_of(c, t, cli->principal, cli->args[0], PV_DEFAULT_TIMEOUT);
}

int run_prover_ls(struct cli *cli)
{
    return run_with(cli, list);
}

int run_prover_drain(struct cli *cli)
{
    return run_with(cli, drain);
}

int run_prover_resume(struct cli *cli)
{
    return run_with(cli, resume);
}
