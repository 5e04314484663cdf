/* A key and a witness, byte for byte: what is said when the file is cut at any length, or any byte has a bit turned, by each of the readers; what is
 * said of one that changes while it is read; and each allocation fails once. `zkey_story_test write` writes the golden texts anew. */
#include "golden.h"
#include "heap_watch.h"
#include "temp_dir.h"
#include "wtns.h"
#include "zkey.h"
#include "zkey_survey.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[64], path[80], last[600], last_words[600];
static uint8_t bytes[8192];
static size_t size, from, to; /* the stretch of places of which the last sentence was said */

static void file_read(const char *name)
{
    FILE *in = fopen(name, "rb");
    assert_non_null(in);
    size = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    assert_in_range(size, 100, sizeof bytes - 1);
}

static void file_write(size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

/* The sentence without the file's name. */
static const char *sentence(pv_status s, const struct prove_error *err)
{
    static char text[600];
    const char *said = s == PV_OK ? "" : err->text;
    const char *name = strstr(said, path);
    if (name)
        snprintf(text, sizeof text, "%s: %.*sKEY%s", pv_status_word(s), (int)(name - said), said, name + strlen(path));
    else
        snprintf(text, sizeof text, "%s: %s", pv_status_word(s), said);
    return text;
}

static void facts(char out[200], const struct zkey *z)
{
    snprintf(out, 200, "vars %u publics %u domain %u (%u) coefs %u order %d publics' rows %d rows %u points %s",
             z->vars, z->publics, z->domain, z->log_domain, z->coef_count, z->coefs_in_order, z->public_rows, z->rows,
             z->points_absent ? "absent" : "there");
}

/* What all readers say of the file, in one line. */
static void all_say(char out[600])
{
    struct prove_error err = { 0 };
    struct zkey z;
    struct wtns w;
    uint8_t digest[32];
    char of[3][200] = { "", "", "" };
    size_t n = 0;
    pv_status s = zkey_open(&z, path, &err);
    if (s == PV_OK) facts(of[0], &z), zkey_close(&z);
    n += (size_t)snprintf(out + n, 600 - n, "mapped %.150s %s", sentence(s, &err), of[0]);
    s = zkey_survey(&z, digest, path, NULL, &err);
    if (s == PV_OK) facts(of[1], &z), zkey_close(&z);
    n += (size_t)snprintf(out + n, 600 - n, "; surveyed %.150s %s", sentence(s, &err),
                          strcmp(of[0], of[1]) ? of[1] : "");
    s = wtns_open(&w, path, &err);
    if (s == PV_OK) snprintf(of[2], 200, "%u values", w.count), wtns_close(&w);
    snprintf(out + n, 600 - n, "; witness %.150s %s", sentence(s, &err), of[2]);
}

/* One line for a stretch of places of which the same is said. */
static void tell_stretch(void)
{
    if (*last) golden_tell("%zu to %zu: %s\n", from, to, last);
    *last = '\0';
}

/* The same sentence with other numbers is the same sentence: the first one's are told. */
static void words_of(char out[600], const char *said)
{
    for (bool number = false; *said; said++) {
        bool digit = *said >= '0' && *said <= '9';
        if (!digit || !number) *out++ = digit ? '#' : *said;
        number = digit;
    }
    *out = '\0';
}

static void tell_place(size_t place)
{
    char said[600], words[600];
    all_say(said);
    words_of(words, said);
    if (strcmp(words, last_words) != 0 || !*last) {
        tell_stretch();
        from = place;
        snprintf(last, sizeof last, "%s", said);
        snprintf(last_words, sizeof last_words, "%s", words);
    }
    to = place;
}

static void tell_cuts(const char *name)
{
    file_read(name);
    golden_tell("%s cut at\n", name);
    for (size_t n = 0; n < size; n++) file_write(n), tell_place(n);
    bytes[size] = 0;
    file_write(size + 1), tell_place(size + 1);
    tell_stretch();
}

static void tell_turns(const char *name, size_t most, uint8_t bit)
{
    file_read(name);
    golden_tell("%s with bit %02x turned at\n", name, bit);
    for (size_t at = 0; at < (most < size ? most : size); at++) {
        bytes[at] ^= bit;
        file_write(size), tell_place(at);
        bytes[at] ^= bit;
    }
    tell_stretch();
}

static void a_file_is_cut_anywhere(void **state)
{
    tell_cuts("data/chain-5/circuit.zkey");
    tell_cuts("data/chain-5/witness.wtns");
    golden_is("vectors/prover/cut_files.txt");
}

static void a_bit_is_turned_anywhere(void **state)
{
    tell_turns("data/chain-5/circuit.zkey", 2000, 0x01);
    tell_turns("data/chain-5/circuit.zkey", 2000, 0x80);
    tell_turns("data/chain-5/witness.wtns", 8192, 0x01);
    tell_turns("data/chain-5/witness.wtns", 8192, 0x80);
    golden_is("vectors/prover/turned_bits.txt");
}

/* --- while it is read --- */

static int pieces, change;

static bool changes(void *ctx)
{
    pieces++;
    if (change == 1) file_write(size);
    if (change == 2) assert_int_equal(truncate(path, 4000), 0);
    if (change == 3) assert_int_equal(chmod(path, 0644), 0);
    if (change == 4) assert_int_equal(unlink(path), 0);
    return change == 5;
}

static void it_changes_while_it_is_surveyed(void **state)
{
    static const char *const what[] = { "nothing",          "it is written", "it is cut",
                                        "its mode changes", "it is removed", "a stop" };
    const struct regular_interrupt interrupt = { .asked = changes };
    file_read("data/chain-5/circuit.zkey");
    for (change = 0; change < 6; change++) {
        struct prove_error err = { 0 };
        struct zkey z, before;
        uint8_t digest[32] = { 0 };
        memset(&z, 0x5a, sizeof z);
        memcpy(&before, &z, sizeof z);
        file_write(size);
        struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
        pieces = 0;
        pv_status s = zkey_survey(&z, digest, path, &interrupt, &err);
        golden_tell("%s: %s, asked %d times, digest %02x%02x\n", what[change], sentence(s, &err), pieces, digest[0],
                    digest[1]);
        if (s == PV_OK)
            zkey_close(&z);
        else
            assert_memory_equal(&z, &before, sizeof z);
    }
    golden_is("vectors/prover/changing_key.txt");
}

static void each_allocation_of_a_survey_may_fail(void **state)
{
    uint8_t digest[32];
    struct zkey z;
    file_read("data/chain-5/circuit.zkey");
    file_write(size);
    for (long n = 0;; n++) {
        struct prove_error err = { 0 };
        size_t blocks = heap_blocks();
        heap_fail_after(n);
        pv_status s = zkey_survey(&z, digest, path, NULL, &err);
        bool failed = heap_failed();
        heap_fail_after(-1);
        if (failed) golden_tell("allocation %ld: %s\n", n, sentence(s, &err));
        assert_int_equal(s == PV_OK, !failed);
        if (s == PV_OK) zkey_close(&z);
        assert_int_equal(heap_blocks(), blocks);
        if (!failed) break;
    }
    golden_is("vectors/prover/survey_memory.txt");
}

static int begin(void **state)
{
    temp_dir_make(folder);
    snprintf(path, sizeof path, "%s/key", folder);
    return 0;
}

static int end(void **state)
{
    temp_dir_remove(folder);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { TEST(a_file_is_cut_anywhere), TEST(a_bit_is_turned_anywhere),
                                        TEST(it_changes_while_it_is_surveyed),
                                        TEST(each_allocation_of_a_survey_may_fail) };
    golden_writes(argc > 1);
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0); /* some thousand small files */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
