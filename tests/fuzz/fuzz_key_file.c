/* Any bytes as a key file: refused, or read as Z85 keys. The broker takes only a pair, and the same one as link/. */
#include "fuzz_must.h"

#include "auth_keys.h"
#include "fuzz_file.h"
#include "link_keys.h"

#include <czmq.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char server[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    const char *path = fuzz_file(0, data, bytes);
    struct link_keys ours = { .have = false };
    char public_key[KEYFILE_TEXT] = "", why[AUTH_WHY_BYTES] = "";
    zcert_t *theirs = NULL;
    bool some = keyfile_public_read(public_key, path) == PV_OK,
         whole = link_keys_load(&ours, path, server, NULL) == PV_OK;
    MUST(some == keyfile_is_key(public_key) && ours.have == whole);
    if (whole) MUST(!strcmp(ours.own.public_key, public_key) && keyfile_is_key(ours.own.secret_key));
    if (auth_own_key(&theirs, path, why) == PV_OK)
        MUST(whole && !strcmp(zcert_public_txt(theirs), public_key) &&
             !strcmp(zcert_secret_txt(theirs), ours.own.secret_key));
    else
        MUST(why[0]);
    auth_own_key_destroy(&theirs);
    link_keys_clear(&ours);
    return 0;
}
