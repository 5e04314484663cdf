/* What the command line knows: every option and every command, once. */
#include "options.h"

#include <stdio.h>

#define STATE_WORDS "receiving queued offered running delayed recovering succeeded dead cancelled expired"

const struct cli_option cli_options[] = {
    { "broker", KEY_BROKER, "ENDPOINTS", FOR_BROKER, "PROVOST_BROKER",
      "tcp://host:port of the broker; several, with commas, are tried in turn", NULL },
    { "insecure", KEY_INSECURE, NULL, FOR_BROKER, "PROVOST_INSECURE",
      "no keys: a broker on this machine that allows it", NULL },
    { "key", KEY_KEY, "FILE", FOR_BROKER, "PROVOST_KEY", "own key pair (provost key gen)", "@file" },
    { "server-key", KEY_SERVER_KEY, "FILE|KEY", FOR_BROKER, "PROVOST_SERVER_KEY",
      "the broker's public key; with commas, one for each endpoint", "@file" },
    { "name", KEY_NAME, "NAME", FOR_BROKER, "PROVOST_NAME", "this client's name (provost-cli)", NULL },
    { "timeout", KEY_TIMEOUT, "TIME", FOR_BROKER, "PROVOST_TIMEOUT", "give up after 30s, 5m, 2h ...", NULL },
    { "connect-timeout", KEY_CONNECT, "TIME", FOR_BROKER, "PROVOST_CONNECT_TIMEOUT", "for the connection alone (5s)",
      NULL },
    { "output", KEY_OUTPUT, "FORM", FOR_OUTPUT, "PROVOST_OUTPUT", "table or json", "table json" },
    { "wide", KEY_WIDE, NULL, FOR_OUTPUT, NULL, "all columns of a table", NULL },
    { "queue", KEY_QUEUE, "NAME", FOR_SUBMIT | FOR_TASKS | FOR_CHECK, "PROVOST_QUEUE", "the queue", NULL },
    { "circuit", KEY_CIRCUIT, "NAME", FOR_SUBMIT, "PROVOST_CIRCUIT", "the circuit's name, or its zkey's SHA-256 in hex",
      NULL },
    { "id", KEY_ID, "HEX", FOR_SUBMIT, NULL, "32 hex digits; the same id and input again is harmless (random)", NULL },
    { "priority", KEY_PRIORITY, "0-9", FOR_SUBMIT, NULL, "9 is first (4)", "0 1 2 3 4 5 6 7 8 9" },
    { "group", KEY_GROUP, "NAME", FOR_SUBMIT, NULL, "tasks that share a fair turn", NULL },
    { "deadline", KEY_DEADLINE, "TIME", FOR_SUBMIT, NULL, "expires unless it runs by then: 30s, 5m from now", NULL },
    { "on-restart", KEY_ON_RESTART, "WHAT", FOR_SUBMIT, NULL,
      "when a new client of this name appears: keep, cancel, or a time to live such as 10m (keep)", "keep cancel" },
    { "revive", KEY_REVIVE, NULL, FOR_SUBMIT, NULL, "queue it again if it is cancelled, expired or dead", NULL },
    { "need-vram", KEY_VRAM, "BYTES", FOR_SUBMIT, NULL, "GPU memory it needs: 8G", NULL },
    { "need-ram", KEY_RAM, "BYTES", FOR_SUBMIT, NULL, "memory it needs: 16G", NULL },
    { "busy", KEY_BUSY, "WHAT", FOR_SUBMIT, NULL, "at a limit of the broker: wait or fail (wait)", "wait fail" },
    { "vkey", KEY_VKEY, "FILE", FOR_RESULT, NULL, "verify the proof with this key before it is written", "@file" },
    { "progress", KEY_PROGRESS, "FORM", FOR_WAIT, "PROVOST_PROGRESS",
      "auto (a bar where stderr is a terminal), bar, json (lines on stderr), none", "auto bar json none" },
    { "cancel-on-interrupt", KEY_CANCEL, NULL, FOR_WAIT, NULL, "cancel the task at ^C; else it runs on", NULL },
    { "state", KEY_STATE, "STATE", FOR_TASKS | FOR_PURGE, NULL, "only tasks in this state", STATE_WORDS },
    { "limit", KEY_LIMIT, "N", FOR_TASKS | FOR_EVENTS, NULL, "most rows (1000)", NULL },
    { "after", KEY_AFTER, "ROW", FOR_TASKS | FOR_EVENTS, NULL,
      "go on where a page before ended; of events, behind the one with this number (0: all that are kept)", NULL },
    { "follow", KEY_FOLLOW, NULL, FOR_EVENTS, NULL, "and those to come, one a line, until ^C", NULL },
    { "age", KEY_AGE, "TIME", FOR_PURGE, NULL, "only tasks unchanged for so long", NULL },
    { "dry-run", KEY_DRY, NULL, FOR_PURGE, NULL, "count, change nothing", NULL },
    { "run-timeout", KEY_RUN_TIMEOUT, "TIME", FOR_SET, NULL,
      "an attempt running longer is revoked and charged: 10m, none, or configured", "none configured" },
    { "stall-timeout", KEY_STALL_TIMEOUT, "TIME", FOR_SET, NULL,
      "one whose progress stands still so long too; likewise", "none configured" },
    { "interval", KEY_INTERVAL, "TIME", FOR_REPEAT, NULL, "between two looks (2s)", NULL },
    { "times", KEY_TIMES, "N", FOR_REPEAT, NULL, "look so often, then end (0: until ^C)", NULL },
    { "warning", KEY_WARNING, "N", FOR_CHECK, NULL, "WARNING from so many queued tasks on (100)", NULL },
    { "critical", KEY_CRITICAL, "N", FOR_CHECK, NULL, "CRITICAL from so many queued tasks on (1000)", NULL },
    { "count", KEY_COUNT, "N", FOR_BENCH, NULL, "tasks (1000)", NULL },
    { "inflight", KEY_INFLIGHT, "N", FOR_BENCH, NULL, "at the same time (64)", NULL },
    { "bytes", KEY_BYTES, "BYTES", FOR_BENCH, NULL, "of each input (1K)", NULL },
    { NULL, 0, NULL, 0, NULL, NULL, NULL },
};

#define ASKS (FOR_BROKER | FOR_OUTPUT)

const struct command cli_commands[] = {
    { "prove", NULL, "WITNESS PROOF PUBLIC", 3, 3, ASKS | FOR_SUBMIT | FOR_RESULT | FOR_WAIT,
      "have a witness proved: submit, wait, verify, write both files", run_prove },
    { "task", "submit", "INPUT", 1, 1, ASKS | FOR_SUBMIT, "hand a task in and print its id", run_task_submit },
    { "task", "wait", "ID [PROOF PUBLIC | FILE]", 1, 3, ASKS | FOR_RESULT | FOR_WAIT,
      "wait until it is over, and write the result", run_task_wait },
    { "task", "show", "ID", 1, 1, ASKS, "how it stands", run_task_show },
    { "task", "ls", "", 0, 0, ASKS | FOR_TASKS, "tasks, in the order of their submits", run_task_ls },
    { "task", "cancel", "ID...", 1, 1000, ASKS, "stop it, queued or running", run_task_cancel },
    { "task", "kick", "ID...", 1, 1000, ASKS, "queue a dead, cancelled or expired one again (administrators)",
      run_task_kick },
    { "task", "fetch", "ID [PROOF PUBLIC | FILE]", 1, 3, ASKS | FOR_RESULT, "the result once more, while it is kept",
      run_task_fetch },
    { "queue", "ls", "", 0, 0, ASKS, "queues and what is in them", run_queue_ls },
    { "queue", "show", "QUEUE", 1, 1, ASKS, "all about one queue", run_queue_show },
    { "queue", "pause", "QUEUE", 1, 1, ASKS, "nothing more is given out (administrators)", run_queue_pause },
    { "queue", "resume", "QUEUE", 1, 1, ASKS, "give out again (administrators)", run_queue_resume },
    { "queue", "set", "QUEUE", 1, 1, ASKS | FOR_SET,
      "its timeouts, whatever the broker's configuration says (administrators)", run_queue_set },
    { "queue", "purge", "QUEUE", 1, 1, ASKS | FOR_PURGE, "cancel its tasks, running ones too (administrators)",
      run_queue_purge },
    { "prover", "ls", "", 0, 0, ASKS, "provers and what they do", run_prover_ls },
    { "prover", "drain", "PROVER", 1, 1, ASKS, "no new tasks for it (administrators)", run_prover_drain },
    { "prover", "resume", "PROVER", 1, 1, ASKS, "new tasks for it again (administrators)", run_prover_resume },
    { "key", "gen", "FILE", 1, 1, FOR_OUTPUT, "make a key pair: FILE to keep, FILE.pub to hand out", run_key_gen },
    { "key", "show", "FILE", 1, 1, FOR_OUTPUT, "the public key in a key file", run_key_show },
    { "key", "check", "[FILE]", 0, 1, ASKS,
      "is it usable, kept from others, and (with --broker) let in? Exit 4 it is not allowed, 8 wrong --server-key, 5 "
      "no broker",
      run_key_check },
    { "status", NULL, "", 0, 0, ASKS, "the broker's figures", run_status },
    { "top", NULL, "", 0, 0, FOR_BROKER | FOR_REPEAT, "queues and provers, again and again", run_top },
    { "events", NULL, "", 0, 0, ASKS | FOR_REPEAT | FOR_EVENTS, "what happened lately to tasks, provers, queues",
      run_events },
    { "check", NULL, "", 0, 0, FOR_BROKER | FOR_CHECK, "for Nagios: 0 fine, 1 warning, 2 critical, 3 unknown",
      run_check },
    { "bench", NULL, "", 0, 0, ASKS | FOR_SUBMIT | FOR_BENCH,
      "tasks a second and their delays, through a queue that echoes", run_bench },
    { NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const char *command_name(const struct command *c, char to[64])
{
    snprintf(to, 64, "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
    return to;
}
