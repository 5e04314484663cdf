#include "g1.h"

#define CURVE_T bn254_g1
#define CURVE_F(name) bn254_g1_##name
#include "curve_body.h"
