/** A handler that is a program, in a folder of the test's own: written as a file, read, checked and run as a node does it.
 */
#ifndef PV_PROGRAM_SCENE_H
#define PV_PROGRAM_SCENE_H

#include "handler_program.h"

struct program_scene {
    char folder[64]; /* of the test */
    char file[128];  /* the handler's file */
    char ill[128];   /* a copy of ill_behaved, which anybody may execute */
    struct program_place place;
    struct handler_program x;
    struct handler handler;
    struct handler_output out;
    char why[PROGRAM_WHY_BYTES];
};

/** For cmocka: *state is the scene. */
int program_scene_set_up(void **state);
int program_scene_tear_down(void **state);

/** Writes the file of the handler "tried", reads and checks it. %ILL in the text is the path of ill_behaved; as root the line
 *  `run_as: nobody` is added. */
pv_status program_scene_read(struct program_scene *s, const char *text);

/** The same, must succeed, and the task is run to its end. The result is s->out; its bytes are freed by the scene. */
pv_status program_scene_run(struct program_scene *s, const char *text, const void *input, size_t bytes,
                            const struct handler_watch *watch);

/** Folders of attempts that are there. */
unsigned program_scene_left(const struct program_scene *s);

/** Processes of its programs, and children of this one, which the launchers are. */
unsigned program_scene_processes(const struct program_scene *s);

#endif
