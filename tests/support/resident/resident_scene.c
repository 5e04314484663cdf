#include "resident_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void copied(const char *to, const char *from)
{
    char command[600];
    snprintf(command, sizeof command, "cp '%s' '%s' && chmod 755 '%s'", from, to, to);
    if (system(command)) fail_msg("%s", command);
}

int resident_scene_set_up(void **state)
{
    struct resident_scene *s = calloc(1, sizeof *s);
    void *program = NULL;
    int r = program_scene_set_up(&program);
    s->program = program;
    snprintf(s->program->ill, sizeof s->program->ill, "%s/ill_resident", s->program->folder);
    copied(s->program->ill, PV_ILL_RESIDENT_PATH);
    *state = s;
    return r;
}

void resident_scene_stop(struct resident_scene *s)
{
    resident_pool_destroy(&s->x.pool);
}

static void forget(struct resident_scene *s)
{
    free(s->out.bytes);
    s->out = (struct handler_output){ 0 };
}

int resident_scene_tear_down(void **state)
{
    struct resident_scene *s = *state;
    void *program = s->program;
    resident_scene_stop(s);
    forget(s);
    unsigned left = program_scene_left(s->program), processes = program_scene_processes(s->program);
    if (left || processes) print_error("%u folders and %u processes are left\n", left, processes);
    int r = program_scene_tear_down(&program);
    free(s);
    return r || left || processes;
}

static void start(struct resident_scene *s, const char *text)
{
    resident_scene_stop(s);
    if (program_scene_read(s->program, text) != PV_OK) fail_msg("%s", s->program->why);
    s->x.x = &s->program->x;
    s->handler = handler_resident(&s->x);
    if (resident_pool_new(&s->x.pool, s->x.x) != PV_OK) fail_msg("no pool");
}

void resident_scene_start(struct resident_scene *s, const char *how, const char *rest)
{
    char text[1000];
    snprintf(text, sizeof text, "mode: persistent\ncommand: [%%ILL, %s]\n%s", how, rest);
    start(s, text);
}

/* As mode: library does it, which looks for provost-host beside the program that runs: a node, and not this test. */
void resident_scene_start_object(struct resident_scene *s, const char *rest)
{
    char text[1000], host[128], object[128];
    snprintf(host, sizeof host, "%s/provost-host", s->program->folder);
    snprintf(object, sizeof object, "%s/ill_object.so", s->program->folder);
    copied(host, PV_HOST_PATH);
    copied(object, PV_ILL_OBJECT_PATH);
    snprintf(text, sizeof text, "mode: persistent\ncommand: [%s, %s]\n%s", host, object, rest);
    start(s, text);
}

pv_status resident_scene_run_bytes(struct resident_scene *s, const void *input, size_t bytes, const char *circuit,
                                   const struct handler_watch *watch)
{
    static const struct handler_watch unwatched;
    struct handler_input in = {
        .task = "00112233445566778899aabbccddeeff", .circuit = circuit, .bytes = input, .size = bytes
    };
    forget(s);
    return handler_run(&s->handler, &in, watch ? watch : &unwatched, &s->out);
}

pv_status resident_scene_run(struct resident_scene *s, const char *input, const struct handler_watch *watch)
{
    return resident_scene_run_bytes(s, input, strlen(input), "member", watch);
}
