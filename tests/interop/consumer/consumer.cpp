// The header is C++ too, and the program's own names do not clash with what is inside the library.
#include <provost.h>

#include <cstdio>
#include <cstring>

extern "C" int sha256_of(void)
{
    return 1;
}

int main()
{
    pv_client_options options = {};
    options.endpoints = "tcp://127.0.0.1:1";
    options.insecure = true;
    pv_client *client = nullptr;
    if (pv_client_open(&client, &options) != PV_OK) return 1;
    pv_status s = pv_client_ready(client, 200);
    char why[PV_TEXT_BYTES];
    pv_client_error(client, why, sizeof why);
    pv_client_close(&client);
    std::printf("%s: %s\n", pv_status_word(s), why);
    return s == PV_UNREACHABLE && std::strstr(why, "127.0.0.1:1") && sha256_of() == 1 ? 0 : 1;
}
