/* A caller's process outlives any broker: scripts of wrong and mutated messages in every stage of a client. */
#include "hostile_client.h"
#include "msg.h"
#include "seeded.h"
#include "words.h"

#include <string.h>

enum { SCRIPTS = 40, SOAK_SCRIPTS = 2000, SCRIPT_BYTES = 1600, ENOUGH = 20 };

static uint64_t scripts(int argc, char **argv)
{
    const char *rounds = getenv("PV_ROUNDS");
    if (argc < 2 || strcmp(argv[1], "soak")) return SCRIPTS;
    return SOAK_SCRIPTS * (rounds ? strtoull(rounds, NULL, 0) : 1);
}

/* What was played reached every stage: a broker that is never spoken to harms nobody. */
static bool every_stage(const unsigned heard[128])
{
    static const enum wire_type stages[] = { WIRE_SUBMIT, WIRE_ATTACH,  WIRE_FETCH,  WIRE_ACK,   WIRE_CANCEL,
                                             WIRE_CREDIT, WIRE_CHUNK,   WIRE_CLAIM,  WIRE_PURGE, WIRE_LIST,
                                             WIRE_RESULT, WIRE_RELEASE, WIRE_REVOKED };
    bool all = true;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        if (heard[stages[i]]) continue;
        printf("no %s came\n", wire_type_name((int)stages[i]));
        all = false;
    }
    return all;
}

int main(int argc, char **argv)
{
    struct seeded random = seeded_start();
    uint8_t script[SCRIPT_BYTES];
    unsigned heard[128] = { 0 };
    uint64_t said = 0, n = scripts(argc, argv);
    for (uint64_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof script; k++) script[k] = (uint8_t)seeded_u64(&random);
        said += hostile_client_play(script, sizeof script, heard);
    }
    printf("%" PRIu64 " scripts, %" PRIu64 " messages\n", n, said);
    return said < n * ENOUGH || !every_stage(heard);
}
