/* bench ntt|msm|msm2 LOG_MIN LOG_MAX [dense|circom|same]: NTT and MSM through the C face, one JSON line a size.
 * Median of 11 after a warm-up; points and scalars on the device; the time to build tables apart. */
#include "gpu_msm.h"
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
static void msm(unsigned log_n, unsigned group, const char *family)
{
    const size_t n = (size_t)1 << log_n;
    const size_t point = 64 * group;
    std::vector<uint64_t> k(n * 4);
    uint64_t same[4];
    random_words(same);
    for (size_t i = 0; i < n; i++) {
        random_words(&k[4 * i]);
        if (!strcmp(family, "same")) memcpy(&k[4 * i], same, 32);
        if (!strcmp(family, "circom") && rnd() % 10 < 7) k[4 * i] &= 1, k[4 * i + 1] = k[4 * i + 2] = k[4 * i + 3] = 0;
    }
    /* coordinates at random: not on the curve, which the formulas do not notice, and no sum repeats */
    std::vector<uint64_t> bases(n * point / 8);
    for (size_t i = 0; i < bases.size(); i += 4) random_words(&bases[i]);
    struct msm_plan p;
    struct msm_limits l = { 0, gpu_about(g)->sm_count, 0, 0, 0, 0, 0 };
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
        else
            msm(log_n, strcmp(argv[1], "msm2") ? 1 : 2, argc > 4 ? argv[4] : "dense");
    }
    gpu_close(&g);
    return 0;
}
