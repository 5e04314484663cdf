/* status and events: they look at the broker's tables, once or again and again. */
#include "commands.h"
#include "connect.h"
#include "show.h"
#include "std_streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int run_status(struct cli *cli)
{
    pv_client *c = NULL;
    pv_table *t = NULL;
    pv_status s = cli_connect_to_look(&c, cli);
    if (s == PV_OK) {
        s = pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_STATUS }, PV_DEFAULT_TIMEOUT);
        if (s == PV_OK) s = show_figures(cli, t);
        if (s != PV_OK) cli_fail(c, s, NULL);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

/* ---- events ---- */

static void show_events(const struct cli *cli, const pv_table *t)
{
    static const char *const columns[] = { "time", "kind",   "what",   "task", "queue", "from",
                                           "to",   "prover", "status", "text", NULL };
    if (!cli->follow) {
        show_table(cli, t, columns);
        return;
    }
    for (size_t i = 0; i < pv_table_rows(t); i++) show_line(cli, pv_table_row(t, i), "provost.event/1");
}

/* Notes where to go on: after the last event that was shown. */
static void remember(char after[32], const pv_table *t)
{
    size_t n = pv_table_rows(t);
    if (n == 0) return;
    struct pv_row last = pv_table_row(t, n - 1);
    snprintf(after, 32, "%" PRId64, cell_number(&last, "event"));
}

int run_events(struct cli *cli)
{
    pv_client *c = NULL;
    char after[32] = "";
    if (cli->follow) cli_signals_end(0);
    pv_status s = cli_connect_to_look(&c, cli);
    uint64_t done = 0;
    if (cli->after) snprintf(after, sizeof after, "%s", cli->after);
    while (s == PV_OK) {
        pv_table *t = NULL;
        struct pv_list_options what = { .what = PV_LIST_EVENTS,
                                        .after = after[0] ? after : NULL,
                                        .rows_max = cli->limit };
        s = pv_list(c, &t, &what, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK) {
            cli_fail(c, s, NULL);
            break;
        }
        int signals = cli_signal_fd(); /* ^C leaves no line cut */
        show_events(cli, t);
        std_streams_check();
        cli_signals_free(&signals);
        remember(after, t);
        bool at_end = !pv_table_next(t);
        pv_table_free(&t);
        done += at_end;
        if (!cli->follow || !cli_next_look(cli, done, at_end ? cli->interval_ms : 0)) break;
    }
    pv_client_close(&c);
    return pv_status_exit(s);
}
