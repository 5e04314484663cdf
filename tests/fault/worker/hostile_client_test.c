/* A caller's process outlives any broker: scripts of wrong and mutated messages in every stage of a client. */
#include "hostile_client.h"
#include "hostile_scripts.h"

int main(int argc, char **argv)
{
    static const enum wire_type stages[] = { WIRE_SUBMIT, WIRE_ATTACH,  WIRE_FETCH,  WIRE_ACK,   WIRE_CANCEL,
                                             WIRE_CREDIT, WIRE_CHUNK,   WIRE_CLAIM,  WIRE_PURGE, WIRE_LIST,
                                             WIRE_RESULT, WIRE_RELEASE, WIRE_REVOKED };
    const struct hostile_scripts s = { .play = hostile_client_play,
                                       .scripts = 40,
                                       .script_bytes = 1600,
                                       .stages = stages,
                                       .stages_n = sizeof stages / sizeof *stages };
    return hostile_scripts_run(&s, argc, argv);
}
