/** The scene of the tests here: a folder, a broker in it as a process, and what raw peers are asked for again and again.
 */
#ifndef PV_BROKER_SCENE_H
#define PV_BROKER_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker_process.h"
#include "temp_dir.h"
#include "wire_peer.h"

#include <string.h>
#include <sys/stat.h>

enum { SOON = 10000 };

static char dir[64];
static struct broker_process broker;

static const uint8_t input[] = "a small input", output[] = "a small result";

#define WANT(peer, type)                                                                                               \
    do {                                                                                                               \
        if (!wire_peer_wait(peer, type, SOON)) fail_msg("no " #type);                                                  \
    } while (0)

/* What most tests start it with. */
static inline const char *const *scene_usual(void)
{
    static const char *const usual[] = { "--insecure", "--queue",    "outer", "--heartbeat-ms", "500",   "--lease-ms",
                                         "2000",       "--grace-ms", "0",     "--log-level",    "debug", NULL };
    return usual;
}

/* Starts the broker in dir with these arguments; when that fails its log is printed. */
static inline bool scene_start(const char *const *arguments)
{
    if (broker_process_start(&broker, dir, NULL, arguments)) return true;
    broker_process_print_log(&broker);
    return false;
}

/* Group set-up and teardown: one broker, which must end well. */
static inline int scene_open(void **state)
{
    temp_dir_make(dir);
    return !scene_start(scene_usual());
}

static inline int scene_close(void **state)
{
    int code = broker_process_end(&broker, SIGTERM);
    if (code) broker_process_print_log(&broker);
    temp_dir_remove(dir);
    return code;
}

/* A folder inside dir. */
static inline const char *scene_folder(const char *name)
{
    static char folder[96];
    snprintf(folder, sizeof folder, "%s/%s", dir, name);
    mkdir(folder, 0700);
    return folder;
}

/* Another broker in such a folder takes the place of the usual one, which is returned and goes on. */
static inline struct broker_process scene_beside(const char *name, const char *const *arguments)
{
    struct broker_process usual_one = broker;
    assert_true(broker_process_start(&broker, scene_folder(name), NULL, arguments));
    return usual_one;
}

/* Ends the other one, puts the usual one back, and returns how it ended. */
static inline int scene_back(struct broker_process usual_one)
{
    int code = broker_process_end(&broker, SIGTERM);
    broker = usual_one;
    return code;
}

/* Bytes that no two offsets of share much. */
static inline void scene_fill(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * 2654435761u >> 13);
}

/* How many lines of the broker's log have these words. */
static inline unsigned scene_log_lines(const char *words)
{
    char line[4096];
    unsigned n = 0;
    FILE *f = fopen(broker.log, "r");
    while (f && fgets(line, sizeof line, f)) n += strstr(line, words) != NULL;
    if (f) fclose(f);
    return n;
}

static inline bool scene_log_says(const char *words)
{
    return scene_log_lines(words) > 0;
}

static inline void scene_expect_delivery(struct wire_peer *client, wire_id task)
{
    WANT(client, WIRE_DELIVER);
    assert_true(wire_id_equal(client->in.task, task));
    assert_int_equal(client->in.state, TASK_SUCCEEDED);
    assert_int_equal(client->in.payload_bytes, sizeof output);
    assert_memory_equal(client->in.payload, output, sizeof output);
}

/* A page of a table. limit 0, after NULL: not said. */
static inline void scene_list(struct wire_peer *p, enum wire_what what, uint32_t limit, const char *after)
{
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, ++p->req);
    WIRE_SET(&m, what, what);
    if (limit) WIRE_SET(&m, limit, limit);
    if (after) WIRE_SET(&m, after, after);
    wire_peer_send(p, &m);
    WANT(p, WIRE_ROWS);
    assert_int_equal(p->in.req, p->req);
}

static inline const struct wire_cell *scene_cell_of(const struct wire_row *r, const char *key)
{
    for (size_t i = 0; i < r->cells_n; i++)
        if (!strcmp(r->cells[i].key, key)) return &r->cells[i];
    fail_msg("no column %s", key);
    return NULL;
}

/* A cell of the first row that came. */
static inline const struct wire_cell *scene_cell(const struct wire_peer *p, const char *key)
{
    assert_true(p->in.rows_n);
    return scene_cell_of(&p->in.rows[0], key);
}

#endif
