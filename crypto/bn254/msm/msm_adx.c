/* The MSM's kernels with mulx, adcx and adox. */
#define BN254_BUILD_ADX
#include "fp.h"
#include "fp2.h"
#include "g1.h"
#include "g2.h"

#define PATH adx
#include "msm_paths.h"
