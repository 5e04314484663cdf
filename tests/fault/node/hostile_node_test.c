/* A node outlives any broker: scripts of wrong and mutated messages in every stage of an attempt. */
#include "hostile_node.h"
#include "hostile_scripts.h"

int main(int argc, char **argv)
{
    static const enum wire_type stages[] = { WIRE_READY, WIRE_STARTED, WIRE_RESULT,  WIRE_CREDIT,
                                             WIRE_CHUNK, WIRE_FAIL,    WIRE_RELEASE, WIRE_REVOKED };
    const struct hostile_scripts s = { .play = hostile_node_play,
                                       .scripts = 15,
                                       .script_bytes = 2000,
                                       .stages = stages,
                                       .stages_n = sizeof stages / sizeof *stages };
    return hostile_scripts_run(&s, argc, argv);
}
