/* Any bytes as the script of a broker that means harm, and of what a node does meanwhile. */
#include "fuzz_must.h"

#include "hostile_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes > 0) hostile_node_play(data, bytes, NULL);
    return 0;
}
