#define BN254_BUILD_ADX
#include "bn254/pairing_body.h"
