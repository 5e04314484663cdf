#include "field_cost.h"
