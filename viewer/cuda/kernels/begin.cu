// The frame's numbers onto the device, and the counters of its kernels to zero.
#include "frame.cuh"

extern "C" __global__ void begin(Frame given, Frame* frame) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x, step = gridDim.x * blockDim.x;
    const unsigned words = sizeof(Frame) / 4;
    for (unsigned k = i; k < words; k += step) ((unsigned*)frame)[k] = ((const unsigned*)&given)[k];
    uint4* scratch = (uint4*)given.scratch;
    for (unsigned k = i; k < given.scratch_quads; k += step) scratch[k] = make_uint4(0u, 0u, 0u, k == 0 ? given.serial : 0u);   // SERIAL
}
