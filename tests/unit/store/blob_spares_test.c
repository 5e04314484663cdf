/* Payload files that are written over: only those that nobody can see any more, as many as may be, not for long, and what lies in them
 * afterwards is the new payload alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "blobs.h"
#include "temp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LENGTH = 100000 };

static char dir[64];
static struct blobs blobs;
static uint8_t data[3 * LENGTH], got[3 * LENGTH];

static wire_hash stored(uint8_t first, size_t length, ino_t *inode)
{
    struct blob_writer w;
    wire_hash hash;
    struct stat st;
    data[0] = first;
    assert_int_equal(sha256_of(&hash, data, length), PV_OK);
    assert_int_equal(blob_writer_start(&w, &blobs, length, hash), PV_OK);
    assert_int_equal(fstat(w.fd, &st), 0);
    assert_int_equal(blob_writer_feed(&w, data, length), PV_OK);
    assert_int_equal(blob_writer_keep(&w), PV_OK);
    if (inode) *inode = st.st_ino;
    return hash;
}

static void expect_content(int fd, uint8_t first, size_t length)
{
    data[0] = first;
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, got, sizeof got, 0), length);
    assert_memory_equal(got, data, length);
    close(fd);
}

static size_t incoming(void)
{
    size_t n = 0;
    char path[80];
    snprintf(path, sizeof path, "%s/incoming", dir);
    DIR *d = opendir(path);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void a_removed_file_is_written_over(void **state)
{
    static const size_t lengths[] = { LENGTH, LENGTH, LENGTH - 1, LENGTH - 1, LENGTH / 2, LENGTH / 2 + 1, LENGTH };
    ino_t first, now;
    wire_hash h = stored(1, LENGTH, &first);
    for (uint8_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        blobs_remove(&blobs, h);
        assert_int_equal(blobs_read(&blobs, h), -1);
        assert_int_equal(incoming(), 1);
        h = stored((uint8_t)(i + 2), lengths[i], &now);
        assert_int_equal(now, first);
        assert_int_equal(incoming(), 0);
        assert_int_equal(blobs_there(&blobs, h, lengths[i]), PV_OK);
        expect_content(blobs_read(&blobs, h), (uint8_t)(i + 2), lengths[i]);
    }
}

static void one_of_another_size_is_left(void **state)
{
    wire_hash h = stored(1, LENGTH, NULL);
    blobs_remove(&blobs, h);
    stored(2, LENGTH / 2 - 1, NULL);
    stored(3, 2 * LENGTH + 1, NULL);
    assert_int_equal(incoming(), 1);
    stored(4, 2 * LENGTH, NULL);
    assert_int_equal(incoming(), 0);
}

/* Of several the one that fits best. */
static void the_best_is_taken(void **state)
{
    ino_t inode[3], now;
    wire_hash h[3];
    for (size_t i = 0; i < 3; i++) h[i] = stored((uint8_t)i, LENGTH + i * 1000, &inode[i]);
    for (size_t i = 0; i < 3; i++) blobs_remove(&blobs, h[i]);
    stored(9, LENGTH + 1100, &now);
    assert_int_equal(now, inode[1]);
    stored(10, LENGTH + 2000, &now);
    assert_int_equal(now, inode[2]);
}

static void who_reads_goes_on_reading(void **state)
{
    wire_hash h = stored(1, LENGTH, NULL);
    int fd = blobs_read(&blobs, h);
    blobs_remove(&blobs, h);
    stored(2, LENGTH, NULL);
    expect_content(fd, 1, LENGTH);
    assert_int_equal(incoming(), 0); /* it went, and is no spare one */
}

static void another_name_keeps_its_bytes(void **state)
{
    char hex[WIRE_HASH_TEXT];
    wire_hash h = stored(1, LENGTH, NULL);
    assert_int_equal(linkat(blobs.files, wire_hash_text(hex, h), blobs.root, "pin", 0), 0);
    blobs_remove(&blobs, h);
    assert_int_equal(incoming(), 0);
    stored(2, LENGTH, NULL);
    expect_content(openat(blobs.root, "pin", O_RDONLY), 1, LENGTH);

    wire_hash later = stored(3, LENGTH, NULL); /* a name that it is given as a spare one */
    char name[24];
    blobs_remove(&blobs, later);
    snprintf(name, sizeof name, "%llu", (unsigned long long)blobs.spares.at[0].serial);
    assert_int_equal(linkat(blobs.incoming, name, blobs.root, "pin3", 0), 0);
    stored(4, LENGTH, NULL);
    expect_content(openat(blobs.root, "pin3", O_RDONLY), 3, LENGTH);
}

/* What lies there under its number is none that we made. */
static void nothing_else_is_written_over(void **state)
{
    char name[24];
    struct stat st;
    wire_hash h = stored(1, LENGTH, NULL);
    blobs_remove(&blobs, h);
    snprintf(name, sizeof name, "%llu", (unsigned long long)blobs.spares.at[0].serial);
    assert_int_equal(unlinkat(blobs.incoming, name, 0), 0);
    int fd = openat(blobs.root, "mine", O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    assert_int_equal(symlinkat("../mine", blobs.incoming, name), 0);
    stored(2, LENGTH, NULL);
    assert_int_equal(fstatat(blobs.root, "mine", &st, 0), 0);
    assert_int_equal(st.st_size, 4);
    assert_int_equal(incoming(), 0);
}

static void as_many_are_kept_as_may_be(void **state)
{
    static wire_hash h[SPARES_MOST + 1];
    for (int i = 0; i <= SPARES_MOST; i++) h[i] = stored((uint8_t)i, 1000, NULL);
    for (int i = 0; i <= SPARES_MOST; i++) {
        blobs_remove(&blobs, h[i]);
        assert_int_equal(incoming(), i < SPARES_MOST ? i + 1 : SPARES_MOST);
    }
    blobs.spares.most_bytes = 3 * LENGTH;
    for (uint8_t i = 0; i < 4; i++) h[i] = stored(i, LENGTH, NULL);
    for (int i = 0; i < 3; i++) blobs_remove(&blobs, h[i]);
    assert_int_equal(incoming(), 3); /* the small ones made room */
    assert_int_equal(blobs.spares.bytes, 3 * LENGTH);
    blobs_remove(&blobs, h[3]);
    assert_int_equal(incoming(), 3);
    wire_hash large = stored(9, 3 * LENGTH - 1, NULL);
    blobs.spares.most_bytes = 2 * LENGTH;
    blobs_remove(&blobs, large);
    assert_int_equal(blobs_there(&blobs, large, 3 * LENGTH - 1), PV_GONE);
    assert_int_equal(incoming(), 3); /* it was too large for all of them together */
    blobs.spares.most_bytes = 0;
    blobs_remove(&blobs, stored(7, 1000, NULL));
    assert_int_equal(blobs.spares.n, 3);
}

static void none_is_kept_for_long(void **state)
{
    blob_spares_expire(&blobs.spares, blobs.incoming, 5000, false);
    blobs_remove(&blobs, stored(1, LENGTH, NULL));
    blob_spares_expire(&blobs.spares, blobs.incoming, 5000 + SPARE_MS - 1, false);
    assert_int_equal(incoming(), 1);
    blob_spares_expire(&blobs.spares, blobs.incoming, 5000 + SPARE_MS, false);
    assert_int_equal(incoming(), 0);
    assert_int_equal(blobs.spares.bytes, 0);
    blobs_remove(&blobs, stored(1, LENGTH, NULL));
    blob_spares_expire(&blobs.spares, blobs.incoming, 5000 + SPARE_MS, true); /* the disk is low */
    assert_int_equal(incoming(), 0);
}

static void a_start_takes_them_away(void **state)
{
    blobs_remove(&blobs, stored(1, LENGTH, NULL));
    assert_int_equal(incoming(), 1);
    assert_int_equal(blobs_sweep_uploads(&blobs), 1);
    stored(2, LENGTH, NULL); /* and one that is gone is none */
}

/* A program that copies the whole folder opens it just then: it waits that long, and the signal ends nobody. */
static atomic_bool stop;

static void *opens_all(void *context)
{
    while (!stop)
        for (uint64_t i = 1; i < 400; i++) {
            char name[24];
            snprintf(name, sizeof name, "%llu", (unsigned long long)i);
            int fd = openat(blobs.incoming, name, O_RDONLY);
            if (fd >= 0) close(fd);
        }
    return NULL;
}

static void who_opens_it_just_then_does_no_harm(void **state)
{
    pthread_t thread;
    stop = false;
    assert_int_equal(pthread_create(&thread, NULL, opens_all, NULL), 0);
    for (int i = 0; i < 200; i++) {
        wire_hash h = stored((uint8_t)i, 1000, NULL);
        expect_content(blobs_read(&blobs, h), (uint8_t)i, 1000);
        blobs_remove(&blobs, h);
    }
    stop = true;
    pthread_join(thread, NULL);
}

static int fresh(void **state)
{
    temp_dir_make(dir);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    if (blobs_open(&blobs, dir, NULL) != PV_OK) return 1;
    blobs.spares.most_bytes = SPARES_MOST_BYTES;
    return 0;
}

static int gone(void **state)
{
    blobs_close(&blobs);
    temp_dir_remove(dir);
    return 0;
}

#define FRESH(f) cmocka_unit_test_setup_teardown(f, fresh, gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_removed_file_is_written_over),
        FRESH(one_of_another_size_is_left),
        FRESH(the_best_is_taken),
        FRESH(who_reads_goes_on_reading),
        FRESH(another_name_keeps_its_bytes),
        FRESH(nothing_else_is_written_over),
        FRESH(as_many_are_kept_as_may_be),
        FRESH(none_is_kept_for_long),
        FRESH(a_start_takes_them_away),
        FRESH(who_opens_it_just_then_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
