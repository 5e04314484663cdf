#include "commands.h"
#include "connect.h"
#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static uint64_t sum_of(const uint64_t counts[PV_TASK_STATES])
{
    uint64_t all = 0;
    for (int i = 0; i < PV_TASK_STATES; i++) all += counts[i];
    return all;
}

static void show_counts(const struct cli *cli, const uint64_t counts[PV_TASK_STATES],
                        const uint64_t kept[PV_TASK_STATES])
{
    json_t *by_state = json_object();
    for (int i = 0; i < PV_TASK_STATES; i++) {
        const char *word = pv_task_state_word((enum pv_task_state)i);
        json_object_set_new(by_state, word, json_integer((json_int_t)counts[i]));
        if (cli->output == OUTPUT_TABLE && counts[i] > 0) printf("%-12s %" PRIu64 "\n", word, counts[i]);
    }
    if (cli->output == OUTPUT_JSON) {
        show_json(json_pack("{s:s, s:s, s:b, s:I, s:o, s:I}", "schema", "provost.purged/1", "queue", cli->args[0],
                            "dry_run", (int)cli->dry_run, "tasks", (json_int_t)sum_of(counts), "counts", by_state,
                            "kept", (json_int_t)sum_of(kept)));
        return;
    }
    printf("%-12s %" PRIu64 "%s\n", "tasks", sum_of(counts), cli->dry_run ? " (nothing was changed)" : "");
    json_decref(by_state);
    for (int i = 0; i < PV_TASK_STATES; i++)
        if (kept[i] > 0)
            printf("%-12s %" PRIu64 " %s%s\n", "kept", kept[i], pv_task_state_word((enum pv_task_state)i),
                   i == PV_TASK_SUCCEEDED ? ", with results (--results deletes them too)" : "");
}

/* PV_CANCELLED: the answer is no. PV_USAGE: there is nobody to ask, so a script without --yes fails and loses nothing. */
static pv_status agreed(const struct cli *cli, const uint64_t counts[PV_TASK_STATES])
{
    char line[16];
    if (sum_of(counts) == 0) return PV_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        cli_fail_text(PV_USAGE, NULL, "nobody to ask: give --yes, or --dry-run to look first");
        return PV_USAGE;
    }
    fprintf(stderr, "Remove %" PRIu64 " tasks of queue %s%s? [y/N] ", sum_of(counts), cli->args[0],
            counts[PV_TASK_SUCCEEDED] > 0 ? ", results among them" : "");
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y')) return PV_OK;
    fprintf(stderr, "provost: nothing was changed\n");
    return PV_CANCELLED;
}

/* Every state but that of a result, unless it was named. 0: every state. */
static unsigned states_of(const struct cli *cli)
{
    if (cli->states) return cli->results ? cli->states | 1u << PV_TASK_SUCCEEDED : cli->states;
    return cli->results ? 0 : ((1u << PV_TASK_STATES) - 1) & ~(1u << PV_TASK_SUCCEEDED);
}

static struct pv_purge_options all_of(const struct cli *cli)
{
    return (struct pv_purge_options){ .scope = PV_PURGE_QUEUE, .queue = cli->args[0], .dry_run = true };
}

/* Changes nothing: what would go, and what would stay. */
static pv_status look(uint64_t counts[PV_TASK_STATES], uint64_t kept[PV_TASK_STATES], pv_client *c,
                      const struct cli *cli)
{
    uint64_t all[PV_TASK_STATES], old[PV_TASK_STATES];
    struct pv_purge_options what = all_of(cli);
    unsigned states = states_of(cli);
    TRY(pv_purge(c, all, &what, PV_DEFAULT_TIMEOUT));
    memcpy(old, all, sizeof old);
    what.age_ms = cli->age_ms;
    if (cli->age_ms) TRY(pv_purge(c, old, &what, PV_DEFAULT_TIMEOUT));
    for (int i = 0; i < PV_TASK_STATES; i++) {
        counts[i] = states == 0 || (states >> i & 1) ? old[i] : 0;
        kept[i] = all[i] > counts[i] ? all[i] - counts[i] : 0;
    }
    return PV_OK;
}

/* A broker that is too old to forget what it cancels is told to cancel it: that stays there, and is said to stay. */
static pv_status remove_tasks(uint64_t counts[PV_TASK_STATES], pv_client *c, const struct cli *cli)
{
    struct pv_purge_options what = all_of(cli);
    what.dry_run = false;
    what.states = states_of(cli);
    what.age_ms = cli->age_ms;
    pv_status s = pv_purge_and_forget(c, counts, &what, PV_DEFAULT_TIMEOUT);
    if (s != PV_BAD_VERSION) return s;
    fprintf(stderr,
            "provost: this broker is too old to free at once what it cancels: those tasks stay, cancelled, for its "
            "retention\n");
    return pv_purge(c, counts, &what, PV_DEFAULT_TIMEOUT);
}

static pv_status purge(struct cli *cli, pv_client *c)
{
    uint64_t counts[PV_TASK_STATES] = { 0 }, kept[PV_TASK_STATES] = { 0 };
    bool everything = states_of(cli) == 0 && cli->age_ms == 0;
    struct pv_purge_options all = all_of(cli);
    pv_status s = PV_OK;
    if (cli->dry_run || !cli->yes) s = look(counts, kept, c, cli);
    if (s == PV_OK && !cli->dry_run) {
        if (!cli->yes) TRY(agreed(cli, counts));
        s = remove_tasks(counts, c, cli);
        if (s == PV_OK && !everything) s = pv_purge(c, kept, &all, PV_DEFAULT_TIMEOUT);
    }
    if (s != PV_OK)
        cli_fail(c, s, cli->args[0]);
    else
        show_counts(cli, counts, kept);
    return s;
}

int run_queue_purge(struct cli *cli)
{
    pv_client *c = NULL;
    pv_status s = cli_connect(&c, cli, PV_ROLE_ADMIN);
    if (s == PV_OK) s = purge(cli, c);
    pv_client_close(&c);
    return pv_status_exit(s);
}
