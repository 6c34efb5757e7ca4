// Half precision as bits: NVRTC's wheel has no cuda_fp16.h.
#pragma once

#ifdef __CUDACC_RTC__
__device__ unsigned short half_from_float(float value) {
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

__device__ float float_from_half(unsigned short bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}
#else
inline unsigned short half_from_float(float value) {
    const _Float16 half = (_Float16)value;
    unsigned short bits;
    memcpy(&bits, &half, 2);
    return bits;
}

inline float float_from_half(unsigned short bits) {
    _Float16 half;
    memcpy(&half, &bits, 2);
    return (float)half;
}
#endif

// The first in the low bits.
__device__ unsigned pack_halves(float a, float b) {
    return half_from_float(a) | (unsigned)half_from_float(b) << 16;
}

__device__ float2 unpack_halves(unsigned word) {
    return make_float2(float_from_half(word & 0xFFFFu), float_from_half(word >> 16));
}
