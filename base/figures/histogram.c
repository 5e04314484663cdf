#include "histogram.h"

#define MS(x) (x##ull * 1000)
#define S(x) (x##ull * 1000000)

const struct histogram_bounds histogram_of_tasks = { 18,
                                                     { MS(50), MS(100), MS(250), MS(500), S(1), S(2), S(5), S(10),
                                                       S(30), S(60), S(120), S(300), S(600), S(1800), S(3600), S(14400),
                                                       S(43200), S(86400) } };
const struct histogram_bounds histogram_of_turns = { 16,
                                                     { 100, 250, 500, MS(1), 2500, MS(5), MS(10), MS(25), MS(50),
                                                       MS(100), MS(250), MS(500), S(1), 2500000, S(5), S(10) } };

void histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us)
{
    size_t i = 0;
    while (i < bounds->n && us > bounds->us[i]) i++;
    h->at[i]++;
    h->sum_us = us > UINT64_MAX - h->sum_us ? UINT64_MAX : h->sum_us + us;
}

void histogram_add_ms(struct histogram *h, const struct histogram_bounds *bounds, uint64_t ms)
{
    histogram_add(h, bounds, ms > UINT64_MAX / 1000 ? UINT64_MAX : ms * 1000);
}

uint64_t histogram_count(const struct histogram *h, const struct histogram_bounds *bounds)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= bounds->n; i++) n += h->at[i];
    return n;
}
