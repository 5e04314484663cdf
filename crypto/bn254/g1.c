#include "bn254/g1.h"

#define CURVE_T bn254_g1
#define CURVE_F(name) bn254_g1_##name
#include "bn254/curve_body.h"
