/* sim LOG_N GROUP [NAME=VALUE ...]: what the stages of a sum should take on an H100, in us, one JSON line. No GPU: predicted from
 * the plan, from counted instructions, and from the rates that one run of an H100 gave (tests/bench/RESULTS.md). Scalars are
 * drawn as bucket sizes only. NAME: gib (memory), c, rows, segment (0: chosen), few (parts that one thread puts together),
 * spread (0: a bucket of many parts is placed by a thread and added up by a block), rotate, acc3 (G2 at three blocks),
 * shift (0: a word select for each digit), comb (rows of a comb; 0: buckets), expect (dense scalars, in percent, that the plan
 * expects; 0: all), dense and ones (in percent: of the scalars; the rest is zero). */
#include "gpu_msm_plan.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <random>
#include <vector>

static const double GHZ = 1.93;
enum { SMS = 132, QUARTERS = 4 * SMS };

/* Clocks of a warp's addition on a quarter of a multiprocessor: when the quarter is full, and alone. full: multiplier slots (4
 * clocks each) by the share of them that RESULTS shows to be used; alone: the sum of the stall counts and some latency. */
struct cost {
    double full, alone;
    int warps, points; /* resident on a quarter; additions of one warp at a time */
};
static const cost BUCKET_1 = { 5500, 6200, 4, 32 }, BUCKET_2 = { 17600, 18200, 2, 32 },
                  BUCKET_2_THREE = { 15000, 18900, 3, 32 };
static const cost FULL_1 = { 7600, 8400, 4, 32 }, FULL_2 = { 12200, 14600, 3, 16 };

static double rate(const cost &c, int warps) /* additions a clock of one of so many warps */
{
    return std::min(1 / c.alone, 1 / c.full / warps);
}
static double us(double clocks)
{
    return clocks / GHZ / 1e3;
}

/* ---- what is asked for ---- */
struct wish {
    unsigned log_n, group;
    int gib = 79, c = 0, rows = 0, segment = 0, few = 16, spread = 1, rotate = 1, acc3 = 0, shift = 1, dense = 100,
        ones = 0, comb = 0, expect = 0;
};
static bool take(wish &w, const char *arg)
{
    const struct {
        const char *name;
        int *to;
    } names[] = { { "gib", &w.gib },      { "c", &w.c },           { "rows", &w.rows },     { "segment", &w.segment },
                  { "few", &w.few },      { "spread", &w.spread }, { "rotate", &w.rotate }, { "acc3", &w.acc3 },
                  { "shift", &w.shift },  { "dense", &w.dense },   { "ones", &w.ones },     { "comb", &w.comb },
                  { "expect", &w.expect } };
    const char *value = strchr(arg, '=');
    for (const auto &n : names)
        if (value && !strncmp(arg, n.name, value - arg) && !n.name[value - arg]) return *n.to = atoi(value + 1), true;
    fprintf(stderr, "sim: %s is none of its settings; the head of tests/gpu/sim.cpp lists them\n", arg);
    return false;
}

/* ---- bucket sizes and their pieces ---- */
static std::mt19937_64 random_bits(1);
static uint32_t poisson(double mean)
{
    if (mean < 30) return std::poisson_distribution<uint32_t>(mean)(random_bits);
    return (uint32_t)std::max(0.0, std::normal_distribution<double>(mean, std::sqrt(mean))(random_bits) + .5);
}
/* All windows but the last are even; the last has few digits, up to 2^252.6 of r / 2. Ones all meet in the first bucket. */
static std::vector<uint32_t> bucket_sizes(const msm_plan &p, const wish &w)
{
    const double n = (double)p.n * w.dense / 100, even = n * (p.windows - 1) / p.keys;
    const double top = std::max(1.0, std::exp2(253 - (int)(p.window_bits * (p.windows - 1)) - 0.4));
    std::vector<uint32_t> size(p.keys);
    for (size_t k = 0; k < p.keys; k++) {
        const bool in_top = k % p.set_buckets < top && k / p.set_buckets == (p.windows - 1) % p.sets;
        size[k] = poisson(even + (in_top ? n / top : 0));
    }
    size[0] += (uint32_t)((double)p.n * w.ones / 100);
    return size;
}
struct pieces {
    std::vector<uint32_t> tasks, few, many; /* points of each task, longest first; parts of each cut bucket */
    double entries = 0, additions = 0;
};
static pieces cut(const msm_plan &p, const wish &w)
{
    pieces r;
    for (const uint32_t size : bucket_sizes(p, w)) {
        if (!size) continue;
        const uint32_t wanted = (size + p.segment - 1) / p.segment, parts = std::min(wanted, p.parts_per_bucket_max);
        for (uint32_t k = 0; k < parts; k++) r.tasks.push_back(size / parts + (k < size % parts));
        if (parts > 1) (parts <= (uint32_t)w.few ? r.few : r.many).push_back(parts);
        r.entries += size, r.additions += size - parts;
    }
    std::sort(r.tasks.rbegin(), r.tasks.rend());
    return r;
}

/* ---- jobs of single warps ---- */

/* Warps of a quarter share it; the one that ends takes the next job. Its clock counts the additions that each of its warps has
 * done so far. */
struct quarter {
    double done = 0, since = 0;
    std::vector<double> ends; /* in the count of done */
    unsigned version = 0;
    void go_on(double now, const cost &c)
    {
        if (!ends.empty()) done += (now - since) * rate(c, (int)ends.size());
        since = now;
    }
};
struct event {
    double at;
    unsigned quarter, version;
    bool operator>(const event &o) const { return at > o.at || (at == o.at && quarter > o.quarter); }
};
/* jobs: additions in a row, in the order in which they are taken */
static double warp_jobs(const std::vector<double> &jobs, const cost &c, double overhead)
{
    std::vector<quarter> q(QUARTERS);
    std::priority_queue<event, std::vector<event>, std::greater<event>> events;
    size_t next = 0;
    double end = 0;
    const auto start = [&](quarter &x) { x.ends.push_back(x.done + jobs[next++] + overhead * rate(c, c.warps)); };
    const auto announce = [&](unsigned i) {
        if (q[i].ends.empty()) return;
        const double first = *std::min_element(q[i].ends.begin(), q[i].ends.end());
        events.push(
            { q[i].since + std::max(0.0, first - q[i].done) / rate(c, (int)q[i].ends.size()), i, ++q[i].version });
    };
    for (int w = 0; w < c.warps; w++)
        for (auto &x : q)
            if (next < jobs.size()) start(x);
    for (unsigned i = 0; i < QUARTERS; i++) announce(i);
    while (!events.empty()) {
        const event e = events.top();
        events.pop();
        quarter &x = q[e.quarter];
        if (e.version != x.version) continue;
        x.go_on(e.at, c), end = std::max(end, e.at);
        const size_t before = x.ends.size();
        x.ends.erase(std::remove_if(x.ends.begin(), x.ends.end(), [&](double f) { return f <= x.done + 1e-7; }),
                     x.ends.end());
        for (size_t k = x.ends.size(); k < before && next < jobs.size(); k++) start(x);
        announce(e.quarter);
    }
    return end;
}

/* ---- blocks that end in a tree ---- */
struct phase {
    int warps;
    double additions;
};
static std::vector<phase> line_block(int points, int count, int warp_points)
{
    const int group = std::min(count, points), groups = points / group;
    std::vector<phase> r = { { 4, (double)count / group - 1 } };
    for (int h = group / 2; h; h /= 2) {
        const int warps = group >= points        ? std::max(1, h / warp_points)
                          : warp_points >= group ? 4
                                                 : std::max(1, h / warp_points) * groups;
        r.push_back({ std::min(warps, 4), 1 });
    }
    return r;
}
struct running {
    const std::vector<phase> *phases;
    size_t at = 0;
    double left[4] = { 0, 0, 0, 0 };
    int first_warp;
    bool enter() /* the next phase with work */
    {
        for (; at < phases->size(); at++) {
            const phase &p = (*phases)[at];
            for (int w = 0; w < 4; w++) left[(w + first_warp) & 3] = w < p.warps ? p.additions : 0;
            if (p.additions > 0) return true;
        }
        return false;
    }
    bool idle() const
    {
        return std::all_of(left, left + 4, [](double x) { return x <= 1e-9; });
    }
};
static double one_step(std::vector<running> &here, const cost &c)
{
    int busy[4] = { 0, 0, 0, 0 };
    double step = 1e300;
    for (const auto &b : here)
        for (int w = 0; w < 4; w++) busy[w] += b.left[w] > 1e-9;
    for (const auto &b : here)
        for (int w = 0; w < 4; w++)
            if (b.left[w] > 1e-9) step = std::min(step, b.left[w] / rate(c, busy[w]));
    for (auto &b : here)
        for (int w = 0; w < 4; w++)
            if (b.left[w] > 1e-9) b.left[w] -= step * rate(c, busy[w]);
    return step;
}
/* blocks go to multiprocessors in turn */
static double tree_blocks(const std::vector<std::vector<phase>> &blocks, const cost &c, bool rotate)
{
    double worst = 0;
    for (size_t sm = 0; sm < SMS; sm++) {
        std::vector<running> here;
        double now = 0;
        for (size_t next = sm; next < blocks.size() || !here.empty();) {
            for (; (int)here.size() < c.warps && next < blocks.size(); next += SMS) {
                running b{ &blocks[next], 0, { 0, 0, 0, 0 }, rotate ? (int)(next / SMS) : 0 };
                if (b.enter()) here.push_back(b);
            }
            if (here.empty()) break;
            now += one_step(here, c);
            here.erase(
                std::remove_if(here.begin(), here.end(), [](running &b) { return b.idle() && (b.at++, !b.enter()); }),
                here.end());
        }
        worst = std::max(worst, now);
    }
    return worst;
}

/* ---- stages ---- */
static double accumulate_us(const pieces &x, const wish &w)
{
    const cost &c = w.group == 1 ? BUCKET_1 : w.acc3 ? BUCKET_2_THREE : BUCKET_2;
    std::vector<double> jobs; /* a warp goes round as often as its longest task */
    for (size_t i = 0; i < x.tasks.size(); i += c.points) jobs.push_back(x.tasks[i] - 1.0);
    return us(warp_jobs(jobs, c, 1500)) + 3;
}
/* additions in a row when so many points put together so many parts */
static double in_a_row(double parts, double points)
{
    return std::ceil(parts / points) - 1 + std::log2(points);
}
/* Warps that put jobs together, `group` points a job; a warp goes as long as the longest of its jobs. */
static double job_warps_us(const std::vector<uint32_t> &parts, int group, const cost &c)
{
    const size_t at_once = std::max(1, c.points / group);
    std::vector<double> jobs;
    for (size_t i = 0; i < parts.size(); i += at_once)
        jobs.push_back(
            in_a_row(*std::max_element(parts.begin() + i, parts.begin() + std::min(parts.size(), i + at_once)), group));
    return us(warp_jobs(jobs, c, 1500));
}
static int spread(size_t jobs, const cost &c, int least) /* msm_job_group */
{
    int group = least;
    while (group < 32 && 2.0 * group * (double)jobs <= QUARTERS * c.points) group *= 2;
    return group;
}
static double combine_us(const msm_plan &p, pieces x, const wish &w)
{
    const cost &c = w.group == 1 ? FULL_1 : FULL_2;
    const int block = p.replay ? c.points : 4 * c.points; /* before: of one warp in small plans */
    std::shuffle(x.few.begin(), x.few.end(), random_bits);
    if (!w.spread) return job_warps_us(x.many, block, c) + job_warps_us(x.few, 1, c) + 3;
    std::vector<uint32_t> many;
    double join = 0;
    for (uint32_t parts : x.many) {
        if (parts > MSM_PIECE_PARTS)
            join = std::max(join, in_a_row(std::ceil(parts / (double)MSM_PIECE_PARTS), 4 * c.points));
        for (; parts > MSM_PIECE_PARTS; parts -= MSM_PIECE_PARTS) many.push_back(MSM_PIECE_PARTS);
        many.push_back(parts);
    }
    return job_warps_us(many, spread(many.size(), c, 8), c) + job_warps_us(x.few, spread(x.few.size(), c, 1), c) +
           us(join * c.alone) + 6;
}
static double lines_us(const msm_plan &p, const wish &w)
{
    const cost &c = w.group == 1 ? FULL_1 : FULL_2;
    const int points = w.group == 1 ? 128 : 64, row_bits = (int)p.row_bits,
              col_bits = (int)(p.window_bits - 1 - p.row_bits);
    std::vector<std::vector<phase>> blocks;
    const auto add = [&](int log_lines, int log_count) {
        const int count = 1 << log_count, at_once = count < points ? points / count : 1;
        for (int i = 0; i < ((1 << log_lines) + at_once - 1) / at_once; i++)
            blocks.push_back(line_block(points, count, c.points));
    };
    for (unsigned s = 0; s < p.sets; s++) add(row_bits, col_bits), add(col_bits, row_bits);
    return us(tree_blocks(blocks, c, w.rotate)) + 3;
}
static double bits_us(const msm_plan &p, const wish &w)
{
    const cost &c = w.group == 1 ? FULL_1 : FULL_2;
    const int points = w.group == 1 ? 128 : 64;
    std::vector<std::vector<phase>> blocks;
    for (unsigned s = 0; s < p.sets; s++)
        for (unsigned q = 0; q < p.window_bits; q++) {
            const bool all = q + 1 == p.window_bits, of_rows = q >= p.window_bits - 1 - p.row_bits;
            const int lines = 1 << (of_rows || all ? p.row_bits : p.window_bits - 1 - p.row_bits);
            blocks.push_back(line_block(points, all ? lines : lines / 2, c.points));
        }
    return us(tree_blocks(blocks, c, w.rotate)) + 3;
}
/* bytes at 2.6 TB/s or instructions of so many a clock and quarter, whichever is longer */
static double stage_us(double bytes, double instructions, double ipc)
{
    return std::max(bytes / 2.6e12, instructions / (QUARTERS * ipc * GHZ * 1e9)) * 1e6;
}
static double sort_us(const msm_plan &p, const pieces &x, const wish &w)
{
    const double n = (double)p.n, e = x.entries,
                 tiles = p.tiles_max * (double)std::min((uint32_t)1 << p.bin_log, p.tile);
    /* instructions of a digit: by count 46 and 65 in a warp whose lanes part, and 133 of the scatter with the select */
    const double count = w.shift ? 45 : 75, scatter = w.shift ? 56 : 115;
    double longest = 0;
    for (const uint32_t parts : x.many) longest = std::max(longest, w.spread ? parts / 256.0 : (double)parts);
    return stage_us(n * 32, n / 32 * (140 + p.windows * count), 0.45) + 3 +
           stage_us(n * 32 + e * 8 * 1.6, n / 32 * (140 + p.windows * scatter), 0.45) + 3 +
           stage_us(e * 8, e / 32 * 12, 0.35) + tiles / 400e9 * 1e6 + 4 +
           stage_us(e * 8 * 1.3 + e * 4 * 1.6, e / 32 * 25, 0.35) + tiles / 250e9 * 1e6 + 5 +
           stage_us(p.keys * 8.0, p.keys / 32 * 60.0, 0.4) + 4 +
           stage_us(p.keys * 4.0 + (double)x.tasks.size() * 24, p.keys / 32 * 250.0, 0.4) + 8 + longest * 0.03 +
           (p.keys * 12.0 + p.bins * (double)p.sort_blocks * 8) / 2.6e12 * 1e6 + 24;
}
/* A comb: each warp a word of the scalars and a strip of groups, then a block of 256 threads for each bit. */
static void print_comb(const msm_plan &p, const wish &w)
{
    const cost &bucket = w.group == 1 ? BUCKET_1
                         : w.acc3     ? BUCKET_2_THREE
                                      : BUCKET_2,
               &c = w.group == 1 ? FULL_1 : FULL_2;
    const double rounds = std::ceil(comb_groups(&p) / (double)p.strips), bits = (double)msm_set_sums(&p),
                 parts = p.strips * p.comb, points = std::min(parts, w.group == 1 ? 256.0 : 128.0);
    const double add = us(warp_jobs(std::vector<double>(p.strips * COMB_WORDS, rounds - 1), bucket, 1500)) + 3,
                 tree = us(in_a_row(parts, points) * c.alone) + 3,
                 host = w.group == 1 ? 30 + bits * 0.55 : 34 + bits * 1.8;
    printf("{\"log_n\":%u,\"group\":%u,\"comb\":%u,\"strips\":%u,\"table_kib_a_point\":%.1f,\"add\":%.0f,\"tree\":%.0f,"
           "\"host\":%.0f,\"total\":%.0f}\n",
           w.log_n, w.group, p.comb, p.strips, p.table_bytes / 1024.0 / p.n, add, tree, host, add + tree + host);
}
int main(int argc, char **argv)
{
    wish w = { argc > 2 ? (unsigned)atoi(argv[1]) : 0, argc > 2 ? (unsigned)atoi(argv[2]) : 0 };
    for (int i = 3; i < argc; i++)
        if (!take(w, argv[i])) return 2;
    if (w.group != 1 && w.group != 2) return fprintf(stderr, "usage: sim LOG_N 1|2 [NAME=VALUE ...]\n"), 2;
    msm_limits limits = {};
    limits.free_bytes = (size_t)w.gib << 30, limits.sm_count = SMS;
    limits.window_bits = (unsigned)w.c, limits.rows = (unsigned)w.rows, limits.comb = (unsigned)w.comb;
    limits.dense = (unsigned)w.expect;
    msm_plan p;
    if (msm_plan_for(&p, (size_t)1 << w.log_n, msm_bases{ w.group == 1, w.group == 2 }, &limits) != PV_OK)
        return puts("no plan"), 1;
    if (p.comb) return print_comb(p, w), 0;
    if (w.segment) p.segment = (uint32_t)w.segment;
    const pieces x = cut(p, w);
    const double sort = sort_us(p, x, w), sum = accumulate_us(x, w), combine = combine_us(p, x, w),
                 lines = lines_us(p, w), bits = bits_us(p, w);
    const double host =
        w.group == 1 ? 30 + p.window_bits * 0.55 : 34 + p.window_bits * 1.8; /* copy, doublings, inversions */
    printf("{\"log_n\":%u,\"group\":%u,\"c\":%u,\"windows\":%u,\"rows\":%u,\"segment\":%u,\"tasks\":%zu,\"few\":%zu,"
           "\"many\":%zu,\"sort\":%.0f,"
           "\"accumulate\":%.0f,\"combine\":%.0f,\"lines\":%.0f,\"bits\":%.0f,\"host\":%.0f,\"total\":%.0f}\n",
           w.log_n, w.group, p.window_bits, p.windows, p.rows, p.segment, x.tasks.size(), x.few.size(), x.many.size(),
           sort, sum, combine, lines, bits, host, sort + sum + combine + lines + bits + host);
    return 0;
}
