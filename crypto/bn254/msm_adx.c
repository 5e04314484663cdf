/* The MSM's kernels with mulx, adcx and adox. */
#define BN254_BUILD_ADX
#include "bn254/fp.h"
#include "bn254/fp2.h"
#include "bn254/g1.h"
#include "bn254/g2.h"

#define PATH adx
#include "bn254/msm_paths.h"
