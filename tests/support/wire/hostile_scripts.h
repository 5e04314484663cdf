/** Many scripts of a broker that means harm, one after the other, against a client or a node: what the tests of both have
 *  for a main.
 */
#ifndef HOSTILE_SCRIPTS_H
#define HOSTILE_SCRIPTS_H

#include "msg.h"
#include "seeded.h"
#include "words.h"

#include <stdbool.h>
#include <string.h>

enum { HOSTILE_SOAK_SCRIPTS = 2000, HOSTILE_SCRIPT_MAX = 2000, HOSTILE_ENOUGH = 20 };

/** Plays one script; adds what it heard to heard, by type, and returns how many messages the broker said. */
typedef unsigned hostile_play(const uint8_t *script, size_t bytes, unsigned heard[128]);

struct hostile_scripts {
    hostile_play *play;
    uint64_t scripts;             /* "soak" plays HOSTILE_SOAK_SCRIPTS times PV_ROUNDS instead */
    size_t script_bytes;          /* at most HOSTILE_SCRIPT_MAX */
    const enum wire_type *stages; /* what has to be heard: a broker that is never spoken to harms nobody */
    size_t stages_n;
};

static inline uint64_t hostile_scripts_n(const struct hostile_scripts *s, int argc, char **argv)
{
    const char *rounds = getenv("PV_ROUNDS");
    if (argc < 2 || strcmp(argv[1], "soak")) return s->scripts;
    return HOSTILE_SOAK_SCRIPTS * (rounds ? strtoull(rounds, NULL, 0) : 1);
}

static inline bool hostile_every_stage(const struct hostile_scripts *s, const unsigned heard[128])
{
    bool all = true;
    for (size_t i = 0; i < s->stages_n; i++) {
        if (heard[s->stages[i]]) continue;
        printf("no %s came\n", wire_type_name((int)s->stages[i]));
        all = false;
    }
    return all;
}

/** The exit code: 0 when every stage was reached and the broker said HOSTILE_ENOUGH messages a script. A peer that does
 *  not outlive a script ends the program. */
static inline int hostile_scripts_run(const struct hostile_scripts *s, int argc, char **argv)
{
    struct seeded random = seeded_start();
    uint8_t script[HOSTILE_SCRIPT_MAX];
    unsigned heard[128] = { 0 };
    uint64_t said = 0, n = hostile_scripts_n(s, argc, argv);
    for (uint64_t i = 0; i < n; i++) {
        for (size_t k = 0; k < s->script_bytes; k++) script[k] = (uint8_t)seeded_u64(&random);
        said += s->play(script, s->script_bytes, heard);
    }
    printf("%" PRIu64 " scripts, %" PRIu64 " messages\n", n, said);
    return said < n * HOSTILE_ENOUGH || !hostile_every_stage(s, heard);
}

#endif
