/* The socket of a node's status: who may read it, what a reader that reads nothing costs, what stands in its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "status_show.h"
#include "status_text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/status-socket-XXXXXX", path[64];

static int begin(void **state)
{
    strcpy(folder, "/tmp/status-socket-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/status", folder);
    return 0;
}

static int end(void **state)
{
    unlink(path);
    return rmdir(folder);
}

/* A node's loop: answers until it is told to stop. */
static struct {
    int fd;
    const char *text;
    atomic_bool stop;
    pthread_t thread;
} node;

static void *answering(void *unused)
{
    while (!atomic_load(&node.stop)) {
        struct pollfd p = { .fd = node.fd, .events = POLLIN };
        if (poll(&p, 1, 5) > 0) status_socket_answer(node.fd, node.text);
    }
    return NULL;
}

static void node_start(const char *text)
{
    node.fd = status_socket_open(folder);
    node.text = text;
    assert_true(node.fd >= 0);
    atomic_store(&node.stop, false);
    assert_int_equal(pthread_create(&node.thread, NULL, answering, NULL), 0);
}

static void node_stop(void)
{
    atomic_store(&node.stop, true);
    pthread_join(node.thread, NULL);
    status_socket_close(&node.fd, folder);
    assert_int_equal(node.fd, -1);
}

static void it_is_read_whole_and_is_the_owners_alone(void **state)
{
    char text[200], why[STATUS_WHY_BYTES];
    struct stat st;
    mode_t before = umask(0);
    node_start("{\"a\":1}");
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(status_socket_read(text, sizeof text, folder, why), PV_OK);
        assert_string_equal(text, "{\"a\":1}");
    }
    node_stop();
    assert_int_equal(stat(path, &st), -1); /* it leaves nothing */
}

static void a_folder_without_a_node_is_told(void **state)
{
    char text[200], why[STATUS_WHY_BYTES];
    assert_int_equal(status_socket_read(text, sizeof text, folder, why), PV_NOT_FOUND);
    assert_non_null(strstr(why, "no node runs with the state folder /tmp/status-socket-"));
    assert_int_equal(status_socket_read(text, sizeof text, "/nowhere/at/all", why), PV_NOT_FOUND);
    int left = status_socket_open(folder);
    close(left); /* as a killed node leaves it */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(status_socket_read(text, sizeof text, folder, why), PV_NOT_FOUND);
    node_start("{}"); /* the next one takes its place */
    assert_int_equal(status_socket_read(text, sizeof text, folder, why), PV_OK);
    node_stop();
}

static void what_is_no_socket_stays(void **state)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(status_socket_open(folder), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(access(path, F_OK), 0);
    fd = -1;
    status_socket_close(&fd, folder);
    assert_int_equal(access(path, F_OK), 0);
}

/* 200 that connect and never read: the node goes on answering, and keeps none of them. */
static void readers_that_never_read_cost_nothing(void **state)
{
    static char large[100000];
    char why[STATUS_WHY_BYTES];
    char *text = malloc(2 * sizeof large);
    int deaf[200];
    memset(large, 'x', sizeof large - 1);
    node_start(large);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    for (size_t i = 0; i < 200; i++) {
        deaf[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(deaf[i], (struct sockaddr *)&a, sizeof a), 0);
    }
    assert_int_equal(status_socket_read(text, 2 * sizeof large, folder, why), PV_OK);
    assert_int_equal(strlen(text), sizeof large - 1);
    assert_int_equal(status_socket_read(text, 50, folder, why), PV_TOO_LARGE);
    for (size_t i = 0; i < 200; i++) close(deaf[i]);
    node_stop();
    free(text);
}

static pv_status nothing(void *self, const struct handler_input *in, const struct handler_watch *watch,
                         struct handler_output *out)
{
    return PV_OK;
}

/* The most that a node can have to say is said whole. */
static void the_largest_status_fits(void **state)
{
    static struct handlers all;
    static struct handler many[WIRE_HANDLERS_MAX];
    static struct status_queue queues[64];
    static struct status_left_out left_out[64];
    static char names[WIRE_HANDLERS_MAX][WIRE_NAME_MAX + 1], reason[512], why[STATUS_WHY_BYTES];
    memset(reason, '"', sizeof reason - 1);
    handlers_init(&all);
    for (size_t i = 0; i < WIRE_HANDLERS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "%064zu", i);
        many[i] = (struct handler){ .name = names[i], .run = nothing, .counters.busy_ms = UINT64_MAX };
        handlers_add(&all, &many[i]);
        queues[i] = (struct status_queue){ names[i], &many[i] };
        left_out[i] = (struct status_left_out){ names[i], names[i], reason };
    }
    struct status_of of = { .state = folder,
                            .software = "s",
                            .handlers = &all,
                            .queues = queues,
                            .queues_n = 64,
                            .left_out = left_out,
                            .left_out_n = 64 };
    char *text = status_text(&of, 1000), *read = malloc(STATUS_BYTES_MAX);
    assert_non_null(text);
    assert_true(strlen(text) < STATUS_BYTES_MAX);
    node_start(text);
    assert_int_equal(status_socket_read(read, STATUS_BYTES_MAX, folder, why), PV_OK);
    assert_string_equal(read, text);
    char *shown = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&shown, &n);
    assert_int_equal(status_show(to, folder, false, why), PV_OK);
    fclose(to);
    assert_non_null(strstr(shown, names[63]));
    free(shown);
    node_stop();
    json_t *o = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(o, "handlers")), WIRE_HANDLERS_MAX);
    assert_int_equal(json_array_size(json_object_get(o, "queues")), 128);
    json_decref(o);
    free(text);
    free(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_read_whole_and_is_the_owners_alone, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_without_a_node_is_told, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_socket_stays, begin, end),
        cmocka_unit_test_setup_teardown(readers_that_never_read_cost_nothing, begin, end),
        cmocka_unit_test_setup_teardown(the_largest_status_fits, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
