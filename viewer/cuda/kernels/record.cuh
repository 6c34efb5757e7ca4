// A splat on the picture. With d from its centre to a pixel, x right and y down in pixels,
//     square = (p dx + q dy)^2 + (r dy)^2
// is minus the binary logarithm of its fall, so alpha = opacity 2^-square; of a disc and of a dot it
// is d^2 in radii and in pixels. p, q, r are the Cholesky factors of the inverse covariance: squares
// of a sum, they do not cancel where a needle is long.
#pragma once
#include "half.cuh"

struct Splat { float x, y, p, q, r, opacity, depth; };

#if PACKED
#define RECORD_WORDS 8

__device__ void store_record(unsigned* records, unsigned i, const Splat& s, const float* rgb) {
    uint4* to = (uint4*)(records + (size_t)i * RECORD_WORDS);
    to[0] = make_uint4(
        __float_as_uint(s.x), __float_as_uint(s.y), pack_halves(s.p, s.q),
        pack_halves(s.r, s.opacity));
    to[1] = make_uint4(
        pack_halves(rgb[0], rgb[1]), pack_halves(rgb[2], 0.0f), __float_as_uint(s.depth), 0u);
}

// The part of a record that says where, and the one that says what: as stored.
struct Shape { uint4 a; };
struct Paint { uint4 a; };

__device__ Shape read_shape(const unsigned* records, unsigned i) {
    return {__ldg((const uint4*)(records + (size_t)i * RECORD_WORDS))};
}

__device__ Paint read_paint(const unsigned* records, unsigned i) {
    return {__ldg((const uint4*)(records + (size_t)i * RECORD_WORDS) + 1)};
}

// Without its depth.
__device__ Splat splat_from(const Shape& shape) {
    const uint4& a = shape.a;
    const float2 pq = unpack_halves(a.z), ro = unpack_halves(a.w);
    return {__uint_as_float(a.x), __uint_as_float(a.y), pq.x, pq.y, ro.x, ro.y, 0.0f};
}

// RGB and depth.
__device__ float4 color_from(const Paint& paint) {
    const float2 rg = unpack_halves(paint.a.x), b = unpack_halves(paint.a.y);
    return make_float4(rg.x, rg.y, b.x, __uint_as_float(paint.a.z));
}
#else
#define RECORD_WORDS 12

__device__ void store_record(unsigned* records, unsigned i, const Splat& s, const float* rgb) {
    float4* to = (float4*)(records + (size_t)i * RECORD_WORDS);
    to[0] = make_float4(s.x, s.y, s.p, s.q);
    to[1] = make_float4(s.r, s.opacity, 0.0f, 0.0f);
    to[2] = make_float4(rgb[0], rgb[1], rgb[2], s.depth);
}

struct Shape { uint4 a; uint2 b; };
struct Paint { uint4 a; };

__device__ Shape read_shape(const unsigned* records, unsigned i) {
    const unsigned* from = records + (size_t)i * RECORD_WORDS;
    return {__ldg((const uint4*)from), __ldg((const uint2*)(from + 4))};
}

__device__ Paint read_paint(const unsigned* records, unsigned i) {
    return {__ldg((const uint4*)(records + (size_t)i * RECORD_WORDS) + 2)};
}

__device__ Splat splat_from(const Shape& shape) {
    const uint4& a = shape.a;
    const uint2& b = shape.b;
    return {__uint_as_float(a.x), __uint_as_float(a.y), __uint_as_float(a.z), __uint_as_float(a.w),
            __uint_as_float(b.x), __uint_as_float(b.y), 0.0f};
}

__device__ float4 color_from(const Paint& paint) {
    const uint4& a = paint.a;
    return make_float4(
        __uint_as_float(a.x), __uint_as_float(a.y), __uint_as_float(a.z), __uint_as_float(a.w));
}
#endif

// `square` at which alpha falls to MIN_ALPHA.
__device__ float reach_square(float opacity) {
#if DOTS
    return CENTER_REACH * CENTER_REACH;
#elif DISCS
    return 1.0f - MIN_ALPHA / opacity;
#else
    return log2f(opacity / MIN_ALPHA);
#endif
}

__device__ float alpha_of(float square, float opacity) {
#if DOTS
    return fminf(fmaxf(CENTER_REACH - sqrtf(square), 0.0f), MAX_ALPHA);
#elif DISCS
    return opacity * (1.0f - square);
#else
    return fminf(MAX_ALPHA, opacity * exp2f(-square));
#endif
}

// Where a splat's ellipse lies: prepared once, asked for band after band of rows.
struct Outline {
    float square;                 // of the reach, a little more than exact
    float height;                 // half of the ellipse's, pixels
    float turn;                   // dy of its rightmost point
    float width;                  // 1 / p
};

__device__ Outline outline_of(const Splat& s) {
    const float square = fmaxf(reach_square(s.opacity), 0.0f) * 1.0001f + 1e-4f;
    const float height = sqrtf(square) / s.r, slope = s.q / s.r;
    return {square, height, -height * slope * rsqrtf(1.0f + slope * slope), 1.0f / s.p};
}

// From left to right, relative to the centre, of the ellipse between rows low and high (relative
// too); empty where the band misses it.
__device__ float2 span_of(const Splat& s, const Outline& o, float low, float high) {
    if (high < -o.height || low > o.height) return make_float2(1e30f, -1e30f);
    low = fmaxf(low, -o.height);
    high = fminf(high, o.height);
    const float a = fminf(fmaxf(-o.turn, low), high), b = fminf(fmaxf(o.turn, low), high);
    const float va = s.r * a, vb = s.r * b;
    return make_float2(
        (-s.q * a - sqrtf(fmaxf(o.square - va * va, 0.0f))) * o.width - 0.01f,
        (-s.q * b + sqrtf(fmaxf(o.square - vb * vb, 0.0f))) * o.width + 0.01f);
}
