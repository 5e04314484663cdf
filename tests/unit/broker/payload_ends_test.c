/* Payloads between the transfers and the core, on a stage: what may be sent, at exactly its limit and beyond; what the core hears at the end; which file is
 * forgotten; what ends a download; how long commits take; and each figure in the facts. Beside tests/vectors/broker/payloads.txt
 * (`payload_ends_test write` makes it anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth.h"
#include "broker.h"
#include "commit_times.h"
#include "disk_jobs.h"
#include "downloads.h"
#include "golden.h"
#include "http.h"
#include "log.h"
#include "reply.h"
#include "sched_reading.h"
#include "step.h"
#include "uploads.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

static struct broker b;
static struct config config;
static struct peer peer;

static struct {
    uint64_t free_bytes, reserved, running, durable, us;
    bool known, admits, takes, saved, gone;
    struct upload published[3];
    enum upload_step step[3];
    pv_status status[3];
    size_t published_n;
} s;

#define ANSWERS(type, name, parameters, answer)                                                                        \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return answer;                                                                                                 \
    }

static const struct store_found found = { .payloads_moved = 31 };
static struct blobs blobs_stand_in;

ANSWERS(uint64_t, blobs_free_bytes, (const struct blobs *p), p == &blobs_stand_in ? s.free_bytes : 0)
ANSWERS(struct blobs *, store_blobs, (struct store * p), &blobs_stand_in)
ANSWERS(struct uploads_stats, uploads_read_stats, (const struct uploads *p),
        ((struct uploads_stats){ .bytes_reserved = s.reserved }))
ANSWERS(struct downloads_stats, downloads_read_stats, (const struct downloads *p),
        ((struct downloads_stats){ .bytes_out = 41 }))
ANSWERS(bool, sched_knows, (const struct sched *p, uint64_t from, wire_id task), s.known)
ANSWERS(struct peer *, peers_of, (const struct peers *p, uint64_t handle), s.gone ? NULL : &peer)
ANSWERS(uint64_t, store_durable, (const struct store *p), s.durable)
ANSWERS(uint64_t, pv_clock_us, (void), s.us)
ANSWERS(const char *, store_failure, (const struct store *p), NULL)
ANSWERS(const struct store_found *, store_found, (const struct store *p), &found)
ANSWERS(uint64_t, auth_refused, (void), 51)
ANSWERS(uint32_t, later_starts_told, (const struct later_starts *l, uint64_t now_ms), now_ms == 1000 ? 61 : 0)
ANSWERS(struct http_counts, http_counts, (struct http * h), ((struct http_counts){ 71, 72, 73, 74, 75, 76 }))

uint64_t __wrap_uploads_of(const struct uploads *t, const char *owner, uint64_t most);
uint64_t __wrap_uploads_of(const struct uploads *t, const char *owner, uint64_t most)
{
    golden_tell(" of(%s at most %u)", owner, (unsigned)most);
    return s.running < most ? s.running : most;
}

bool __wrap_uploads_admit(struct uploads *t, enum wire_kind kind, const char *owner, uint64_t length, uint64_t now_ms);
bool __wrap_uploads_admit(struct uploads *t, enum wire_kind kind, const char *owner, uint64_t length, uint64_t now_ms)
{
    golden_tell(" admit(%s %s %u @%u)", wire_word(WIRE_WORDS_kind, (int)kind), owner, (unsigned)length,
                (unsigned)now_ms);
    return s.admits;
}

static void tell_event(const struct sched_event *ev)
{
    golden_tell(" %s(peer %u task %u owner %s token %u.%u %s", ev->type == SCHED_INPUT ? "INPUT" : "RESULT",
                (unsigned)ev->peer, ev->task.bytes[0], ev->owner ? ev->owner : "-", ev->token.epoch,
                (unsigned)ev->token.seq, pv_status_word(ev->status));
    if (ev->type == SCHED_RESULT)
        golden_tell(" payload %d input %u measured %u sha %u length %u verdict %s admitted %d", (int)ev->result.payload,
                    ev->result.input.bytes[0], (unsigned)ev->result.measured_ms, ev->result.sha256.bytes[0],
                    (unsigned)ev->result.length, pv_status_word(ev->result.verdict), ev->result.admitted);
    golden_tell(")");
}

void __wrap_broker_step(struct broker *p, struct sched_event *ev, struct broker_payload *payload);
void __wrap_broker_step(struct broker *p, struct sched_event *ev, struct broker_payload *payload)
{
    tell_event(ev);
    if (!payload) return;
    golden_tell(" %s file %u of %u", payload->complete ? "whole" : "no", payload->stored.sha256.bytes[0],
                (unsigned)payload->stored.length);
    payload->saved = s.saved;
}

static void tell_action(const struct sched_action *a)
{
    golden_tell("(peer %u task %u token %u.%u bytes %u hash %u", (unsigned)a->peer, a->task.bytes[0], a->token.epoch,
                (unsigned)a->token.seq, (unsigned)a->bytes, a->hash.bytes[0]);
}

void __wrap_reply_refuse(struct broker *p, enum reply_when when, const struct sched_action *a);
void __wrap_reply_refuse(struct broker *p, enum reply_when when, const struct sched_action *a)
{
    golden_tell(" refuse");
    tell_action(a);
    golden_tell(" %s %s again in %u)", pv_status_word(a->status), a->which, (unsigned)a->retry_ms);
    assert_int_equal(when, REPLY_AT_ONCE);
}

bool __wrap_step_want_again(struct broker *p, const struct sched_action *a, struct upload_note note);
bool __wrap_step_want_again(struct broker *p, const struct sched_action *a, struct upload_note note)
{
    golden_tell(" want");
    tell_action(a);
    golden_tell(" measured %u)", (unsigned)note.measured_ms);
    return s.takes;
}

void __wrap_step_upload(struct broker *p, const struct sched_action *a, enum wire_kind kind, struct upload_note note);
void __wrap_step_upload(struct broker *p, const struct sched_action *a, enum wire_kind kind, struct upload_note note)
{
    golden_tell(" upload");
    tell_action(a);
    golden_tell(" %s measured %u)", wire_word(WIRE_WORDS_kind, (int)kind), (unsigned)note.measured_ms);
}

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    golden_tell(" [%s %s]", event, text);
}

void __wrap_store_fail(struct store *p, const char *why);
void __wrap_store_fail(struct store *p, const char *why)
{
    golden_tell(" store-fails(%s)", why);
}

void __wrap_store_forget_file(struct store *p, wire_hash hash);
void __wrap_store_forget_file(struct store *p, wire_hash hash)
{
    golden_tell(" forget-file(%u)", hash.bytes[0]);
}

bool __wrap_uploads_published(struct uploads *t, struct upload *done, enum upload_step *step, pv_status *status);
bool __wrap_uploads_published(struct uploads *t, struct upload *done, enum upload_step *step, pv_status *status)
{
    if (!s.published_n) return false;
    s.published_n--;
    *done = s.published[s.published_n];
    *step = s.step[s.published_n];
    *status = s.status[s.published_n];
    return true;
}

void __wrap_uploads_drain(struct uploads *t);
void __wrap_uploads_drain(struct uploads *t)
{
    golden_tell(" settle");
}

static void tell_key(const char *what, const struct transfer_key *key)
{
    golden_tell(" %s(%s of %s task %u token %u.%u", what, wire_word(WIRE_WORDS_kind, (int)key->kind),
                key->owner ? key->owner : "-", key->task.bytes[0], key->token.epoch, (unsigned)key->token.seq);
}

void __wrap_download_end(struct downloads *t, const struct transfer_key *key, const struct share *share);
void __wrap_download_end(struct downloads *t, const struct transfer_key *key, const struct share *share)
{
    tell_key("end", key);
    golden_tell("%s)", share ? " this peer's" : "");
}

void __wrap_download_started(struct downloads *t, const struct transfer_key *key);
void __wrap_download_started(struct downloads *t, const struct transfer_key *key)
{
    tell_key("started", key);
    golden_tell(")");
}

void __wrap_histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us);
void __wrap_histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us)
{
    golden_tell(" took %u", (unsigned)us);
    assert_ptr_equal(h, &b.counters.commit);
}

void __wrap_sched_read_stats(const struct sched *p, struct sched_stats *stats);
void __wrap_sched_read_stats(const struct sched *p, struct sched_stats *stats)
{
    *stats = (struct sched_stats){ .tasks = 81 };
}

void __wrap_store_read_stats(struct store *p, struct store_stats *to);
void __wrap_store_read_stats(struct store *p, struct store_stats *to)
{
    memset(to, 91, sizeof *to);
}

/* ---- scenes ---- */

static void chapter(const char *title)
{
    golden_tell("\n# %s\n", title);
    config = (struct config){ .uploads = 3, .disk_reserve = 1000 };
    b = (struct broker){ .config = &config, .now_ms = 1000 };
    memset(&s, 0, sizeof s);
    memset(&peer, 0, sizeof peer);
    s.admits = true;
    s.free_bytes = 10000;
}

static void may(const char *title, uint64_t length, bool with_payload)
{
    uint64_t retry_ms = 0;
    struct wire_msg m = { .type = WIRE_SUBMIT, .length = length, .has_payload = with_payload };
    golden_tell("%s:", title);
    const char *busy = uploads_busy(&b, &peer, &m, &retry_ms);
    golden_tell(" %s, again in %u\n", busy ? busy : "may be sent", (unsigned)retry_ms);
}

static void what_may_be_sent(void)
{
    struct auth_key key = { .name = "acme", .uploads = UINT64_MAX };
    chapter("what may be sent");
    s.reserved = 4000;
    may("as much as the disk has beside what was announced and the reserve", 5000, false);
    may("a byte more", 5001, false);
    may("it comes with the message", 5001, true);
    s.known = true;
    may("the task is known", 5001, false);
    s.known = false;
    b.door.tight = true;
    may("no descriptors", 10, false);
    may("no descriptors, and no disk", 5001, false);
    b.door.tight = false;
    s.running = 2;
    may("one less than its principal may have", 10, false);
    s.running = 3;
    may("as many", 10, false);
    config.uploads = 0;
    may("no limit", 10, false);
    config.uploads = 3;
    peer.rights = &key;
    may("a key without a limit of its own", 10, false);
    key.uploads = 5;
    may("a key with a larger one", 10, false);
    s.running = 5;
    may("as many as that", 10, false);
    key.uploads = 0;
    may("a key with none", 10, false);
    s.admits = false;
    may("all together announce too much", 10, false);
}

static struct upload upload_of(enum wire_kind kind, uint64_t from)
{
    struct upload u = {
        .key = { kind, "acme", { { 7 } }, { 3, 9 } }, .peer = from, .sha256 = { { 44 } }, .length = 500
    };
    u.feed.came = 120;
    u.note.measured_ms = 77;
    u.note.input = (wire_hash){ { 55 } };
    u.note.live = true;
    return u;
}

static void ends(enum wire_kind kind, pv_status status, bool saved)
{
    struct upload u = upload_of(kind, 12);
    s.saved = saved;
    golden_tell("%s, %s, %s:", wire_word(WIRE_WORDS_kind, (int)kind), pv_status_word(status),
                saved ? "the core keeps it" : "the core does not want it");
    uploads_ended(&b, &u, status);
    golden_tell("\n");
}

static void drops(enum wire_kind kind, uint64_t from, bool takes)
{
    struct upload u = upload_of(kind, from);
    s.takes = takes;
    golden_tell("%s of %s%s:", wire_word(WIRE_WORDS_kind, (int)kind), from ? "a slow peer" : "one that is gone",
                takes ? ", there is room to note it" : "");
    uploads_dropped(&b, &u);
    golden_tell("\n");
}

static void how_uploads_end(void)
{
    static const pv_status statuses[] = { PV_OK, PV_HASH_MISMATCH, PV_STORE };
    chapter("uploads that have ended");
    for (int kind = 0; kind < 2; kind++)
        for (size_t i = 0; i < 3; i++) {
            ends((enum wire_kind)kind, statuses[i], true);
            ends((enum wire_kind)kind, statuses[i], false);
        }
    chapter("uploads that were dropped");
    for (int kind = 0; kind < 2; kind++) {
        drops((enum wire_kind)kind, 12, true);
        drops((enum wire_kind)kind, 12, false);
        drops((enum wire_kind)kind, 0, false);
    }
}

static void what_is_published(void)
{
    chapter("files that are published beside the loop");
    s.published_n = 3;
    for (size_t i = 0; i < 3; i++) s.published[i] = upload_of(WIRE_KIND_INPUT, 10 + i);
    s.step[0] = UPLOAD_UNKNOWN;
    s.step[1] = UPLOAD_FAILED, s.status[1] = PV_STORE;
    s.step[2] = UPLOAD_COMPLETE;
    s.saved = true;
    uploads_settle(&b);
    golden_tell("\n");
}

static void results_that_found_no_room(void)
{
    chapter("results that found no room are asked for again, of peers that are there");
    b.wanted.n = 2;
    for (size_t i = 0; i < 2; i++) {
        b.wanted.at[i].action = (struct sched_action){ .peer = 20 + i, .task = { { (uint8_t)(60 + i) } } };
        b.wanted.at[i].note.measured_ms = 5;
    }
    uploads_retry(&b);
    golden_tell("; %u wait\n", (unsigned)b.wanted.n);
    uploads_retry(&b);
    golden_tell("and again: nothing\n");
    b.wanted.n = 1;
    s.gone = true;
    uploads_retry(&b);
    golden_tell("the peer is gone: nothing\n");
}

static void what_ends_downloads(void)
{
    struct sched_action a = { .type = SCHED_MOVED, .principal = "acme", .task = { { 7 } }, .token = { 3, 9 } };
    chapter("what ends a download, by the states between which a task moves");
    for (int from = 0; from < TASK_STATES; from++)
        for (int to = 0; to < TASK_STATES; to++) {
            size_t before = strlen(golden_told());
            a.from = (enum task_state)from, a.state = (enum task_state)to;
            golden_tell("%s to %s:", task_state_word(a.from), task_state_word(a.state));
            size_t named = strlen(golden_told());
            downloads_follow(&b, &a);
            if (strlen(golden_told()) == named)
                golden_told()[before] = '\0';
            else
                golden_tell("\n");
        }
    a.type = SCHED_DELETE_TASK;
    golden_tell("forgotten:");
    downloads_follow(&b, &a);
    a.type = SCHED_SAVE_TASK;
    downloads_follow(&b, &a);
    golden_tell("\nacknowledged:");
    downloads_acknowledged(&b, &peer, a.task);
    peer.share = (struct share *)&s;
    downloads_acknowledged(&b, &peer, a.task);
    golden_tell("\n");
}

static void how_long_commits_take(void)
{
    chapter("how long commits take");
    commit_times_durable(&b);
    commit_times_begun(&b, 5, 100);
    commit_times_begun(&b, 6, 150);
    s.us = 1000;
    s.durable = 4;
    golden_tell("none is durable:");
    commit_times_durable(&b);
    s.durable = 5;
    golden_tell("\none is:");
    commit_times_durable(&b);
    s.durable = 9;
    s.us = 1100;
    golden_tell("\nboth are:");
    commit_times_durable(&b);
    golden_tell("\nas many as there is room for, and one:");
    for (uint64_t i = 0; i <= BROKER_COMMITS; i++) commit_times_begun(&b, 10 + i, 2000);
    assert_int_equal(b.commits.n, BROKER_COMMITS);
    s.us = 2007;
    s.durable = 10 + BROKER_COMMITS;
    size_t at = strlen(golden_told());
    commit_times_durable(&b);
    unsigned n = 0;
    for (const char *p = golden_told() + at; (p = strstr(p, " took 7")); p++) n++;
    golden_told()[at] = '\0';
    golden_tell(" %u took 7\n", n);
    assert_int_equal(n, BROKER_COMMITS);
    assert_int_equal(b.commits.n, 0);
}

static void what_the_facts_say(void)
{
    struct facts f;
    chapter("the facts");
    b.epoch = 1, b.started_ms = 2, b.door.n = 3, b.peers.used = 4, b.strangers.n = 5, b.peers.gpus_unused = 6,
    b.door.places.most = 7;
    b.later_starts.hellos = 8, b.door.tight = true, config.heartbeat_ms = 9, config.lease_ms = 10,
    b.counters.turns = 11;
    s.reserved = 12;
    for (int with_http = 0; with_http < 2; with_http++) {
        b.http = with_http ? (struct http *)&s : NULL;
        broker_facts(&b, &f);
        golden_tell("%s %s epoch %u now %u started %u heartbeat %u lease %u keys %d\n", f.software[0] ? "software" : "",
                    f.not_ready ? f.not_ready : "ready", f.epoch, (unsigned)f.now_ms, (unsigned)f.started_ms,
                    (unsigned)f.heartbeat_ms, (unsigned)f.lease_ms, f.keys);
        golden_tell("connections %u of %u peers %u strangers %u gpus %u short %d stale %u later %u free %u\n",
                    f.connections, f.connections_most, f.peers, f.strangers, f.gpus_unused, f.descriptors_short,
                    (unsigned)f.stale_hellos, f.later_start, (unsigned)f.disk_free);
        golden_tell("downloaded %u core %u found %u uploads %u turns %u denied key %u http %u\n",
                    (unsigned)f.downloads.bytes_out, (unsigned)f.core.tasks, (unsigned)f.found.payloads_moved,
                    (unsigned)f.uploads.bytes_reserved, (unsigned)f.counters.turns,
                    (unsigned)f.counters.denied[FACTS_DENIED_KEY], (unsigned)f.counters.denied[FACTS_DENIED_HTTP]);
        golden_tell("http %u %u %u %u %u\n", (unsigned)f.http.requests, (unsigned)f.http.refused,
                    (unsigned)f.http.streams_cut, f.http.streams, f.http.questions);
        assert_int_equal(((unsigned char *)&f.store)[0], 91);
        assert_ptr_equal(f.handlers, &b.fleet);
        b.keys = (struct auth_keys *)&s;
        b.disk_low = true;
    }
    assert_int_equal(b.counters.denied[FACTS_DENIED_KEY], 0); /* the broker's own stay as they are */
}

static void it_does_what_the_text_says(void **state)
{
    what_may_be_sent();
    how_uploads_end();
    what_is_published();
    results_that_found_no_room();
    what_ends_downloads();
    how_long_commits_take();
    what_the_facts_say();
    golden_is("vectors/broker/payloads.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_does_what_the_text_says) };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
