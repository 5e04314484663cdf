/* Any bytes as a message, on both ways: never a crash, and what is accepted can be said again and means the same. */
#include "wire_again.h"
#include "wire_samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct wire_frames f;
    if (!wire_frames_of_file(&f, data, bytes)) return 0;
    wire_try(&f, WIRE_TO_BROKER);
    wire_try(&f, WIRE_TO_PEER);
    return 0;
}
