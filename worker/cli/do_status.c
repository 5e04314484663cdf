/* status, top and events: they look at the broker's tables, once or again and again. */
#include "commands.h"
#include "connect.h"
#include "show.h"
#include "std_streams.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int run_status(struct cli *cli)
{
    pv_client *c = NULL;
    pv_table *t = NULL;
    pv_status s = cli_connect_to_look(&c, cli);
    if (s == PV_OK) {
        s = pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_STATUS }, PV_DEFAULT_TIMEOUT);
        if (s == PV_OK) s = show_row(cli, t, NULL, NULL);
        if (s != PV_OK) cli_fail(c, s, NULL);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

/* ---- top ---- */

static pv_status look(pv_client *c, const struct cli *cli, enum pv_list_what what, const char *const *columns)
{
    pv_table *t = NULL;
    pv_status s = pv_list(c, &t, &(struct pv_list_options){ .what = what }, PV_DEFAULT_TIMEOUT);
    if (s == PV_UNAUTHORIZED) return PV_OK; /* a client may not see the provers */
    if (s != PV_OK) return s;
    if (pv_table_rows(t) > 0)
        show_table(cli, t, columns);
    else
        printf("none\n");
    pv_table_free(&t);
    return PV_OK;
}

static pv_status screen(pv_client *c, const struct cli *cli)
{
    static const char *const status[] = { "software",    "ready",     "epoch",     "uptime_ms", "demand",
                                          "queued",      "running",   "succeeded", "dead",      "provers",
                                          "connections", "disk_free", NULL };
    static const char *const queues[] = { "queue",   "paused", "queued",           "running",
                                          "delayed", "demand", "oldest_queued_ms", "average_ms",
                                          "provers", "slots",  "unservable",       NULL };
    static const char *const provers[] = { "prover", "live", "draining", "quarantined_ms", "slots",    "running",
                                           "held",   "done", "failed",   "lost",           "heard_ms", NULL };
    if (isatty(STDOUT_FILENO)) printf("\033[H\033[2J");
    pv_status s = look(c, cli, PV_LIST_STATUS, status);
    putchar('\n');
    if (s == PV_OK) s = look(c, cli, PV_LIST_QUEUES, queues);
    putchar('\n');
    if (s == PV_OK) s = look(c, cli, PV_LIST_PROVERS, provers);
    std_streams_check();
    return s;
}

/* Waits for the next look. False: there were enough looks, or nobody reads stdout any more (a closed pipe, a full disk);
 * main says which. */
static bool next_look(const struct cli *cli, uint64_t done, uint64_t wait_ms)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    std_streams_check();
    if (cli->times > 0 && done >= cli->times) return false;
    int n = poll(&out, 1, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    if (n <= 0 || !(out.revents & (POLLERR | POLLHUP | POLLNVAL))) return true;
    std_streams_lost(EPIPE);
    return false;
}

int run_top(struct cli *cli)
{
    pv_client *c = NULL;
    cli_signals_end(0); /* ^C is its usual end */
    pv_status s = cli_connect_to_look(&c, cli);
    uint64_t done = 0;
    while (s == PV_OK) {
        s = screen(c, cli);
        if (s != PV_OK)
            cli_fail(c, s, NULL);
        else if (!next_look(cli, ++done, cli->interval_ms))
            break;
    }
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
        if (!cli->follow || !next_look(cli, done, at_end ? cli->interval_ms : 0)) break;
    }
    pv_client_close(&c);
    return pv_status_exit(s);
}
