# MSM and NTT of pv_crypto: one source per path, each with its own flags, so that none of them reaches other code.
find_package(OpenMP REQUIRED COMPONENTS C)
target_sources(pv_crypto PRIVATE
  bn254/msm.c bn254/msm_plan.c bn254/msm_digits.c bn254/msm_buckets.c bn254/msm_sum.c bn254/msm_portable.c
  bn254/ntt.c bn254/ntt_portable.c)
target_link_libraries(pv_crypto PRIVATE OpenMP::OpenMP_C)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_sources(pv_crypto PRIVATE bn254/msm_adx.c bn254/ntt_adx.c)
endif()
