/* What `provost` and `provost-prover` print, line by line: each command of the golden transcript is run against a broker whose answers are
 * always the same, and what it prints, exits with and asks the broker for is compared with what the transcript says. */
#include "session_broker.h"
#include "temp_dir.h"

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
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MOST = 32, TEXT_BYTES = 1 << 20 };

static const char *golden; /* the transcript */

static char home[64], data[4096], told[TEXT_BYTES];
static const char *running; /* the command, for the message when it goes wrong */

/* What lines "< ..." say of the command behind them beside what the broker answers:
 *
 *    < ENV TERM=xterm              one variable more, at most 8
 *    < TYPE "[y/N]" "y"            on a terminal: these keys when it has shown this text; at most 16 of these lines, in order
 *    < SIGNAL 2 "queued"           on a terminal: a signal, likewise; < SIZE 100 30 "text": another size
 *    < STEP "text"                 on a terminal, when it has shown this: the broker sends the next NEWS or STATE, and then how the task ends
 *    < UNHEARD                     what the broker hears is of chance, and not told
 *    < RUDE                        it ends without a word to the broker
 *    < HUSH                        what it prints is of chance, and not told
 *    < FULL                        its stdout is a full disk
 *    < BLUR                        likewise the numbers that were measured
 *
 * A time with a star ("--timeout 250ms*") is what a wait takes on an idle machine. Where the transcript comes out otherwise, the command is run once
 * more with 3 times, and then 12 times of it: on a busy machine the broker's answers may need longer.
 */
enum { VARIABLES = 8, MOVES = 16, PATIENCE_N = 3 };
static const unsigned patience[PATIENCE_N] = { 1, 3, 12 };
static unsigned times; /* of the times with a star */
struct move {
    enum { MOVE_KEYS, MOVE_SIGNAL, MOVE_SIZE, MOVE_STEP } kind;
    const char *after, *keys;
    int a, b;
};
static struct {
    char *variables[VARIABLES];
    size_t variables_n, moves_n, moved;
    struct move moves[MOVES];
    bool rude, hush, blur, unheard, full;
} user;

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
    static char proof[4096], publics[1024], result[8192];
    take_file(proof, sizeof proof, "data/chain-5/proof.json");
    take_file(publics, sizeof publics, "data/chain-5/public.json");
    snprintf(result, sizeof result, "{\"proof\": %s, \"public\": %s}", proof, publics);
    temp_dir_make(home);
    assert_non_null(realpath("data", data));
    session_broker_start(result);
    return 0;
}

static int stop(void **state)
{
    if (running) print_error("at %s\n", running);
    session_broker_stop();
    temp_dir_remove(home);
    return 0;
}

/* "250ms*" */
static bool starred(const char *word)
{
    size_t n = strlen(word);
    return n > 3 && word[0] >= '0' && word[0] <= '9' && !strcmp(word + n - 3, "ms*");
}

static void child(char *line, int out, int err)
{
    char *words[WORDS_MOST] = { NULL };
    int n = 0;
    for (char *w = strtok(line, " "); w && n < WORDS_MOST - 1; w = strtok(NULL, " ")) words[n++] = w;
    if (out >= 0 && (dup2(out, 1) < 0 || dup2(err, 2) < 0)) _exit(99);
    if (user.full && dup2(open("/dev/full", O_WRONLY), 1) < 0) _exit(99);
    if (out >= 0) close(0);
    if (out >= 0 && open("/dev/null", O_RDONLY) != 0) _exit(99);
    char *environment[4 + VARIABLES] = { (char *)"TZ=UTC", (char *)"LC_ALL=C" };
    for (size_t i = 0; i < user.variables_n; i++) environment[2 + i] = user.variables[i];
    if (!user.variables_n) environment[2] = (char *)"TERM=dumb";
    if (chdir(home)) _exit(99);
    for (int i = 1; i < n; i++) { /* DATA/x and BROKER stand for what differs from place to place */
        char *made = NULL;
        if (strncmp(words[i], "DATA/", 5) == 0 && asprintf(&made, "%s/%s", data, words[i] + 5) > 0) words[i] = made;
        if (strcmp(words[i], "BROKER") == 0) words[i] = session_fake.endpoint;
        if (starred(words[i]) && asprintf(&made, "%lums", strtoul(words[i], NULL, 10) * times) > 0) words[i] = made;
    }
    if (strcmp(words[0], "provost") == 0) execve(PV_CLI_PATH, words, environment);
    if (strcmp(words[0], "provost-prover") == 0) execve(PV_PROVER_PATH, words, environment);
    execvp(words[0], words); /* stat, cat */
    _exit(98);
}

static bool tell_move(const char *line)
{
    struct session_word w;
    static const char *const verbs[] = { "TYPE", "SIGNAL", "SIZE", "STEP" };
    struct move m = { .kind = MOVE_KEYS };
    size_t n = strcspn(line + 2, " ");
    while (m.kind < MOVE_STEP && strncmp(line + 2, verbs[m.kind], n) != 0) m.kind++;
    line += n + 2;
    if (m.kind == MOVE_STEP) session_broker_steps();
    if ((m.kind == MOVE_SIGNAL || m.kind == MOVE_SIZE) && session_word_next(&w, &line)) m.a = atoi(w.text);
    if (m.kind == MOVE_SIZE && session_word_next(&w, &line)) m.b = atoi(w.text);
    if (session_word_next(&w, &line)) m.after = w.text;
    if (m.kind == MOVE_KEYS && session_word_next(&w, &line)) m.keys = w.text;
    assert_true(m.after && user.moves_n < MOVES);
    user.moves[user.moves_n++] = m;
    return true;
}

/* A line "< ..." about the user; false: it is none. */
static bool user_told(char *line)
{
    if (!strncmp(line, "< TYPE ", 7) || !strncmp(line, "< SIGNAL ", 9) || !strncmp(line, "< SIZE ", 7) ||
        !strncmp(line, "< STEP ", 7))
        return tell_move(line);
    if (!strcmp(line, "< RUDE")) return user.rude = true;
    if (!strcmp(line, "< UNHEARD")) return user.unheard = true;
    if (!strcmp(line, "< HUSH")) return user.hush = true;
    if (!strcmp(line, "< FULL")) return user.full = true;
    if (!strcmp(line, "< BLUR")) return user.blur = true;
    if (strncmp(line, "< ENV ", 6) != 0) return false;
    assert_true(user.variables_n < VARIABLES);
    user.variables[user.variables_n++] = line + 6;
    return true;
}

/* The user does what comes next when the text for it was shown behind what led to the last move. */
static void moves(int terminal, pid_t pid, const char *shown, size_t *seen)
{
    while (terminal >= 0 && user.moved < user.moves_n) {
        const struct move *m = &user.moves[user.moved];
        const char *at = strstr(shown + *seen, m->after);
        if (!at) return;
        *seen = (size_t)(at - shown) + strlen(m->after);
        user.moved++;
        struct winsize w = { .ws_col = (unsigned short)m->a, .ws_row = (unsigned short)m->b };
        if (m->kind == MOVE_KEYS)
            assert_int_equal(write(terminal, m->keys, strlen(m->keys)), strlen(m->keys));
        else if (m->kind == MOVE_STEP)
            session_broker_step();
        else if (m->kind == MOVE_SIZE)
            assert_int_equal(ioctl(terminal, TIOCSWINSZ, &w), 0);
        else
            assert_int_equal(kill(pid, m->a), 0);
    }
}

static void gather(int fd, char *to, size_t most, int terminal, pid_t pid)
{
    size_t n = 0, seen = 0;
    to[0] = '\0';
    for (ssize_t k; n < most - 1 && (k = read(fd, to + n, most - 1 - n)) > 0;) {
        to[n += (size_t)k] = '\0';
        moves(terminal, pid, to, &seen);
    }
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
    size_t end = strlen(session_fake.endpoint), version = strlen(PV_VERSION);
    if (*text) tell("%s", mark);
    for (const char *p = text; *p; p++) {
        while ((p == text || p[-1] == '\n') && of_this_machine(p)) p += strcspn(p, "\n") + 1;
        if (!*p) break;
        if (strncmp(p, session_fake.endpoint, end) == 0) {
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
        } else if (*p == 27) {
            tell("\\e");
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

/* In place: numbers with a fraction, and those of tasks in a second. */
static void blur(char *text)
{
    char *to = text;
    for (char *p = text; *p;) {
        size_t n = strspn(p, "0123456789");
        bool fraction = n && p[n] == '.';
        if (fraction) n += 1 + strspn(p + n + 1, "0123456789e-");
        bool rate = n && !strncmp(p + n, " a second", 9);
        if (fraction || rate) *to++ = '#';
        for (size_t i = 0; i < n && !fraction && !rate; i++) *to++ = p[i];
        p += n;
        if (!n) *to++ = *p++;
    }
    *to = '\0';
}

/* The ids of tasks that are made at random. */
static void blur_ids(char *text)
{
    for (char *p = text; (p = strstr(p, "task="));) {
        p += 5;
        memset(p, '#', strspn(p, "0123456789abcdef"));
    }
}

/* "@ text MODE NAME "..."": a file with this text. */
static void make_text(const char *line)
{
    struct session_word mode, name, text;
    char path[256];
    const char *rest = line + 7;
    assert_true(session_word_next(&mode, &rest) && session_word_next(&name, &rest) && session_word_next(&text, &rest));
    snprintf(path, sizeof path, "%s/%s", home, name.text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && fchmod(fd, (mode_t)strtoul(mode.text, NULL, 8)) == 0);
    assert_int_equal(write(fd, text.text, text.bytes), text.bytes);
    close(fd);
    tell("%s\n\n", line);
}

/* Runs "$ words" with pipes, or "72$ words" on a terminal of that width. */
static void run(const char *command)
{
    static char out[65536], err[65536];
    char line[512];
    unsigned width = (unsigned)strtoul(command, NULL, 10);
    struct winsize w = { .ws_col = (unsigned short)width, .ws_row = 24 };
    struct fake *f = &session_fake;
    int to[2] = { -1, -1 }, to_err[2] = { -1, -1 }, terminal = -1, status;
    running = command;
    snprintf(line, sizeof line, "%s", strchr(command, '$') + 2);
    if (!width) assert_true(pipe2(to, O_CLOEXEC) == 0 && pipe2(to_err, O_CLOEXEC) == 0);
    pid_t pid = width ? forkpty(&terminal, NULL, NULL, &w) : fork();
    assert_true(pid >= 0);
    if (pid == 0) child(line, to[1], to_err[1]);
    err[0] = '\0';
    if (!width) close(to[1]), close(to_err[1]);
    gather(width ? terminal : to[0], out, sizeof out, terminal, pid);
    if (!width) gather(to_err[0], err, sizeof err, -1, pid);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    session_broker_end(user.rude); /* what it said last has been heard */
    if (user.blur) blur(out);
    if (user.hush) out[0] = '\0';
    tell("%s\n", command);
    tell_lines("| ", out);
    tell_lines("! ", err);
    fake_lock(f);
    if (user.blur) blur_ids(session_broker_heard());
    if (!user.unheard) tell_lines("> ", session_broker_heard());
    fake_unlock(f);
    if (!WIFEXITED(status)) fail_msg("%s: ended by signal %d", command, WTERMSIG(status));
    tell("= %d\n\n", WEXITSTATUS(status));
    if (user.moved < user.moves_n) fail_msg("%s: it never showed \"%s\"", command, user.moves[user.moved].after);
    memset(&user, 0, sizeof user);
    running = NULL;
}

/* Runs the command; while it comes out otherwise than the text that stands in the transcript from it on, with more patience. */
static void run_patiently(const char *command, const char *wanted)
{
    size_t before = strlen(told);
    bool patient = strstr(command, "ms*") != NULL;
    session_broker_keep();
    for (size_t i = 0; i < PATIENCE_N; i++) {
        typeof(user) same = user;
        times = patience[i];
        run(command);
        if (!patient || !strncmp(told + before, wanted, strlen(told + before)) || i + 1 == PATIENCE_N) break;
        told[before] = '\0';
        user = same;
        session_broker_again();
    }
    session_broker_begin();
}

/* The commands are the lines of the transcript with "$ " in them. */
static void play(void)
{
    static char script[TEXT_BYTES], whole[TEXT_BYTES];
    take_file(script, sizeof script, golden);
    memcpy(whole, script, sizeof whole);
    told[0] = '\0';
    session_broker_begin();
    char *rest = script;
    for (char *line; (line = strsep(&rest, "\n"));) {
        size_t digits = strspn(line, "0123456789");
        if (line[0] == '#') tell("%s\n\n", line);
        if (line[0] == '@' && !strncmp(line, "@ text ", 7)) {
            make_text(line);
        } else if (line[0] == '@') {
            make_file(line);
        }
        if (!strncmp(line, "< ", 2)) {
            tell("%s\n", line);
            if (!user_told(line) && !session_broker_told(line)) fail_msg("what is %s", line);
        }
        if (strncmp(line + digits, "$ ", 2) == 0) run_patiently(line, whole + (line - script));
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
