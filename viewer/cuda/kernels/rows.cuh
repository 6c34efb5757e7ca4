// A stored row, read as viewer/render/packing.py wrote it, exact or packed; STILL rows are splats
// at one instant, whose life is an opacity alone.
#pragma once
#include "half.cuh"

#define SHAPE_AT (3u + 3u * MOTION)
#define COLOR_NUMBERS (COLORS * (1u + RATE + WAVES))
#if PACKED_ROWS
#define SHAPE_WORDS (COVARS ? 6u : OMEGA ? 6u : 4u)
#define COLOR_ROW ((COLOR_NUMBERS + 1u) / 2u)
#else
#define SHAPE_WORDS (RADII ? 1u : COVARS ? 6u : OMEGA ? 11u : 7u)
#define COLOR_ROW COLOR_NUMBERS
#endif
#define GEOMETRY (SHAPE_AT + SHAPE_WORDS + (ORIGINS ? 3u : 0u))

struct Life { float center, width, opacity; };

struct Row {
    const unsigned* geometry;
    const unsigned* colors;
    float dt;
    float waves[WAVES + 1];       // cos(2 pi h dt / period)
};

__device__ float word(const unsigned* at) { return __uint_as_float(__ldg(at)); }

__device__ Life life_of(const Frame& f, unsigned row) {
#if STILL
    return {0.0f, 1.0f, word(f.lives + row)};
#elif PACKED_ROWS
    const float2 b = unpack_halves(__ldg(f.lives + row * 2u + 1u));
    return {word(f.lives + row * 2u), b.x * f.width_unit, b.y};
#else
    const unsigned* at = f.lives + row * 3u;
    return {word(at), word(at + 1), word(at + 2)};
#endif
}

__device__ float3 three(const unsigned* at) { return make_float3(word(at), word(at + 1), word(at + 2)); }

// Shape: a quaternion w x y z and scales, if it is that.
__device__ void quat_and_scales(const Frame& f, const Row& row, float* quat, float* scales) {
    const unsigned* at = row.geometry + SHAPE_AT;
#if PACKED_ROWS
    for (int k = 0; k < 2; k++) {
        const unsigned bits = __ldg(at + k);
        quat[2 * k] = fmaxf((short)(bits & 0xFFFFu) / 32767.0f, -1.0f);
        quat[2 * k + 1] = fmaxf((short)(bits >> 16) / 32767.0f, -1.0f);
    }
    const float2 xy = unpack_halves(__ldg(at + 2)), zw = unpack_halves(__ldg(at + 3));
    scales[0] = xy.x * f.scale_unit;
    scales[1] = xy.y * f.scale_unit;
    scales[2] = zw.x * f.scale_unit;
#else
    for (int k = 0; k < 4; k++) quat[k] = word(at + k);
    for (int k = 0; k < 3; k++) scales[k] = word(at + 4 + k);
#endif
#if OMEGA
#if PACKED_ROWS
    const float2 a = unpack_halves(__ldg(at + 4)), b = unpack_halves(__ldg(at + 5));
    const float omega[4] = {a.x, a.y, b.x, b.y};
#else
    const float omega[4] = {word(at + 7), word(at + 8), word(at + 9), word(at + 10)};
#endif
    for (int k = 0; k < 4; k++) quat[k] += omega[k] * row.dt;
#endif
    float length = 0.0f;
    for (int k = 0; k < 4; k++) length += quat[k] * quat[k];
    length = 1.0f / fmaxf(sqrtf(length), 1e-12f);
    for (int k = 0; k < 4; k++) quat[k] *= length;
}

__device__ float color_number(const Row& row, unsigned i) {
#if PACKED_ROWS
    return float_from_half((unsigned short)(__ldg(row.colors + i / 2u) >> (16u * (i & 1u))));
#else
    return word(row.colors + i);
#endif
}

// The i-th number of the colour at this time.
__device__ float coefficient(const Row& row, unsigned i) {
    float value = color_number(row, i);
#if RATE
    value += color_number(row, i + COLORS) * row.dt;
#endif
#if WAVES
    for (unsigned h = 0; h < WAVES; h++) {
        value += color_number(row, i + COLORS * (1u + RATE + h)) * row.waves[h];
    }
#endif
    return value;
}
