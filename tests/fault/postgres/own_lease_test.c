/* A broker that is killed and started again on its own folder, and whoever else wants its lease meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../store/store_scene.h"
#include "store_open.h"

#include <sys/wait.h>

static char why[STORE_WHY_BYTES];

/* Of a process that has the folder and dies with the lease. */
static void dies_with_the_lease(const char *dir)
{
    pid_t child = fork();
    if (!child) {
        struct store *s = NULL;
        uint32_t epoch;
        if (store_open(&s, place_of(dir), -1, NULL, why) != PV_OK || store_boot(s, 0, &epoch) != PV_OK) _exit(1);
        _exit(0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void folder_copy(const char *from, const char *to)
{
    char command[200];
    snprintf(command, sizeof command, "cp %s/server-mark %s/server-mark", from, to);
    assert_int_equal(system(command), 0);
}

/* Started again it need not wait until that has run out; another broker, and a copy of the folder, must. */
static void a_broker_that_died_takes_its_lease_at_once(void **state)
{
    struct store *s = NULL, *second = NULL;
    uint32_t epoch = 0;
    char copy[64];
    temp_dir_make(copy);
    dies_with_the_lease(*state);
    assert_int_equal(store_open(&s, place_of(copy), -1, NULL, why), PV_BUSY);
    folder_copy(*state, copy);
    assert_int_equal(store_open(&s, place_of(copy), -1, NULL, why), PV_BUSY);
    assert_null(s);
    if (store_open(&s, place_of(*state), -1, NULL, why) != PV_OK) fail_msg("%s", why);
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_int_equal(epoch, 2);
    assert_int_equal(store_open(&second, place_of(*state), -1, NULL, why), PV_BUSY);
    assert_non_null(strstr(why, "another broker has the folder"));
    assert_true(store_ours(s));
    struct task_record t = task_of(1);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    temp_dir_remove(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = { IN_A_FOLDER(a_broker_that_died_takes_its_lease_at_once) };
    if (!pg_server_here()) return 77;
    setenv("PV_TEST_STORE", "postgresql", 1);
    return cmocka_run_group_tests(tests, scene_up, scene_down);
}
