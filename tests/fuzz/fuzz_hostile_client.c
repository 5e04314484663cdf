/* Any bytes as the script of a broker that means harm, and of the calls that a program makes meanwhile. */
#include "fuzz_must.h"

#include "hostile_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes > 0) hostile_client_play(data, bytes, NULL);
    return 0;
}
