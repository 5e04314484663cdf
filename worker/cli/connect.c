#include "connect.h"

#include "std_streams.h"
#include "endpoint.h"
#include "link_keys.h"
#include "process.h"
#include "startable.h"
#include "visible.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int cli_fail_text(pv_status s, const char *what, const char *text)
{
    bool said = text && text[0];
    char about[PV_TEXT_BYTES], sentence[PV_TEXT_BYTES];
    visible_text(about, sizeof about, what ? what : "");
    visible_text(sentence, sizeof sentence, said ? text : pv_status_text(s));
    /* "expired: the deadline passed ..." names its status already. */
    bool named = strcmp(about, pv_status_word(s)) == 0;
    fprintf(stderr, "provost: %s%s%s", about, about[0] ? ": " : "", sentence);
    fprintf(stderr, named ? "\n" : " (%s)\n", pv_status_word(s));
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
    if (!cli->broker) return "missing --broker tcp://host:port (or PROVOST_BROKER)";
    if (cli->insecure) return cli->key_file || cli->server_key ? "use either --insecure or keys, not both" : NULL;
    if (!cli->key_file || !cli->server_key)
        return "missing --key and --server-key (or --insecure, for a broker on this machine)";
    return NULL;
}

static const char name_allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* A name for each process: with one for all, a new process would count as a restart of those that still wait. It says where
 * and which, "provost-cli-host-4711"; what no name may have becomes a dash. */
static const char *own_name(void)
{
    static char name[PV_NAME_BYTES];
    char host[33] = "";
    gethostname(host, sizeof host - 1);
    for (char *c = host; *c; c++)
        if (!strchr(name_allowed, *c)) *c = '-';
    snprintf(name, sizeof name, "provost-cli-%s-%ld", host, (long)getpid());
    return name;
}

/* The library says only that it can use one of them. */
static const char *option_wrong(const struct cli *cli)
{
    if (strlen(cli->name ? cli->name : "") >= PV_NAME_BYTES ||
        (cli->name && strspn(cli->name, name_allowed) != strlen(cli->name)))
        return "--name: must be 1 to 64 letters, digits, dots, underscores or dashes";
    bool scheme = !strncmp(cli->broker, "tcp://", 6) || !strncmp(cli->broker, "ipc://", 6);
    if (scheme && cli->insecure && !endpoints_are_local(cli->broker))
        return "--insecure is only for a broker on this machine: --broker tcp://127.0.0.1:PORT";
    return "--broker: must be tcp://HOST:PORT, or several with commas between, and one --server-key for all or one for "
           "each";
}

static const char *keys_wrong(char why[LINK_KEYS_WHY_BYTES], const struct cli *cli)
{
    struct link_keys keys = { 0 };
    if (link_keys_load(&keys, cli->key_file, cli->server_key, why) == PV_OK) why[0] = '\0';
    link_keys_clear(&keys);
    return why;
}

static pv_status open_client(pv_client **c, const struct cli *cli, enum pv_role role)
{
    const char *wrong = missing(cli);
    if (wrong) return cli_fail_text(PV_USAGE, NULL, wrong), PV_USAGE;
    struct pv_client_options o = { .endpoints = cli->broker,
                                   .name = cli->name ? cli->name : own_name(),
                                   .role = role,
                                   .key_file = cli->key_file,
                                   .server_key = cli->server_key,
                                   .insecure = cli->insecure,
                                   .request_timeout_ms = cli->timeout_ms };
    static const struct startable need = {
        .who = "provost", .threads = 3, .descriptors = 14, .memory = (size_t)16 << 20
    };
    char lack[PV_TEXT_BYTES], why[LINK_KEYS_WHY_BYTES] = "";
    pv_status s = startable_check(&need, lack, sizeof lack);
    if (s != PV_OK) {
        cli_fail_text(s, NULL, lack);
        return s;
    }
    s = pv_client_open(c, &o);
    if (s == PV_USAGE) wrong = option_wrong(cli);
    if (s == PV_BAD_KEY_FILE) wrong = keys_wrong(why, cli);
    if (s != PV_OK) cli_fail_text(s, NULL, wrong);
    return s;
}

/* Opens a client and waits for its broker. PV_UNAUTHORIZED: the key may not have this role; quiet keeps that off
 * stderr. */
static pv_status connect_as(pv_client **c, const struct cli *cli, enum pv_role role, bool quiet)
{
    pv_status s = open_client(c, cli, role);
    if (s != PV_OK) return s;
    /* Looks every 200 ms: a refusal is final, but an absent broker may come before the time is over. */
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

/* A broker of 52f222a does not choose: it refuses a key that lacks the first role, and is asked once more. */
static pv_status connect_either(pv_client **c, const struct cli *cli, enum pv_role first, enum pv_role second)
{
    pv_status s = connect_as(c, cli, first, true);
    return s == PV_UNAUTHORIZED ? connect_as(c, cli, second, false) : s;
}

pv_status cli_connect_to_look(pv_client **c, const struct cli *cli)
{
    return connect_either(c, cli, PV_ROLE_ADMIN_FIRST, PV_ROLE_CLIENT);
}

pv_status cli_connect_to_task(pv_client **c, const struct cli *cli)
{
    return connect_either(c, cli, PV_ROLE_EITHER, PV_ROLE_ADMIN);
}

pv_status cli_id(pv_task_id *id, const char *text)
{
    pv_status s = pv_task_id_of_text(id, text);
    if (s == PV_OK) return s;
    cli_fail_text(PV_USAGE, text, "not a task id; expected 32 hex digits");
    return PV_USAGE;
}

static volatile sig_atomic_t status_at_signal;

static void on_signal(int number)
{
    (void)number;
    _exit(status_at_signal);
}

static const int signals_of_ours[] = { SIGINT, SIGTERM, 0 };

void cli_signals_end(int status)
{
    struct sigaction end = { .sa_handler = on_signal };
    status_at_signal = status;
    for (const int *number = signals_of_ours; *number; number++)
        if (!process_ignores(*number)) sigaction(*number, &end, NULL);
}

int cli_signal_fd(void)
{
    return process_signals(signals_of_ours);
}

void cli_signals_free(int *fd)
{
    sigset_t set;
    if (*fd >= 0) close(*fd);
    *fd = -1;
    sigemptyset(&set);
    for (const int *number = signals_of_ours; *number; number++) sigaddset(&set, *number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool cli_next_look(const struct cli *cli, uint64_t done, uint64_t wait_ms)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    std_streams_check();
    if (cli->times > 0 && done >= cli->times) return false;
    int n = poll(&out, 1, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    if (n <= 0 || !(out.revents & (POLLERR | POLLHUP | POLLNVAL))) return true;
    std_streams_lost(EPIPE);
    return false;
}
