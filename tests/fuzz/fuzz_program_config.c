/* Any bytes as the file of a handler: refused with a sentence, or a command that can be filled. */
#include "fuzz_must.h"

#include "fuzz_file.h"
#include "program_config.h"
#include "program_env.h"
#include "words_placed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct program p;
    char why[PROGRAM_WHY_BYTES];
    struct placed with = {
        .input = "i", .result = "r", .proof = "p", .public = "u", .folder = "/f", .circuit = "c", .task = "t"
    };
    if (program_config_read(&p, "fuzzed", fuzz_file(0, data, bytes), why) == PV_OK) {
        char **argv = placed_fill(p.command, &with), **env = program_env(&p, "/f");
        MUST(argv && env);
        MUST(argv[0][0] == '/' || p.mode == PROGRAM_LIBRARY); /* whose program is the house's own */
        MUST(p.result_max && p.result_max <= 512 << 20 && p.file_size);
        free(argv);
        free(env);
    } else {
        MUST(why[0]);
    }
    program_config_clear(&p);
    return 0;
}
