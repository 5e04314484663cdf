/* A broker for MINUTES beside clients and provers that come and go, with large and small payloads, expiries, purges, and the broker itself ended
 * and killed; sampled as JSON lines. week.py calls it and judges what it tells.
 *
 *      week MINUTES      PV_SEED     folder: TMPDIR
 *
 * Times are short, so that a minute has many lives: heartbeats 500 ms, leases 2 s, results kept for 2 s after ACK and for 6 s without. The broker has
 * five lives in the first half and one in the second: what leaks has to be seen above what libc keeps free. The last two samples are taken when all
 * has come to its end: "quiet" once nobody waits any more, "empty" when no task is kept. */
#include "week.h"

#include "broker_cost.h"
#include "broker_process.h"
#include "random.h"
#include "temp_dir.h"

#include <ftw.h>
#include <string.h>

enum {
    TICK_MS = 10,
    SAMPLE_MS = 2000,
    LIVES = 5,
    LIFE_LEAST_MS = 2000,
    QUIET_MS = 60000,
    EMPTY_MS = 10000,
    WINDOW = 1 << 20
};

struct crowd week_crowd;
struct week_counts week_seen;
uint64_t week_now_ms;
bool week_churns = true;

static struct broker_process broker;
static char dir[64];
static uint64_t state_of_random, began_ms;
static uint64_t disk_bytes;

/* ---- for all ---- */

uint64_t week_random(uint64_t n)
{
    uint64_t z = state_of_random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (z ^ z >> 31) % n;
}

bool week_chance(unsigned thousandths)
{
    return week_random(1000) < thousandths;
}

wire_id week_id(void)
{
    wire_id id;
    uint64_t a = week_random(UINT64_MAX), b = week_random(UINT64_MAX);
    memcpy(id.bytes, &a, 8);
    memcpy(id.bytes + 8, &b, 8);
    return id;
}

const uint8_t *week_payload(uint64_t seed, size_t bytes)
{
    static uint64_t words[WEEK_LARGE_MOST / 8 + 1];
    for (size_t i = 0; i <= bytes / 8; i++) words[i] = (seed += 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u;
    return (const uint8_t *)words;
}

wire_hash week_hash(uint64_t seed, size_t bytes)
{
    wire_hash h;
    if (sha256_of(&h, week_payload(seed, bytes), bytes) != PV_OK) abort();
    return h;
}

static void transfer(struct wire_msg *m, enum wire_kind kind, wire_id task, wire_token token)
{
    WIRE_SET(m, kind, kind);
    WIRE_SET(m, task, task);
    if (token.seq) WIRE_SET(m, token, token);
}

void week_chunks(struct crowd_peer *p, const struct wire_msg *credit, uint64_t seed, size_t bytes)
{
    uint64_t at = credit->offset, end = at + credit->bytes < bytes ? at + credit->bytes : bytes;
    const uint8_t *data = week_payload(seed, bytes);
    wire_token none = { 0, 0 };
    while (at < end) {
        size_t n = end - at < WIRE_CHUNK_MAX ? (size_t)(end - at) : WIRE_CHUNK_MAX;
        struct wire_msg m = { .type = WIRE_CHUNK };
        transfer(&m, credit->kind, credit->task, credit->has.token ? credit->token : none);
        WIRE_SET(&m, offset, at);
        m.has_payload = true;
        m.payload = data + at;
        m.payload_bytes = n;
        crowd_say(p, &m);
        at += n;
    }
}

void week_fetch(struct crowd_peer *p, enum wire_kind kind, wire_id task, wire_token token, struct week_fetched *of)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    if (of->asked && (of->asked >= of->bytes || of->asked - of->at > WINDOW / 2)) return;
    of->asked = of->at + WINDOW;
    transfer(&m, kind, task, token);
    WIRE_SET(&m, offset, of->at);
    WIRE_SET(&m, bytes, WINDOW);
    crowd_say(p, &m);
}

struct wire_msg week_hello(const char *name, enum wire_role role, wire_id session)
{
    struct wire_msg m = { .type = WIRE_HELLO };
    WIRE_SET(&m, role, role);
    WIRE_SET(&m, name, name);
    WIRE_SET(&m, session, session);
    WIRE_SET(&m, software, "week");
    WIRE_SET(&m, vmin, 1);
    WIRE_SET(&m, vmax, 1);
    WIRE_SET(&m, epoch, 0);
    return m;
}

/* ---- the broker ---- */

static void start(const char *bind)
{
    static const char *const arguments[] = { "--insecure", "--queue",     "week,sync=off", "--heartbeat-ms",
                                             "500",        "--lease-ms",  "2000",          "--grace-ms",
                                             "200",        "--late-ms",   "2000",          "--retention-ms",
                                             "6000",       "--log-level", "warn",          "--rate",
                                             "0",          NULL };
    for (int i = 0; !broker_process_start(&broker, dir, bind, arguments); i++) {
        if (i < 20) continue; /* the port was its own, and may be in use for a moment */
        broker_process_print_log(&broker);
        exit(1);
    }
}

static void restart(void)
{
    char bind[128];
    bool kills = week_chance(500);
    snprintf(bind, sizeof bind, "%s", broker.endpoint);
    broker_process_end(&broker, kills ? SIGKILL : SIGTERM);
    week_seen.restarts++;
    week_seen.kills += kills;
    start(bind);
}

/* ---- samples ---- */

static int add_file(const char *path, const struct stat *s, int type, struct FTW *f)
{
    if (type == FTW_F) disk_bytes += (uint64_t)s->st_blocks * 512;
    return 0;
}

static uint64_t folder_bytes(const char *path)
{
    disk_bytes = 0;
    nftw(path, add_file, 16, FTW_PHYS);
    return disk_bytes;
}

static unsigned connected(void)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < WEEK_PEERS; i++) n += week_crowd.peers[i].fd >= 0;
    return n;
}

static void sample(const char *what)
{
    uint32_t accepted[2], ended[2];
    unsigned shares[2] = { 50, 99 };
    week_latencies(accepted, ended, shares);
    printf("{\"what\":\"%s\",\"s\":%.1f,\"rss_kib\":%" PRIu64
           ",\"descriptors\":%u,\"connected\":%u,\"disk_kib\":%" PRIu64 ",\"cpu_ms\":%" PRIu64
           ",\"accept_p50_us\":%u,\"accept_p99_us\":%u,\"end_p50_us\":%u,\"end_p99_us\":%u,"
           "\"accepted\":%" PRIu64 ",\"waits\":%" PRIu64 ",\"load\":%.1f,\"restarts\":%" PRIu64 "}\n",
           what, (double)(week_now_ms - began_ms) / 1e3, broker_cost_kib(broker.pid, "VmRSS:"),
           broker_cost_descriptors(broker.pid), connected(), folder_bytes(broker.state) / 1024,
           broker_cost_cpu_us(broker.pid) / 1000, accepted[0], accepted[1], ended[0], ended[1], week_seen.accepted,
           week_clients_wait(), machine_load(), week_seen.restarts);
    fflush(stdout);
}

static void tell_counts(uint64_t seed, double minutes)
{
    const struct week_counts *c = &week_seen;
    printf("{\"what\":\"counts\",\"seed\":%" PRIu64 ",\"minutes\":%.2f,\"submitted\":%" PRIu64 ",\"accepted\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"succeeded\":%" PRIu64 ",\"expired\":%" PRIu64
           ",\"acked\":%" PRIu64 ",\"large_in\":%" PRIu64 ",\"large_out\":%" PRIu64 ",\"cancels\":%" PRIu64
           ",\"purges\":%" PRIu64 ",\"clients_gone\":%" PRIu64 ",\"sessions_new\":%" PRIu64 ",\"provers_gone\":%" PRIu64
           ",\"failures\":%" PRIu64 ",\"releases\":%" PRIu64 ",\"silences\":%" PRIu64 ",\"restarts\":%" PRIu64
           ",\"kills\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n",
           seed, minutes, c->submitted, c->accepted, c->refused, c->delivered, c->succeeded, c->expired, c->acked,
           c->large_in, c->large_out, c->cancels, c->purges, c->clients_gone, c->sessions_new, c->provers_gone,
           c->failures, c->releases, c->silences, c->restarts, c->kills, week_clients_wait());
}

/* ---- the days ---- */

static void heard(struct crowd_peer *p, const struct wire_msg *m)
{
    if (p->index < WEEK_PROVERS)
        week_prover_hears(p, m);
    else
        week_client_hears(p, m);
}

static void lost(struct crowd_peer *p)
{
    if (p->index < WEEK_PROVERS)
        week_prover_lost(p);
    else
        week_client_lost(p);
}

/* Everybody does what he does, once in TICK_MS. */
static void turn(void)
{
    static uint64_t tick_ms;
    week_now_ms = pv_clock_ms();
    crowd_turn(&week_crowd, tick_ms > week_now_ms ? (int)(tick_ms - week_now_ms) : 0);
    week_now_ms = pv_clock_ms();
    if (week_now_ms < tick_ms) return;
    tick_ms = week_now_ms + TICK_MS;
    for (uint32_t i = 0; i < WEEK_PEERS; i++)
        if (i < WEEK_PROVERS)
            week_prover_turn(&week_crowd.peers[i]);
        else
            week_client_turn(&week_crowd.peers[i]);
}

static void live(uint64_t end_ms)
{
    uint64_t half = (end_ms - began_ms) / 2, life = half / LIVES > LIFE_LEAST_MS ? half / LIVES : LIFE_LEAST_MS;
    uint64_t sample_ms = began_ms + SAMPLE_MS, restart_ms = began_ms + life;
    while (week_now_ms < end_ms) {
        turn();
        if (week_now_ms >= sample_ms) {
            sample("sample");
            sample_ms = week_now_ms + SAMPLE_MS;
        }
        if (week_now_ms >= restart_ms && restart_ms <= began_ms + half) {
            restart();
            restart_ms += life;
        }
    }
}

/* Until nobody waits any more, and then until what is kept is not kept any longer. */
static void calm_down(void)
{
    week_churns = false;
    for (uint64_t end = week_now_ms + QUIET_MS; week_clients_wait() && week_now_ms < end;) turn();
    sample("quiet");
    for (uint64_t end = week_now_ms + EMPTY_MS; week_now_ms < end;) turn();
    sample("empty");
}

int main(int argc, char **argv)
{
    const char *seed_text = getenv("PV_SEED");
    double minutes = argc > 1 ? strtod(argv[1], NULL) : 1;
    uint64_t seed = 0;
    if (pv_random(&seed, 4) != PV_OK) abort();
    if (seed_text) seed = strtoull(seed_text, NULL, 10);
    state_of_random = seed;
    fprintf(stderr, "seed %" PRIu64 "\n", seed);
    crowd_descriptors(WEEK_PEERS + 200);
    temp_dir_make(dir);
    start(NULL);
    began_ms = week_now_ms = pv_clock_ms();
    crowd_open(&week_crowd, WEEK_PEERS, broker.endpoint);
    week_crowd.heard = heard;
    week_crowd.lost = lost;
    live(began_ms + (uint64_t)(minutes * 60000));
    calm_down();
    tell_counts(seed, minutes);
    crowd_close(&week_crowd);
    int ended = broker_process_end(&broker, SIGTERM);
    if (ended) broker_process_print_log(&broker);
    temp_dir_remove(dir);
    return ended ? 1 : 0;
}
