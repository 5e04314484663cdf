/* claim_caller ENDPOINT: proves three tasks in this process, as a caller with a local policy does. record.py compiles it
 * against the library that is recorded, the build against today's. */
#include <provost.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 4800 * 64 };

static pv_status prove(void *user, pv_local *job)
{
    static uint8_t large[LARGE];
    const char *how = user;
    pv_local_progress(job, 10, "local");
    usleep(700000); /* so that a heartbeat names the attempt */
    pv_local_progress(job, 60, "local");
    if (!strcmp(how, "fail")) return PV_INVALID_INPUT;
    if (!strcmp(how, "small")) return pv_local_result(job, "proved here", 11);
    for (size_t i = 0; i < LARGE; i++) large[i] = (uint8_t)(i % 64 + 128);
    return pv_local_result(job, large, LARGE);
}

static int one(pv_client *c, char *how, uint8_t number)
{
    pv_task_id id = { { 0x5c, [15] = number } };
    struct pv_submit_options o = { .queue = "idle", .circuit = "any", .id = &id };
    struct pv_result r = { 0 };
    o.local.policy = PV_LOCAL_UNSERVABLE;
    o.local.prove = prove;
    o.local.user = how;
    pv_status s = pv_prove(c, &r, &o, how, strlen(how), 30000);
    printf("%s: %d\n", how, (int)s);
    pv_result_clear(&r);
    return (s == PV_OK) == !strcmp(how, "fail");
}

int main(int argc, char **argv)
{
    pv_client *c = NULL;
    struct pv_client_options o = { .endpoints = argc > 1 ? argv[1] : "", .name = "local", .insecure = true };
    if (pv_client_open(&c, &o) != PV_OK) return 1;
    int bad = one(c, "small", 1) + one(c, "fail", 2) + one(c, "large", 3);
    pv_client_close(&c);
    return bad;
}
