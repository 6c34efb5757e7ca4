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

// Rows of colours up to this long are read whole, longer ones number by number.
#define WHOLE_COLORS (COLOR_ROW <= 24u)
#define EARLY_COLORS (COLOR_ROW <= 4u)   // before it is known whether the row is seen

struct Row {
    unsigned geometry[GEOMETRY];
#if WHOLE_COLORS
    unsigned colors[COLOR_ROW];
#else
    const unsigned* colors;
#endif
    float dt;
    float waves[WAVES + 1];       // cos(2 pi h dt / period)
};

// N words from an address that is a multiple of N words: as few loads as that allows.
template <unsigned N>
__device__ void read_words(unsigned* to, const unsigned* from) {
    if (N % 4 == 0) {
        for (unsigned k = 0; k < N / 4; k++) {
            const uint4 four = __ldg((const uint4*)from + k);
            to[4 * k] = four.x;
            to[4 * k + 1] = four.y;
            to[4 * k + 2] = four.z;
            to[4 * k + 3] = four.w;
        }
    } else if (N % 2 == 0) {
        for (unsigned k = 0; k < N / 2; k++) {
            const uint2 two = __ldg((const uint2*)from + k);
            to[2 * k] = two.x;
            to[2 * k + 1] = two.y;
        }
    } else {
        for (unsigned k = 0; k < N; k++) to[k] = __ldg(from + k);
    }
}

__device__ float word(const unsigned* at) { return __uint_as_float(__ldg(at)); }

__device__ Life life_of(const Frame& f, unsigned row) {
#if STILL
    return {0.0f, 1.0f, word(f.lives + row)};
#elif PACKED_ROWS
    const uint2 read = __ldg((const uint2*)f.lives + row);
    const float2 b = unpack_halves(read.y);
    return {__uint_as_float(read.x), b.x * f.width_unit, b.y};
#else
    const unsigned* at = f.lives + row * 3u;
    return {word(at), word(at + 1), word(at + 2)};
#endif
}

__device__ float3 three(const unsigned* at) {
    return make_float3(__uint_as_float(at[0]), __uint_as_float(at[1]), __uint_as_float(at[2]));
}

// Shape: a quaternion w x y z and scales, if it is that.
__device__ void quat_and_scales(const Frame& f, const Row& row, float* quat, float* scales) {
    const unsigned* at = row.geometry + SHAPE_AT;
#if PACKED_ROWS
    for (int k = 0; k < 2; k++) {
        const unsigned bits = at[k];
        quat[2 * k] = fmaxf((short)(bits & 0xFFFFu) / 32767.0f, -1.0f);
        quat[2 * k + 1] = fmaxf((short)(bits >> 16) / 32767.0f, -1.0f);
    }
    const float2 xy = unpack_halves(at[2]), zw = unpack_halves(at[3]);
    scales[0] = xy.x * f.scale_unit;
    scales[1] = xy.y * f.scale_unit;
    scales[2] = zw.x * f.scale_unit;
#else
    for (int k = 0; k < 4; k++) quat[k] = __uint_as_float(at[k]);
    for (int k = 0; k < 3; k++) scales[k] = __uint_as_float(at[4 + k]);
#endif
#if OMEGA
#if PACKED_ROWS
    const float2 a = unpack_halves(at[4]), b = unpack_halves(at[5]);
    const float omega[4] = {a.x, a.y, b.x, b.y};
#else
    const float omega[4] = {__uint_as_float(at[7]), __uint_as_float(at[8]), __uint_as_float(at[9]), __uint_as_float(at[10])};
#endif
    for (int k = 0; k < 4; k++) quat[k] += omega[k] * row.dt;
#endif
    float length = 0.0f;
    for (int k = 0; k < 4; k++) length += quat[k] * quat[k];
    length = 1.0f / fmaxf(sqrtf(length), 1e-12f);
    for (int k = 0; k < 4; k++) quat[k] *= length;
}

__device__ unsigned color_word(const Row& row, unsigned i) {
#if WHOLE_COLORS
    return row.colors[i];
#else
    return __ldg(row.colors + i);
#endif
}

__device__ float color_number(const Row& row, unsigned i) {
#if PACKED_ROWS
    return float_from_half((unsigned short)(color_word(row, i / 2u) >> (16u * (i & 1u))));
#else
    return __uint_as_float(color_word(row, i));
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
