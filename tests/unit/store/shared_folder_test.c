/* Which folder is the one that the brokers of a database share: by its mark, and by what the database names there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared_folder.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const struct folder_mark ours = { { "database-of-ours" }, 7 }, before = { { "database-of-ours" }, 6 },
                                theirs = { { "another-database" }, 7 }, fresh = { { "database-of-ours" }, 0 };

enum files { NO_FOLDER, NO_FILES, FILES };

static const struct {
    const char *what;
    const struct folder_mark *mark; /* NULL: none */
    enum files files;
    const struct folder_mark *wanted;
    bool named;
    const char *refused; /* NULL: not */
    bool take;
} cases[] = {
    { "the one, in use", &ours, FILES, &ours, true, NULL, false },
    { "the one, without payloads", &ours, NO_FILES, &ours, false, NULL, false },
    { "a new database and a new folder", NULL, NO_FOLDER, &fresh, false, NULL, true },
    { "a new database and an empty folder", NULL, NO_FILES, &fresh, false, NULL, true },
    { "an empty folder while no payload is named", NULL, NO_FILES, &ours, false, NULL, true },
    { "the one before, while no payload is named", &before, FILES, &ours, false, NULL, true },
    { "a mount point", NULL, NO_FILES, &ours, true, "lacks their mark", false },
    { "no folder at all", NULL, NO_FOLDER, &ours, true, "lacks their mark", false },
    { "a copy without its mark", NULL, FILES, &ours, true, "lacks their mark", false },
    { "the one before", &before, FILES, &ours, true, "another one was taken since", false },
    { "a mark of no epoch", &fresh, NO_FILES, &fresh, true, "another one was taken since", false },
    { "another database's", &theirs, FILES, &ours, false, "of another database", false },
    { "another database's, empty", &theirs, NO_FILES, &fresh, false, "of another database", false },
    { "another database's, while payloads are named", &theirs, FILES, &ours, true, "of another database", false },
    { "nobody knows whose", NULL, FILES, &ours, false, "no mark says whose", false },
};

static void folder_make(int root, const struct folder_mark *mark, enum files files)
{
    if (files == NO_FOLDER) return;
    assert_int_equal(mkdirat(root, "blobs", 0700), 0);
    int folder = openat(root, "blobs", O_RDONLY | O_DIRECTORY);
    if (mark) assert_int_equal(folder_mark_write(folder, mark), PV_OK);
    if (files == FILES) close(openat(folder, "payload", O_WRONLY | O_CREAT, 0600));
    close(folder);
}

static void each_folder_is_judged(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char dir[64], why[SHARED_WHY_BYTES] = "";
        bool take = !cases[i].take;
        temp_dir_make(dir);
        int root = open(dir, O_RDONLY | O_DIRECTORY);
        folder_make(root, cases[i].mark, cases[i].files);
        pv_status st = shared_folder_judge(root, cases[i].wanted, cases[i].named, &take, why);
        bool right = cases[i].refused ? st == PV_BAD_CONFIG && strstr(why, cases[i].refused) : st == PV_OK;
        if (!right || take != cases[i].take)
            fail_msg("%s: %s, take %d: %s", cases[i].what, pv_status_word(st), take, why);
        close(root);
        temp_dir_remove(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_folder_is_judged) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
