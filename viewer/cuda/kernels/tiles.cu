// Which tiles of 16 x 16 pixels each splat reaches: a pair of tile and splat for each, in depth
// order. A tile counts only if the ellipse where alpha falls to MIN_ALPHA reaches a pixel centre's
// row and column in it.
#include "frame.cuh"
#include "scan.cuh"
#include "record.cuh"

#define BLOCK 256u
#define ALONE 4                   // rows of tiles that a thread goes through by itself
#define MANY 6                    // of larger splats in a warp: counted side by side

// First and last tile of a span of pixel centres.
__device__ int first_tile(float x) { return (int)ceilf((x - (TILE_SIZE - 0.5f)) * (1.0f / TILE_SIZE)); }
__device__ int last_tile(float x) { return (int)floorf((x - 0.5f) * (1.0f / TILE_SIZE)); }

struct Reach { Outline outline; int top, bottom; };   // rows of tiles, bottom exclusive

__device__ Reach reach_of(const Frame& f, const Splat& s) {
    Reach r;
    r.outline = outline_of(s);
    const float limit = 1e7f;     // far outside of any picture, and whole numbers still
    const float low = fmaxf(s.y - r.outline.height, -limit), high = fminf(s.y + r.outline.height, limit);
    r.top = max(first_tile(low), 0);
    r.bottom = min(last_tile(high) + 1, (int)f.tiles_y);
    return r;
}

// Tiles of one row: first, and how many.
__device__ int2 tiles_in_row(const Frame& f, const Splat& s, const Outline& o, int row) {
    const float low = row * TILE_SIZE + 0.5f - s.y;
    const float2 span = span_of(s, o, low, low + (TILE_SIZE - 1));
    const float limit = 1e7f;
    const int left = max(first_tile(fmaxf(s.x + span.x, -limit)), 0);
    const int right = min(last_tile(fminf(s.x + span.y, limit)), (int)f.tiles_x - 1);
    return make_int2(left, max(right - left + 1, 0));
}

__device__ Splat from_lane(const Splat& s, int lane) {
    Splat out;
    out.x = __shfl_sync(ALL_LANES, s.x, lane);
    out.y = __shfl_sync(ALL_LANES, s.y, lane);
    out.p = __shfl_sync(ALL_LANES, s.p, lane);
    out.q = __shfl_sync(ALL_LANES, s.q, lane);
    out.r = __shfl_sync(ALL_LANES, s.r, lane);
    out.opacity = __shfl_sync(ALL_LANES, s.opacity, lane);
    return out;
}

struct Pairs { unsigned* keys; unsigned* values; unsigned capacity; };

__device__ Pairs pairs_of(const Frame& f) { return {f.pair_keys[0], f.pair_values[0], f.pair_capacity}; }

// The pairs of `n` tiles from `first` on, `step` threads writing; what is over the capacity waits
// for the next try.
__device__ void emit(
    const Pairs& pairs, unsigned first, int n, unsigned record, unsigned to, unsigned thread,
    unsigned step) {
#pragma unroll 1
    for (unsigned k = thread; k < (unsigned)n && to + k < pairs.capacity; k += step) {
        pairs.keys[to + k] = first + k;
        pairs.values[to + k] = record;
    }
}

extern "C" __global__ void __launch_bounds__(256) tiles(const Frame* __restrict__ frame) {
    __shared__ unsigned place;
    const Frame& f = *frame;
    const unsigned count = f.counters[VISIBLE], lane = lane_of();
    const unsigned block = take_ticket(f.counters + TICKET_TILES);
    if (block * BLOCK >= count) return;
    const unsigned i = block * BLOCK + threadIdx.x;
    Splat s = {0.0f, 0.0f, 1.0f, 0.0f, 1.0f, 1.0f, 0.0f};
    Reach reach;
    reach.top = reach.bottom = 0;
    unsigned record = 0, wanted = 0;
    if (i < count) {
        record = f.depth_values[0][i];
        s = splat_from(read_shape(f.records, record));
        reach = reach_of(f, s);
    }
    const bool alone = reach.bottom - reach.top <= ALONE;
    int2 rows[ALONE];
    if (alone) {
#pragma unroll
        for (int k = 0; k < ALONE; k++) {
            rows[k] = make_int2(0, 0);
            if (reach.top + k < reach.bottom) rows[k] = tiles_in_row(f, s, reach.outline, reach.top + k);
            wanted += rows[k].y;
        }
    }
    const unsigned large = __ballot_sync(ALL_LANES, !alone);
    if (__popc(large) >= MANY) {                              // each lane counts its own
        if (!alone) {
            for (int row = reach.top; row < reach.bottom; row++) {
                wanted += tiles_in_row(f, s, reach.outline, row).y;
            }
        }
    } else {                                                  // the warp counts them one by one
        for (unsigned rest = large; rest; rest &= rest - 1) {
            const int who = __ffs(rest) - 1;
            const Splat big = from_lane(s, who);
            const Outline outline = outline_of(big);
            const int top = __shfl_sync(ALL_LANES, reach.top, who);
            const int bottom = __shfl_sync(ALL_LANES, reach.bottom, who);
            unsigned sum = 0;
            for (int row = top + (int)lane; row < bottom; row += 32) {
                sum += tiles_in_row(f, big, outline, row).y;
            }
            sum = __shfl_sync(ALL_LANES, warp_inclusive(sum), 31);
            if ((int)lane == who) wanted = sum;
        }
    }
    unsigned total;
    const unsigned before = block_exclusive<BLOCK>(wanted, total);
    if (threadIdx.x < 32) {
        const unsigned earlier = grid_exclusive(f.status_tiles, block, total);
        if (threadIdx.x == 0) {
            place = earlier;
            if ((block + 1) * BLOCK >= count) f.counters[PAIRS] = earlier + total;
        }
    }
    __syncthreads();
    unsigned to = place + before;
    const Pairs pairs = pairs_of(f);
    if (alone) {
#pragma unroll
        for (int k = 0; k < ALONE; k++) {
            emit(pairs, (reach.top + k) * f.tiles_x + rows[k].x, rows[k].y, record, to, 0, 1);
            to += rows[k].y;
        }
    }
    if (!large) return;
    const unsigned parts = alone ? 0 : (wanted + PART - 1) / PART;
    const unsigned inclusive = warp_inclusive(parts);
    unsigned entry = 0;
    if (lane == 31) entry = atomicAdd(f.counters + ENTRIES, inclusive);
    entry = __shfl_sync(ALL_LANES, entry, 31) + inclusive - parts;
    for (unsigned k = 0; k < parts && entry + k < f.entry_capacity; k++) {
        f.entries[entry + k] = make_uint4(record, to, k * PART, 0u);
    }
}

// The pairs of splats that reach many rows of tiles, PART of them a warp.
extern "C" __global__ void __launch_bounds__(256) spread(const Frame* __restrict__ frame) {
    const Frame& f = *frame;
    const unsigned lane = lane_of(), count = min(f.counters[ENTRIES], f.entry_capacity);
    const unsigned step = gridDim.x * BLOCK / 32u;
    const Pairs pairs = pairs_of(f);
    for (unsigned e = (blockIdx.x * BLOCK + threadIdx.x) / 32u; e < count; e += step) {
        const uint4 entry = f.entries[e];
        const Splat s = splat_from(read_shape(f.records, entry.x));
        const Reach reach = reach_of(f, s);
        const unsigned from = entry.z, to = from + PART;      // of the splat's pairs
        unsigned start = 0;
        for (int first = reach.top; first < reach.bottom && start < to; first += 32) {
            int2 mine = make_int2(0, 0);                      // each lane finds a row of tiles
            if (first + (int)lane < reach.bottom) {
                mine = tiles_in_row(f, s, reach.outline, first + (int)lane);
            }
            const unsigned inclusive = warp_inclusive(mine.y);
            const unsigned all = __shfl_sync(ALL_LANES, inclusive, 31);
            if (start + all > from) {
                for (int k = 0; k < 32 && first + k < reach.bottom; k++) {
                    const int left = __shfl_sync(ALL_LANES, mine.x, k);
                    const unsigned n = __shfl_sync(ALL_LANES, (unsigned)mine.y, k);
                    const unsigned at = start + __shfl_sync(ALL_LANES, inclusive, k) - n;
                    const unsigned low = max(at, from), high = min(at + n, to);
                    if (low < high) {
                        const unsigned tile = (first + k) * f.tiles_x + left + (low - at);
                        emit(pairs, tile, (int)(high - low), entry.x, entry.y + low, lane, 32);
                    }
                }
            }
            start += all;
        }
    }
}
