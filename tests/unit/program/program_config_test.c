/* The file of a handler: what is refused, with its line, and who may write to what it runs. */
#include "program_scene.h"

#include "program_check.h"
#include "program_config.h"
#include "program_table.h"
#include "program_version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct program_scene *s;

static int set_up(void **state)
{
    int r = program_scene_set_up(state);
    s = *state;
    return r;
}

#define STREAMS "input: stdin\nresult: stdout\n"
#define GOOD STREAMS "command: [%ILL, cat]\n"

static void expect_refused(const char *text, const char *said)
{
    pv_status status = program_scene_read(s, text);
    if (status != PV_BAD_CONFIG) fail_msg("%d for %s", (int)status, text);
    if (!strstr(s->why, said)) fail_msg("\"%s\" does not say \"%s\"", s->why, said);
    assert_non_null(strstr(s->why, "tried.yaml"));
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    static const char *const cases[][2] = {
        { "result: stdout\ninpt: stdin\n", "unknown key \"inpt\" (line: 2)" },
        { STREAMS "command: prog --flag {input}\n", "command: expected a list, found text (line: 3)" },
        { STREAMS "command: prog --flag\n", "no shell reads it" },
        { STREAMS "command: [\"%ILL cat\"]\n", "no shell reads it" },
        { STREAMS "command: [ill_behaved]\n", "is not the whole path of a program" },
        { STREAMS "command: [\"sh -c x\"]\n", "looks like a line for a shell" },
        { STREAMS, "missing command" },
        { STREAMS "command: []\n", "an empty list (line: 3)" },
        { GOOD "verify: []\n", "an empty list (line: 4)" },
        { STREAMS "command: [/nowhere/at/all]\n", "/nowhere/at/all: No such file or directory (line: 3)" },
        { STREAMS "command: [/etc/passwd]\n", "/etc/passwd cannot be executed" },
        { STREAMS "command: [/etc]\n", "/etc is not a file" },
        { STREAMS "command: [/bin/cat, \"{inptu}\"]\n", "unknown place {inptu}" },
        { "result: stdout\ncommand: [/bin/cat]\n", "has no {input}" },
        { "input: stdin\ncommand: [/bin/cat]\n", "has no {result}" },
        { STREAMS "command: [/bin/cat, \"{result}\"]\n", "has {result}" },
        { "input: stdin\nresult: groth16\ncommand: [/bin/cat, \"{proof}\"]\n", "has no {public}" },
        { GOOD "result_max: 1T\n", "result_max: not a size: \"1T\"" },
        { GOOD "result_max: 513M\n", "result_max: " },
        { GOOD "open_files: 3\n", "too small: 16" },
        { GOOD "input: pipe\n", "there twice" },
        { "input: pipe\nresult: stdout\ncommand: [/bin/cat]\n", "input: " },
        { GOOD "permanent: [256]\n", "not an exit status: \"256\"" },
        { GOOD "permanent: [0]\n", "not an exit status: \"0\"" },
        { GOOD "resource: [ten]\n", "not an exit status: \"ten\"" },
        { GOOD "environment: [\"=x\"]\n", "not NAME or NAME=value" },
        { GOOD "version_has: \"1\"\n", "no version command" },
        { GOOD "run_as: root\n", "is root" },
        { GOOD "run_as: no-such-user-here\n", "no such user" },
        { "", "tried.yaml" },
        { "- a\n", "tried.yaml" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (geteuid() && strstr(cases[i][0], "run_as: no-such")) continue;
        expect_refused(cases[i][0], cases[i][1]);
    }
}

static void a_node_that_is_root_needs_a_user(void **state)
{
    if (geteuid()) skip();
    FILE *out = fopen(s->file, "w");
    fprintf(out, STREAMS "command: [%s, cat]\n", s->ill);
    fclose(out);
    assert_int_equal(program_config_read(&s->x.program, "tried", s->file, s->why), PV_OK);
    assert_int_equal(program_check(&s->x.program, s->why), PV_BAD_CONFIG);
    assert_non_null(strstr(s->why, "run_as: missing"));
}

static void defaults_protect(void **state)
{
    const struct program *p = &s->x.program;
    assert_int_equal(program_scene_read(s, GOOD), PV_OK);
    assert_false(p->network);
    assert_int_equal(p->sandbox, LAUNCH_SANDBOX_AUTO);
    assert_int_equal(p->grace, 5000);
    assert_int_equal(p->result_max, 64 << 20);
    assert_int_equal(p->file_size, 256 << 20);
    assert_int_equal(p->open_files, 1024);
    assert_int_equal(p->verdicts[1], HANDLER_RETRYABLE);
    assert_int_equal(p->verdicts[8], HANDLER_PERMANENT);
    assert_int_equal(p->verdicts[65], HANDLER_PERMANENT);
    assert_int_equal(p->verdicts[10], HANDLER_RESOURCE);
    assert_int_equal(program_scene_read(s, GOOD "permanent: [none]\nresource: [none]\n"), PV_OK);
    assert_int_equal(p->verdicts[8], HANDLER_RETRYABLE);
    assert_int_equal(p->verdicts[10], HANDLER_RETRYABLE);
}

/* The program, a script behind an interpreter, the file of the handler, and the folders above: in turn writable by others. */
static void what_others_may_write_to_is_not_run(void **state)
{
    char script[128], text[400];
    snprintf(script, sizeof script, "%s/script.sh", s->folder);
    fclose(fopen(script, "w"));
    snprintf(text, sizeof text, STREAMS "command: [/bin/sh, %s]\n", script);
    assert_int_equal(program_scene_read(s, GOOD), PV_OK);
    assert_int_equal(program_scene_read(s, text), PV_OK);
    const char *paths[] = { s->ill, script, s->folder, s->file };
    static const mode_t modes[] = { 0757, 0775 };
    for (size_t i = 0; i < 4; i++)
        for (size_t m = 0; m < 2; m++) {
            assert_int_equal(program_scene_read(s, i == 1 ? text : GOOD), PV_OK);
            assert_int_equal(chmod(paths[i], modes[m]), 0);
            if (program_check(&s->x.program, s->why) != PV_BAD_CONFIG) fail_msg("%s is not refused", paths[i]);
            assert_non_null(strstr(s->why, "is writable by others"));
            chmod(paths[i], 0755);
        }
    if (geteuid()) return;
    assert_int_equal(chown(s->ill, 12345, 0), 0);
    expect_refused(GOOD, "belongs to another user");
}

static void a_link_is_followed_to_what_it_names(void **state)
{
    char link[128], text[300];
    snprintf(link, sizeof link, "%s/link", s->folder);
    assert_int_equal(symlink(s->ill, link), 0);
    snprintf(text, sizeof text, STREAMS "command: [%s, cat]\n", link);
    assert_int_equal(program_scene_read(s, text), PV_OK);
    assert_string_equal(s->x.program.executable, s->ill);
    chmod(s->ill, 0777);
    expect_refused(text, "is writable by others");
}

static void another_version_is_refused(void **state)
{
    char shown[128];
    static const char *const cases[][2] = { { "version: [%ILL, --version]\nversion_has: \"ill_behaved 1.\"\n", NULL },
                                            { "version: [%ILL, --version]\nversion_has: \"2.0\"\n", "another version" },
                                            { "version: [%ILL, exit, \"3\"]\n", "ended with status 3" },
                                            { "version: [%ILL, crash]\n", "ended with signal 11" } };
    for (size_t i = 0; i < 4; i++) {
        char text[300];
        snprintf(text, sizeof text, "%s%s", GOOD, cases[i][0]);
        if (program_scene_read(s, text) != PV_OK) fail_msg("%s", s->why);
        pv_status status = program_version(&s->x.program, &s->place, shown, s->why);
        assert_int_equal(status, cases[i][1] ? PV_BAD_CONFIG : PV_OK);
        if (cases[i][1]) assert_non_null(strstr(s->why, cases[i][1]));
        if (!cases[i][1]) assert_string_equal(shown, "ill_behaved 1.0");
    }
    assert_int_equal(program_scene_left(s), 0);
    assert_int_equal(program_scene_read(s, GOOD "version: [/usr/bin/seq, \"100000\"]\nversion_has: \"99\"\n"), PV_OK);
    assert_int_equal(program_version(&s->x.program, &s->place, shown, s->why), PV_OK); /* its first bytes are enough */
}

static void a_folder_of_handlers_keeps_the_bad_ones_with_their_reason(void **state)
{
    char folder[96], path[160];
    struct program_table t;
    struct prove_error err;
    static const char *const names[] = { "good.yaml",   "bad.yaml",  "echo.yaml",
                                         "a name.yaml", "notes.txt", ".hidden.yaml" };
    snprintf(folder, sizeof folder, "%s/handlers", s->folder);
    mkdir(folder, 0755);
    for (size_t i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        FILE *out = fopen(path, "w");
        fprintf(out, "%s%s", i == 1 ? "input: pipe\n" : STREAMS "command: [/bin/cat]\n",
                geteuid() ? "" : "run_as: nobody\n");
        fclose(out);
    }
    assert_int_equal(program_table_read(&t, folder, &s->place, &err), PV_OK);
    assert_int_equal(t.n, 4);
    assert_string_equal(program_table_find(&t, "good")->why, "");
    assert_string_not_equal(program_table_find(&t, "bad")->why, "");
    assert_non_null(strstr(program_table_find(&t, "echo")->why, "handler of the node's own"));
    assert_non_null(strstr(program_table_find(&t, "a name")->why, "not a name"));
    assert_null(program_table_find(&t, "notes"));
    program_table_clear(&t);
    snprintf(folder, sizeof folder, "%s/nowhere", s->folder);
    assert_int_equal(program_table_read(&t, folder, &s->place, &err), PV_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, program_scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_wrong_is_said_with_its_line),
        TEST(a_node_that_is_root_needs_a_user),
        TEST(defaults_protect),
        TEST(what_others_may_write_to_is_not_run),
        TEST(a_link_is_followed_to_what_it_names),
        TEST(another_version_is_refused),
        TEST(a_folder_of_handlers_keeps_the_bad_ones_with_their_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
