/* The MSM's kernels in portable C. */
#include "fp.h"
#include "fp2.h"
#include "g1.h"
#include "g2.h"

#define PATH portable
#include "msm_paths.h"
