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

/* Buckets that were cut. Up to PV_FEW_PARTS parts are one list, more parts another, in pieces of PV_PIECE_PARTS, whose
 * sums a second kernel adds up. PV_COMBINE_SPREAD: as many neighbouring points work at a job as keep one warp busy on
 * each quarter of the device; 0: a thread for a job of few parts, 32 points for one of many. Predicted for combine: 243
 * -> 40 us (G1 2^16), 201 -> 38 us (2^14); with a third of the scalars 1: 155 -> 60 us (G1 2^20), 472 -> 120 us (G2). */
#ifndef PV_FEW_PARTS
#define PV_FEW_PARTS 16
#endif
#ifndef PV_PIECE_PARTS
#define PV_PIECE_PARTS 64
#endif
#ifndef PV_COMBINE_SPREAD
#define PV_COMBINE_SPREAD 1
#endif
/* The tasks of a bucket with more parts than this are written by the whole block: one thread needs 30 ns for each, 110
 * us for the bucket of ones of a witness (2^20). */
#ifndef PV_PLACE_ALONE
#define PV_PLACE_ALONE 8
#endif

/* Transforms below 2^18 in tiles of 2^8 or 2^9 instead of 2^11: a pass of 2^13 is then the work of 32 multiprocessors
 * and not of 4, with one warp on a quarter where two took turns. */
#ifndef PV_NTT_SMALL_TILES
#define PV_NTT_SMALL_TILES 1
#endif
/* The quotient below 2^18 transforms c beside a and b, so that two transforms follow one another and not four; for
 * that the products a b and a b - c are two small kernels of their own. Predicted with the tiles for 2^13: 140 -> 40
 * us of passes. */
#ifndef PV_QUOTIENT_OF_THREE
#define PV_QUOTIENT_OF_THREE 1
#endif
/* The largest domain, as a power of two, for which it does so. By count no larger one gains: at 2^18 a pass over c alone has
 * 128 blocks for the device's 396 places, over two 256 and over three 384, 26, 48 and 69 us, so that four transforms take
 * 296 us and two 276 and the two kernels 18; at 2^19 840 against 868 us. */
#ifndef PV_OF_THREE_LOG
#define PV_OF_THREE_LOG 17
#endif

/* Digits are cut off a scalar that is shifted down, eight instructions a digit, instead of being looked for among its
 * eight words. Counted for the whole loop: see tests/bench/RESULTS.md. */
#ifndef PV_SORT_SHIFT
#define PV_SORT_SHIFT 1
#endif

/* Transforms of 2^19 and 2^20 in two passes, the second of 11 levels, with a table of all powers: 32 bytes a point more
 * for each domain, so off. By count 10.4 -> 9.25 products an element and a third fewer bytes: 0.264 -> 0.22 ms. */
#ifndef PV_NTT_TWO_PASSES
#define PV_NTT_TWO_PASSES 0
#endif
#endif
