/* Which files with a secret are private: the owner's alone, and what systemd hands over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "keyfile.h"
#include "temp_dir.h"

static struct stat state_of(mode_t mode, uid_t owner)
{
    return (struct stat){ .st_mode = S_IFREG | mode, .st_uid = owner };
}

static bool private(const char *path, mode_t mode, uid_t owner)
{
    struct stat s = state_of(mode, owner);
    return keyfile_is_private(path, &s);
}

static void without_credentials_only_the_owner_may_read(void **state)
{
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_true(private("/etc/provost/broker.key", 0600, 1000));
    assert_true(private("/etc/provost/broker.key", 0400, 0));
    for (mode_t bit = 1; bit <= 040; bit <<= 1) assert_false(private("/etc/provost/broker.key", 0600 | bit, 0));
    setenv("CREDENTIALS_DIRECTORY", "", 1);
    assert_false(private("/broker.key", 0440, 0));
}

static void a_credential_of_systemd_is_private(void **state)
{
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/provost-broker.service", 1);
    assert_true(private("/run/credentials/provost-broker.service/broker.key", 0400, 997));
    assert_true(private("/run/credentials/provost-broker.service/broker.key", 0440, 0));
    /* somebody else's, writable, for everybody, elsewhere, below it, beside it */
    assert_false(private("/run/credentials/provost-broker.service/broker.key", 0440, 997));
    assert_false(private("/run/credentials/provost-broker.service/broker.key", 0460, 0));
    assert_false(private("/run/credentials/provost-broker.service/broker.key", 0444, 0));
    assert_false(private("/etc/provost/broker.key", 0440, 0));
    assert_false(private("/run/credentials/provost-broker.service/../broker.key", 0440, 0));
    assert_false(private("/run/credentials/provost-broker.services", 0440, 0));
}

/* The reader of key files holds to it. As another user than root there is no such file: only that it is refused. */
static void a_pair_is_read_from_a_credential(void **state)
{
    static const char text[] = "curve\n    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n"
                               "    secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n";
    struct keyfile_pair pair;
    char dir[64], path[96];
    temp_dir_make(dir);
    snprintf(path, sizeof path, "%s/node.key", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(fchmod(fd, 0440), 0);
    close(fd);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(keyfile_pair_read(&pair, path), PV_BAD_KEY_FILE);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_int_equal(keyfile_pair_read(&pair, path), geteuid() ? PV_BAD_KEY_FILE : PV_OK);
    keyfile_pair_clear(&pair);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_credentials_only_the_owner_may_read),
        cmocka_unit_test(a_credential_of_systemd_is_private),
        cmocka_unit_test(a_pair_is_read_from_a_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
