/* The transforms in portable C. */
#include "fr.h"

#define NTT(name) name##_portable
#define KERNEL bn254_ntt_kernel_portable
#include "ntt_body.h"
