#include "bn254/pairing_body.h"
