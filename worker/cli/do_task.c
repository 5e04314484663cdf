#include "commands.h"
#include "connect.h"
#include "files.h"
#include "follow_task.h"
#include "show.h"
#include "visible.h"

#include <stdio.h>
#include <string.h>

struct submit_wait {
    struct waiting said;
    const struct cli *cli;
};

/* The broker is at a limit: said once, while the submit is tried again. */
static void on_held(void *user, const struct pv_progress *p)
{
    struct submit_wait *w = user;
    if (p->held == PV_OK || p->held == w->said.reason) return;
    w->said.reason = p->held;
    snprintf(w->said.text, sizeof w->said.text, "%s", p->why);
    waiting_say(&w->said, w->cli);
}

int run_task_submit(struct cli *cli)
{
    struct submit_wait waiting = { .cli = cli };
    struct pv_submit_options what = { 0 };
    struct task_input input;
    pv_client *c = NULL;
    pv_task_id id;
    task_input_choose(&input, cli);
    pv_status s = submit_options_of(&what, cli, &id);
    what.progress = on_held;
    what.user = &waiting;
    if (s == PV_OK) s = task_input_read(&input, false);
    if (s == PV_OK) s = cli_connect(&c, cli, PV_ROLE_CLIENT);
    if (s == PV_OK) s = task_input_submit(&input, c, &id, &what, cli->traceparent, PV_DEFAULT_TIMEOUT);
    task_input_clear(&input);
    pv_client_close(&c);
    if (s != PV_OK) return pv_status_exit(s);
    char text[PV_ID_TEXT];
    pv_task_id_text(text, &id);
    if (cli->output == OUTPUT_JSON)
        show_json(json_pack("{s:s, s:s}", "schema", "provost.submitted/1", "task", text));
    else
        puts(text);
    return 0;
}

int run_task_wait(struct cli *cli)
{
    struct followed f = { .cli = cli, .signals = -1 };
    progress_begin(&f.view, cli->progress);
    pv_status s = cli_id(&f.id, cli->args[0]);
    if (s == PV_OK) s = followed_places(&f, 1, NULL);
    if (s == PV_OK) s = followed_keys(&f);
    if (s == PV_OK) s = cli_connect_to_task(&f.client, cli);
    if (s == PV_OK) {
        struct pv_submit_options what = followed_options(&f);
        s = pv_attach(f.client, &f.id, &what, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK) cli_fail(f.client, s, cli->args[0]);
    }
    f.signals = cli_signal_fd();
    if (s == PV_OK) s = followed_run(&f);
    /* Without a file for it the result is not acknowledged: the broker keeps it for a later fetch. */
    bool taken = cli->args_n > 1 || f.result.status != PV_OK;
    int status = s == PV_OK ? followed_finish(&f, taken) : pv_status_exit(s);
    followed_clear(&f);
    return status;
}

int run_task_fetch(struct cli *cli)
{
    struct followed f = { .cli = cli, .signals = -1 };
    pv_status s = cli_id(&f.id, cli->args[0]);
    if (s == PV_OK) s = followed_places(&f, 1, NULL);
    if (s == PV_OK) s = followed_keys(&f);
    if (s == PV_OK) s = cli_connect_to_task(&f.client, cli);
    if (s == PV_OK) {
        s = pv_fetch(f.client, &f.result, &f.id, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK) cli_fail(f.client, s, cli->args[0]);
    }
    if (s == PV_OK) followed_check(&f);
    int status = s == PV_OK ? followed_finish(&f, false) : pv_status_exit(s);
    followed_clear(&f);
    return status;
}

int run_task_show(struct cli *cli)
{
    pv_client *c = NULL;
    pv_task_id id;
    struct pv_task_info info;
    pv_status s = cli_id(&id, cli->args[0]);
    if (s == PV_OK) s = cli_connect_to_task(&c, cli);
    if (s == PV_OK) {
        s = pv_show(c, &info, &id, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK)
            cli_fail(c, s, cli->args[0]);
        else
            show_task(cli, &info);
    }
    pv_client_close(&c);
    return pv_status_exit(s);
}

int run_task_ls(struct cli *cli)
{
    static const char *const columns[] = { "task",     "state",  "queue",  "circuit", "prover", "percent",
                                           "failures", "losses", "length", "changed", NULL };
    pv_client *c = NULL;
    pv_table *t = NULL;
    struct pv_list_options what = {
        .what = PV_LIST_TASKS, .queue = cli->queue, .state = cli->state, .after = cli->after, .rows_max = cli->limit
    };
    pv_status s = cli_connect_to_look(&c, cli);
    if (s == PV_OK) {
        s = pv_list(c, &t, &what, PV_DEFAULT_TIMEOUT);
        if (s != PV_OK) cli_fail(c, s, NULL);
    }
    if (s == PV_OK) show_table(cli, t, columns);
    if (s == PV_OK && cli->output == OUTPUT_TABLE && pv_table_next(t)) {
        char next[PV_TEXT_BYTES];
        visible_text(next, sizeof next, pv_table_next(t));
        fprintf(stderr, "provost: more rows follow; continue with: --after %s\n", next);
    }
    pv_table_free(&t);
    pv_client_close(&c);
    return pv_status_exit(s);
}

/* Does act for every id, also after a failure; the first failure is the exit status. */
static int for_each(struct cli *cli, enum pv_role role,
                    pv_status act(pv_client *c, const struct cli *cli, const pv_task_id *id))
{
    pv_client *c = NULL;
    pv_task_id id;
    pv_status s = PV_OK;
    for (int i = 0; i < cli->args_n; i++) {
        if (cli_id(&id, cli->args[i]) != PV_OK) return pv_status_exit(PV_USAGE);
    }
    s = role == PV_ROLE_CLIENT ? cli_connect_to_task(&c, cli) : cli_connect(&c, cli, role);
    if (s != PV_OK) return pv_status_exit(s);
    for (int i = 0; i < cli->args_n; i++) {
        pv_task_id_of_text(&id, cli->args[i]);
        pv_status one = act(c, cli, &id);
        if (one != PV_OK) cli_fail(c, one, cli->args[i]);
        if (s == PV_OK) s = one;
    }
    pv_client_close(&c);
    return pv_status_exit(s);
}

static pv_status cancel(pv_client *c, const struct cli *cli, const pv_task_id *id)
{
    enum pv_task_state state;
    char text[PV_ID_TEXT];
    pv_status s = pv_cancel(c, &state, id, PV_DEFAULT_TIMEOUT);
    if (s != PV_OK) return s;
    pv_task_id_text(text, id);
    if (cli->output == OUTPUT_JSON)
        show_json(json_pack("{s:s, s:s, s:s}", "schema", "provost.cancelled/1", "task", text, "state",
                            pv_task_state_word(state)));
    else
        printf("%s %s\n", text, pv_task_state_word(state));
    return PV_OK;
}

int run_task_cancel(struct cli *cli)
{
    return for_each(cli, PV_ROLE_CLIENT, cancel);
}

static pv_status kick(pv_client *c, const struct cli *cli, const pv_task_id *id)
{
    struct pv_task_info info;
    pv_status s = pv_kick(c, &info, id, PV_DEFAULT_TIMEOUT);
    if (s != PV_OK) return s;
    if (cli->output == OUTPUT_JSON) {
        show_task(cli, &info);
    } else {
        char text[PV_ID_TEXT];
        printf("%s %s generation %u\n", pv_task_id_text(text, id), pv_task_state_word(info.state), info.generation);
    }
    return PV_OK;
}

int run_task_kick(struct cli *cli)
{
    return for_each(cli, PV_ROLE_ADMIN, kick);
}
