/* bench ntt|msm|msm2|five LOG_MIN LOG_MAX [dense|circom|same]: NTT and MSM through the C face, one JSON line a size; five: the sums of
 * a proof beside one another, as many points and rows.
 * Median of 11 after a warm-up; points and scalars on the device; the time to build tables apart. */
#include "gpu_msm.h"
#include "gpu_msm_switches.h"
#include "gpu_ntt.h"
#include "timing.cuh"
#include <string.h>
#include <time.h>
#include <vector>

#define OK(x)                                                                                                          \
    do {                                                                                                               \
        pv_status s_ = (x);                                                                                            \
        if (s_ != PV_OK) {                                                                                             \
            fprintf(stderr, "%s: status %d %s\n", #x, (int)s_, g ? gpu_why(g) : "");                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
static struct gpu *g;
static double now()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}
static void random_words(uint64_t *w) /* below 2^253 < r */
{
    for (int i = 0; i < 4; i++) w[i] = rnd();
    w[3] >>= 11;
}
template <class F> static double median(F f)
{
    std::vector<double> t;
    f();
    for (int i = 0; i < 11; i++) {
        const double a = now();
        f();
        t.push_back(now() - a);
    }
    std::sort(t.begin(), t.end());
    return t[t.size() / 2];
}
static void ntt(unsigned log_n)
{
    const size_t n = (size_t)1 << log_n;
    std::vector<uint64_t> v(n * 4);
    for (size_t i = 0; i < n; i++) random_words(&v[4 * i]);
    struct gpu_domain *d;
    struct gpu_stream *s;
    gpu_buf b;
    OK(gpu_domain_new(g, &d, log_n));
    OK(gpu_stream_new(g, &s, false));
    OK(gpu_buf_new(g, &b, n * 32));
    OK(gpu_upload_async(s, b, v.data(), n * 32));
    const int many = 20; /* queued together, or the launch's latency is what small sizes show */
    for (unsigned kind : { (unsigned)GPU_NTT_TO_REVERSED, (unsigned)GPU_NTT_TO_NATURAL | (unsigned)GPU_NTT_INVERSE }) {
        const double ms = median([&] {
                              for (int i = 0; i < many; i++) OK(gpu_ntt_async(d, s, b, 1, kind));
                              OK(gpu_stream_wait(s));
                          }) /
                          many;
        printf("{\"bench\":\"ntt\",\"kind\":%u,\"log_n\":%u,\"ms\":%.4f}\n", kind, log_n, ms);
    }
    fflush(stdout);
    gpu_buf_free(g, &b), gpu_domain_destroy(&d), gpu_stream_destroy(&s);
}
static std::vector<uint64_t> scalars_of(size_t n, const char *family)
{
    std::vector<uint64_t> k(n * 4);
    uint64_t same[4];
    random_words(same);
    for (size_t i = 0; i < n; i++) {
        random_words(&k[4 * i]);
        if (!strcmp(family, "same")) memcpy(&k[4 * i], same, 32);
        if (!strcmp(family, "circom") && rnd() % 10 < 7) k[4 * i] &= 1, k[4 * i + 1] = k[4 * i + 2] = k[4 * i + 3] = 0;
    }
    return k;
}
/* What one scalar vector is summed with, and all that its sums need. */
struct part {
    struct msm_plan plan;
    struct gpu_msm *m;
    struct gpu_stream *s;
    gpu_msm_run run;
};
static void part_new(part *p, size_t n, msm_bases bases, const gpu_msm_set *sets, size_t free_bytes, unsigned dense)
{
    const struct msm_limits l = { free_bytes, gpu_about(g)->sm_count, 0, 0, 0, 0, 0, dense };
    *p = {};
    OK(msm_plan_for(&p->plan, n, bases, &l));
    OK(gpu_msm_new(g, &p->m, &p->plan, sets));
    OK(gpu_stream_new(g, &p->s, bases.g2 > 0));
    OK(gpu_buf_new(g, &p->run.scratch, p->plan.scratch_bytes));
    OK(gpu_pinned_new(g, &p->run.sums, gpu_msm_sums_bytes(&p->plan)));
    OK(gpu_recording_new(&p->run.recording));
}
static void part_free(part *p)
{
    gpu_buf_free(g, &p->run.scratch), gpu_pinned_free(g, &p->run.sums), gpu_recording_destroy(&p->run.recording);
    gpu_msm_destroy(&p->m), gpu_stream_destroy(&p->s);
}
/* A, B1, C and B2 over the witness and H over the quotient; with PV_ONE_SET C goes with H (prover/groth16/cuda_layout.c). */
static void five(unsigned log_n, const char *family)
{
    const size_t n = (size_t)1 << log_n;
    const auto w = scalars_of(n, family), h = scalars_of(n, "dense");
    std::vector<uint64_t> bases(n * 16); /* coordinates at random, as below */
    for (size_t i = 0; i < bases.size(); i += 4) random_words(&bases[i]);
    const gpu_msm_set set = { bases.data(), 0, n, NULL }, behind = { bases.data(), n, n, NULL },
                      joined = { bases.data(), 0, n, &behind }, four[4] = { set, set, set, set };
    size_t free_bytes;
    OK(gpu_free_bytes(g, &free_bytes));
    gpu_buf witness, quotient;
    part of_w, of_h;
    OK(gpu_buf_new(g, &witness, n * 32));
    OK(gpu_buf_new(g, &quotient, n * 32));
    part_new(&of_w, n, msm_bases{ PV_ONE_SET ? 2u : 3u, 1 }, four, free_bytes / 2, PV_WITNESS_DENSE);
    part_new(&of_h, PV_ONE_SET ? 2 * n : n, msm_bases{ 1, 0 }, PV_ONE_SET ? &joined : &set, free_bytes / 4, 100);
    if (PV_ONE_SET) of_h.run.more = quotient;
    OK(gpu_upload_async(of_w.s, witness, w.data(), n * 32));
    OK(gpu_upload_async(of_w.s, quotient, h.data(), n * 32));
    OK(gpu_stream_wait(of_w.s));
    bn254_g1 g1[3];
    bn254_g2 g2;
    const double ms = median([&] {
        OK(gpu_msm_async(of_w.m, of_w.s, witness, &of_w.run));
        OK(gpu_msm_async(of_h.m, of_h.s, PV_ONE_SET ? witness : quotient, &of_h.run));
        OK(gpu_stream_wait(of_w.s));
        OK(gpu_stream_wait(of_h.s));
        gpu_msm_finish(&of_w.plan, of_w.run.sums, g1, &g2), gpu_msm_finish(&of_h.plan, of_h.run.sums, g1, NULL);
    });
    printf("{\"bench\":\"msm\",\"kind\":\"five\",\"family\":\"%s\",\"log_n\":%u,\"ms\":%.4f,\"comb\":%u,\"one_set\":%d,"
           "\"window_bits\":%u,"
           "\"table_mib\":%zu}\n",
           family, log_n, ms, of_w.plan.comb, PV_ONE_SET, of_w.plan.window_bits,
           (of_w.plan.table_bytes + of_h.plan.table_bytes) >> 20);
    fflush(stdout);
    part_free(&of_w), part_free(&of_h), gpu_buf_free(g, &witness), gpu_buf_free(g, &quotient);
}
static void msm(unsigned log_n, unsigned group, const char *family)
{
    const size_t n = (size_t)1 << log_n;
    const size_t point = 64 * group;
    const auto k = scalars_of(n, family);
    /* coordinates at random: not on the curve, which the formulas do not notice, and no sum repeats */
    std::vector<uint64_t> bases(n * point / 8);
    for (size_t i = 0; i < bases.size(); i += 4) random_words(&bases[i]);
    struct msm_plan p;
    struct msm_limits l = { 0, gpu_about(g)->sm_count, 0, 0, 0, 0, 0, 0 };
    OK(gpu_free_bytes(g, &l.free_bytes));
    l.free_bytes -= l.free_bytes / 16 + n * 32 + ((size_t)84 << 20);
    OK(msm_plan_for(&p, n, group == 1 ? msm_bases{ 1, 0 } : msm_bases{ 0, 1 }, &l));
    struct gpu_msm *m;
    struct gpu_stream *s;
    gpu_buf scratch, scalars;
    const struct gpu_msm_set set = { bases.data(), 0, n, NULL };
    const double t0 = now();
    OK(gpu_msm_new(g, &m, &p, &set));
    const double build_ms = now() - t0;
    OK(gpu_stream_new(g, &s, false));
    OK(gpu_buf_new(g, &scratch, p.scratch_bytes));
    OK(gpu_buf_new(g, &scalars, n * 32));
    OK(gpu_upload_async(s, scalars, k.data(), n * 32));
    gpu_msm_run run = { scratch, NULL, NULL, { NULL, 0 } };
    OK(gpu_pinned_new(g, &run.sums, gpu_msm_sums_bytes(&p)));
    OK(gpu_recording_new(&run.recording));
    for (unsigned lanes = group == 1 ? 2 : 1; lanes <= 2; lanes++) {
        gpu_msm_set_g2_lanes(m, lanes);
        bn254_g1 r1;
        bn254_g2 r2;
        const double ms = median([&] {
            OK(gpu_msm_async(m, s, scalars, &run));
            OK(gpu_stream_wait(s));
            gpu_msm_finish(&p, run.sums, &r1, &r2);
        });
        printf("{\"bench\":\"msm\",\"group\":%u,\"lanes\":%u,\"family\":\"%s\",\"log_n\":%u,\"ms\":%.4f,\"build_ms\":%."
               "1f,\"window_bits\":%u,\"rows\":%u,\"chunks\":%u}\n",
               group, group == 1 ? 1 : lanes, family, log_n, ms, build_ms, p.window_bits, p.rows, p.chunks);
        fflush(stdout);
    }
    gpu_buf_free(g, &scratch), gpu_buf_free(g, &scalars);
    gpu_pinned_free(g, &run.sums), gpu_recording_destroy(&run.recording);
    gpu_msm_destroy(&m), gpu_stream_destroy(&s);
}
int main(int argc, char **argv)
{
    char why[200];
    if (argc < 4) return 2;
    if (gpu_open(&g, 0, why, sizeof why) != PV_OK) {
        fprintf(stderr, "%s\n", why);
        return 77;
    }
    for (unsigned log_n = atoi(argv[2]); log_n <= (unsigned)atoi(argv[3]); log_n += 2) {
        if (!strcmp(argv[1], "ntt"))
            ntt(log_n);
        else if (!strcmp(argv[1], "five"))
            five(log_n, argc > 4 ? argv[4] : "dense");
        else
            msm(log_n, strcmp(argv[1], "msm2") ? 1 : 2, argc > 4 ? argv[4] : "dense");
    }
    gpu_close(&g);
    return 0;
}
