/* Any bytes as a key's file: refused, or keys of Z85. The broker takes only a pair, and then the one that the library reads. */
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
    struct client_keys ours = { .have = false };
    char public_key[KEYFILE_TEXT] = "", why[AUTH_WHY_BYTES] = "";
    zcert_t *theirs = NULL;
    bool some = keyfile_public_read(public_key, path) == PV_OK, whole = client_keys_load(&ours, path, server) == PV_OK;
    MUST(some == keyfile_is_key(public_key) && ours.have == whole);
    if (whole) MUST(!strcmp(ours.own.public_key, public_key) && keyfile_is_key(ours.own.secret_key));
    if (auth_own_key(&theirs, path, why) == PV_OK)
        MUST(whole && !strcmp(zcert_public_txt(theirs), public_key) &&
             !strcmp(zcert_secret_txt(theirs), ours.own.secret_key));
    else
        MUST(why[0]);
    auth_own_key_destroy(&theirs);
    client_keys_clear(&ours);
    return 0;
}
