// A tile's splats, nearest first, blended into its 16 x 16 pixels: a block a tile, a thread a pixel,
// a warp 8 x 4 of them. 256 splats at a time lie in shared memory; of 32 at a time a warp finds
// those that reach its own pixels, each lane asking for one. A pixel ends before the splat that
// would take its transmittance below the least, a tile when all its pixels have.
#include "frame.cuh"
#include "scan.cuh"
#include "record.cuh"

#define BLOCK 256u
#define CHANNELS (3 + EXTRA)
#define ROUNDS (MEDIAN ? 2 : 1)   // the first finds how much is covered, the second where half is

struct Staged { float4 a, b; };   // x y p q, r opacity and what else the mode needs

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

extern "C" __global__ void __launch_bounds__(256) blend(const Frame* frame) {
    __shared__ Staged staged[BLOCK];
    __shared__ float4 colors[BLOCK];
    __shared__ unsigned ids[BLOCK];
    const Frame& f = *frame;
    const unsigned tile = blockIdx.x, t = threadIdx.x, lane = t & 31u, warp = t / 32u;
    const unsigned left = tile % f.tiles_x * 16u + (warp & 1u) * 8u;
    const unsigned top = tile / f.tiles_x * 16u + (warp >> 1) * 4u;
    const unsigned x = left + (lane & 7u), y = top + (lane >> 3);
    const bool inside = x < f.width && y < f.height;
    const float px = x + 0.5f, py = y + 0.5f;
    const unsigned begin = f.tile_ranges[2 * tile], end = f.tile_ranges[2 * tile + 1];
    const unsigned* pairs = f.pair_values[f.tile_passes & 1u];
    float color[CHANNELS] = {};
    float through = 1.0f;         // transmittance
    bool done = !inside;
#if MEDIAN
    float half = 0.0f, depth = 0.0f;
#endif
    for (unsigned round = 0; round < ROUNDS; round++) {
#if MEDIAN
        if (round == 1) {
            half = 0.5f * (1.0f - through);
            through = 1.0f;
            done = !inside || half <= 0.0f;
        }
#endif
        for (unsigned batch = begin; batch < end; batch += BLOCK) {
            if (__syncthreads_and(done)) break;
            const unsigned mine = batch + t;
            if (mine < end) {
                const unsigned id = pairs[mine];
                const Splat s = load_splat(f.records, id);
                staged[t].a = make_float4(s.x, s.y, s.p, s.q);
                staged[t].b = make_float4(s.r, s.opacity, 0.0f, 0.0f);
                colors[t] = load_color(f.records, id);
                ids[t] = id;
            }
            __syncthreads();
            const unsigned here = end - batch < BLOCK ? end - batch : BLOCK;
            for (unsigned chunk = 0; chunk < here; chunk += 32) {
                if (__all_sync(ALL_LANES, done)) break;
                bool reaches = false;
                if (chunk + lane < here) {
                    const float4 a = staged[chunk + lane].a, b = staged[chunk + lane].b;
                    const Splat s = {a.x, a.y, a.z, a.w, b.x, b.y, 0.0f};
                    const float low = top + 0.5f - s.y;
                    const float2 span = span_of(s, outline_of(s), low, low + 3.0f);
                    reaches = s.x + span.x <= left + 7.5f && s.x + span.y >= left + 0.5f;
                }
                for (unsigned rest = __ballot_sync(ALL_LANES, reaches); rest; rest &= rest - 1) {
                    const unsigned j = chunk + __ffs(rest) - 1;
                    const float4 a = staged[j].a, b = staged[j].b;
                    const float dx = px - a.x, dy = py - a.y;
                    const float u = a.z * dx + a.w * dy, v = b.x * dy;
                    const float alpha = alpha_of(u * u + v * v, b.y);
                    if (done || alpha < MIN_ALPHA) continue;
#if OVERDRAW
                    color[0] += 1.0f;
#else
                    const float after = through * (1.0f - alpha);
#if MEDIAN
                    if (round == 1) {
                        if (1.0f - after >= half) {
                            depth = colors[j].w;
                            done = true;
                        }
                        through = after;
                        continue;
                    }
#endif
                    if (after < f.least_transmittance) {
                        done = true;
                        continue;
                    }
                    const float weight = alpha * through;
                    const float4 c = colors[j];
                    color[0] += weight * c.x;
                    color[1] += weight * c.y;
                    color[2] += weight * c.z;
#if EXTRA
                    const float* extra = f.features + (size_t)ids[j] * EXTRA;
                    for (unsigned k = 0; k < EXTRA; k++) color[3 + k] += weight * __ldg(extra + k);
#endif
                    through = after;
#endif
                }
            }
        }
    }
    if (!inside) return;
#if OVERDRAW
    color[1] = color[2] = color[0];
    write_pixel(f, x, y, color, color[0]);
#elif MEDIAN
    color[0] = color[1] = color[2] = 2.0f * half * depth;
    write_pixel(f, x, y, color, 2.0f * half);
#else
    write_pixel(f, x, y, color, 1.0f - through);
#endif
}
