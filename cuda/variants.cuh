/* Switches of the kernels that no card has judged yet. Each has one macro, so that the measuring script builds a
 * program with it and one without (nvcc -DPV_ROTATE=0) and lets both run by turns. On by default is what by count
 * cannot be slower and takes no memory; the rest waits for a measurement. tests/emu runs both positions of each. When a
 * card has spoken, the switch and the losing branch go. */
#ifndef PV_CUDA_VARIANTS_CUH
#define PV_CUDA_VARIANTS_CUH

/* Trees of sums end in another warp in each block: otherwise the last five to seven additions of all blocks of an SM
 * run on the same quarter of it. Predicted for lines: 539 -> 315 us (G1 2^20), 129 -> 53 us (2^18). */
#ifndef PV_ROTATE
#define PV_ROTATE 1
#endif

/* Blocks of the accumulation on an SM. G1: 4 use all registers; 5 need 96 registers and spill 56 bytes. G2: 2 use 255
 * registers without a spill and keep the multiplier busy for 66 %; 3 have 168. Predicted for G2 2^20: 7.25 -> 6.0 to
 * 6.4 ms. */
#ifndef PV_ACC_G1
#define PV_ACC_G1 4
#endif
#ifndef PV_ACC_G2
#define PV_ACC_G2 2
#endif
#endif
