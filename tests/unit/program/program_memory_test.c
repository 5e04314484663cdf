/* Each allocation fails once while a program's file is read and checked, and while a task of it runs, golden: what is answered and said, and that no folder, no
 * process and no block is left. `program_memory_test FILE write` writes the text anew. */
#include "golden.h"
#include "heap_watch.h"
#include "program_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *file;
static struct program_scene *s;

static int set_up(void **state)
{
    int r = program_scene_set_up(state);
    s = *state;
    return r;
}

/* How often the same was told, and then what comes next. */
static struct {
    char line[600];
    unsigned times;
} last;

static void tell_last(void)
{
    if (last.times) golden_tell("%s\n", last.line);
    last.times = 0;
}

/* malloc sets errno, which the watch leaves as it is: what stands behind these is chance. */
static void without_errors(char *line)
{
    static const char *const before[] = { "takes no plan", "command: /bin/sh", "version: /bin/echo" };
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        char *at = strstr(line, before[i]);
        if (at) at[strlen(before[i])] = 0;
    }
}

static void tell(char *line)
{
    without_errors(line);
    if (last.times && strcmp(last.line, line)) tell_last();
    snprintf(last.line, sizeof last.line, "%s", line);
    last.times++;
}

static void without_folders(char *text)
{
    for (char *at; (at = strstr(text, s->folder));)
        memmove(at, at + strlen(s->folder), strlen(at + strlen(s->folder)) + 1);
}

static void tell_end(const char *what, pv_status st)
{
    char line[600];
    snprintf(line, sizeof line, "%s: %s verdict=%d %s%.*s", what, pv_status_word(st), s->out.verdict, s->out.text,
             (int)(s->out.size < 40 ? s->out.size : 40), s->out.bytes ? (char *)s->out.bytes : "");
    without_folders(line);
    tell(line);
}

static void run_once(long n, const char *text, const char *what)
{
    static const struct handler_watch unwatched;
    struct handler_input in = {
        .task = "00112233445566778899aabbccddeeff", .circuit = "member", .bytes = (uint8_t *)"in", .size = 2
    };
    if (program_scene_read(s, text) != PV_OK) fail_msg("%s", s->why);
    heap_fail_after(n);
    pv_status st = handler_run(&s->handler, &in, &unwatched, &s->out);
    tell_end(what, st);
}

static void each(const char *text, const char *what)
{
    long n = 0;
    for (bool more = true; more && n < 300; n++) {
        run_once(n, text, what);
        more = heap_failed();
        heap_fail_after(-1);
        if (program_scene_left(s) || program_scene_processes(s)) fail_msg("%s, %ld: something is left", what, n);
    }
    assert_in_range(n, 3, 299);
    tell_last();
    golden_tell("\n");
}

static void a_task_without_memory_fails_and_leaves_nothing(void **state)
{
    each("command: [/bin/cp, '{input}', '{result}']\nsandbox: none\n", "files");
    each("command: [/bin/cat]\nsandbox: none\ninput: stdin\nresult: stdout\n", "streams");
    each("command: [/bin/sh, -c, 'echo {task} {circuit} >&2; exit 3']\nsandbox: none\ninput: stdin\nresult: stdout\n",
         "it fails");
}

static void each_reading(const char *text, const char *what)
{
    long n = 0;
    char line[600];
    for (bool more = true; more && n < 600; n++) {
        heap_fail_after(n);
        pv_status st = program_scene_read(s, text);
        more = heap_failed();
        heap_fail_after(-1);
        snprintf(line, sizeof line, "%s: %s %s", what, pv_status_word(st), st == PV_OK ? "" : s->why);
        without_folders(line);
        tell(line);
    }
    assert_in_range(n, 3, 599);
    tell_last();
    golden_tell("\n");
}

static void a_file_without_memory_is_refused(void **state)
{
    each_reading("command: [/bin/sh, -c, 'true {input} {result}']\nversion: [/bin/echo, one]\nenvironment: [HOME, "
                 "A=b]\npermanent: [9]\nresource: [none]\n"
                 "sandbox: none\nselftest: in\n",
                 "a file");
}

static void all_is_golden(void **state)
{
    golden_is(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_without_memory_fails_and_leaves_nothing, set_up,
                                        program_scene_tear_down),
        cmocka_unit_test_setup_teardown(a_file_without_memory_is_refused, set_up, program_scene_tear_down),
        cmocka_unit_test(all_is_golden),
    };
    file = argv[1];
    golden_writes(argc > 2 && !strcmp(argv[2], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
