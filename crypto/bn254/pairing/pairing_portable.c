#include "pairing_body.h"
