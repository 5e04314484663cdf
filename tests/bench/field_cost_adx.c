#define BN254_BUILD_ADX
#include "field_cost.h"
