#include "commands.h"
#include "connect.h"
#include "show.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const columns[] = { "queue",      "paused",         "queued",           "offered",
                                       "running",    "delayed",        "recovering",       "succeeded",
                                       "dead",       "demand",         "provers",          "slots",
                                       "unservable", "run_timeout_ms", "stall_timeout_ms", NULL };

int run_queue_ls(struct cli *cli)
{
    pv_client *c = NULL;
    pv_table *t = NULL;
    pv_status s = cli_connect_to_look(&c, cli);
    if (s == PV_OK) {
        s = pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_QUEUES }, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK)
            cli_fail(c, s, NULL);
        else
            show_table(cli, t, columns);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

int run_queue_show(struct cli *cli)
{
    pv_client *c = NULL;
    pv_table *t = NULL;
    pv_status s = cli_connect_to_look(&c, cli);
    if (s == PV_OK) {
        s = pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_QUEUES, .queue = cli->args[0] },
                    PV_DEFAULT_TIMEOUT);
        if (s != PV_OK) cli_fail(c, s, cli->args[0]);
    }
    if (s == PV_OK && show_row(cli, t, "queue", cli->args[0]) != PV_OK) {
        s = PV_UNKNOWN_QUEUE;
        cli_fail_text(s, cli->args[0], NULL);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

static int run_operate(struct cli *cli, pv_status act(pv_client *c, pv_table **t, const struct cli *cli))
{
    pv_client *c = NULL;
    pv_table *t = NULL;
    pv_status s = cli_connect(&c, cli, PV_ROLE_ADMIN);
    if (s == PV_OK) {
        s = act(c, &t, cli);
        if (s != PV_OK)
            cli_fail(c, s, cli->args[0]);
        else
            show_table(cli, t, columns);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

static pv_status pause_queue(pv_client *c, pv_table **t, const struct cli *cli)
{
    return pv_queue_pause(c, t, cli->args[0], PV_DEFAULT_TIMEOUT);
}

static pv_status resume_queue(pv_client *c, pv_table **t, const struct cli *cli)
{
    return pv_queue_resume(c, t, cli->args[0], PV_DEFAULT_TIMEOUT);
}

static pv_status set_queue(pv_client *c, pv_table **t, const struct cli *cli)
{
    struct pv_queue_settings what = { .run_timeout_ms = cli->run_timeout_ms,
                                      .stall_timeout_ms = cli->stall_timeout_ms };
    return pv_queue_set(c, t, cli->args[0], &what, PV_DEFAULT_TIMEOUT);
}

int run_queue_pause(struct cli *cli)
{
    return run_operate(cli, pause_queue);
}

int run_queue_resume(struct cli *cli)
{
    return run_operate(cli, resume_queue);
}

int run_queue_set(struct cli *cli)
{
    if (cli->run_timeout_ms == 0 && cli->stall_timeout_ms == 0)
        return cli_fail_text(PV_USAGE, NULL, "nothing to set: give --run-timeout or --stall-timeout");
    return run_operate(cli, set_queue);
}

static void show_counts(const struct cli *cli, const uint64_t counts[PV_TASK_STATES])
{
    uint64_t all = 0;
    json_t *by_state = json_object();
    for (int i = 0; i < PV_TASK_STATES; i++) {
        const char *word = pv_task_state_word((enum pv_task_state)i);
        all += counts[i];
        json_object_set_new(by_state, word, json_integer((json_int_t)counts[i]));
        if (cli->output == OUTPUT_TABLE && counts[i] > 0) printf("%-12s %" PRIu64 "\n", word, counts[i]);
    }
    if (cli->output == OUTPUT_JSON) {
        show_json(json_pack("{s:s, s:s, s:b, s:I, s:o}", "schema", "provost.purged/1", "queue", cli->args[0], "dry_run",
                            (int)cli->dry_run, "tasks", (json_int_t)all, "counts", by_state));
        return;
    }
    printf("%-12s %" PRIu64 "%s\n", "tasks", all, cli->dry_run ? " (nothing was changed)" : "");
    json_decref(by_state);
}

int run_queue_purge(struct cli *cli)
{
    pv_client *c = NULL;
    uint64_t counts[PV_TASK_STATES];
    struct pv_purge_options what = { .scope = PV_PURGE_QUEUE,
                                     .queue = cli->args[0],
                                     .states = cli->states,
                                     .age_ms = cli->age_ms,
                                     .dry_run = cli->dry_run };
    pv_status s = cli_connect(&c, cli, PV_ROLE_ADMIN);
    if (s == PV_OK) {
        s = pv_purge(c, counts, &what, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK)
            cli_fail(c, s, cli->args[0]);
        else
            show_counts(cli, counts);
    }
    pv_client_close(&c);
    return pv_status_exit(s);
}
