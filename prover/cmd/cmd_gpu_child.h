/** provost-prover gpu-child: the process of one GPU, which a node starts (prover/gpu/gpu_child.h). No command for people. */
#ifndef PV_CMD_GPU_CHILD_H
#define PV_CMD_GPU_CHILD_H

int cmd_gpu_child(int argc, char **argv);

#endif
