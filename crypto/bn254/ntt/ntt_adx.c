/* The transforms with mulx, adcx and adox. */
#define BN254_BUILD_ADX
#include "fr.h"

#define NTT(name) name##_adx
#define KERNEL bn254_ntt_kernel_adx
#include "ntt_body.h"
