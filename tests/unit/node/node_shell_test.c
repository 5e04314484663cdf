/* What a node says from its start to its end, line by line: each command of the golden transcript is run by a shell in a folder of its own, and what it
 * prints and exits with is compared with what the transcript says. `node_start_test FILE write` makes the transcript anew. */
#include "temp_dir.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_BYTES = 1 << 18 };

static char home[64], data[4096], told[TEXT_BYTES], wanted[TEXT_BYTES];
static const char *golden;

/* run SIGNAL ARGS: a node without a broker to be found, told to end as soon as it has started; what it says of its link depends on the moment. */
static const char prelude[] =
    "run() { s=$1; shift; : >log; provost-prover run --broker ipc://$PWD/nobody \"$@\" >log 2>&1 & n=$!\n"
    "for i in $(seq 2000); do grep -q 'prover.started' log && break; kill -0 $n 2>/dev/null || break; sleep 0.005; "
    "done\n"
    "kill -$s $n 2>/dev/null; for i in $(seq 2000); do kill -0 $n 2>/dev/null || break; sleep 0.005; done\n"
    "kill -KILL $n 2>/dev/null; wait $n; r=$?; grep -vE 'broker\\.(unreachable|dial)' log; return $r; }\n"
    "check() { provost-prover run --check-config --broker tcp://127.0.0.1:7070 \"$@\"; }\n";

static char *replaced(const char *p, const char *what, const char *by, char *to)
{
    size_t n = strlen(what);
    if (strncmp(p, what, n) != 0) return NULL;
    strcpy(to, by);
    return to + strlen(by);
}

/* A number after one of these differs from run to run, or from machine to machine. */
static const char *const measured[] = { "load_ms=", "check_ms=",  "busy_ms=", "mean_ms=",
                                        "memory=",  "slots and ", "pid=",     NULL };

static char *number_out(const char **p, char *to)
{
    for (size_t i = 0; measured[i]; i++) {
        size_t n = strlen(measured[i]);
        if (strncmp(*p, measured[i], n) != 0 || !isdigit((unsigned char)(*p)[n])) continue;
        to += sprintf(to, "%sN", measured[i]);
        *p += n;
        while (isdigit((unsigned char)**p)) ++*p;
        return to;
    }
    return NULL;
}

/* Of a log line the time goes, which is its first word. */
static const char *time_out(const char *p)
{
    if (!isdigit((unsigned char)*p)) return p;
    const char *end = strchr(p, ' ');
    return end && memchr(p, 'T', (size_t)(end - p)) && end[-1] == 'Z' ? end + 1 : p;
}

/* What is said where the programs are built for GPUs and there is none here: not said elsewhere. */
static bool is_of_the_build(const char *line)
{
    const char *end = strchr(line, '\n'), *at = strstr(line, " prover.backend name=cpu note=");
    return end && at && at < end;
}

static void tell(const char *text)
{
    char *to = told + strlen(told);
    for (const char *p = text; *p;) {
        if (p == text || p[-1] == '\n') {
            while (is_of_the_build(p)) p = strchr(p, '\n') + 1;
            if (!*p) break;
            p = time_out(p);
            to += sprintf(to, "| ");
        }
        char *next = replaced(p, home, "HOME", to);
        if (next) p += strlen(home);
        if (!next && (next = replaced(p, data, "DATA", to))) p += strlen(data);
        if (!next) next = number_out(&p, to);
        if (!next) next = to, *next++ = *p++;
        to = next;
    }
    *to = '\0';
}

static int shell(const char *command, char *out, size_t most)
{
    char *script = NULL;
    size_t n = 0;
    assert_true(asprintf(&script,
                         "cd %s && PATH=%s:$PATH; DATA=%s; exec 2>&1 </dev/null; "
                         "unset PV_SEED; export TZ=UTC LC_ALL=C\n%s%s",
                         home, PV_PROVER_FOLDER, data, prelude, command) > 0);
    FILE *in = popen(script, "r");
    assert_non_null(in);
    for (size_t k; (k = fread(out + n, 1, most - 1 - n, in)) > 0;) n += k;
    out[n] = '\0';
    free(script);
    int status = pclose(in);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void play(void)
{
    static char out[65536];
    char *script = strdup(wanted), *rest = script;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (line[0] == '#') sprintf(told + strlen(told), "%s\n\n", line);
        if (strncmp(line, "$ ", 2) != 0) continue;
        int status = shell(line + 2, out, sizeof out);
        sprintf(told + strlen(told), "%s\n", line);
        tell(out);
        sprintf(told + strlen(told), "= %d\n\n", status);
    }
    free(script);
}

/* Descriptors that whoever started this test left open would be counted among the node's. */
static void keep_inherited_descriptors(void)
{
    assert_int_equal(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC), 0);
}

static int start(void **state)
{
    keep_inherited_descriptors();
    FILE *in = fopen(golden, "rb");
    assert_non_null(in);
    wanted[fread(wanted, 1, sizeof wanted - 1, in)] = '\0';
    fclose(in);
    assert_non_null(realpath("data", data));
    temp_dir_make(home);
    return 0;
}

static int stop(void **state)
{
    temp_dir_remove(home);
    return 0;
}

static void what_a_node_says_is_what_the_transcript_says(void **state)
{
    size_t at = 0, line = 1;
    play();
    if (strcmp(told, wanted) == 0) return;
    while (told[at] && told[at] == wanted[at]) line += told[at++] == '\n';
    while (at > 0 && wanted[at - 1] != '\n') at--;
    fail_msg("%s:%zu: wanted\n%.600s\ngot\n%.600s", golden, line, wanted + at, told + at);
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
    const struct CMUnitTest check[] = { cmocka_unit_test_setup_teardown(what_a_node_says_is_what_the_transcript_says,
                                                                        start, stop) };
    const struct CMUnitTest make[] = { cmocka_unit_test_setup_teardown(write_the_transcript, start, stop) };
    golden = argc > 1 ? argv[1] : "vectors/node/start.txt";
    return argc > 2 ? cmocka_run_group_tests(make, NULL, NULL) : cmocka_run_group_tests(check, NULL, NULL);
}
