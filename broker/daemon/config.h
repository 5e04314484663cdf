/** The broker's settings: one list gives the flag, the environment variable, the key in the file and --print-config.
 *
 *  A flag beats PROVOST_BROKER_<NAME>, which beats PROVOST_<NAME>, which beats the file (/etc/provost/broker.yaml, or --config), which beats the default.
 *  In the file a key that is not listed is an error with its line. Sizes may end in K, M or G (powers of 1024).
 */
#ifndef PV_CONFIG_H
#define PV_CONFIG_H

#include "settings.h"
#include "store.h"

/* X(name, KIND, WHEN, default, low, high, "meaning")     flag --na-me, environment PROVOST_BROKER_NA_ME, file na_me
 *   TEXT    const char *; empty means none          WORD  const char *, one of the words in low
 *   NUMBER  uint64_t in low..high                   SIZE  the same, in bytes               SWITCH  bool
 *   WHEN a change counts: LIVE  at the next HUP     START  at the next start */
#define CONFIG_LIST(X)                                                                                                 \
    X(bind, TEXT, START, "tcp://127.0.0.1:7070", 0, 0,                                                                 \
      "endpoints to listen on, separated by commas; IPv6 as tcp://[::1]:7070")                                         \
    X(state, TEXT, START, "/var/lib/provost", 0, 0, "folder for everything that survives a restart")                   \
    X(store, TEXT, START, "", 0, 0,                                                                                    \
      "database that brokers share, as postgresql://HOST/NAME or service=NAME; empty: the folder state")               \
    X(payloads, TEXT, START, "", 0, 0,                                                                                 \
      "with store: folder for large payloads, mounted by all brokers that share it; or s3://BUCKET/PREFIX")            \
    X(s3_endpoint, TEXT, START, "", 0, 0,                                                                              \
      "with payloads in S3: https://HOST or https://HOST:PORT of the server; http on loopback alone")                  \
    X(s3_region, TEXT, START, "", 0, 0, "with payloads in S3: its region; empty: us-east-1")                           \
    X(s3_key_file, TEXT, START, "", 0, 0,                                                                              \
      "with payloads in S3: file with the key's id and its secret, a line each, or of AWS credentials")                \
    X(s3_ca_file, TEXT, START, "", 0, 0,                                                                               \
      "with payloads in S3: certificates to trust in place of the system's; empty: the system's")                      \
    X(payload_cache, SIZE, START, "4G", 1 << 20, 1ull << 50,                                                           \
      "with payloads in S3: most bytes of them that are kept in the folder state too")                                 \
    X(advertise, TEXT, START, "", 0, 0,                                                                                \
      "with store: endpoint where peers reach this broker, told by brokers that stand by; empty: none is told")        \
    X(insecure, SWITCH, START, "no", 0, 1, "no keys: listen on loopback only, every peer is \"local\"")                \
    X(key, TEXT, START, "", 0, 0,                                                                                      \
      "file with the broker's secret key; or several, separated by commas, one for each endpoint")                     \
    X(authorized_keys, TEXT, LIVE, "", 0, 0, "file that says which public keys may do what")                           \
    X(http, TEXT, START, "", 0, 0, "HOST:PORT or [IPV6]:PORT for metrics, health, the page and its API; empty: none")  \
    X(http_hosts, TEXT, LIVE, "", 0, 0,                                                                                \
      "names by which HTTP may be asked, separated by commas; addresses and localhost always may")                     \
    X(http_read_token, TEXT, LIVE, "", 0, 0,                                                                           \
      "file with the token that reads over HTTP need; beyond loopback there are none without it")                      \
    X(http_admin_token, TEXT, LIVE, "", 0, 0,                                                                          \
      "file with the token for kick, cancel, pause, drain and purge over HTTP; empty: there are none")                 \
    X(port_file, TEXT, START, "", 0, 0, "file to write the bound endpoints to, one per line")                          \
    X(log, WORD, LIVE, "text", LOG_FORMAT_WORDS, 0, "form of the log lines: text or json")                             \
    X(log_level, WORD, LIVE, "info", LOG_LEVEL_WORDS, 0, "least important lines to log: error, warn, info or debug")   \
    X(heartbeat_ms, NUMBER, START, "3000", 10, 600000, "how often a prover sends a heartbeat")                         \
    X(lease_ms, NUMBER, START, "15000", 40, 3600000,                                                                   \
      "how long a lease lasts without a heartbeat; at least 4 heartbeats")                                             \
    X(grace_ms, NUMBER, LIVE, "1000", 0, 600000, "how long the tasks of a closed connection wait for it to come back") \
    X(offer_ms, NUMBER, LIVE, "10000", 100, 600000, "how long an offer waits for STARTED")                             \
    X(late_ms, NUMBER, LIVE, "600000", 0, 86400000,                                                                    \
      "how long the result of an acknowledged task can still be fetched")                                              \
    X(retention_ms, NUMBER, LIVE, "86400000", 0, 31536000000,                                                          \
      "how long a finished task that is not acknowledged is kept")                                                     \
    X(payload_max, SIZE, LIVE, "512M", 65536, 1ull << 40, "largest input or result")                                   \
    X(disk_reserve, SIZE, LIVE, "256M", 0, 1ull << 50, "with less free disk than this no new payload is accepted")     \
    X(uploads_max, SIZE, LIVE, "4G", 1 << 20, 1ull << 50,                                                              \
      "most bytes of unfinished uploads, all peers together; a quarter is for results alone")                          \
    X(window, SIZE, START, "1M", 262144, 1 << 30, "most bytes of chunks in flight to or from one peer")                \
    X(memory_max, SIZE, LIVE, "0", 0, 1ull << 50,                                                                      \
      "memory above which the peer that floods the broker is cut (0: half of what the broker may use)")                \
    X(connections_max, NUMBER, START, "10000", 2, 1000000,                                                             \
      "most connections; at the limit newcomers are refused, but some administrators")                                 \
    X(strangers_max, NUMBER, START, "1000", 1, 1000000,                                                                \
      "most connections that have not said HELLO; above the limit the oldest is cut")                                  \
    X(hello_ms, NUMBER, START, "10000", 100, 600000, "how long a connection may take for its handshake and HELLO")     \
    X(key_connections, NUMBER, START, "1000", 0, 1000000, "most connections with one key (0: no limit)")               \
    X(uploads, NUMBER, START, "256", 0, 1ull << 32,                                                                    \
      "most inputs that one principal uploads in chunks at once (0: no limit)")                                        \
    X(send_queue, NUMBER, START, "4096", 16, 1000000,                                                                  \
      "most messages waiting for a peer that does not read; above the limit it is cut")                                \
    X(batch, NUMBER, START, "512", 1, 100000, "most messages handled before one commit")                               \
    X(queued_tasks, NUMBER, LIVE, "500000", 0, 1ull << 40,                                                             \
      "most queued tasks of one principal in one queue (0: no limit)")                                                 \
    X(queued_bytes, SIZE, LIVE, "256G", 0, 1ull << 60,                                                                 \
      "most queued input bytes of one principal in one queue (0: no limit)")                                           \
    X(leased, NUMBER, LIVE, "100000", 0, 1ull << 40,                                                                   \
      "most tasks of one principal in one queue leased at once (0: no limit)")                                         \
    X(rate, NUMBER, LIVE, "100000", 0, UINT32_MAX, "most submits a second of one principal to one queue (0: no limit)")

/* Q(name, KIND, default, low, high, "meaning")     of one queue: keys in the file, or --queue NAME,key=value,... */
#define CONFIG_QUEUE_LIST(Q)                                                                                           \
    Q(name, TEXT, "", 0, 0, "its name")                                                                                \
    Q(sync, WORD, "group", "always group off", 0, "always: one commit per task; group: one per batch; off: no sync")   \
    Q(late_result, WORD, "accept", "accept refuse", 0,                                                                 \
      "what to do with a result whose lease was lost while the task still lives")                                      \
    Q(run_timeout_ms, NUMBER, "0", 0, 1ull << 40,                                                                      \
      "an attempt that runs longer is revoked and counts as failed (0: no limit)")                                     \
    Q(stall_timeout_ms, NUMBER, "0", 0, 1ull << 40,                                                                    \
      "an attempt without progress for longer is revoked and counts as failed (0: no limit)")                          \
    Q(idle_timeout_ms, NUMBER, "3600000", 0, 1ull << 40,                                                               \
      "the same for an attempt that has reported progress before, and for an offer that a free prover does not begin " \
      "(0: no limit)")

#define CONFIG_MEMBER_TEXT(name) const char *name;
#define CONFIG_MEMBER_WORD(name) const char *name;
#define CONFIG_MEMBER_NUMBER(name) uint64_t name;
#define CONFIG_MEMBER_SIZE(name) uint64_t name;
#define CONFIG_MEMBER_SWITCH(name) bool name;
#define CONFIG_MEMBER(name, KIND, WHEN, fallback, low, high, meaning) CONFIG_MEMBER_##KIND(name)
#define CONFIG_QUEUE_MEMBER(name, KIND, fallback, low, high, meaning) CONFIG_MEMBER_##KIND(name)
#define CONFIG_NUMBERED(name, KIND, WHEN, fallback, low, high, meaning) CONFIG_##name,

enum config_setting { CONFIG_LIST(CONFIG_NUMBERED) CONFIG_SETTINGS };

struct config_queue {
    CONFIG_QUEUE_LIST(CONFIG_QUEUE_MEMBER)
    enum setting_origin origin;
};

enum { CONFIG_QUEUES_MAX = 256, CONFIG_WHY_BYTES = SETTINGS_WHY_BYTES };

struct config {
    CONFIG_LIST(CONFIG_MEMBER)
    struct config_queue queues[CONFIG_QUEUES_MAX];
    size_t queues_n;
    enum setting_origin origin[CONFIG_SETTINGS];
    const char *file; /* the file that was read, or NULL */
    void *owned;
};

/** What the command line said, filled by the argument parser before anything is read. */
struct config_args {
    const char *values[CONFIG_SETTINGS]; /* borrowed from argv; NULL where no flag was given */
    const char *queues[CONFIG_QUEUES_MAX];
    size_t queues_n;
    const char *file;     /* --config; NULL: the usual place if it exists */
    uint32_t raise_epoch; /* --raise-epoch; 0: not given. For this start alone, so it is no setting */
    bool state_only;      /* nobody is served: keys and addresses may be missing */
};

/** Row i of the list, for the argument parser and the manual. */
const struct setting *config_setting(enum config_setting i);

/** The store that a broker with these settings opens. Its texts are those of c. */
struct store_place config_store(const struct config *c);
/** Whether large payloads lie in a bucket. */
bool config_in_bucket(const struct config *c);

/** Reads everything in its order and checks it: each value alone, and some against one another (lease and heartbeat, keys
 *  and addresses). PV_BAD_CONFIG with a sentence that names the setting, where it came from, and the line of the file.
 *  PV_IO: the file named by --config cannot be read. config_clear frees c. */
pv_status config_read(struct config *c, const struct config_args *args, char why[CONFIG_WHY_BYTES]);
void config_clear(struct config *c);

/** Fits a changed configuration to the broker that runs: each setting that only a start can change gets its value of the
 *  start again, and a queue of in_force that c no longer has is kept. told is called with the name of each.
 *  started: the configuration of the start, which outlives c. PV_NO_MEMORY, PV_BAD_CONFIG: too many queues. */
pv_status config_keep_running(struct config *c, const struct config *in_force, const struct config *started,
                              void (*told)(void *context, const char *what, const char *name), void *context);

/** Tells the variables from which c has its key or its folder and which other programs read too (settings_shared). */
void config_shared(const struct config *c, void (*told)(const char *variable, const char *own));

/** Every setting with its value and where that came from, as a file that could be read back. */
void config_print(const struct config *c, FILE *to);

#endif
