#ifndef BENCH_FIELD_H
#define BENCH_FIELD_H

#include <stddef.h>

/** run(rounds) does rounds * per_round operations. */
struct field_cost {
    const char *name;
    void (*run)(size_t rounds);
    size_t per_round;
};

/** Ended by a NULL name. */
extern const struct field_cost field_costs_portable[], field_costs_adx[];

#endif
