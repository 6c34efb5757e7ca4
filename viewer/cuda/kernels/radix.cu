// A stable sort of 32-bit keys with values, eight bits a pass, one kernel a pass: Adinets and
// Merrill, "Onesweep" (2022). The digits of all passes are counted first. How many keys there are
// is read on the device. Of the sort by tile the last pass leaves where each tile begins and ends.
#include "frame.cuh"
#include "scan.cuh"

#define BLOCK 256u
#define WARPS 8u
#define TILE (BLOCK * ITEMS)
#define TOGETHER 4                // keys of a thread under way while digits are counted
#define AHEAD 8                   // blocks looked back at once

struct Pass {
    unsigned count;
    const unsigned* keys;
    const unsigned* values;       // null: a key's value is its place
    unsigned* keys_to;
    unsigned* values_to;
    const unsigned* digits;       // [256] how often each occurs
    unsigned* status;             // [tiles, 256]
    unsigned* tickets;
    unsigned shift;
    unsigned* ranges;             // [tiles, 2] of the last pass by tile, else null
};

// Say how many keys of this thread's digit are in this tile.
__device__ void publish(unsigned* status, unsigned tile, unsigned own) {
    write_status(status + tile * 256u + threadIdx.x, (tile == 0 ? WHOLE_SUM : OWN_SUM) | own);
}

// Keys of this digit in all tiles before this one, which has published its own.
__device__ unsigned digit_exclusive(unsigned* status, unsigned tile, unsigned own) {
    unsigned* mine = status + tile * 256u + threadIdx.x;
    if (tile == 0) return 0;
    unsigned before = 0;
    int at = (int)tile - 1;
    while (true) {
        unsigned words[AHEAD];
        for (int k = 0; k < AHEAD; k++) {
            words[k] = at - k >= 0 ? read_status(status + (at - k) * 256 + threadIdx.x) : WHOLE_SUM;
        }
        int k = 0;
        while (k < AHEAD && words[k] >= OWN_SUM) {
            before += words[k] & SUM_BITS;
            if (words[k] >= WHOLE_SUM) {
                write_status(mine, WHOLE_SUM | (before + own));
                return before;
            }
            k++;
        }
        at -= k;
    }
}

__device__ void sort_pass(const Pass& pass) {
    __shared__ unsigned counts[WARPS * 256], starts[256], offsets[256];
    __shared__ unsigned sorted_keys[TILE], sorted_values[TILE];
    const unsigned t = threadIdx.x, lane = lane_of(), warp = t / 32u;
    const unsigned tile = take_ticket(pass.tickets), first = tile * TILE;
    if (first >= pass.count) return;
    for (unsigned k = t; k < WARPS * 256; k += BLOCK) counts[k] = 0;
    unsigned keys[ITEMS], values[ITEMS], ranks[ITEMS];
    const unsigned occurs = pass.digits[t];
    const unsigned from = first + warp * 32u * ITEMS + lane;
    for (unsigned j = 0; j < ITEMS; j++) {
        const unsigned i = from + 32u * j;
        keys[j] = i < pass.count ? pass.keys[i] : 0xFFFFFFFFu;   // ends up past the last key
        values[j] = i < pass.count && pass.values ? pass.values[i] : i;
    }
    __syncthreads();
    unsigned* own = counts + warp * 256;
    for (unsigned j = 0; j < ITEMS; j++) {
        const unsigned digit = keys[j] >> pass.shift & 255u;
        const unsigned same = __match_any_sync(ALL_LANES, digit);
        const unsigned earlier = __popc(same & ((1u << lane) - 1u)), before = own[digit];
        __syncwarp();
        if (earlier == 0) own[digit] = before + __popc(same);
        __syncwarp();
        ranks[j] = before + earlier;
    }
    __syncthreads();
    unsigned total = 0, whole;
    for (unsigned w = 0; w < WARPS; w++) {
        const unsigned here = counts[w * 256 + t];
        counts[w * 256 + t] = total;
        total += here;
    }
    publish(pass.status, tile, total);
    const unsigned local = block_exclusive<BLOCK>(total, whole);
    const unsigned global = block_exclusive<BLOCK>(occurs, whole);
    starts[t] = local;
    offsets[t] = global + digit_exclusive(pass.status, tile, total) - local;
    __syncthreads();
    for (unsigned j = 0; j < ITEMS; j++) {
        const unsigned digit = keys[j] >> pass.shift & 255u;
        const unsigned to = starts[digit] + own[digit] + ranks[j];
        sorted_keys[to] = keys[j];
        sorted_values[to] = values[j];
    }
    __syncthreads();
    const unsigned here = pass.count - first < TILE ? pass.count - first : TILE;
    for (unsigned k = t; k < here; k += BLOCK) {
        const unsigned key = sorted_keys[k], to = offsets[key >> pass.shift & 255u] + k;
        pass.values_to[to] = sorted_values[k];
        if (!pass.ranges) {
            pass.keys_to[to] = key;
            continue;
        }
        // Keys of a block are in order now, all bits of them. The first is kept as its complement,
        // whose largest is wanted then: zero is no pair yet.
        if (k == 0 || sorted_keys[k - 1] != key) atomicMax(pass.ranges + 2 * key, ~to);
        if (k + 1 == here || sorted_keys[k + 1] != key) atomicMax(pass.ranges + 2 * key + 1, to + 1);
    }
}

struct Keys { unsigned count, passes; const unsigned* keys; unsigned* digits; };

__device__ Keys keys_of(const Frame& f) {
#if BY_DEPTH
    return {f.counters[VISIBLE], 4u, f.depth_keys[0], f.depth_digits};
#else
    const unsigned pairs = f.counters[PAIRS];
    return {pairs < f.pair_capacity ? pairs : f.pair_capacity, f.tile_passes, f.pair_keys[0], f.tile_digits};
#endif
}

__device__ void count_key(unsigned* counts, unsigned passes, unsigned key, bool there) {
    for (unsigned d = 0; d < passes; d++) {
        const unsigned digit = key >> 8 * d & 255u;
        if (d < 2) {
            if (there) atomicAdd(counts + 256 * d + digit, 1u);
            continue;
        }
        // The leading bits are much the same: one lane adds for all that have its digit.
        const unsigned same = __match_any_sync(ALL_LANES, there ? digit : 256u);
        if (there && (same & ((1u << lane_of()) - 1u)) == 0) {
            atomicAdd(counts + 256 * d + digit, (unsigned)__popc(same));
        }
    }
}

// How often each digit of each pass occurs.
extern "C" __global__ void __launch_bounds__(256) digits(const Frame* __restrict__ frame) {
    __shared__ unsigned counts[4 * 256];
    const Keys all = keys_of(*frame);
    for (unsigned k = threadIdx.x; k < 256 * all.passes; k += BLOCK) counts[k] = 0;
    __syncthreads();
    const unsigned step = gridDim.x * BLOCK * TOGETHER;
    for (unsigned base = blockIdx.x * BLOCK * TOGETHER; base < all.count; base += step) {
        unsigned keys[TOGETHER];
        for (unsigned j = 0; j < TOGETHER; j++) {
            const unsigned i = base + j * BLOCK + threadIdx.x;
            keys[j] = i < all.count ? all.keys[i] : 0;
        }
        for (unsigned j = 0; j < TOGETHER; j++) {
            count_key(counts, all.passes, keys[j], base + j * BLOCK + threadIdx.x < all.count);
        }
    }
    __syncthreads();
    for (unsigned k = threadIdx.x; k < 256 * all.passes; k += BLOCK) {
        if (counts[k]) atomicAdd(all.digits + k, counts[k]);
    }
}

extern "C" __global__ void __launch_bounds__(256) sort(const Frame* __restrict__ frame, unsigned number) {
    const Frame& f = *frame;
    const unsigned from = number & 1u, to = from ^ 1u;
    const Keys all = keys_of(f);
#if BY_DEPTH
    sort_pass({all.count, f.depth_keys[from], number ? f.depth_values[from] : 0,
               f.depth_keys[to], f.depth_values[to], all.digits + 256 * number,
               f.status_depths + (size_t)number * f.depth_tiles * 256u,
               f.counters + TICKET_DEPTHS + number, 8u * number, 0});
#else
    sort_pass({all.count, f.pair_keys[from], f.pair_values[from], f.pair_keys[to],
               f.pair_values[to], all.digits + 256 * number,
               f.status_pairs + (size_t)number * f.pair_tiles * 256u,
               f.counters + TICKET_PAIRS + number, 8u * number,
               number + 1 == f.tile_passes ? f.tile_ranges : 0});
#endif
}
