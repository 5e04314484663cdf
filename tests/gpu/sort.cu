/* sort LOG_MIN LOG_MAX: the MSM's own counting sort beside CUB's radix sort of the same digits. Digits are cut on the host, by
 * other code than the kernels'; every bucket must hold the same points. One JSON line a size with both times. */
#include "msm.cuh"
#include "timing.cuh"
#include <cub/cub.cuh>
#include <vector>

struct scalar {
    uint32_t v[8];
};
/* min(k, r - k) by school subtraction; *above: r - k was taken */
static scalar folded(const scalar &k, bool *above)
{
    scalar m;
    int64_t borrow = 0;
    for (int i = 0; i < 8; i++) {
        borrow += (int64_t)fr_modulus::p(i) - k.v[i];
        m.v[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    *above = false;
    for (int i = 7; i >= 0; i--)
        if (m.v[i] != k.v[i]) {
            *above = m.v[i] < k.v[i];
            break;
        }
    return *above ? m : k;
}
struct pairs {
    std::vector<uint32_t> key, point;
};
static void cut(pairs &out, const scalar &given, uint32_t i, uint32_t n, const msm_plan &p)
{
    bool above;
    const scalar k = folded(given, &above);
    int64_t carry = 0;
    for (unsigned w = 0; w < p.windows; w++) {
        int64_t d = carry;
        for (unsigned b = 0; b < p.window_bits; b++) {
            const unsigned at = w * p.window_bits + b;
            if (at < 256) d += (int64_t)(k.v[at / 32] >> at % 32 & 1) << b;
        }
        carry = d > (int64_t)p.set_buckets && w + 1 < p.windows;
        if (carry) d -= 2 * (int64_t)p.set_buckets;
        if (d == 0) continue;
        out.key.push_back(w % p.sets * p.set_buckets + (uint32_t)(d < 0 ? -d : d) - 1);
        out.point.push_back((w / p.sets * n + i) | ((d < 0) != above ? MSM_SIGN : 0));
    }
}
template <class T> struct dev {
    T *p;
    explicit dev(size_t n) { CU(cudaMalloc(&p, n * sizeof(T) + 256)); }
    ~dev() { cudaFree(p); }
    void up(const T *from, size_t n) { CU(cudaMemcpy(p, from, n * sizeof(T), cudaMemcpyHostToDevice)); }
    std::vector<T> down(size_t n) const
    {
        std::vector<T> v(n);
        CU(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
        return v;
    }
};
static float cub_sort(const pairs &in, std::vector<uint32_t> &key, std::vector<uint32_t> &point, unsigned bits)
{
    const size_t n = in.key.size();
    dev<uint32_t> k0(n), k1(n), v0(n), v1(n);
    k0.up(in.key.data(), n);
    v0.up(in.point.data(), n);
    size_t bytes = 0;
    CU(cub::DeviceRadixSort::SortPairs(nullptr, bytes, k0.p, k1.p, v0.p, v1.p, n, 0, bits));
    dev<uint8_t> spare(bytes);
    const float ms =
        best_ms([&] { return cub::DeviceRadixSort::SortPairs(spare.p, bytes, k0.p, k1.p, v0.p, v1.p, n, 0, bits); });
    key = k1.down(n);
    point = v1.down(n);
    return ms;
}
/* the points of each bucket, whatever their order in it */
static bool same_buckets(const std::vector<uint32_t> &start, std::vector<uint32_t> ours,
                         const std::vector<uint32_t> &key, std::vector<uint32_t> theirs, uint32_t keys)
{
    if (start[keys] != key.size()) return false;
    size_t at = 0;
    for (uint32_t k = 0; k < keys; k++) {
        const size_t first = at;
        while (at < key.size() && key[at] == k) at++;
        if (start[k] != first || start[k + 1] != at) return false;
        std::sort(ours.begin() + first, ours.begin() + at);
        std::sort(theirs.begin() + first, theirs.begin() + at);
        if (!std::equal(ours.begin() + first, ours.begin() + at, theirs.begin() + first)) return false;
    }
    return true;
}
static bool check(unsigned log_n, bool circom)
{
    const size_t n = (size_t)1 << log_n;
    msm_plan p;
    int sms = 0;
    CU(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
    const msm_limits l = { (size_t)8 << 30, (unsigned)sms, log_n < 14 ? 8u : 16u, 4, 0, 0, 0 };
    if (msm_plan_for(&p, n, msm_bases{ 1, 0 }, &l) != PV_OK) return false;
    std::vector<scalar> k(n);
    pairs in;
    for (size_t i = 0; i < n; i++) {
        for (auto &w : k[i].v) w = (uint32_t)rnd();
        k[i].v[7] >>= 3; /* below 2^253 < r */
        if (circom && rnd() % 10 < 7) k[i] = scalar{ { (uint32_t)(rnd() % 2) } };
        cut(in, k[i], (uint32_t)i, (uint32_t)n, p);
    }
    dev<uint8_t> memory(p.scratch_bytes);
    dev<scalar> scalars(n);
    scalars.up(k.data(), n);
    msm_arena arena = { memory.p, 0 };
    msm_scratch x;
    msm_scratch_layout(&x, &p, &arena);
    const msm_input input = { (const fr *)scalars.p, NULL, UINT32_MAX, NULL, 0 };
    const float ms = best_ms([&] { return msm_sort(p, x, input, (uint32_t)n, (uint32_t)n, 0); });
    std::vector<uint32_t> start(p.keys + 1), ours(in.key.size()), key, point;
    CU(cudaMemcpy(start.data(), x.bucket_start, start.size() * 4, cudaMemcpyDeviceToHost));
    CU(cudaMemcpy(ours.data(), x.sorted, ours.size() * 4, cudaMemcpyDeviceToHost));
    unsigned bits = 1;
    while (p.keys >> bits) bits++;
    const float cub_ms = cub_sort(in, key, point, bits);
    const bool same = same_buckets(start, ours, key, point, p.keys);
    printf(
        "{\"bench\":\"sort\",\"log_n\":%u,\"family\":\"%s\",\"entries\":%zu,\"ms\":%.4f,\"cub_ms\":%.4f,\"same\":%s}\n",
        log_n, circom ? "circom" : "dense", in.key.size(), ms, cub_ms, same ? "true" : "false");
    fflush(stdout);
    return same;
}
int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    bool ok = true;
    for (unsigned log_n = atoi(argv[1]); log_n <= (unsigned)atoi(argv[2]); log_n += 2)
        ok = check(log_n, false) & check(log_n, true) & ok;
    return !ok;
}
