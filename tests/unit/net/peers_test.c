/* The table of connections beside a naive one, while connections come and go at random; descriptors that are used
 * again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "peer_gpu.h"
#include "peer_keys.h"
#include "peers.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 50, STEPS = 200000 };

static void a_peer_is_found_until_it_is_dropped(void **state)
{
    struct peers p;
    uint64_t handle[MOST] = { 0 }, last = 0;
    uint32_t routing[MOST] = { 0 };
    size_t live = 0;
    unsigned seed = 20261122;
    print_message("seed %u\n", seed);
    srand(seed);
    assert_int_equal(peers_init(&p, MOST), PV_OK);
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)rand() % MOST;
        if (handle[i]) {
            struct peer *peer = peers_find(&p, routing[i]);
            assert_non_null(peer);
            assert_int_equal(peer->handle, handle[i]);
            assert_ptr_equal(peers_of(&p, handle[i]), peer);
            if (rand() % 2) continue;
            peers_drop(&p, peer);
            assert_null(peers_find(&p, routing[i]));
            assert_null(peers_of(&p, handle[i]));
            handle[i] = 0;
            live--;
        } else {
            routing[i] = (uint32_t)step * 4096; /* numbers that collide in the index */
            struct peer *peer = peers_add(&p, routing[i], 1);
            assert_non_null(peer);
            assert_true(peer->handle != last);
            last = handle[i] = peer->handle;
            live++;
        }
        assert_int_equal(p.used, live);
    }
    peers_clear(&p);
}

static void there_are_never_more_than_most(void **state)
{
    struct peers p;
    assert_int_equal(peers_init(&p, 2), PV_OK);
    assert_non_null(peers_add(&p, 1, 0));
    struct peer *second = peers_add(&p, 2, 0);
    assert_null(peers_add(&p, 3, 0));
    peers_drop(&p, second);
    assert_non_null(peers_add(&p, 3, 0));
    peers_clear(&p);
}

static void a_closed_descriptor_names_its_peer(void **state)
{
    struct peers p;
    assert_int_equal(peers_init(&p, 4), PV_OK);
    struct peer *a = peers_add(&p, htobe32(1), 0), *b = peers_add(&p, htobe32(2), 0);
    assert_null(peers_fd_claim(&p, a, 100));
    assert_null(peers_fd_claim(&p, b, 7));
    assert_null(peers_fd_closed(&p, 8));
    assert_ptr_equal(peers_fd_closed(&p, 7), b);
    assert_null(peers_fd_closed(&p, 7));
    /* The descriptor was used again before its end was noticed: the claim names the peer that had it. */
    assert_ptr_equal(peers_fd_claim(&p, b, 100), a);
    peers_drop(&p, a);
    assert_ptr_equal(peers_fd_closed(&p, 100), b);
    peers_clear(&p);
}

/* A peer with a routing id as the socket writes it. The ids count up, and wrap around after the largest. */
static struct peer *peer_of(struct peers *p, const char id[5])
{
    uint32_t routing;
    assert_true(peers_routing(&routing, id, 5));
    return peers_add(p, routing, 0);
}

static void a_descriptor_stays_with_the_newer_connection(void **state)
{
    static const char *const pairs[][2] = { { "\0\0\0\0\xff", "\0\0\0\1\0" }, { "\0\xff\xff\xff\xff", "\0\0\0\0\0" } };
    for (int i = 0; i < 2; i++) {
        struct peers p;
        assert_int_equal(peers_init(&p, 4), PV_OK);
        struct peer *gone = peer_of(&p, pairs[i][0]), *come = peer_of(&p, pairs[i][1]);
        assert_null(peers_fd_claim(&p, come, 7));
        assert_null(peers_fd_claim(&p, gone, 7)); /* a late message of the closed connection */
        assert_int_equal(gone->fd, -1);
        assert_ptr_equal(peers_fd_closed(&p, 7), come);
        assert_null(peers_fd_claim(&p, gone, 7));
        assert_ptr_equal(peers_fd_claim(&p, come, 7), gone);
        peers_clear(&p);
    }
}

static void only_ids_of_the_socket_are_taken(void **state)
{
    uint32_t routing;
    assert_true(peers_routing(&routing, "\0\1\2\3\4", 5));
    assert_false(peers_routing(&routing, "chosen", 6));
    assert_false(peers_routing(&routing, "\1\1\2\3\4", 5));
    assert_false(peers_routing(&routing, "", 0));
}

/* What a prover says of files that it does not serve: bounded, replaced by what it says next, and gone with it. */
static void what_a_prover_does_not_serve_is_kept_within_a_bound(void **state)
{
    struct peers p;
    struct peer_key key;
    char file[301], why[301];
    struct wire_cell cells[16][2];
    struct wire_row rows[16];
    struct wire_msg m = { .type = WIRE_CIRCUITS };
    memset(file, 'f', 300);
    memset(why, 'w', 300);
    file[300] = why[300] = 0;
    for (int i = 0; i < 16; i++) {
        cells[i][0] = (struct wire_cell){ .key = "why", .type = WIRE_CELL_TEXT, .text = why };
        cells[i][1] = (struct wire_cell){ .key = "file", .type = WIRE_CELL_TEXT, .text = file };
        rows[i] = (struct wire_row){ cells[i], 2 };
    }
    assert_int_equal(peers_init(&p, 4), PV_OK);
    struct peer *peer = peer_of(&p, "\0\0\0\0\1");
    WIRE_SET(&m, unserved_files, 70);
    WIRE_SET_LIST(&m, unserved, rows, 16);
    peer_keys_take(peer, &m);
    assert_int_equal(peer->unserved_files, 70);
    size_t n = 0;
    for (; peer_keys_at(peer, n, &key); n++) {
        assert_string_equal(key.file, file);
        assert_string_equal(key.why, why);
    }
    assert_int_equal(n, PEER_KEYS_BYTES / 602);                                            /* each has 602 bytes */
    cells[0][1] = (struct wire_cell){ .key = "file", .type = WIRE_CELL_INT, .number = 7 }; /* no text: none */
    cells[0][0].text = "short";
    WIRE_SET_LIST(&m, unserved, rows, 1);
    peer_keys_take(peer, &m);
    assert_true(peer_keys_at(peer, 0, &key));
    assert_string_equal(key.file, "");
    assert_string_equal(key.why, "short");
    assert_false(peer_keys_at(peer, 1, &key));
    peers_drop(&p, peer);
    peer = peer_of(&p, "\0\0\0\0\2");
    assert_false(peer_keys_at(peer, 0, &key));
    assert_int_equal(peer->unserved_files, 0);
    peer_keys_take(peer, &m);
    peers_clear(&p); /* frees it, too */
}

/* --- what a prover says of its GPU --- */

static struct peer_gpu_news gpu_says(struct peers *p, struct peer *peer, enum wire_type type, uint64_t wrong,
                                     const char *unused)
{
    struct wire_msg m = { .type = type };
    if (wrong) WIRE_SET(&m, gpu_wrong_proofs, wrong);
    if (unused) WIRE_SET(&m, gpu_unused, unused);
    return peer_gpu_take(p, peer, &m);
}

/* Those of before this connection are not counted again, and a number never goes down. */
static void wrong_proofs_are_counted_once(void **state)
{
    (void)state;
    struct peers p;
    assert_int_equal(peers_init(&p, 4), PV_OK);
    struct peer *peer = peers_add(&p, 1, 0);
    assert_int_equal(gpu_says(&p, peer, WIRE_HELLO, 5, NULL).wrong_proofs, 0);
    assert_int_equal(peer->gpu_wrong_proofs, 5);
    assert_int_equal(gpu_says(&p, peer, WIRE_READY, 7, NULL).wrong_proofs, 2);
    assert_int_equal(gpu_says(&p, peer, WIRE_READY, 7, NULL).wrong_proofs, 0);
    assert_int_equal(gpu_says(&p, peer, WIRE_HELLO, 0, NULL).wrong_proofs, 0);
    assert_int_equal(gpu_says(&p, peer, WIRE_READY, 1, NULL).wrong_proofs, 0);
    assert_int_equal(gpu_says(&p, peer, WIRE_HELLO, 8, NULL).wrong_proofs, 1);
    assert_int_equal(gpu_says(&p, peer, WIRE_READY, UINT64_MAX, NULL).wrong_proofs, PEER_GPU_PROOFS_MOST - 8);
    assert_int_equal(gpu_says(&p, peer, WIRE_READY, UINT64_MAX, NULL).wrong_proofs, 0);
    peers_clear(&p);
}

static void processes_that_ended_are_counted_once(void **state)
{
    (void)state;
    struct peers p;
    struct wire_msg m = { .type = WIRE_HELLO };
    assert_int_equal(peers_init(&p, 4), PV_OK);
    struct peer *peer = peers_add(&p, 1, 0);
    WIRE_SET(&m, gpu_ended, 4);
    assert_int_equal(peer_gpu_take(&p, peer, &m).ended, 0);
    WIRE_SET(&m, gpu_ended, 6);
    assert_int_equal(peer_gpu_take(&p, peer, &m).ended, 2);
    assert_int_equal(peer_gpu_take(&p, peer, &m).ended, 0);
    assert_int_equal(peer->gpu_ended, 6);
    assert_int_equal(peer->gpu_wrong_proofs, 0);
    peers_clear(&p);
}

static void an_unused_gpu_is_counted_while_it_is_there(void **state)
{
    (void)state;
    struct peers p;
    assert_int_equal(peers_init(&p, 4), PV_OK);
    struct peer *a = peers_add(&p, 1, 0), *b = peers_add(&p, 2, 0);
    assert_true(gpu_says(&p, a, WIRE_HELLO, 0, "no NVIDIA driver").unused);
    assert_false(gpu_says(&p, a, WIRE_HELLO, 0, "no NVIDIA driver").unused);
    assert_true(gpu_says(&p, a, WIRE_HELLO, 0, "its self-test failed").unused);
    assert_false(gpu_says(&p, a, WIRE_READY, 0, NULL).unused);
    assert_string_equal(a->gpu_unused, "its self-test failed");
    assert_true(gpu_says(&p, b, WIRE_HELLO, 0, "no NVIDIA driver").unused);
    assert_int_equal(p.gpus_unused, 2);
    assert_false(gpu_says(&p, a, WIRE_HELLO, 0, NULL).unused);
    assert_int_equal(p.gpus_unused, 1);
    peers_drop(&p, b);
    assert_int_equal(p.gpus_unused, 0);
    gpu_says(&p, a, WIRE_HELLO, 0, "");
    assert_int_equal(p.gpus_unused, 0);
    gpu_says(&p, a, WIRE_HELLO, 0, "kept to the end");
    peers_clear(&p);
}

/* The socket counts its ids up, big-endian, from a random start. The table has room for twice as many, so that free places stand between. */
static void ten_thousand_connections_stand_in_no_row(void **state)
{
    enum { ALL = 10000, ROW_MOST = 16 };
    static const uint32_t starts[] = { 0, 0x12345678, 0x00ffff00, 0xfffff000 };
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct peers p;
        uint32_t row = 0, longest = 0;
        assert_int_equal(peers_init(&p, ALL), PV_OK);
        for (uint32_t k = 0; k < ALL; k++) assert_non_null(peers_add(&p, htobe32(starts[i] + k), 0));
        for (uint32_t k = 0; k < p.index_n; k++) {
            row = p.index[k] ? row + 1 : 0;
            if (row > longest) longest = row;
        }
        print_message("from %#x: %u in a row\n", starts[i], longest);
        assert_true(longest <= ROW_MOST);
        peers_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_found_until_it_is_dropped),
        cmocka_unit_test(there_are_never_more_than_most),
        cmocka_unit_test(a_closed_descriptor_names_its_peer),
        cmocka_unit_test(a_descriptor_stays_with_the_newer_connection),
        cmocka_unit_test(only_ids_of_the_socket_are_taken),
        cmocka_unit_test(what_a_prover_does_not_serve_is_kept_within_a_bound),
        cmocka_unit_test(wrong_proofs_are_counted_once),
        cmocka_unit_test(processes_that_ended_are_counted_once),
        cmocka_unit_test(an_unused_gpu_is_counted_while_it_is_there),
        cmocka_unit_test(ten_thousand_connections_stand_in_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
