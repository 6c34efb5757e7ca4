// A tile's splats, nearest first, blended into its 16 x 16 pixels: a block a tile, two neighbouring
// pixels a thread, 4 x 4 pixels a group of eight lanes. BLOCK splats at a time lie in shared memory.
// Each group has a list of those that reach its own pixels, so that at any moment the four groups of
// a warp blend four splats. A pixel ends before the splat that would take its transmittance below
// the least, a tile when all its pixels have.
#include "frame.cuh"
#include "scan.cuh"
#include "record.cuh"

#define BLOCK 128u
#define EACH 2                    // pixels of a thread
#define GROUP 8u                  // lanes
#define GROUPS 4u                 // of a warp, two by two
#define CHANNELS (3 + EXTRA)
#define ROUNDS (MEDIAN ? 2 : 1)   // the first finds how much is covered, the second where half is
#define NOWHERE BLOCK             // place of a splat that reaches no pixel: makes lists equally long
#define STRIDE (BLOCK + 4u)       // bytes from one list to the next: in other banks
#if DISCS || DOTS
#define LEAST MIN_ALPHA
#else
#define LEAST LEAST_LEVEL
#endif

// For a pixel at (x, y) from the tile's corner, square = (p x + q y - u)^2 + (r y - v)^2, and the
// binary logarithm of alpha is level - square; of discs and dots level is the opacity.
struct alignas(16) Staged {
    float p, q, r, u;
    float v, level, red, green;
    float blue, depth;
    unsigned id;
};

// One struct, so that one address reaches all of it.
struct Shared {
    Staged staged[BLOCK + 1];
    unsigned short reached[BLOCK];    // four bits a warp, of its groups
    unsigned char lists[BLOCK / GROUP * STRIDE];
};

struct Loaded { Shape shape; Paint paint; unsigned id; };

__device__ unsigned pair_at(const unsigned* pairs, unsigned at, unsigned end) {
    return at < end ? pairs[at] : 0u;
}

__device__ Loaded load(const unsigned* records, unsigned id, bool there) {
    Loaded out;
    if (there) out = {read_shape(records, id), read_paint(records, id), id};
    return out;
}

// x, y: of the tile's corner.
__device__ Staged staged_of(const Splat& s, const Loaded& from, float x, float y) {
    const float dx = s.x - x, dy = s.y - y;
#if DISCS || DOTS
    const float level = s.opacity;
#else
    const float level = log2f(s.opacity);
#endif
    const float4 c = color_from(from.paint);
    return {s.p, s.q, s.r, s.p * dx + s.q * dy, s.r * dy, level, c.x, c.y, c.z, c.w, from.id};
}

// Which groups' pixels a splat reaches.
__device__ unsigned reached_by(const Splat& s, float x, float y) {
    const Outline outline = outline_of(s);
    const float left = x + 0.5f - s.x, top = y + 0.5f - s.y;
    unsigned found = 0;
#pragma unroll
    for (unsigned row = 0; row < 4; row++) {
        const float low = top + (float)(4 * row);
        const float2 span = span_of(s, outline, low, low + 3.0f);
#pragma unroll
        for (unsigned column = 0; column < 4; column++) {
            const float at = left + (float)(4 * column);
            const unsigned bit = 8 * (row >> 1) + 4 * (column >> 1) + 2 * (row & 1u) + (column & 1u);
            found |= (unsigned)(span.x <= at + 3.0f && span.y >= at) << bit;
        }
    }
    return found;
}

// Writes the lists of a warp's groups, an even number of bytes each and all as long as the longest;
// gives that length. A lane brings four splats; counts of the four groups share a word, a byte each.
__device__ unsigned write_lists(Shared& shared, unsigned warp) {
    const unsigned lane = lane_of();
    const uint2 read = ((const uint2*)shared.reached)[lane];
    const unsigned two[2] = {read.x >> 4 * warp, read.y >> 4 * warp};
    const unsigned mine[4] = {two[0] & 15u, two[0] >> 16 & 15u, two[1] & 15u, two[1] >> 16 & 15u};
    unsigned counts = 0;
    for (unsigned j = 0; j < 4; j++) counts += mine[j] * 0x00204081u & 0x01010101u;
    const unsigned sums = warp_inclusive(counts), before = sums - counts;
    const unsigned all = __shfl_sync(ALL_LANES, sums, 31);
    unsigned char* lists = shared.lists + warp * GROUPS * STRIDE;
    unsigned longest = 0;
#pragma unroll
    for (unsigned g = 0; g < GROUPS; g++) {
        unsigned char* to = lists + g * STRIDE + (before >> 8 * g & 255u);
#pragma unroll
        for (unsigned j = 0; j < 4; j++) {
            if (mine[j] >> g & 1u) *to++ = 4 * lane + j;
        }
        longest = max(longest, all >> 8 * g & 255u);
    }
    longest = longest + 1u & ~1u;
    const unsigned g = lane / GROUP;
    for (unsigned k = (all >> 8 * g & 255u) + lane % GROUP; k < longest; k += GROUP) {
        lists[g * STRIDE + k] = NOWHERE;
    }
    __syncwarp();
    return longest;
}

// What a thread knows of one of its pixels.
struct Pixel {
    float color[CHANNELS];
    float through;                // transmittance; negative when it has ended, or is in no picture
#if MEDIAN
    float half, depth;            // of what is covered; where it is reached
#endif
};

__device__ float negative(float x) { return __uint_as_float(__float_as_uint(x) | 1u << 31); }

// A splat of this level: alpha of discs and dots, else its binary logarithm. Without a branch: some
// pixel of a warp nearly always is reached.
__device__ void blend_one(
    const Frame& f, Pixel& pixel, const Staged& s, float level, float stop, bool halving) {
#if OVERDRAW
    if (level >= LEAST && pixel.through > 0.0f) pixel.color[0] += 1.0f;
#else
#if DISCS || DOTS
    const float alpha = level >= LEAST ? level : 0.0f;
#else
    const float alpha = level >= LEAST ? fminf(MAX_ALPHA, exp2f(level)) : 0.0f;
#endif
    float weight = alpha * pixel.through;
    const float after = pixel.through - weight;
#if MEDIAN
    if (halving) {
        if (after > 0.0f && 1.0f - after >= pixel.half) {
            pixel.depth = s.depth;
            pixel.through = -1.0f;
        } else {
            pixel.through = after;
        }
        return;
    }
#endif
    const bool ends = after < stop;
    weight = ends ? 0.0f : weight;
    pixel.through = ends ? negative(pixel.through) : after;
    pixel.color[0] += weight * s.red;
    pixel.color[1] += weight * s.green;
    pixel.color[2] += weight * s.blue;
#if EXTRA
    if (weight > 0.0f) {
        const float* extra = f.features + (size_t)s.id * EXTRA;
        for (unsigned k = 0; k < EXTRA; k++) pixel.color[3 + k] += weight * __ldg(extra + k);
    }
#endif
#endif
}

// A splat into a thread's pixels, the first of which is at (px, py) from the tile's corner.
__device__ void blend_splat(
    const Frame& f, Pixel* pixels, const Staged& s, float px, float py, float stop, bool halving) {
    const float v = s.r * py - s.v;
    float u = s.p * px + (s.q * py - s.u);
#pragma unroll
    for (unsigned e = 0; e < EACH; e++) {
#if DISCS || DOTS
        const float level = alpha_of(u * u + v * v, s.level);
#else
        const float level = s.level - v * v - u * u;
#endif
        blend_one(f, pixels[e], s, level, stop, halving);
        u += s.p;
    }
}

__device__ bool ended(const Pixel* pixels) {
    return fmaxf(pixels[0].through, pixels[1].through) < 0.0f;
}

__device__ void write_pixel(const Frame& f, unsigned x, unsigned y, const float* color, float alpha) {
    const unsigned row = f.flip ? f.height - 1 - y : y;
    const size_t at = (size_t)row * f.width + x, size = (size_t)f.width * f.height;
#if PLANES                        // three channels and alpha a plane, as textures hold them
    for (unsigned plane = 0; plane < CHANNELS / 3; plane++) {
        const float* c = color + 3 * plane;
#if HALVES
        ((uint2*)f.layer)[plane * size + at] = make_uint2(pack_halves(c[0], c[1]), pack_halves(c[2], alpha));
#else
        ((float4*)f.layer)[plane * size + at] = make_float4(c[0], c[1], c[2], alpha);
#endif
    }
#elif HALVES
    unsigned short* to = (unsigned short*)f.layer + at * (CHANNELS + 1);
    for (unsigned c = 0; c < CHANNELS; c++) to[c] = half_from_float(color[c]);
    to[CHANNELS] = half_from_float(alpha);
#else
    float* to = (float*)f.layer + at * (CHANNELS + 1);
    for (unsigned c = 0; c < CHANNELS; c++) to[c] = color[c];
    to[CHANNELS] = alpha;
#endif
#if PICTURE                       // over the background, in 8 bits
    unsigned word = 255u << 24;
    for (int c = 0; c < 3; c++) {
        const float shown = color[c] + (1.0f - alpha) * f.background[c];
        word |= (unsigned)(fminf(fmaxf(shown, 0.0f), 1.0f) * 255.0f + 0.5f) << (8 * c);
    }
    f.picture[at] = word;
#endif
}

extern "C" __global__ void __launch_bounds__(BLOCK, EXTRA ? 6 : 8) blend(const Frame* __restrict__ frame) {
    __shared__ Shared shared;
    const Frame& f = *frame;
    const unsigned tile = blockIdx.x, t = threadIdx.x, warp = t / 32u, g = t / GROUP % GROUPS;
    const unsigned left = tile % f.tiles_x * 16u, top = tile / f.tiles_x * 16u;
    const unsigned inner_x = (warp & 1u) * 8u + (g & 1u) * 4u + (t & 1u) * 2u;
    const unsigned inner_y = (warp >> 1) * 8u + (g >> 1) * 4u + (t % GROUP >> 1);
    const unsigned x = left + inner_x, y = top + inner_y;
    const float px = inner_x + 0.5f, py = inner_y + 0.5f;
    const unsigned begin = ~f.tile_ranges[2 * tile], end = f.tile_ranges[2 * tile + 1];
    const unsigned* pairs = f.pair_values[f.tile_passes & 1u];
    const float stop = f.least_transmittance;
    const unsigned char* list = shared.lists + t / GROUP * STRIDE;
    Pixel pixels[EACH] = {};
    for (unsigned e = 0; e < EACH; e++) {
        pixels[e].through = x + e < f.width && y < f.height ? 1.0f : -1.0f;
    }
    if (t == 0) {
        shared.staged[NOWHERE] = {};
        shared.staged[NOWHERE].u = 1e18f;                     // as far away
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
#if MEDIAN
        for (unsigned e = 0; e < EACH && round == 1; e++) {
            pixels[e].half = 0.5f * (1.0f - fabsf(pixels[e].through));
            pixels[e].through = pixels[e].half > 0.0f ? 1.0f : -1.0f;
        }
#endif
        Loaded next = load(f.records, pair_at(pairs, begin + t, end), begin + t < end);
        unsigned after_next = pair_at(pairs, begin + BLOCK + t, end);
        for (unsigned batch = begin; batch < end; batch += BLOCK) {
            if (__syncthreads_and(ended(pixels))) break;
            shared.reached[t] = 0;
            if (batch + t < end) {
                const Splat s = splat_from(next.shape);
                shared.staged[t] = staged_of(s, next, left, top);
                shared.reached[t] = reached_by(s, left, top);
            }
            // On their way while these are blended.
            next = load(f.records, after_next, batch + BLOCK + t < end);
            after_next = pair_at(pairs, batch + 2 * BLOCK + t, end);
            __syncthreads();
            if (__all_sync(ALL_LANES, ended(pixels))) continue;
            const unsigned longest = write_lists(shared, warp);
            for (const unsigned char* at = list; at < list + longest; at += 2) {
                if (__all_sync(ALL_LANES, ended(pixels))) break;
                const unsigned two = *(const unsigned short*)at;
                blend_splat(f, pixels, shared.staged[two & 255u], px, py, stop, round == 1);
                blend_splat(f, pixels, shared.staged[two >> 8], px, py, stop, round == 1);
            }
        }
    }
    for (unsigned e = 0; e < EACH; e++) {
        if (x + e >= f.width || y >= f.height) break;
        Pixel& pixel = pixels[e];
#if OVERDRAW
        pixel.color[1] = pixel.color[2] = pixel.color[0];
        write_pixel(f, x + e, y, pixel.color, pixel.color[0]);
#elif MEDIAN
        pixel.color[0] = pixel.color[1] = pixel.color[2] = 2.0f * pixel.half * pixel.depth;
        write_pixel(f, x + e, y, pixel.color, 2.0f * pixel.half);
#else
        write_pixel(f, x + e, y, pixel.color, 1.0f - fabsf(pixel.through));
#endif
    }
}
