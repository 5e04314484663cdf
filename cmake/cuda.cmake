# Sets PV_HAVE_CUDA and PV_NVCC. The CUDA language is not enabled: the kernels are built by explicit nvcc commands in cuda/,
# so that a machine without the toolkit configures the same tree.
find_program(PV_NVCC nvcc PATHS /usr/local/cuda/bin)
if(PV_CUDA STREQUAL "OFF")
  set(PV_HAVE_CUDA OFF)
elseif(PV_NVCC)
  set(PV_HAVE_CUDA ON)
elseif(PV_CUDA STREQUAL "ON")
  message(FATAL_ERROR "PV_CUDA=ON, but nvcc was not found")
else()
  set(PV_HAVE_CUDA OFF)
endif()
message(STATUS "CUDA kernels: ${PV_HAVE_CUDA}")
