/* compat_frames_test FOLDER: every message that the programs of 52f222a said, as it was recorded, reads today and is written
 * with the same bytes; and every message that they had is among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "msg.h"

#include "decode.h"
#include "encode.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UP = 1, DOWN = 2, FRAMES = 3 };

/* The messages of 52f222a and the ways they travel. This list is history: it never changes. */
static const struct past {
    const char *name;
    uint8_t code;
    unsigned ways;
} past[] = {
    { "HELLO", 1, UP },
    { "WELCOME", 2, DOWN },
    { "HEARTBEAT", 3, UP | DOWN },
    { "DISCONNECT", 4, UP | DOWN },
    { "ERROR", 5, DOWN },
    { "SUBMIT", 10, UP },
    { "SUBMIT_OK", 11, DOWN },
    { "ATTACH", 12, UP },
    { "SHOW", 13, UP },
    { "TASK", 14, DOWN },
    { "FETCH", 15, UP },
    { "DELIVER", 16, DOWN },
    { "ACK", 17, UP },
    { "CANCEL", 18, UP },
    { "CANCELLED", 19, DOWN },
    { "CREDIT", 20, UP | DOWN },
    { "CHUNK", 21, UP | DOWN },
    { "PROGRESS", 22, UP | DOWN },
    { "CLAIM", 23, UP },
    { "CLAIMED", 24, DOWN },
    { "PURGE", 25, UP },
    { "COUNTS", 26, DOWN },
    { "LIST", 27, UP },
    { "ROWS", 28, DOWN },
    { "KICK", 29, UP },
    { "READY", 40, UP },
    { "OFFER", 41, DOWN },
    { "STARTED", 42, UP },
    { "RESULT", 43, UP },
    { "RESULT_OK", 44, DOWN },
    { "FAIL", 45, UP },
    { "RELEASE", 46, UP },
    { "REVOKE", 47, DOWN },
    { "REVOKED", 48, UP },
    { "RECALL", 49, DOWN },
    { "DRAIN", 50, UP },
    { "QUEUE", 60, UP },
    { "PROVER", 61, UP },
};
enum { PAST = sizeof past / sizeof *past };

static const char *folder;
static unsigned seen[PAST];

struct recorded {
    const char *file;
    unsigned line, way;
    const struct past *type;
    uint8_t *bytes[FRAMES];
    size_t n[FRAMES];
};

static const struct past *past_of(const char *name)
{
    for (size_t i = 0; i < PAST; i++)
        if (!strcmp(past[i].name, name)) return &past[i];
    return NULL;
}

/* "-", hex digits, or those and "*N": the bytes N times. */
static uint8_t *frame_of(const char *text, size_t *n)
{
    const char *star = strchr(text, '*');
    size_t unit = !strcmp(text, "-") ? 0 : (star ? (size_t)(star - text) : strlen(text)) / 2;
    size_t times = star ? strtoul(star + 1, NULL, 10) : 1;
    uint8_t *bytes = malloc(unit * times + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < unit; i++) assert_int_equal(sscanf(text + 2 * i, "%2hhx", &bytes[i]), 1);
    for (size_t i = 1; i < times; i++) memcpy(bytes + i * unit, bytes, unit);
    *n = unit * times;
    return bytes;
}

/* False: a line that is no message. */
static bool recorded_read(struct recorded *r, char *text)
{
    char *rest = NULL, *connection = strtok_r(text, " \n", &rest), *way = strtok_r(NULL, " \n", &rest);
    if (!way || (strcmp(way, "up") && strcmp(way, "down")) || *connection == '#') return false;
    r->way = !strcmp(way, "up") ? UP : DOWN;
    r->type = past_of(strtok_r(NULL, " \n", &rest));
    assert_non_null(r->type);
    for (int i = 0; i < FRAMES; i++) {
        char *word = strtok_r(NULL, " \n", &rest);
        r->bytes[i] = word ? frame_of(word, &r->n[i]) : NULL;
    }
    return true;
}

static void recorded_clear(struct recorded *r)
{
    for (int i = 0; i < FRAMES; i++) free(r->bytes[i]);
}

static void say_again(const struct recorded *r)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    enum wire_way way = r->way == UP ? WIRE_TO_BROKER : WIRE_TO_PEER;
    struct wire_frames again, f = { r->bytes[0], r->n[0], r->bytes[1], r->n[1], r->bytes[2], r->n[2] };
    struct wire_msg m;
    char why[WIRE_WHY_BYTES];
    if (wire_msg_decode(&m, way, &f, why) != PV_OK)
        fail_msg("%s:%u: %s is not read: %s", r->file, r->line, r->type->name, why);
    if ((int)m.type != r->type->code) fail_msg("%s:%u: %s is read as %d", r->file, r->line, r->type->name, (int)m.type);
    if (wire_msg_encode(&m, way, buffer, sizeof buffer, &again, why) != PV_OK)
        fail_msg("%s:%u: %s is not written: %s", r->file, r->line, r->type->name, why);
    bool same = again.head_bytes == f.head_bytes && !memcmp(again.head, f.head, f.head_bytes) &&
                again.body_bytes == f.body_bytes && !memcmp(again.body, f.body, f.body_bytes) &&
                again.payload_bytes == f.payload_bytes && again.payload == f.payload;
    if (!same)
        fail_msg("%s:%u: %s is written with other bytes: a field is lost or changed", r->file, r->line, r->type->name);
    wire_msg_clear(&m);
}

static void scene_read(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (unsigned line = 1; getline(&text, &room, f) > 0; line++) {
        struct recorded r = { .file = path, .line = line };
        if (!recorded_read(&r, text)) continue;
        say_again(&r);
        seen[r.type - past] |= r.way;
        recorded_clear(&r);
    }
    free(text);
    fclose(f);
}

static void what_was_recorded_reads_and_is_written_the_same(void **state)
{
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*.txt", folder);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) scene_read(found.gl_pathv[i]);
    globfree(&found);
}

static void every_message_of_then_was_recorded_on_each_way(void **state)
{
    for (size_t i = 0; i < PAST; i++)
        if (seen[i] != past[i].ways) fail_msg("%s is not recorded on each of its ways", past[i].name);
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : ".";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_reads_and_is_written_the_same),
        cmocka_unit_test(every_message_of_then_was_recorded_on_each_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
