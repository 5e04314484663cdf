/* The MSM's kernels in portable C. */
#include "bn254/fp.h"
#include "bn254/fp2.h"
#include "bn254/g1.h"
#include "bn254/g2.h"

#define PATH portable
#include "bn254/msm_paths.h"
