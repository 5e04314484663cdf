# MSM and NTT: laws in the default run; bench_msm and bench_ntt are programs to call by hand.
pv_test(crypto_ntt LABEL prop SOURCES prop/ntt_prop.c LIBS pv_crypto TIMEOUT 300)
pv_test(crypto_inverse LABEL prop SOURCES prop/inverse_prop.c LIBS pv_crypto)
pv_test(crypto_msm_plan LABEL prop SOURCES prop/msm_plan_prop.c LIBS pv_crypto)
pv_test(crypto_msm LABEL prop SOURCES prop/msm_prop.c LIBS pv_crypto TIMEOUT 300)

foreach(bench bench_ntt bench_msm)
  add_executable(${bench} bench/${bench}.c)
  target_link_libraries(${bench} PRIVATE pv_crypto pv_flags)
endforeach()
