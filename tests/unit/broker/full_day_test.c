/* A day on which the disk of the state folder fills and has space again: what peers are told and what is logged meanwhile, beside
 * tests/vectors/broker/full.txt (`full_day_test FILE write` makes it anew). */
#include "day_scene.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *golden;
static bool write_it;
static _Atomic bool full; /* no write finds space */

static const char settings[] =
    "queues:\n  - name: outer\nheartbeat_ms: 100000\nlease_ms: 400000\ngrace_ms: 0\ndisk_reserve: 0\n";

int __real_sqlite3_step(sqlite3_stmt *q);
int __wrap_sqlite3_step(sqlite3_stmt *q);
int __real_sqlite3_errcode(sqlite3 *db);
int __wrap_sqlite3_errcode(sqlite3 *db);
const char *__real_sqlite3_errmsg(sqlite3 *db);
const char *__wrap_sqlite3_errmsg(sqlite3 *db);

int __wrap_sqlite3_step(sqlite3_stmt *q)
{
    return full && !sqlite3_stmt_readonly(q) ? SQLITE_FULL : __real_sqlite3_step(q);
}

int __wrap_sqlite3_errcode(sqlite3 *db)
{
    return full ? SQLITE_FULL : __real_sqlite3_errcode(db);
}

const char *__wrap_sqlite3_errmsg(sqlite3 *db)
{
    return full ? "database or disk is full" : __real_sqlite3_errmsg(db);
}

static void hello(enum who who, enum wire_role role, const char *name)
{
    struct wire_msg m = day_hello(who, role, name);
    static const char *const queues[] = { "outer" };
    if (role == WIRE_ROLE_PROVER) WIRE_SET_LIST(&m, queues, queues, 1);
    day_ask(who, "HELLO", &m, WIRE_WELCOME);
}

static void comes(enum who who, enum wire_role role, const char *name)
{
    day_dial(who);
    hello(who, role, name);
}

static void list(enum wire_what what)
{
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, 70);
    WIRE_SET(&m, what, what);
    day_ask(BOSS, wire_word(WIRE_WORDS_what, (int)what), &m, WIRE_ROWS);
}

static void offered(void)
{
    struct wire_msg m = { .type = WIRE_READY };
    WIRE_SET(&m, credit, 1);
    day_ask(NODE, "READY", &m, WIRE_OFFER);
}

/* Everything that is asked meanwhile has an answer that says why not. */
static void it_is_full(void)
{
    full = true;
    struct wire_msg m = day_submit(2, "outer", "keccak", 20);
    day_ask(ACME, "SUBMIT, and no write finds space", &m, WIRE_ERROR);
    day_ask(ACME, "SUBMIT again", &m, WIRE_ERROR);
    static const enum wire_type asks[] = { WIRE_SHOW, WIRE_ATTACH, WIRE_FETCH, WIRE_CANCEL };
    for (int i = 0; i < 4; i++) {
        m = day_of_task(asks[i], 1);
        day_ask(ACME, wire_type_name((int)asks[i]), &m, WIRE_ERROR);
    }
    m = day_submit(3, "outer", "keccak", 100000);
    day_ask(ACME, "SUBMIT of a large input", &m, WIRE_ERROR);
    m = day_hello(ACME, WIRE_ROLE_CLIENT, "worker");
    day_ask(ACME, "HELLO again", &m, WIRE_WELCOME);
    m = (struct wire_msg){ .type = WIRE_HEARTBEAT };
    day_ask(NODE, "HEARTBEAT", &m, WIRE_HEARTBEAT);
    list(WIRE_WHAT_STATUS);
    list(WIRE_WHAT_EVENTS);
}

static void it_has_space_again(void)
{
    full = false;
    day_step("there is space");
    day_logged("payloads.looked_at"); /* the last line of it */
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    day_ask(NODE, "HEARTBEAT", &m, WIRE_ERROR);
    hello(NODE, WIRE_ROLE_PROVER, "p1");
    m = day_of_task(WIRE_SHOW, 1);
    day_ask(ACME, "SHOW", &m, WIRE_TASK);
    m = day_submit(2, "outer", "keccak", 20);
    day_ask(ACME, "SUBMIT", &m, WIRE_SUBMIT_OK);
    list(WIRE_WHAT_STATUS);
    list(WIRE_WHAT_EVENTS);
    list(WIRE_WHAT_TASKS);
}

static void a_full_disk(void **state)
{
    day_begin();
    day_rights(BOSS, "roles: [admin]");
    day_rights(ACME, "roles: [client]");
    day_rights(NODE, "roles: [prover]");
    day_write_keys();
    day_write_settings(settings);
    day_open();
    comes(BOSS, WIRE_ROLE_ADMIN, "boss-1");
    comes(ACME, WIRE_ROLE_CLIENT, "worker");
    comes(NODE, WIRE_ROLE_PROVER, "p1");
    struct wire_msg m = day_submit(1, "outer", "keccak", 20);
    day_ask(ACME, "SUBMIT", &m, WIRE_SUBMIT_OK);
    offered();
    it_is_full();
    it_has_space_again();
    day_close();
    day_end(golden, write_it);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_full_disk) };
    golden = argc > 1 ? argv[1] : "vectors/broker/full.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
