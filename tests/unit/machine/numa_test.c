/* Which slot settles on which node, and where memory comes from, on faked nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "runner.h"
#include "temp_dir.h"

#include <omp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { POLICY_INTERLEAVE = 3, POLICY_LOCAL = 4, OF_ADDRESS = 2 };

static char root[64];
static int first_cpu, second_cpu; /* two processors of this process */

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%.63s/%.32s", root, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void make_node(unsigned id, const char *cpulist)
{
    char folder[96], name[32];
    snprintf(folder, sizeof folder, "%.63s/node%u", root, id);
    (void)mkdir(folder, 0700);
    snprintf(name, sizeof name, "node%u/cpulist", id);
    write_file(name, cpulist);
}

/* Two nodes of one processor each. */
static void two_nodes(struct numa *n)
{
    char list[16];
    snprintf(list, sizeof list, "%d\n", first_cpu);
    make_node(0, list);
    snprintf(list, sizeof list, "%d\n", second_cpu);
    make_node(1, list);
    write_file("online", "0-1\n");
    numa_read(n, root);
}

static void nodes_without_processors_of_ours_are_no_place(void **state)
{
    (void)state;
    static struct numa n;
    two_nodes(&n);
    assert_int_equal(n.nodes, 2);
    assert_int_equal(CPU_COUNT(&n.cpus[0]), 1);
    assert_true(CPU_ISSET(first_cpu, &n.cpus[0]));
    assert_true(CPU_ISSET(second_cpu, &n.cpus[1]));
    make_node(2, "\n");          /* memory alone */
    make_node(3, "1000-1010\n"); /* processors that are not ours */
    make_node(5, "0-1023\n");
    write_file("online", "1-3,5\n"); /* node 0 is off */
    numa_read(&n, root);
    assert_int_equal(n.nodes, 2);
    assert_int_equal(n.id[0], 1);
    assert_int_equal(n.id[1], 5);
    assert_true(CPU_COUNT(&n.cpus[1]) >= 2);
}

static void what_cannot_be_read_is_one_node(void **state)
{
    (void)state;
    static struct numa n;
    static const char *const odd[] = { "", "\n", "x\n", "-1\n", "3-1\n", "99999999999\n", "0-,\n", "7-9\n" };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        write_file("online", odd[i]);
        make_node(0, "4-2,zz\n");
        numa_read(&n, root);
        assert_int_equal(n.nodes, 1);
        assert_true(CPU_COUNT(&n.cpus[0]) >= 1);
    }
    numa_read(&n, "/nowhere");
    assert_int_equal(n.nodes, 1);
    assert_false(numa_share(&n));
    assert_false(numa_fits(&n, 1));
}

static void a_slot_settles_where_its_threads_fit(void **state)
{
    (void)state;
    static struct numa n;
    two_nodes(&n);
    assert_true(numa_fits(&n, 1));
    assert_false(numa_fits(&n, 2)); /* a node has one */
    assert_false(numa_fits(&n, 0)); /* every core: the proof spans the nodes */
}

/* A thread settles; returns with whether its team ran on one processor alone, and its memory's policy. */
struct visit {
    const struct numa *n;
    unsigned slot;
    int cpu, team_cpu[4], policy;
};

static void *visit_main(void *arg)
{
    struct visit *v = arg;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    v->policy = -1;
    if (!numa_settle(v->n, v->slot)) return NULL;
    v->cpu = sched_getcpu();
#pragma omp parallel num_threads(4)
    v->team_cpu[omp_get_thread_num()] = sched_getcpu();
    numa_keep(v->n, page, 4096);
    *(volatile char *)page = 1;
    if (syscall(SYS_get_mempolicy, &v->policy, NULL, 0, page, OF_ADDRESS) != 0) v->policy = -1;
    munmap(page, 4096);
    return NULL;
}

static void a_settled_slot_keeps_its_threads_and_its_memory(void **state)
{
    (void)state;
    static struct numa n;
    two_nodes(&n);
    for (unsigned slot = 0; slot < 4; slot++) {
        struct visit v = { .n = &n, .slot = slot };
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, visit_main, &v), 0);
        pthread_join(thread, NULL);
        int there = slot % 2 ? second_cpu : first_cpu;
        assert_int_equal(v.cpu, there);
        for (int i = 0; i < 4; i++) assert_int_equal(v.team_cpu[i], there);
        if (v.policy >= 0) assert_int_equal(v.policy, POLICY_LOCAL);
    }
}

/* A handler that says where it ran. */
static pv_status where_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                           struct handler_output *out)
{
    cpu_set_t mine;
    bool one = sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) == 1;
    out->bytes = calloc(1, 8);
    out->size = (size_t)snprintf((char *)out->bytes, 8, "%d", one ? sched_getcpu() : -1);
    return PV_OK;
}

static int runner_ran_on(const struct numa *n, unsigned slot)
{
    struct handler handler = { .name = "where", .run = where_run };
    struct job *job = calloc(1, sizeof *job);
    struct runner *r = runner_new(n, slot, 0);
    struct runner_report report = { 0 };
    assert_non_null(r);
    job->handler = &handler;
    runner_start(r, &job);
    while (report.news != RUNNER_DONE) runner_read(r, &report);
    int cpu = atoi((const char *)report.job->out.bytes);
    job_destroy(&report.job);
    runner_destroy(&r);
    return cpu;
}

static void a_runner_settles_before_its_first_task(void **state)
{
    (void)state;
    static struct numa n;
    two_nodes(&n);
    assert_int_equal(runner_ran_on(&n, 0), first_cpu);
    assert_int_equal(runner_ran_on(&n, 1), second_cpu);
    assert_int_equal(runner_ran_on(NULL, 1), -1);
}

static void *share_main(void *arg)
{
    static struct numa n;
    int *policy = arg;
    two_nodes(&n);
    bool shared = numa_share(&n), again = numa_share(&n);
    *policy = -1;
    if (shared && syscall(SYS_get_mempolicy, policy, NULL, 0, NULL, 0) != 0) *policy = -2;
    if (again) *policy = -3; /* the first policy is not kept */
    return NULL;
}

static void memory_is_shared_out_once(void **state)
{
    (void)state;
    pthread_t thread;
    int policy;
    assert_int_equal(pthread_create(&thread, NULL, share_main, &policy), 0);
    pthread_join(thread, NULL);
    if (policy == -1) skip(); /* a kernel without policies */
    assert_int_equal(policy, POLICY_INTERLEAVE);
}

static int setup(void **state)
{
    cpu_set_t mine;
    (void)state;
    temp_dir_make(root);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) return -1;
    while (!CPU_ISSET(first_cpu, &mine)) first_cpu++;
    second_cpu = first_cpu + 1;
    while (second_cpu < CPU_SETSIZE && !CPU_ISSET(second_cpu, &mine)) second_cpu++;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_dir_remove(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_without_processors_of_ours_are_no_place),
        cmocka_unit_test(what_cannot_be_read_is_one_node),
        cmocka_unit_test(a_slot_settles_where_its_threads_fit),
        cmocka_unit_test(a_settled_slot_keeps_its_threads_and_its_memory),
        cmocka_unit_test(a_runner_settles_before_its_first_task),
        cmocka_unit_test(memory_is_shared_out_once),
    };
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0 || CPU_COUNT(&mine) < 2)
        return 77; /* one processor makes no two nodes */
    return cmocka_run_group_tests(tests, setup, teardown);
}
