/* The file of traces: a line for each attempt, to a file that may be moved away, replaced, or full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "log.h"
#include "node_trace.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64], path[96], moved[96], text[16384];
static struct node_trace *t;
static unsigned logged;

void __wrap_log_event(int level, const char *event, const char *format, ...);
void __wrap_log_event(int level, const char *event, const char *format, ...)
{
    assert_string_equal(event, "trace.file");
    logged++;
}

uint64_t __wrap_pv_wall_ms(void);
uint64_t __wrap_pv_wall_ms(void)
{
    return 1764437053999;
}

static int begin(void **state)
{
    temp_dir_make(home);
    snprintf(path, sizeof path, "%s/trace", home);
    snprintf(moved, sizeof moved, "%s/trace.1", home);
    logged = 0;
    return 0;
}

static int end(void **state)
{
    node_trace_close(&t);
    node_trace_close(&t);
    temp_dir_remove(home);
    return 0;
}

static const char *read_back(const char *from)
{
    FILE *in = fopen(from, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    return text;
}

static void opened(void)
{
    char why[NODE_TRACE_WHY_BYTES];
    assert_int_equal(node_trace_open(&t, path, why), PV_OK);
}

static void say(const char *task, const char *traceparent, pv_status outcome, const struct node_phases *p)
{
    const struct node_traced a = { .traceparent = traceparent,
                                   .task = task,
                                   .token = "3.7",
                                   .handler = "groth16",
                                   .outcome = outcome,
                                   .started_ms = 1000,
                                   .ended_ms = 1812,
                                   .phases = p };
    node_trace_say(t, &a);
}

static void a_line_tells_what_an_attempt_did_and_when(void **state)
{
    struct node_phases p = { .n = 0 }, none = { .n = 0 };
    node_phases_note(&p, "load", 1000);
    node_phases_note(&p, "prove", 1300);
    node_phases_note(&p, "prove", 1400); /* the same one goes on */
    node_phases_note(&p, "load", 1500);
    opened();
    say("aa", "00-01-02-03", PV_OK, &p);
    say("bb", "", PV_BAD_WITNESS, &none);
    assert_string_equal(read_back(path), "{\"schema\":\"provost.trace/"
                                         "1\",\"traceparent\":\"00-01-02-03\",\"task\":\"aa\",\"token\":\"3.7\","
                                         "\"handler\":\"groth16\",\"start\":1764437053187,"
                                         "\"ms\":812,\"outcome\":\"ok\",\"phases\":[{\"phase\":\"load\",\"at_ms\":0,"
                                         "\"ms\":300},{\"phase\":\"prove\",\"at_ms\":300,\"ms\":200},"
                                         "{\"phase\":\"load\",\"at_ms\":500,\"ms\":312}]}\n"
                                         "{\"schema\":\"provost.trace/"
                                         "1\",\"traceparent\":null,\"task\":\"bb\",\"token\":\"3.7\",\"handler\":"
                                         "\"groth16\",\"start\":1764437053187,\"ms\":812,"
                                         "\"outcome\":\"bad-witness\",\"phases\":[]}\n");
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0640 & ~umask(umask(022)));
}

static void the_first_phases_are_kept(void **state)
{
    struct node_phases p = { .n = 0 };
    char name[16];
    for (int i = 0; i <= NODE_TRACE_PHASES; i++) {
        snprintf(name, sizeof name, "p%d", i);
        node_phases_note(&p, name, (uint64_t)(1000 + i));
        assert_int_equal(p.n, i < NODE_TRACE_PHASES ? i + 1 : NODE_TRACE_PHASES);
    }
    assert_string_equal(p.at[NODE_TRACE_PHASES - 1].name, "p31");
    assert_int_equal(p.at[NODE_TRACE_PHASES - 1].from_ms, 1031);
}

static void a_file_is_gone_on_with_and_may_be_moved_away(void **state)
{
    struct node_phases none = { .n = 0 };
    opened();
    say("aa", "", PV_OK, &none);
    node_trace_close(&t);
    assert_null(t);
    opened();
    say("bb", "", PV_OK, &none);
    assert_int_equal(rename(path, moved), 0);
    say("cc", "", PV_OK, &none); /* still to the old one */
    node_trace_reopen(t);
    say("dd", "", PV_OK, &none);
    assert_non_null(strstr(read_back(moved), "\"task\":\"aa\""));
    assert_non_null(strstr(text, "\"task\":\"bb\""));
    assert_non_null(strstr(text, "\"task\":\"cc\""));
    assert_null(strstr(read_back(path), "\"task\":\"cc\""));
    assert_non_null(strstr(text, "\"task\":\"dd\""));
    assert_int_equal(logged, 0);
}

/* A link could lead a node that is root anywhere. */
static void what_cannot_be_opened_is_told(void **state)
{
    char why[NODE_TRACE_WHY_BYTES] = "", wanted[NODE_TRACE_WHY_BYTES];
    assert_int_equal(symlink(moved, path), 0);
    assert_int_equal(node_trace_open(&t, path, why), PV_IO);
    snprintf(wanted, sizeof wanted, "trace: %s: %s", path, strerror(ELOOP));
    assert_string_equal(why, wanted);
    assert_int_equal(access(moved, F_OK), -1);
    assert_int_equal(node_trace_open(&t, home, why), PV_IO);
    snprintf(wanted, sizeof wanted, "trace: %s: %s", home, strerror(EISDIR));
    assert_string_equal(why, wanted);
    assert_null(t);
}

static void one_that_is_lost_is_told_once_and_tried_again_when_told_to(void **state)
{
    struct node_phases none = { .n = 0 };
    opened();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(moved, path), 0);
    node_trace_reopen(t);
    assert_int_equal(logged, 1);
    say("aa", "", PV_OK, &none);
    assert_int_equal(logged, 1);
    assert_int_equal(unlink(path), 0);
    node_trace_reopen(t);
    say("bb", "", PV_OK, &none);
    assert_non_null(strstr(read_back(path), "\"task\":\"bb\""));
    assert_int_equal(logged, 1);
}

static void a_full_disk_is_told_once(void **state)
{
    struct node_phases none = { .n = 0 };
    strcpy(path, "/dev/full");
    opened();
    say("aa", "", PV_OK, &none);
    assert_int_equal(logged, 1);
    say("bb", "", PV_OK, &none);
    assert_int_equal(logged, 1);
    node_trace_reopen(t);
    say("cc", "", PV_OK, &none);
    assert_int_equal(logged, 2);
}

static void without_a_file_nothing_is_done(void **state)
{
    struct node_phases none = { .n = 0 };
    node_trace_reopen(t);
    say("aa", "", PV_OK, &none);
    assert_int_equal(logged, 0);
}

int main(void)
{
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_line_tells_what_an_attempt_did_and_when),
        IN_A_FOLDER(the_first_phases_are_kept),
        IN_A_FOLDER(a_file_is_gone_on_with_and_may_be_moved_away),
        IN_A_FOLDER(what_cannot_be_opened_is_told),
        IN_A_FOLDER(one_that_is_lost_is_told_once_and_tried_again_when_told_to),
        IN_A_FOLDER(a_full_disk_is_told_once),
        IN_A_FOLDER(without_a_file_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
