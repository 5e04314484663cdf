/* The transforms in portable C. */
#include "bn254/fr.h"

#define NTT(name) name##_portable
#define KERNEL bn254_ntt_kernel_portable
#include "bn254/ntt_body.h"
