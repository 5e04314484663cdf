#include "connect.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

int cli_fail_text(pv_status s, const char *what, const char *text)
{
    bool said = text && text[0];
    fprintf(stderr, "provost: %s%s%s (%s)\n", what ? what : "", what && what[0] ? ": " : "",
            said ? text : pv_status_text(s), pv_status_word(s));
    return pv_status_exit(s);
}

int cli_fail(pv_client *c, pv_status s, const char *what)
{
    char text[PV_TEXT_BYTES] = "";
    if (c) pv_client_error(c, text, sizeof text);
    return cli_fail_text(s, what, text);
}

static const char *missing(const struct cli *cli)
{
    if (!cli->broker) return "no broker: --broker tcp://host:port or PROVOST_BROKER";
    if (cli->insecure) return cli->key_file || cli->server_key ? "--insecure and keys exclude each other" : NULL;
    if (!cli->key_file || !cli->server_key)
        return "--key and --server-key are needed (or --insecure, for a broker on this machine)";
    return NULL;
}

static pv_status open_client(pv_client **c, const struct cli *cli, enum pv_role role)
{
    const char *wrong = missing(cli);
    if (wrong) return cli_fail_text(PV_USAGE, NULL, wrong), PV_USAGE;
    struct pv_client_options o = { .endpoints = cli->broker,
                                   .name = cli->name,
                                   .role = role,
                                   .key_file = cli->key_file,
                                   .server_key = cli->server_key,
                                   .insecure = cli->insecure,
                                   .request_timeout_ms = cli->timeout_ms };
    pv_status s = pv_client_open(c, &o);
    if (s == PV_USAGE)
        wrong = cli->insecure ? "--broker: tcp://host:port, with --insecure on this machine only; --name: a name"
                              : "--broker: tcp://host:port; --name: a name";
    if (s == PV_BAD_KEY_FILE)
        wrong = "--key, --server-key: missing, not a key file, or its secret is readable by others";
    if (s != PV_OK) cli_fail_text(s, NULL, wrong);
    return s;
}

/* Opens and waits; a key that may not have this role is told by PV_UNAUTHORIZED and, unless quiet, on stderr. */
static pv_status connect_as(pv_client **c, const struct cli *cli, enum pv_role role, bool quiet)
{
    pv_status s = open_client(c, cli, role);
    if (s != PV_OK) return s;
    /* In short looks: a refusal is final here, an absent broker may come while the time lasts. */
    int64_t left = cli->connect_ms;
    do {
        s = pv_client_ready(*c, left < 200 ? left : 200);
        left -= 200;
    } while (left > 0 && s != PV_OK && s != PV_UNAUTHORIZED);
    if (s == PV_OK) return PV_OK;
    if (!quiet || s != PV_UNAUTHORIZED) cli_fail(*c, s, NULL);
    pv_client_close(c);
    return s;
}

pv_status cli_connect(pv_client **c, const struct cli *cli, enum pv_role role)
{
    return connect_as(c, cli, role, false);
}

pv_status cli_connect_to_look(pv_client **c, const struct cli *cli)
{
    pv_status s = connect_as(c, cli, PV_ROLE_ADMIN, true);
    return s == PV_UNAUTHORIZED ? connect_as(c, cli, PV_ROLE_CLIENT, false) : s;
}

pv_status cli_id(pv_task_id *id, const char *text)
{
    pv_status s = pv_task_id_of_text(id, text);
    if (s == PV_OK) return s;
    cli_fail_text(PV_USAGE, text, "a task's id has 32 hex digits");
    return PV_USAGE;
}

int cli_signal_fd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
