/* The cost of a commit: batches of 1 KiB tasks are stored, then get results and are deleted, as in the loop under load.
 * One JSON line.      bench_store [BATCH [TASKS]]      folder: TMPDIR (put it on a real disk); STORE=postgresql://... a database */
#include "clock.h"
#include "store_open.h"
#include "temp_dir.h"

#include <inttypes.h>

enum { KEPT = 20000, BATCHES_MAX = 1 << 20 };

static uint32_t took[BATCHES_MAX];

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* One task comes, the one a few batches before it is done, the one long before that goes. */
static pv_status one(struct store *s, uint64_t n, uint64_t batch)
{
    static struct task_record t;
    static uint8_t data[1024];
    uint64_t done = n > 4 * batch ? n - 4 * batch : 0, gone = n > KEPT ? n - KEPT : 0;
    struct store_payload p = { .length = sizeof data, .bytes = data };
    memcpy(t.id.bytes, &n, sizeof n);
    snprintf(t.queue, sizeof t.queue, "outer");
    snprintf(t.circuit, sizeof t.circuit, "keccak");
    snprintf(t.principal, sizeof t.principal, "local");
    snprintf(t.client, sizeof t.client, "bench");
    t.order = n;
    TRY(store_put_task(s, &t));
    TRY(store_put_payload(s, STORE_INPUT, n, &p));
    t.order = done;
    if (done) TRY(store_put_task(s, &t));
    if (done) TRY(store_put_payload(s, STORE_RESULT, done, &p));
    if (done) TRY(store_delete_payload(s, STORE_INPUT, done));
    return gone ? store_delete_task(s, gone) : PV_OK;
}

int main(int argc, char **argv)
{
    uint64_t batch = argc > 1 ? strtoull(argv[1], NULL, 10) : 64,
             tasks = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    char dir[64], why[STORE_WHY_BYTES];
    struct store *s = NULL;
    struct store_stats stats;
    size_t commits = 0;
    uint64_t number;
    temp_dir_make(dir);
    struct store_place place = { .where = getenv("STORE"), .folder = dir, .payloads = dir };
    if (!batch || store_open(&s, place.where ? &place : STORE_AT(dir), -1, NULL, why) != PV_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    uint64_t from = pv_clock_us();
    for (uint64_t n = 1; n <= tasks && commits < BATCHES_MAX; n++) {
        if (one(s, n, batch) != PV_OK) return 1;
        if (n % batch) continue;
        uint64_t before = pv_clock_us();
        if (store_commit(s, STORE_NOW, &number) != PV_OK) return 1;
        took[commits++] = (uint32_t)(pv_clock_us() - before);
    }
    uint64_t us = pv_clock_us() - from;
    store_read_stats(s, &stats);
    qsort(took, commits, sizeof *took, by_size);
    printf("{\"bench\":\"store\",\"batch\":%" PRIu64 ",\"tasks_per_s\":%.0f,\"commit_p50_us\":%u,\"commit_p99_us\":%u,"
           "\"commit_max_us\":%u,\"database_bytes\":%" PRIu64 "}\n",
           batch, (double)tasks * 1e6 / (double)us, took[commits / 2], took[commits - 1 - commits / 100],
           took[commits - 1], stats.database_bytes);
    store_close(&s);
    temp_dir_remove(dir);
    return 0;
}
