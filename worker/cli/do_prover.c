#include "commands.h"
#include "connect.h"
#include "show.h"

#include <stdint.h>
#include <string.h>

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

/* The one row of that prover, in *of. Several principals may have a prover of the name: which is meant has to be said. */
static pv_status find(const struct cli *cli, const pv_table *t, struct pv_row *of)
{
    size_t found = 0;
    for (size_t i = 0; i < pv_table_rows(t); i++) {
        struct pv_row row = pv_table_row(t, i);
        if (strcmp(cell_text(&row, "prover"), cli->args[0])) continue;
        if (cli->principal && strcmp(cell_text(&row, "principal"), cli->principal)) continue;
        *of = row;
        found++;
    }
    if (found == 1) return PV_OK;
    fprintf(stderr, "provost: %s: %s\n", cli->args[0],
            found ? "several principals have a prover of this name: say which with --principal" : "no such prover");
    return found ? PV_USAGE : PV_NOT_FOUND;
}

/* What cannot be told leaves the rest to be shown. */
static void tell(pv_client *c, const char *what)
{
    char why[PV_TEXT_BYTES];
    pv_client_error(c, why, sizeof why);
    fprintf(stderr, "provost: its %s: %s\n", what, why);
}

static pv_status show(pv_client *c, const struct cli *cli)
{
    pv_table *provers = NULL, *keys = NULL, *handlers = NULL;
    struct pv_row row;
    pv_status s = pv_list(c, &provers, &(struct pv_list_options){ .what = PV_LIST_PROVERS, .rows_max = SIZE_MAX },
                          PV_DEFAULT_TIMEOUT);
    if (s != PV_OK) cli_fail(c, s, NULL);
    if (s == PV_OK) s = find(cli, provers, &row);
    if (s == PV_OK) {
        const char *principal = cell_text(&row, "principal");
        if (pv_prover_keys(c, &keys, principal, cli->args[0], PV_DEFAULT_TIMEOUT) != PV_OK) tell(c, "keys");
        if (pv_prover_handlers(c, &handlers, principal, cli->args[0], PV_DEFAULT_TIMEOUT) != PV_OK) tell(c, "handlers");
        show_prover(cli, row, keys, handlers);
    }
    pv_table_free(&handlers);
    pv_table_free(&keys);
    pv_table_free(&provers);
    return s;
}

int run_prover_show(struct cli *cli)
{
    pv_client *c = NULL;
    pv_status s = cli_connect(&c, cli, PV_ROLE_ADMIN);
    if (s == PV_OK) s = show(c, cli);
    pv_client_close(&c);
    return pv_status_exit(s);
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
