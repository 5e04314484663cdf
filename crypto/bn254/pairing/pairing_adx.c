#define BN254_BUILD_ADX
#include "pairing_body.h"
