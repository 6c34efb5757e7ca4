// A tile's splats, nearest first, blended into its 16 x 16 pixels: a block a tile, EACH pixels a
// thread, four rows from one to the next, so that a warp has 8 wide and HEIGHT high of them. BLOCK
// splats at a time lie in shared memory; of 32 at a time a warp finds those that reach its own
// pixels, each lane asking for one. A pixel ends before the splat that would take its transmittance
// below the least, a tile when all its pixels have.
#include "frame.cuh"
#include "scan.cuh"
#include "record.cuh"

#define BLOCK (256u / EACH)
#define HEIGHT (4u * EACH)
#define CHANNELS (3 + EXTRA)
#define ROUNDS (MEDIAN ? 2 : 1)   // the first finds how much is covered, the second where half is

// For a pixel at (x, y) from the tile's corner, square = (p x + q y - u)^2 + (r y - v)^2, and the
// binary logarithm of alpha is level - square: five multiply-adds.
struct Staged { float4 pqru; float2 v_level; };

struct Loaded { Splat splat; float4 color; unsigned id; };

__device__ Loaded load(const Frame& f, const unsigned* pairs, unsigned at, unsigned end) {
    Loaded out;
    if (at < end) {
        out.id = pairs[at];
        out.splat = load_splat(f.records, out.id);
        out.color = load_color(f.records, out.id);
    }
    return out;
}

// x, y: of the tile's corner.
__device__ Staged staged_of(const Splat& s, float x, float y) {
    const float dx = s.x - x, dy = s.y - y;
#if DISCS || DOTS
    const float level = s.opacity;
#else
    const float level = log2f(s.opacity);
#endif
    return {make_float4(s.p, s.q, s.r, s.p * dx + s.q * dy), make_float2(s.r * dy, level)};
}

// Which warps' pixels a splat reaches, a bit each: two columns, and bands of HEIGHT rows.
__device__ unsigned reached_by(const Splat& s, float x, float y) {
    const Outline outline = outline_of(s);
    const float left = x + 0.5f - s.x, top = y + 0.5f - s.y;
    unsigned found = 0;
    for (unsigned band = 0; band < 16 / HEIGHT; band++) {
        const float low = top + (float)(band * HEIGHT);
        const float2 span = span_of(s, outline, low, low + (float)(HEIGHT - 1u));
        found |= (unsigned)(span.x <= left + 7.0f && span.y >= left) << 2 * band;
        found |= (unsigned)(span.x <= left + 15.0f && span.y >= left + 8.0f) << (2 * band + 1);
    }
    return found;
}

__device__ bool all_of(const bool* done) {
    bool all = true;
    for (unsigned e = 0; e < EACH; e++) all = all && done[e];
    return all;
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

extern "C" __global__ void __launch_bounds__(BLOCK, 1024 / BLOCK) blend(const Frame* frame) {
    __shared__ Staged staged[BLOCK];
    __shared__ float4 colors[BLOCK];
    __shared__ unsigned ids[BLOCK], reached[BLOCK];
    const Frame& f = *frame;
    const unsigned tile = blockIdx.x, t = threadIdx.x, lane = t & 31u, warp = t / 32u;
    const unsigned left = tile % f.tiles_x * 16u, top = tile / f.tiles_x * 16u;
    const unsigned inner_x = (warp & 1u) * 8u + (lane & 7u);
    const unsigned inner_y = (warp >> 1) * HEIGHT + (lane >> 3);
    const unsigned x = left + inner_x, y = top + inner_y;
    const float px = inner_x + 0.5f, py = inner_y + 0.5f;
    const unsigned begin = ~f.tile_ranges[2 * tile], end = f.tile_ranges[2 * tile + 1];
    const unsigned* pairs = f.pair_values[f.tile_passes & 1u];
    float color[EACH][CHANNELS] = {};
    float through[EACH];          // transmittance
    bool done[EACH];
    for (unsigned e = 0; e < EACH; e++) {
        through[e] = 1.0f;
        done[e] = x >= f.width || y + 4 * e >= f.height;
    }
#if MEDIAN
    float half[EACH], depth[EACH] = {};
#endif
    for (unsigned round = 0; round < ROUNDS; round++) {
#if MEDIAN
        for (unsigned e = 0; e < EACH && round == 1; e++) {
            half[e] = 0.5f * (1.0f - through[e]);
            through[e] = 1.0f;
            done[e] = half[e] <= 0.0f;
        }
#endif
        Loaded next = load(f, pairs, begin + t, end);
        for (unsigned batch = begin; batch < end; batch += BLOCK) {
            if (__syncthreads_and(all_of(done))) break;
            reached[t] = 0;
            if (batch + t < end) {
                staged[t] = staged_of(next.splat, left, top);
                reached[t] = reached_by(next.splat, left, top);
                colors[t] = next.color;
                ids[t] = next.id;
            }
            next = load(f, pairs, batch + BLOCK + t, end);    // on its way while these are blended
            __syncthreads();
            const unsigned here = end - batch < BLOCK ? end - batch : BLOCK;
            for (unsigned chunk = 0; chunk < here; chunk += 32) {
                if (__all_sync(ALL_LANES, all_of(done))) break;
                const unsigned mine = reached[chunk + lane] >> warp & 1u;
                for (unsigned rest = __ballot_sync(ALL_LANES, mine); rest; rest &= rest - 1) {
                    const unsigned j = chunk + __ffs(rest) - 1;
                    const float4 a = staged[j].pqru;
                    const float2 b = staged[j].v_level;
                    const float across = a.x * px - a.w;
#pragma unroll
                    for (unsigned e = 0; e < EACH; e++) {
                        const float down = py + 4.0f * e;
                        const float u = a.y * down + across, v = a.z * down - b.x;
#if DISCS || DOTS
                        const float alpha = alpha_of(u * u + v * v, b.y);
                        if (done[e] || alpha < MIN_ALPHA) continue;
#else
                        const float level = b.y - v * v - u * u;
                        if (done[e] || level < LEAST_LEVEL) continue;
                        const float alpha = fminf(MAX_ALPHA, exp2f(level));
#endif
#if OVERDRAW
                        color[e][0] += 1.0f;
#else
                        const float after = through[e] * (1.0f - alpha);
#if MEDIAN
                        if (round == 1) {
                            if (1.0f - after >= half[e]) {
                                depth[e] = colors[j].w;
                                done[e] = true;
                            }
                            through[e] = after;
                            continue;
                        }
#endif
                        if (after < f.least_transmittance) {
                            done[e] = true;
                            continue;
                        }
                        const float weight = alpha * through[e];
                        const float4 c = colors[j];
                        color[e][0] += weight * c.x;
                        color[e][1] += weight * c.y;
                        color[e][2] += weight * c.z;
#if EXTRA
                        const float* extra = f.features + (size_t)ids[j] * EXTRA;
                        for (unsigned k = 0; k < EXTRA; k++) color[e][3 + k] += weight * __ldg(extra + k);
#endif
                        through[e] = after;
#endif
                    }
                }
            }
        }
    }
    for (unsigned e = 0; e < EACH; e++) {
        if (x >= f.width || y + 4 * e >= f.height) break;
#if OVERDRAW
        color[e][1] = color[e][2] = color[e][0];
        write_pixel(f, x, y + 4 * e, color[e], color[e][0]);
#elif MEDIAN
        color[e][0] = color[e][1] = color[e][2] = 2.0f * half[e] * depth[e];
        write_pixel(f, x, y + 4 * e, color[e], 2.0f * half[e]);
#else
        write_pixel(f, x, y + 4 * e, color[e], 1.0f - through[e]);
#endif
    }
}
