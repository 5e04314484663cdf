/* plan LOG_N G1 G2: the plan of an MSM on an H200 (132 multiprocessors, 139 GB) as JSON. */
#include "gpu_msm_plan.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    const struct msm_limits h200 = { .free_bytes = (size_t)139 << 30, .sm_count = 132 };
    const struct msm_bases bases = { .g1 = (unsigned)atoi(argv[2]), .g2 = (unsigned)atoi(argv[3]) };
    struct msm_plan p;
    if (msm_plan_for(&p, (size_t)1 << atoi(argv[1]), bases, &h200) != PV_OK) return 1;
    printf("{\"windows\":%u,\"window_bits\":%u,\"rows\":%u,\"sets\":%u,\"keys\":%u,\"chunks\":%u}\n", p.windows,
           p.window_bits, p.rows, p.sets, p.keys, p.chunks);
    return 0;
}
