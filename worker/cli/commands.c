/* What the command line knows: every option and every command, once. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "values.h"

#define STATE_WORDS "receiving queued offered running delayed recovering succeeded dead cancelled expired"

/* --- values that no kind of setting reads; false: the text makes no sense --- */

static bool priority_read(void *member, const char *text)
{
    uint64_t n;
    if (!value_number(&n, text) || n > 9) return false;
    *(int *)member = n ? (int)n : PV_PRIORITY_LOWEST;
    return true;
}

static bool deadline_read(void *member, const char *text)
{
    uint64_t ms;
    if (!value_duration(&ms, text)) return false;
    *(uint64_t *)member = pv_wall_ms() + ms;
    return true;
}

static bool on_restart_read(void *cli, const char *text)
{
    struct cli *c = cli;
    size_t word;
    if (value_word(&word, text, "keep cancel")) {
        c->on_restart = word ? PV_RESTART_CANCEL : PV_RESTART_KEEP;
        return true;
    }
    c->on_restart = PV_RESTART_TTL;
    return value_duration(&c->ttl_ms, text);
}

static bool timeout_read(void *member, const char *text)
{
    size_t word;
    uint64_t ms = 0;
    bool is_word = value_word(&word, text, "configured none");
    if (!is_word && !value_duration(&ms, text)) return false;
    *(int64_t *)member = is_word && word == 0 ? PV_CONFIGURED : ms ? (int64_t)ms : PV_NO_LIMIT;
    return true;
}

static bool state_read(void *cli, const char *text)
{
    struct cli *c = cli;
    enum pv_task_state s;
    if (pv_task_state_of_word(&s, text) != PV_OK) return false;
    c->states |= 1u << s;
    c->state = text;
    return true;
}

/* --- options --- */

#define MEMBER(name_, kind_, member, arg_)                                                                             \
    .name = name_, .kind = SETTING_##kind_, .offset = offsetof(struct cli, member), .arg = arg_
#define OTHER(name_, offset_, arg_, reader, allowed)                                                                   \
    .name = name_, .kind = SETTING_OTHER, .offset = offset_, .arg = arg_, .read = reader, .words = allowed
#define DEFAULT(meaning_, value) .meaning = meaning_ " (" value ")", .fallback = value
#define MEANS(meaning_) .meaning = meaning_
#define FROM(low_) .low = low_, .high = INT64_MAX
#define AT(member) offsetof(struct cli, member)

enum { ENV = true, NO_ENV = false };

#define OPTION(letter, scopes, env, words, ...)                                                                        \
    {                                                                                                                  \
        letter, scopes, env, words,                                                                                    \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

const struct cli_option cli_options[] = {
    OPTION('b', FOR_BROKER, ENV, NULL, MEMBER("broker", TEXT, broker, "ENDPOINTS"),
           MEANS("the broker, as tcp://host:port; several, separated by commas, are tried in turn")),
    OPTION(0, FOR_BROKER, ENV, NULL, MEMBER("insecure", SWITCH, insecure, NULL),
           MEANS("no keys: for a broker on this machine that allows it")),
    OPTION(0, FOR_BROKER, ENV, "@file", MEMBER("key", TEXT, key_file, "FILE"),
           MEANS("your key pair (provost key gen)")),
    OPTION(0, FOR_BROKER, ENV, "@file", MEMBER("server-key", TEXT, server_key, "FILE|KEY"),
           MEANS("the broker's public key; or several, separated by commas, one for each endpoint")),
    OPTION(0, FOR_BROKER, ENV, NULL, MEMBER("name", TEXT, name, "NAME"),
           MEANS("this client's name; tasks with --on-restart know their client by it (one for each process)")),
    OPTION('t', FOR_BROKER, ENV, NULL, MEMBER("timeout", DURATION, timeout_ms, "TIME"), FROM(0),
           MEANS("give up after this time: 30s, 5m, 2h ...")),
    OPTION(0, FOR_BROKER, ENV, NULL, MEMBER("connect-timeout", DURATION, connect_ms, "TIME"), FROM(0),
           DEFAULT("time for the connection alone", "5s")),
    OPTION('o', FOR_OUTPUT, ENV, "table json", MEMBER("output", CHOICE, output, "FORM"), .words = "table json",
           MEANS("table or json")),
    OPTION('w', FOR_OUTPUT, NO_ENV, NULL, MEMBER("wide", SWITCH, wide, NULL), MEANS("all columns of a table")),
    OPTION('q', FOR_SUBMIT | FOR_TASKS | FOR_CHECK, ENV, NULL, MEMBER("queue", TEXT, queue, "NAME"),
           MEANS("the queue")),
    OPTION('c', FOR_SUBMIT, ENV, NULL, MEMBER("circuit", TEXT, circuit, "NAME"),
           MEANS("the circuit's name, or its zkey's SHA-256 in hex")),
    OPTION('i', FOR_INPUT, NO_ENV, "@file", MEMBER("input", TEXT, input, "FILE"),
           MEANS("an input.json, as circom's programs read it, in place of the first argument: the prover computes the "
                 "witness")),
    OPTION(0, FOR_SUBMIT, NO_ENV, NULL, MEMBER("id", TEXT, id, "HEX"),
           MEANS("the task's id, 32 hex digits; the same id with the same input may be submitted again (random)")),
    OPTION(0, FOR_SUBMIT, NO_ENV, "0 1 2 3 4 5 6 7 8 9",
           OTHER("priority", AT(priority), "0-9", priority_read, "a number from 0 to 9"),
           MEANS("0 is served last, 9 first (4)")),
    OPTION(0, FOR_SUBMIT, NO_ENV, NULL, MEMBER("group", TEXT, group, "NAME"),
           MEANS("tasks of a group share one fair turn")),
    OPTION(0, FOR_SUBMIT, NO_ENV, NULL,
           OTHER("deadline", AT(deadline_ms), "TIME", deadline_read, "a time from now such as 30s or 5m"),
           MEANS("the task expires if it does not run by then: 30s, 5m from now")),
    OPTION(
        0, FOR_SUBMIT, NO_ENV, "keep cancel",
        OTHER("on-restart", 0, "WHAT", on_restart_read, "keep, cancel or a time to live such as 10m"),
        MEANS(
            "what happens to the task when a new client of this name appears: keep, cancel, or a time to live such as "
            "10m (keep)")),
    OPTION(0, FOR_SUBMIT, NO_ENV, NULL, MEMBER("revive", SWITCH, revive, NULL),
           MEANS("queue the task again if it is cancelled, expired or dead")),
    OPTION(0, FOR_SUBMIT, ENV, NULL, MEMBER("traceparent", TEXT, traceparent, "TRACE"),
           MEANS("the trace that the task belongs to, as in W3C Trace Context: 00-<32 hex digits>-<16>-01")),
    OPTION(0, FOR_SUBMIT, NO_ENV, NULL, MEMBER("need-vram", LARGE_SIZE, need_vram, "BYTES"), FROM(0),
           MEANS("GPU memory the task needs: 8G")),
    OPTION(0, FOR_SUBMIT, NO_ENV, NULL, MEMBER("need-ram", LARGE_SIZE, need_ram, "BYTES"), FROM(0),
           MEANS("memory the task needs: 16G")),
    OPTION(0, FOR_SUBMIT, NO_ENV, "wait fail", MEMBER("busy", CHOICE, busy, "WHAT"), .words = "wait fail",
           MEANS("what to do at a limit of the broker: wait or fail (wait)")),
    OPTION('k', FOR_RESULT, NO_ENV, "@file", MEMBER("vkey", TEXT, vkey, "FILE"),
           MEANS("verify the proof with this key before it is written")),
    OPTION(
        0, FOR_RESULT, NO_ENV, "@file", MEMBER("public", TEXT, expected, "FILE"),
        MEANS(
            "with --vkey: the public values that the proof has to be of, as public.json or as the witness; prove takes "
            "those of its witness")),
    OPTION(0, FOR_RESULT, NO_ENV, NULL, MEMBER("allow-development-key", SWITCH, development_key, NULL),
           MEANS("take a --vkey for which anyone can forge proofs, such as one without a contribution")),
    OPTION(0, FOR_WAIT, ENV, "auto bar json none", MEMBER("progress", CHOICE, progress, "FORM"),
           .words = "auto bar json none",
           MEANS("auto (a bar if stderr is a terminal), bar, json (lines on stderr) or none")),
    OPTION(0, FOR_WAIT, NO_ENV, NULL, MEMBER("cancel-on-interrupt", SWITCH, cancel_on_interrupt, NULL),
           MEANS("cancel the task at ^C; without this it goes on")),
    OPTION(0, FOR_TASKS | FOR_PURGE, NO_ENV, STATE_WORDS, OTHER("state", 0, "STATE", state_read, "one of " STATE_WORDS),
           MEANS("only tasks in this state")),
    OPTION(0, FOR_TASKS | FOR_EVENTS, NO_ENV, NULL, MEMBER("limit", NUMBER, limit, "N"), FROM(1),
           DEFAULT("most rows", "1000")),
    OPTION(
        0, FOR_TASKS | FOR_EVENTS, NO_ENV, NULL, MEMBER("after", TEXT, after, "ROW"),
        MEANS(
            "continue where the page before ended; for events, after the one with this number (0: all that are kept)")),
    OPTION('f', FOR_EVENTS, NO_ENV, NULL, MEMBER("follow", SWITCH, follow, NULL),
           MEANS("also print new events, one per line, until ^C")),
    OPTION(0, FOR_PURGE, NO_ENV, NULL, MEMBER("age", DURATION, age_ms, "TIME"), FROM(0),
           MEANS("only tasks unchanged for at least this time")),
    OPTION(0, FOR_PURGE, NO_ENV, NULL, MEMBER("results", SWITCH, results, NULL),
           MEANS("also delete results, fetched or not; without it (or --state succeeded) they stay")),
    OPTION('y', FOR_PURGE, NO_ENV, NULL, MEMBER("yes", SWITCH, yes, NULL), MEANS("do not ask")),
    OPTION(0, FOR_PURGE, NO_ENV, NULL, MEMBER("dry-run", SWITCH, dry_run, NULL), MEANS("count, change nothing")),
    OPTION(0, FOR_PROVER, NO_ENV, NULL, MEMBER("principal", TEXT, principal, "NAME"),
           MEANS("whose prover it is; needed where several principals have one of this name")),
    OPTION(0, FOR_SET, NO_ENV, "none configured",
           OTHER("run-timeout", AT(run_timeout_ms), "TIME", timeout_read, "a time such as 10m, none or configured"),
           MEANS("an attempt that runs longer is revoked and counts as failed: 10m, none, or configured")),
    OPTION(0, FOR_SET, NO_ENV, "none configured",
           OTHER("stall-timeout", AT(stall_timeout_ms), "TIME", timeout_read, "a time such as 10m, none or configured"),
           MEANS("an attempt without progress for longer is revoked and counts as failed: 10m, none, or configured")),
    OPTION(0, FOR_REPEAT, NO_ENV, NULL, MEMBER("interval", DURATION, interval_ms, "TIME"), FROM(1),
           DEFAULT("time between two looks", "2s")),
    OPTION(0, FOR_REPEAT, NO_ENV, NULL, MEMBER("times", NUMBER, times, "N"), FROM(0),
           MEANS("end after this many looks (0: until ^C)")),
    OPTION(0, FOR_CHECK, NO_ENV, NULL, MEMBER("warning", NUMBER, warning, "N"), FROM(0),
           DEFAULT("WARNING at this many queued tasks or more", "100")),
    OPTION(0, FOR_CHECK, NO_ENV, NULL, MEMBER("critical", NUMBER, critical, "N"), FROM(0),
           DEFAULT("CRITICAL at this many queued tasks or more", "1000")),
    OPTION(0, FOR_BENCH, NO_ENV, NULL, MEMBER("count", NUMBER, count, "N"), FROM(1),
           DEFAULT("number of tasks", "1000")),
    OPTION(0, FOR_BENCH, NO_ENV, NULL, MEMBER("inflight", NUMBER, inflight, "N"), FROM(1),
           DEFAULT("tasks at the same time", "64")),
    OPTION(0, FOR_BENCH, NO_ENV, NULL, MEMBER("bytes", LARGE_SIZE, bytes, "BYTES"), FROM(0),
           DEFAULT("bytes of each input", "1K")),
    { 0 },
};

/* --- commands --- */

#define ASKS (FOR_BROKER | FOR_OUTPUT)

const struct command cli_commands[] = {
    { "prove", NULL, "WITNESS PROOF PUBLIC", 3, 3, ASKS | FOR_SUBMIT | FOR_INPUT | FOR_RESULT | FOR_WAIT,
      "have a witness proved: submit, wait, verify, write both files", run_prove },
    { "task", "submit", "INPUT", 1, 1, ASKS | FOR_SUBMIT | FOR_INPUT, "submit a task and print its id",
      run_task_submit },
    { "task", "wait", "ID [PROOF PUBLIC | FILE]", 1, 3, ASKS | FOR_RESULT | FOR_WAIT,
      "wait until the task is over, and write its result", run_task_wait },
    { "task", "show", "ID", 1, 1, ASKS, "show the state of a task", run_task_show },
    { "task", "ls", "", 0, 0, ASKS | FOR_TASKS, "list tasks in the order they were submitted", run_task_ls },
    { "task", "cancel", "ID...", 1, 1000, ASKS, "cancel tasks, queued or running", run_task_cancel },
    { "task", "kick", "ID...", 1, 1000, ASKS, "queue dead, cancelled or expired tasks again (administrators)",
      run_task_kick },
    { "task", "fetch", "ID [PROOF PUBLIC | FILE]", 1, 3, ASKS | FOR_RESULT,
      "write the result once more, while the broker keeps it", run_task_fetch },
    { "queue", "ls", "", 0, 0, ASKS, "list queues and what is in them", run_queue_ls },
    { "queue", "show", "QUEUE", 1, 1, ASKS, "show everything about one queue", run_queue_show },
    { "queue", "pause", "QUEUE", 1, 1, ASKS, "hand out no more tasks (administrators)", run_queue_pause },
    { "queue", "resume", "QUEUE", 1, 1, ASKS, "hand out tasks again (administrators)", run_queue_resume },
    { "queue", "set", "QUEUE", 1, 1, ASKS | FOR_SET,
      "set its timeouts, whatever the broker's configuration says (administrators)", run_queue_set },
    { "queue", "purge", "QUEUE", 1, 1, ASKS | FOR_PURGE,
      "cancel and remove its tasks, running ones too; results stay (administrators)", run_queue_purge },
    { "prover", "ls", "", 0, 0, ASKS, "list provers and what they do", run_prover_ls },
    { "prover", "show", "PROVER", 1, 1, ASKS | FOR_PROVER,
      "show a prover, its circuits, the key files that it does not serve, with its reasons, and what its handlers did",
      run_prover_show },
    { "prover", "drain", "PROVER", 1, 1, ASKS | FOR_PROVER, "give a prover no new tasks (administrators)",
      run_prover_drain },
    { "prover", "resume", "PROVER", 1, 1, ASKS | FOR_PROVER, "give a prover new tasks again (administrators)",
      run_prover_resume },
    { "key", "gen", "FILE", 1, 1, FOR_OUTPUT, "make a key pair: FILE to keep, FILE.pub to hand out", run_key_gen },
    { "key", "show", "FILE", 1, 1, FOR_OUTPUT, "print the public key in a key file", run_key_show },
    { "key", "check", "[FILE]", 0, 1, ASKS,
      "check that a key is usable, private, and (with --broker) accepted. Exit 4 not accepted, 8 wrong --server-key, 5 "
      "no broker",
      run_key_check },
    { "status", NULL, "", 0, 0, ASKS, "print the broker's figures", run_status },
    { "top", NULL, "", 0, 0, ASKS | FOR_REPEAT,
      "show queues and provers, again and again; on a terminal in place: q quits, n w r d f o sort", run_top },
    { "events", NULL, "", 0, 0, ASKS | FOR_REPEAT | FOR_EVENTS,
      "list what happened lately to tasks, provers and queues", run_events },
    { "check", NULL, "", 0, 0, ASKS | FOR_CHECK, "check for Nagios: 0 fine, 1 warning, 2 critical, 3 unknown",
      run_check },
    { "bench", NULL, "", 0, 0, ASKS | FOR_SUBMIT | FOR_BENCH,
      "measure tasks per second and their delays, through a queue that echoes", run_bench },
    { NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

/* worker/README.md has the same table. */
const struct cli_exit cli_exits[] = {
    { 0, "ok", "done" },
    { 1, "failure", "anything that has no status of its own; a task that used up its attempts" },
    { 2, "usage", "a wrong option, argument or setting; nothing was done" },
    { 3, "not found", "no such file, task, queue or prover; or waited in vain because no live prover has the circuit" },
    { 4, "not authorised", "the key may not do this, or its file is not usable" },
    { 5, "broker unreachable", "no connection" },
    { 6, "time is up", "--timeout, the task's --deadline, or a limit of the queue on how long an attempt may run" },
    { 7, "cancelled", "the task was cancelled; or the question of queue purge was answered with no" },
    { 8, "invalid input", "the witness, key or JSON is not what it has to be, or larger than allowed" },
    { 9, "bad proof", "the proof does not verify" },
    { 10, "out of memory", "here, or at the provers that tried the task" },
    { 11, "busy", "waited in vain because the broker is full or the queue is paused" },
    { 12, "unserved", "waited in vain because no live prover serves the queue" },
    { 130, "interrupted", "by INT or TERM" },
    { 0, NULL, NULL },
};

const char *command_name(const struct command *c, char to[64])
{
    snprintf(to, 64, "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
    return to;
}
