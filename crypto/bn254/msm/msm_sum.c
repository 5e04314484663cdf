#include "msm_sum.h"

#define MSM_SUM_BODY(g)                                                                                                \
    static void add_point_##g(bn254_##g *r, const struct msm_kernel *kernel, const unsigned char *point)               \
    {                                                                                                                  \
        bn254_##g##_affine a;                                                                                          \
        kernel->store(&a, point);                                                                                      \
        bn254_##g##_add_affine(r, r, &a);                                                                              \
    }                                                                                                                  \
                                                                                                                       \
    void msm_weigh_##g(bn254_##g *r, const struct msm_kernel *kernel, const unsigned char *total,                      \
                       const unsigned char *partial, size_t n, unsigned log_length)                                    \
    {                                                                                                                  \
        bn254_##g run, sum;                                                                                            \
        bn254_##g##_set_infinity(&run);                                                                                \
        bn254_##g##_set_infinity(&sum);                                                                                \
        for (size_t j = n - 1; j > 0; j--) {                                                                           \
            add_point_##g(&run, kernel, total + j * kernel->point_bytes);                                              \
            bn254_##g##_add(&sum, &sum, &run);                                                                         \
        }                                                                                                              \
        for (unsigned i = 0; i < log_length; i++) bn254_##g##_dbl(&sum, &sum);                                         \
        for (size_t j = 0; j < n; j++) add_point_##g(&sum, kernel, partial + j * kernel->point_bytes);                 \
        *r = sum;                                                                                                      \
    }                                                                                                                  \
                                                                                                                       \
    void msm_horner_##g(bn254_##g *r, const bn254_##g *window, unsigned windows, unsigned c, const bn254_##g *ones)    \
    {                                                                                                                  \
        bn254_##g sum;                                                                                                 \
        bn254_##g##_affine a;                                                                                          \
        bn254_##g##_set_infinity(&sum);                                                                                \
        for (unsigned w = windows; w-- > 0;) {                                                                         \
            for (unsigned i = 0; i < c; i++) bn254_##g##_dbl(&sum, &sum);                                              \
            bn254_##g##_add(&sum, &sum, &window[w]);                                                                   \
        }                                                                                                              \
        bn254_##g##_add(&sum, &sum, ones);                                                                             \
        bn254_##g##_to_affine(&a, &sum);                                                                               \
        bn254_##g##_from_affine(r, &a);                                                                                \
    }

MSM_SUM_BODY(g1)
MSM_SUM_BODY(g2)
