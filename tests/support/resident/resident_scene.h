/** A program that stays as a handler, in a folder of the test's own: ill_resident, read, checked and run as a node does it.
 */
#ifndef PV_RESIDENT_SCENE_H
#define PV_RESIDENT_SCENE_H

#include "handler_resident.h"
#include "program_scene.h"

struct resident_scene {
    struct program_scene *program; /* its `ill` is ill_resident */
    struct handler_resident x;
    struct handler handler;
    struct handler_output out;
};

/** For cmocka: *state is the scene. The tear-down ends what runs. */
int resident_scene_set_up(void **state);
int resident_scene_tear_down(void **state);

/** Writes the file of the handler, mode: persistent added; HOW of ill_resident is how, and starts its pool. Must succeed. */
void resident_scene_start(struct resident_scene *s, const char *how, const char *rest);
/** The same with provost-host and ill_object, copied beside. */
void resident_scene_start_object(struct resident_scene *s, const char *rest);
/** Ends it. */
void resident_scene_stop(struct resident_scene *s);

/** Runs a task with that text as its input; its result is s->out, and freed by the scene. */
pv_status resident_scene_run(struct resident_scene *s, const char *input, const struct handler_watch *watch);
pv_status resident_scene_run_bytes(struct resident_scene *s, const void *input, size_t bytes, const char *circuit,
                                   const struct handler_watch *watch);

#endif
