#include "commit_times.h"

#include "clock.h"

void commit_times_begun(struct broker *b, uint64_t number, uint64_t us)
{
    struct broker_commits *c = &b->commits;
    if (c->n == BROKER_COMMITS) return;
    size_t i = (c->first + c->n++) % BROKER_COMMITS;
    c->at[i].number = number;
    c->at[i].us = us;
}

void commit_times_durable(struct broker *b)
{
    struct broker_commits *c = &b->commits;
    uint64_t durable = c->n ? store_durable(b->store) : 0, now_us = c->n ? pv_clock_us() : 0;
    for (; c->n && c->at[c->first].number <= durable; c->n--) {
        histogram_add(&b->counters.commit, &histogram_of_turns, now_us - c->at[c->first].us);
        c->first = (c->first + 1) % BROKER_COMMITS;
    }
}
