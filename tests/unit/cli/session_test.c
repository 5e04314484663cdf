/* What `provost` and `provost-prover` print, line by line: each command of the golden transcript is run against a broker whose answers are
 * always the same, and what it prints, exits with and asks the broker for is compared with what the transcript says. */
#include "fake_broker.h"
#include "temp_dir.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MOST = 32, TEXT_BYTES = 1 << 20 };

static const char *golden; /* the transcript */

static struct fake f;
static char home[64], data[4096], told[TEXT_BYTES], heard[8192];
static char result[8192];
static size_t result_n;

/* ---- the broker ---- */

static void hear(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void hear(const char *format, ...)
{
    size_t used = strlen(heard);
    va_list args;
    va_start(args, format);
    vsnprintf(heard + used, sizeof heard - used, format, args);
    va_end(args);
}

#define SAY(m, field, format, ...)                                                                                     \
    do                                                                                                                 \
        if ((m)->has.field) hear(" " #field "=" format, __VA_ARGS__);                                                  \
    while (0)

static void note(const struct wire_msg *m)
{
    char id[WIRE_ID_TEXT];
    hear("  %s", wire_type_name((int)m->type));
    SAY(m, what, "%s", wire_word(WIRE_WORDS_what, (int)m->what));
    SAY(m, scope, "%s", wire_word(WIRE_WORDS_scope, (int)m->scope));
    SAY(m, verb, "%s", wire_word(WIRE_WORDS_verb, (int)m->verb));
    SAY(m, role, "%s", wire_word(WIRE_WORDS_role, (int)m->role));
    SAY(m, any_role, "%d", m->any_role);
    if (m->has.name && strncmp(m->name, "provost-cli-", 12) != 0) hear(" name=%s", m->name); /* else host and process */
    SAY(m, task, "%s", wire_id_text(id, m->task));
    SAY(m, queue, "%s", m->queue);
    SAY(m, circuit, "%s", m->circuit);
    SAY(m, group, "%s", m->group);
    SAY(m, prover, "%s", m->prover);
    SAY(m, principal, "%s", m->principal);
    SAY(m, client, "%s", m->client);
    SAY(m, state, "%s", task_state_word(m->state));
    SAY(m, states, "%x", (unsigned)m->states);
    SAY(m, age_ms, "%llu", (unsigned long long)m->age_ms);
    SAY(m, dry, "%d", m->dry);
    SAY(m, forget, "%d", m->forget);
    SAY(m, after, "%s", m->after);
    SAY(m, limit, "%u", (unsigned)m->limit);
    SAY(m, length, "%llu", (unsigned long long)m->length);
    SAY(m, priority, "%u", (unsigned)m->priority);
    SAY(m, on_restart, "%s", wire_word(WIRE_WORDS_on_restart, (int)m->on_restart));
    SAY(m, ttl_ms, "%llu", (unsigned long long)m->ttl_ms);
    SAY(m, revive, "%d", m->revive);
    SAY(m, need_vram, "%llu", (unsigned long long)m->need_vram);
    SAY(m, need_ram, "%llu", (unsigned long long)m->need_ram);
    for (size_t i = 0; m->has.options && i < m->options.cells_n; i++)
        hear(" %s=%lld", m->options.cells[i].key,
             m->options.cells[i].type == WIRE_CELL_INT ? (long long)m->options.cells[i].number : -1);
    hear("\n");
}

static void on_hello(struct fake *b, const struct wire_msg *m)
{
    struct wire_msg w = { .type = WIRE_WELCOME };
    note(m);
    WIRE_SET(&w, epoch, b->epoch);
    WIRE_SET(&w, heartbeat_ms, 10000);
    WIRE_SET(&w, lease_ms, 60000);
    WIRE_SET(&w, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(&w, chunk_max, b->chunk_max);
    WIRE_SET(&w, payload_max, b->payload_max);
    WIRE_SET(&w, window, b->window);
    WIRE_SET(&w, principal, "someone");
    WIRE_SET(&w, software, "fake 2");
    WIRE_SET(&w, by_principal, true);
    WIRE_SET(&w, purge_forgets, true);
    fake_send(b, &w);
}

#define TEXT(k, t)                                                                                                     \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_TEXT, .text = t                                                                    \
    }
#define INT(k, n)                                                                                                      \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_INT, .number = n                                                                   \
    }
#define BOOL(k, b)                                                                                                     \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_BOOL, .truth = b                                                                   \
    }
#define NIL(k)                                                                                                         \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_NIL                                                                                \
    }
#define ROW(cells)                                                                                                     \
    {                                                                                                                  \
        cells, sizeof cells / sizeof *cells                                                                            \
    }

static const struct wire_cell outer[] = { TEXT("queue", "outer"),
                                          BOOL("paused", false),
                                          INT("queued", 120),
                                          INT("offered", 0),
                                          INT("running", 2),
                                          INT("delayed", 1),
                                          INT("recovering", 0),
                                          INT("succeeded", 12345),
                                          INT("dead", 3),
                                          INT("demand", 123),
                                          INT("oldest_queued_ms", 61000),
                                          INT("average_ms", 1500),
                                          INT("provers", 2),
                                          INT("slots", 4),
                                          INT("unservable", 0),
                                          INT("run_timeout_ms", 600000),
                                          INT("stall_timeout_ms", 0),
                                          TEXT("late", "accept") };
static const struct wire_cell idle[] = { TEXT("queue", "a-queue-with-a-long-name"),
                                         BOOL("paused", true),
                                         INT("queued", 7),
                                         INT("running", 0),
                                         INT("demand", 7),
                                         INT("provers", 0),
                                         INT("slots", 0),
                                         INT("unservable", 7) };
static const struct wire_row queues[] = { ROW(outer), ROW(idle) };
static const struct wire_cell prover_one[] = { TEXT("prover", "node-1"), TEXT("principal", "fleet"),
                                               BOOL("live", true),       BOOL("draining", false),
                                               INT("quarantined_ms", 0), INT("slots", 2),
                                               INT("prefetch", 1),       INT("running", 2),
                                               INT("held", 3),           INT("done", 4711),
                                               INT("failed", 2),         INT("lost", 1),
                                               INT("busy_ms", 86400000), INT("vram", 85899345920),
                                               INT("heard_ms", 1200),    TEXT("software", "provost 1") };
static const struct wire_cell prover_two[] = { TEXT("prover", "node-2"),
                                               TEXT("principal", "fleet"),
                                               BOOL("live", false),
                                               BOOL("draining", true),
                                               INT("quarantined_ms", 90000),
                                               INT("slots", 1),
                                               INT("prefetch", 0),
                                               INT("running", 0),
                                               INT("held", 0),
                                               INT("done", 0),
                                               INT("failed", 0),
                                               INT("lost", 0),
                                               INT("busy_ms", 0),
                                               NIL("vram"),
                                               NIL("heard_ms"),
                                               TEXT("software", "\xe2\x80\xae x") };
static const struct wire_row provers[] = { ROW(prover_one), ROW(prover_two) };
static const struct wire_cell figures[] = { TEXT("software", "fake 2"),
                                            BOOL("ready", true),
                                            INT("epoch", 3),
                                            INT("uptime_ms", 3723000),
                                            INT("demand", 130),
                                            INT("queued", 127),
                                            INT("running", 2),
                                            INT("succeeded", 12345),
                                            INT("dead", 3),
                                            INT("provers", 1),
                                            INT("connections", 9),
                                            INT("disk_free", 1099511627776),
                                            INT("payload_max", 536870912) };
static const struct wire_row status_rows[] = { ROW(figures) };
static const struct wire_cell task_one[] = { TEXT("task", "000102030405060708090a0b0c0d0e0f"),
                                             TEXT("state", "running"),
                                             TEXT("queue", "outer"),
                                             TEXT("circuit", "withdraw"),
                                             TEXT("prover", "node-1"),
                                             INT("percent", 40),
                                             INT("failures", 0),
                                             INT("losses", 1),
                                             INT("length", 1536),
                                             INT("changed", 1700000000000) };
static const struct wire_cell task_two[] = { TEXT("task", "ff0102030405060708090a0b0c0d0e0f"),
                                             TEXT("state", "queued"),
                                             TEXT("queue", "outer"),
                                             TEXT("circuit", "a-circuit-with-a-long-name-indeed"),
                                             NIL("prover"),
                                             NIL("percent"),
                                             INT("failures", 2),
                                             INT("losses", 0),
                                             INT("length", 5),
                                             INT("changed", 0) };
static const struct wire_row tasks[] = { ROW(task_one), ROW(task_two) };
static const struct wire_cell event_one[] = { INT("event", 41),
                                              INT("time", 1700000000000),
                                              TEXT("kind", "task"),
                                              TEXT("what", "state"),
                                              TEXT("task", "000102030405060708090a0b0c0d0e0f"),
                                              TEXT("queue", "outer"),
                                              TEXT("from", "queued"),
                                              TEXT("to", "running"),
                                              TEXT("prover", "node-1"),
                                              TEXT("status", ""),
                                              TEXT("text", "two words") };
static const struct wire_row events[] = { ROW(event_one) };

static const struct {
    enum wire_what what;
    const char *schema;
    const struct wire_row *rows;
    size_t n;
} lists[] = {
    { WIRE_WHAT_QUEUES, "provost.queues/1", queues, 2 }, { WIRE_WHAT_PROVERS, "provost.provers/1", provers, 2 },
    { WIRE_WHAT_TASKS, "provost.tasks/1", tasks, 2 },    { WIRE_WHAT_STATUS, "provost.status/1", status_rows, 1 },
    { WIRE_WHAT_EVENTS, "provost.events/1", events, 1 },
};

static void rows(struct fake *b, const struct wire_msg *m, size_t list, size_t n, const char *next)
{
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, lists[list].schema);
    WIRE_SET_LIST(&a, rows, lists[list].rows, n);
    if (next) WIRE_SET(&a, next, next);
    fake_send(b, &a);
}

static void on_list(struct fake *b, const struct wire_msg *m)
{
    note(m);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (lists[i].what != m->what) continue;
        size_t n = lists[i].n;
        if (m->has.queue && strcmp(m->queue, "outer") == 0 && m->what == WIRE_WHAT_QUEUES) n = 1;
        if (m->has.queue && strcmp(m->queue, "nowhere") == 0) n = 0;
        bool more = m->what == WIRE_WHAT_TASKS && m->limit == 1;
        rows(b, m, i, more ? 1 : n, more ? "77" : NULL);
    }
}

static void on_queue(struct fake *b, const struct wire_msg *m)
{
    note(m);
    if (strcmp(m->queue, "nowhere") == 0)
        fake_error(b, m, PV_UNKNOWN_QUEUE, "there is no such queue");
    else
        rows(b, m, 0, 1, NULL);
}

static void on_prover(struct fake *b, const struct wire_msg *m)
{
    note(m);
    rows(b, m, 1, 1, NULL);
}

static void on_purge(struct fake *b, const struct wire_msg *m)
{
    note(m);
    if (strcmp(m->queue, "nowhere") == 0) {
        fake_error(b, m, PV_UNKNOWN_QUEUE, "there is no such queue");
        return;
    }
    struct wire_msg a = { .type = WIRE_COUNTS };
    WIRE_SET(&a, req, m->req);
    a.has.counts = true;
    a.counts.of[TASK_QUEUED] = 3;
    a.counts.of[TASK_RUNNING] = 2;
    if (!m->has.states) a.counts.of[TASK_SUCCEEDED] = 5;
    fake_send(b, &a);
}

static bool known(struct fake *b, const struct wire_msg *m)
{
    note(m);
    if (m->task.bytes[0] == 0) return true;
    fake_error(b, m, PV_NOT_FOUND, "there is no such task");
    return false;
}

static void on_show(struct fake *b, const struct wire_msg *m)
{
    if (known(b, m)) fake_task(b, m, TASK_DELAYED);
}

static void on_cancel(struct fake *b, const struct wire_msg *m)
{
    if (!known(b, m)) return;
    struct wire_msg a = { .type = WIRE_CANCELLED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_CANCELLED);
    fake_send(b, &a);
}

static void on_fetch(struct fake *b, const struct wire_msg *m)
{
    if (known(b, m)) fake_deliver(b, m->req, m->task, TASK_SUCCEEDED, PV_OK, result, result_n);
}

static void on_submit(struct fake *b, const struct wire_msg *m)
{
    note(m);
    if (strcmp(m->queue, "closed") == 0) {
        fake_error(b, m, PV_UNAUTHORIZED, "");
        return;
    }
    fake_submit_ok(b, m, TASK_QUEUED);
    if (strcmp(m->queue, "deadly") == 0)
        fake_deliver(b, 0, m->task, TASK_DEAD, PV_BAD_WITNESS, NULL, 0);
    else
        fake_deliver(b, 0, m->task, TASK_SUCCEEDED, PV_OK, result, result_n);
}

static void on_attach(struct fake *b, const struct wire_msg *m)
{
    if (!known(b, m)) return;
    fake_task(b, m, TASK_SUCCEEDED);
    fake_deliver(b, 0, m->task, TASK_SUCCEEDED, PV_OK, result, result_n);
}

static void on_ack(struct fake *b, const struct wire_msg *m)
{
    note(m);
}

/* ---- the user ---- */

static size_t take_file(char *to, size_t most, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in) fail_msg("%s: %s", path, strerror(errno));
    size_t n = fread(to, 1, most - 1, in);
    fclose(in);
    to[n] = '\0';
    return n;
}

static int start(void **state)
{
    static char proof[4096], publics[1024];
    take_file(proof, sizeof proof, "data/chain-5/proof.json");
    take_file(publics, sizeof publics, "data/chain-5/public.json");
    result_n = (size_t)snprintf(result, sizeof result, "{\"proof\": %s, \"public\": %s}", proof, publics);
    temp_dir_make(home);
    assert_non_null(realpath("data", data));
    fake_init(&f);
    f.no_welcome = true;
    f.on[WIRE_HELLO] = on_hello;
    f.on[WIRE_LIST] = on_list;
    f.on[WIRE_QUEUE] = on_queue;
    f.on[WIRE_PROVER] = on_prover;
    f.on[WIRE_PURGE] = on_purge;
    f.on[WIRE_SHOW] = f.on[WIRE_KICK] = on_show;
    f.on[WIRE_CANCEL] = on_cancel;
    f.on[WIRE_FETCH] = on_fetch;
    f.on[WIRE_SUBMIT] = on_submit;
    f.on[WIRE_ATTACH] = on_attach;
    f.on[WIRE_ACK] = on_ack;
    fake_start(&f);
    return 0;
}

static int stop(void **state)
{
    fake_clear(&f);
    temp_dir_remove(home);
    return 0;
}

static void child(char *line, int out, int err)
{
    char *words[WORDS_MOST] = { NULL };
    int n = 0;
    for (char *w = strtok(line, " "); w && n < WORDS_MOST - 1; w = strtok(NULL, " ")) words[n++] = w;
    if (out >= 0 && (dup2(out, 1) < 0 || dup2(err, 2) < 0)) _exit(99);
    if (out >= 0) close(0);
    if (out >= 0 && open("/dev/null", O_RDONLY) != 0) _exit(99);
    char *environment[] = { (char *)"TERM=dumb", (char *)"TZ=UTC", (char *)"LC_ALL=C", NULL };
    if (chdir(home)) _exit(99);
    for (int i = 1; i < n; i++) { /* DATA/x and BROKER stand for what differs from place to place */
        char *made = NULL;
        if (strncmp(words[i], "DATA/", 5) == 0 && asprintf(&made, "%s/%s", data, words[i] + 5) > 0) words[i] = made;
        if (strcmp(words[i], "BROKER") == 0) words[i] = f.endpoint;
    }
    if (strcmp(words[0], "provost") == 0) execve(PV_CLI_PATH, words, environment);
    if (strcmp(words[0], "provost-prover") == 0) execve(PV_PROVER_PATH, words, environment);
    _exit(98);
}

static void gather(int fd, char *to, size_t most)
{
    size_t n = 0;
    for (ssize_t k; n < most - 1 && (k = read(fd, to + n, most - 1 - n)) > 0;) n += (size_t)k;
    to[n] = '\0';
    close(fd);
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    size_t used = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + used, sizeof told - used, format, args);
    va_end(args);
}

/* What a machine has is no matter of the transcript. */
static bool of_this_machine(const char *line)
{
    return strncmp(line, "CPU memory", 10) == 0 || strncmp(line, "GPU memory", 10) == 0;
}

/* Tells each line of text behind a mark; the broker's port, the version, the folder of the data and carriage returns go. */
static void tell_lines(const char *mark, const char *text)
{
    size_t end = strlen(f.endpoint), version = strlen(PV_VERSION);
    if (*text) tell("%s", mark);
    for (const char *p = text; *p; p++) {
        while ((p == text || p[-1] == '\n') && of_this_machine(p)) p += strcspn(p, "\n") + 1;
        if (!*p) break;
        if (strncmp(p, f.endpoint, end) == 0) {
            tell("BROKER");
            p += end - 1;
        } else if (strncmp(p, PV_VERSION, version) == 0) {
            tell("VERSION");
            p += version - 1;
        } else if (strncmp(p, data, strlen(data)) == 0) {
            tell("DATA");
            p += strlen(data) - 1;
        } else if (*p == '\n' && p[1]) {
            tell("\n%s", mark);
        } else if (*p != '\r') {
            tell("%c", *p);
        }
    }
    if (*text && text[strlen(text) - 1] != '\n') tell("\\\n");
}

/* "@ cut FROM BYTES TO", "@ change FROM AT TO": a file for the commands that follow, made of one of DATA's. AT from the end if
 * it is negative: there every bit of a byte is another. */
static void make_file(const char *line)
{
    static char bytes[1 << 20];
    char verb[16], from[128], to[128], path[256];
    long at;
    assert_int_equal(sscanf(line, "@ %15s DATA/%127s %ld %127s", verb, from, &at, to), 4);
    snprintf(path, sizeof path, "data/%s", from);
    size_t n = take_file(bytes, sizeof bytes, path);
    if (at < 0) at += (long)n;
    assert_true(at >= 0 && (size_t)at < n);
    if (strcmp(verb, "cut") == 0)
        n = (size_t)at;
    else
        bytes[at] = (char)~bytes[at];
    snprintf(path, sizeof path, "%s/%s", home, to);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(out);
    tell("%s\n\n", line);
}

/* Runs "$ words" with pipes, or "72$ words" on a terminal of that width. */
static void run(const char *command)
{
    static char out[65536], err[65536];
    char line[512];
    unsigned width = (unsigned)strtoul(command, NULL, 10);
    struct winsize w = { .ws_col = (unsigned short)width, .ws_row = 24 };
    int to[2] = { -1, -1 }, to_err[2] = { -1, -1 }, terminal = -1, status;
    snprintf(line, sizeof line, "%s", strchr(command, '$') + 2);
    fake_lock(&f);
    heard[0] = '\0';
    fake_unlock(&f);
    if (!width) assert_true(pipe2(to, O_CLOEXEC) == 0 && pipe2(to_err, O_CLOEXEC) == 0);
    pid_t pid = width ? forkpty(&terminal, NULL, NULL, &w) : fork();
    assert_true(pid >= 0);
    if (pid == 0) child(line, to[1], to_err[1]);
    err[0] = '\0';
    if (!width) close(to[1]), close(to_err[1]);
    gather(width ? terminal : to[0], out, sizeof out);
    if (!width) gather(to_err[0], err, sizeof err);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fake_expect(&f, WIRE_DISCONNECT, fake_got(&f, WIRE_HELLO)); /* what it said last has been heard */
    tell("%s\n", command);
    tell_lines("| ", out);
    tell_lines("! ", err);
    fake_lock(&f);
    tell_lines("> ", heard);
    fake_unlock(&f);
    tell("= %d\n\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* The commands are the lines of the transcript with "$ " in them. */
static void play(void)
{
    static char script[TEXT_BYTES];
    take_file(script, sizeof script, golden);
    told[0] = '\0';
    char *rest = script;
    for (char *line; (line = strsep(&rest, "\n"));) {
        size_t digits = strspn(line, "0123456789");
        if (line[0] == '#') tell("%s\n\n", line);
        if (line[0] == '@') make_file(line);
        if (strncmp(line + digits, "$ ", 2) == 0) run(line);
    }
}

static void what_a_user_sees_is_what_the_transcript_says(void **state)
{
    static char wanted[TEXT_BYTES];
    play();
    take_file(wanted, sizeof wanted, golden);
    if (strcmp(told, wanted) == 0) return;
    size_t at = 0, line = 1;
    while (told[at] == wanted[at]) line += told[at++] == '\n';
    while (at > 0 && wanted[at - 1] != '\n') at--;
    fail_msg("%s:%zu: wanted\n%.400s\ngot\n%.400s", golden, line, wanted + at, told + at);
}

static void write_the_transcript(void **state)
{
    play();
    FILE *to = fopen(golden, "w");
    assert_non_null(to);
    fputs(told, to);
    fclose(to);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest check[] = { cmocka_unit_test_setup_teardown(what_a_user_sees_is_what_the_transcript_says,
                                                                        start, stop) };
    const struct CMUnitTest make[] = { cmocka_unit_test_setup_teardown(write_the_transcript, start, stop) };
    golden = argc > 1 ? argv[1] : "vectors/cli/session.txt";
    return argc > 2 ? cmocka_run_group_tests(make, NULL, NULL) : cmocka_run_group_tests(check, NULL, NULL);
}
