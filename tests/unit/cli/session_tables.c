/* The tables that the broker of the transcripts has, when they say no other. */
#include "session_told.h"

#define TEXT(k, t)                                                                                                     \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_TEXT, .text = t                                                                    \
    }
#define INT(k, n)                                                                                                      \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_INT, .number = n                                                                   \
    }
#define BOOL(k, b)                                                                                                     \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_BOOL, .truth = b                                                                   \
    }
#define NIL(k)                                                                                                         \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_NIL                                                                                \
    }
#define ROW(cells)                                                                                                     \
    {                                                                                                                  \
        cells, sizeof cells / sizeof *cells                                                                            \
    }

static const struct wire_cell outer[] = { TEXT("queue", "outer"),
                                          BOOL("paused", false),
                                          INT("queued", 120),
                                          INT("offered", 0),
                                          INT("running", 2),
                                          INT("delayed", 1),
                                          INT("recovering", 0),
                                          INT("succeeded", 12345),
                                          INT("dead", 3),
                                          INT("demand", 123),
                                          INT("oldest_queued_ms", 61000),
                                          INT("average_ms", 1500),
                                          INT("provers", 2),
                                          INT("slots", 4),
                                          INT("unservable", 0),
                                          INT("run_timeout_ms", 600000),
                                          INT("stall_timeout_ms", 0),
                                          TEXT("late", "accept") };
static const struct wire_cell idle[] = { TEXT("queue", "a-queue-with-a-long-name"),
                                         BOOL("paused", true),
                                         INT("queued", 7),
                                         INT("running", 0),
                                         INT("demand", 7),
                                         INT("provers", 0),
                                         INT("slots", 0),
                                         INT("unservable", 7) };
static const struct wire_row queues[] = { ROW(outer), ROW(idle) };
static const struct wire_cell prover_one[] = { TEXT("prover", "node-1"), TEXT("principal", "fleet"),
                                               BOOL("live", true),       BOOL("draining", false),
                                               INT("quarantined_ms", 0), INT("slots", 2),
                                               INT("prefetch", 1),       INT("running", 2),
                                               INT("held", 3),           INT("done", 4711),
                                               INT("failed", 2),         INT("lost", 1),
                                               INT("busy_ms", 86400000), INT("vram", 85899345920),
                                               INT("heard_ms", 1200),    TEXT("software", "provost 1") };
static const struct wire_cell prover_two[] = { TEXT("prover", "node-2"),
                                               TEXT("principal", "fleet"),
                                               BOOL("live", false),
                                               BOOL("draining", true),
                                               INT("quarantined_ms", 90000),
                                               INT("slots", 1),
                                               INT("prefetch", 0),
                                               INT("running", 0),
                                               INT("held", 0),
                                               INT("done", 0),
                                               INT("failed", 0),
                                               INT("lost", 0),
                                               INT("busy_ms", 0),
                                               NIL("vram"),
                                               NIL("heard_ms"),
                                               TEXT("software", "\xe2\x80\xae x") };
static const struct wire_row provers[] = { ROW(prover_one), ROW(prover_two) };
static const struct wire_cell figures[] = { TEXT("software", "fake 2"),
                                            BOOL("ready", true),
                                            INT("epoch", 3),
                                            INT("uptime_ms", 3723000),
                                            INT("demand", 130),
                                            INT("queued", 127),
                                            INT("running", 2),
                                            INT("succeeded", 12345),
                                            INT("dead", 3),
                                            INT("provers", 1),
                                            INT("connections", 9),
                                            INT("disk_free", 1099511627776),
                                            INT("payload_max", 536870912) };
static const struct wire_row status_rows[] = { ROW(figures) };
static const struct wire_cell task_one[] = { TEXT("task", "000102030405060708090a0b0c0d0e0f"),
                                             TEXT("state", "running"),
                                             TEXT("queue", "outer"),
                                             TEXT("circuit", "withdraw"),
                                             TEXT("prover", "node-1"),
                                             INT("percent", 40),
                                             INT("failures", 0),
                                             INT("losses", 1),
                                             INT("length", 1536),
                                             INT("changed", 1700000000000) };
static const struct wire_cell task_two[] = { TEXT("task", "ff0102030405060708090a0b0c0d0e0f"),
                                             TEXT("state", "queued"),
                                             TEXT("queue", "outer"),
                                             TEXT("circuit", "a-circuit-with-a-long-name-indeed"),
                                             NIL("prover"),
                                             NIL("percent"),
                                             INT("failures", 2),
                                             INT("losses", 0),
                                             INT("length", 5),
                                             INT("changed", 0) };
static const struct wire_row tasks[] = { ROW(task_one), ROW(task_two) };
static const struct wire_cell event_one[] = { INT("event", 41),
                                              INT("time", 1700000000000),
                                              TEXT("kind", "task"),
                                              TEXT("what", "state"),
                                              TEXT("task", "000102030405060708090a0b0c0d0e0f"),
                                              TEXT("queue", "outer"),
                                              TEXT("from", "queued"),
                                              TEXT("to", "running"),
                                              TEXT("prover", "node-1"),
                                              TEXT("status", ""),
                                              TEXT("text", "two words") };
static const struct wire_row events[] = { ROW(event_one) };

const struct session_list session_lists[SESSION_LISTS] = {
    { WIRE_WHAT_QUEUES, "provost.queues/1", queues, 2 },   { WIRE_WHAT_PROVERS, "provost.provers/1", provers, 2 },
    { WIRE_WHAT_TASKS, "provost.tasks/1", tasks, 2 },      { WIRE_WHAT_STATUS, "provost.status/1", status_rows, 1 },
    { WIRE_WHAT_EVENTS, "provost.events/1", events, 1 },   { WIRE_WHAT_KEYS, "provost.keys/1", NULL, 0 },
    { WIRE_WHAT_HANDLERS, "provost.handlers/1", NULL, 0 },
};
