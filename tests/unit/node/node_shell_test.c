/* What a node says from its start to its end, line by line: each command of the golden transcript is run by a shell in a folder of its own, and what it
 * prints and exits with is compared with what the transcript says. `node_start_test FILE write` makes the transcript anew. */
#include "golden.h"
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

static char home[64], data[4096];
static char own_name
    [24]; /* of the node, which the transcript calls n1: names are claimed for the whole machine, and other tests run beside this one */
static const char *golden;

/* run SIGNAL ARGS: a node without a broker to be found, told to end as soon as it has started, or has said SAID, and STEPS are done; what it says of its link
 * depends on the moment. P is another program than provost-prover: lying-prover has GPUs. */
static const char prelude[] =
    "run() { s=$1; shift; : >log; ${P:-provost-prover} run --broker ipc://$PWD/nobody \"$@\" >log 2>&1 & n=$!\n"
    "for i in $(seq 2000); do grep -qF \"${SAID:-prover.started}\" log && break; kill -0 $n 2>/dev/null || break; "
    "sleep "
    "0.005; done; eval \"$STEPS\"\n"
    "kill -$s $n 2>/dev/null; for i in $(seq 2000); do kill -0 $n 2>/dev/null || break; sleep 0.005; done\n"
    "kill -KILL $n 2>/dev/null; wait $n; r=$?; grep -vE 'broker\\.(unreachable|dial)' log; return $r; }\n"
    "check() { ${P:-provost-prover} run --check-config --broker tcp://127.0.0.1:7070 \"$@\"; }\n"
    /* w NAME LINES: a handler's file; sh NAME SCRIPT LINES: one whose program is this shell script. */
    "w() { printf \"$2\\\\n\" >h/$1.yaml; }\n"
    "sh() { w $1 \"command: [/bin/sh, -c, \\\"$2\\\"]\\\\nrun_as: nobody\\\\nsandbox: none\\\\nselftest: in\\\\n$3\"; "
    "}\n"
    /* await TEXT [N]: until the node has logged it N times, or is gone. day STEPS ARGS: a node with these arguments beside a broker of its own, while the steps are
     * done; what the steps print is told first, then what the node logged. The node's own words about the broker are its version. */
    "await() { for i in $(seq 2000); do [ \"$(grep -cF \"$1\" log)\" -ge \"${2:-1}\" ] && return; kill -0 $n "
    "2>/dev/null || "
    "break; sleep 0.005; done; echo "
    "\"never: $1\"; }\n"
    "ask() { timeout 20 provost \"$@\" --broker ipc://$PWD/b.sock --insecure 2>&1 | sed -E 's/[0-9a-f]{32}/ID/g; s/in "
    "[0-9]+ "
    "ms/in N ms/'; }\n"
    "day() { steps=$1; shift; : >log; rm -rf b b.sock; "
    "provost-broker --insecure --queue q --queue r --state b --bind ipc://$PWD/b.sock >b.log 2>&1 & b=$!\n"
    "${P:-provost-prover} run --broker ipc://$PWD/b.sock --insecure --log-level debug --name $NAME --threads 1 "
    "--memory 64M "
    "\"$@\" "
    ">log 2>&1 & n=$!; await broker.connected; eval \"$steps\"\n"
    "for i in $(seq 2000); do kill -0 $n 2>/dev/null || break; sleep 0.005; done; kill -KILL $n 2>/dev/null; wait $n; "
    "r=$?; kill -KILL $b; wait $b 2>/dev/null\n"
    "sed -E 's/software=[^ ]*( [^ ]*\")?/software=V/; s/task=[0-9a-f]{32}/task=ID/; s/(handler=groth16 .* "
    "bytes(_out)?=)[0-9]+/\\1N/' log | grep -vE "
    "'broker\\.(unreachable|dial)'; "
    "return $r; }\n"
    /* card ARGS: a node with a GPU; cards NAMES COMMAND: with NVML and these cards; mode WORD: what the GPU does (lying_gpu.c); said: what several say at once; page PORT PATH: what a
     * node answers. */
    "card() { P=lying-prover run TERM --queue q --circuits c --insecure --name $NAME --threads 1 --memory 64M "
    "--backend cuda --state s \"$@\"; }\n"
    "cards() { names=$1; shift; LD_LIBRARY_PATH=$TESTS/nvml FAKE_NVML=$names \"$@\"; }\n"
    "mode() { echo $1 >mode.new; mv mode.new mode; }\n"
    "page() { python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(\"http://127.0.0.1:%s%s\" % "
    "(sys.argv[1], sys.argv[2])).read().decode(), end=\"\")' \"$@\"; }\n"
    "said() { sed -E 's/^[0-9-]+T[0-9:.]+Z //' | sort; }\n";

static char *replaced(const char *p, const char *what, const char *by, char *to)
{
    size_t n = strlen(what);
    if (strncmp(p, what, n) != 0) return NULL;
    strcpy(to, by);
    return to + strlen(by);
}

/* A number after one of these differs from run to run, or from machine to machine. */
static const char *const measured[] = { "load_ms=",   "check_ms=", "prove_ms=", "busy_ms=", "mean_ms=", "memory=",
                                        "slots and ", "pid=",      "launcher=", " ms=",     NULL };

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
    return end && at && at < end && !strstr(golden, "gpu");
}

static void tell(const char *text)
{
    static char line[1 << 17];
    char *to = line;
    for (const char *p = text; *p;) {
        if (p == text || p[-1] == '\n') {
            while (is_of_the_build(p)) p = strchr(p, '\n') + 1;
            if (!*p) break;
            p = time_out(p);
            to += sprintf(to, "| ");
        }
        char *next = replaced(p, home, "HOME", to);
        if (next) p += strlen(home);
        if (!next && (next = replaced(p, own_name, "n1", to))) p += strlen(own_name);
        if (!next && (next = replaced(p, data, "DATA", to))) p += strlen(data);
        if (!next) next = number_out(&p, to);
        if (!next) next = to, *next++ = *p++;
        to = next;
    }
    *to = '\0';
    golden_tell("%s", line);
}

/* The command, with the node's own name. Until the next call. */
static const char *with_own_name(const char *command)
{
    static char text[8192];
    char *to = text;
    for (const char *p = command; *p;) {
        char *next = strncmp(p, "n1", 2) == 0 && !isalnum((unsigned char)p[2]) ? replaced(p, "n1", own_name, to) : NULL;
        if (next)
            p += 2;
        else
            next = to, *next++ = *p++;
        to = next;
    }
    *to = '\0';
    return text;
}

static int shell(const char *command, char *out, size_t most)
{
    char *script = NULL;
    size_t n = 0;
    assert_true(asprintf(&script,
                         "cd %s && PATH=%s:$PATH; DATA=%s; NAME=%s; TESTS='%s'; exec 2>&1 </dev/null; "
                         "unset PV_SEED; LYING_GPU=$PWD/mode; export LYING_GPU TZ=UTC LC_ALL=C\n%s%s",
                         home, PV_PROVER_FOLDER, data, own_name, PV_TESTS_FOLDER, prelude, with_own_name(command)) > 0);
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
    char *script = strdup(golden_wanted(golden)), *rest = script;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (line[0] == '#') golden_tell("%s\n\n", line);
        if (strncmp(line, "$ ", 2) != 0) continue;
        int status = shell(line + 2, out, sizeof out);
        golden_tell("%s\n", line);
        tell(out);
        golden_tell("= %d\n\n", status);
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
    assert_non_null(realpath("data", data));
    temp_dir_make(home);
    snprintf(own_name, sizeof own_name, "n1x%d", (int)getpid());
    return 0;
}

static int stop(void **state)
{
    temp_dir_remove(home);
    return 0;
}

static void what_a_node_says_is_what_the_transcript_says(void **state)
{
    play();
    golden_is(golden);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(what_a_node_says_is_what_the_transcript_says,
                                                                        start, stop) };
    golden = argc > 1 ? argv[1] : "vectors/node/start.txt";
    golden_writes(argc > 2);
    if (geteuid() && (strstr(golden, "handlers") || strstr(golden, "programs") || strstr(golden, "witness") ||
                      strstr(golden, "fullprove")))
        return 77; /* run_as */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
