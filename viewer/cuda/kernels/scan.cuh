// Sums over a warp, a block and the whole grid. The last is Merrill and Garland's decoupled
// look-back ("Single-pass Parallel Prefix Scan", 2016): a block publishes its own sum, adds up
// those of the blocks before it, and publishes what it found.
#pragma once

#define ALL_LANES 0xFFFFFFFFu
#define OWN_SUM 0x40000000u       // a status word: what it holds in the upper bits
#define WHOLE_SUM 0x80000000u
#define SUM_BITS 0x3FFFFFFFu

__device__ unsigned lane_of() { return threadIdx.x & 31u; }

// Sum of the lanes up to and with this one.
__device__ unsigned warp_inclusive(unsigned value) {
    for (unsigned step = 1; step < 32; step *= 2) {
        const unsigned other = __shfl_up_sync(ALL_LANES, value, step);
        if (lane_of() >= step) value += other;
    }
    return value;
}

// Sum of the threads before this one; total: of all. Every thread of the block calls it.
template <unsigned COUNT>
__device__ unsigned block_exclusive(unsigned value, unsigned& total) {
    __shared__ unsigned sums[32];
    const unsigned inclusive = warp_inclusive(value), warp = threadIdx.x / 32u;
    __syncthreads();              // the sums of a call before are no longer read
    if (lane_of() == 31u) sums[warp] = inclusive;
    __syncthreads();
    unsigned before = 0;
    total = 0;
    for (unsigned w = 0; w < COUNT / 32u; w++) {
        if (w == warp) before = total;
        total += sums[w];
    }
    return before + inclusive - value;
}

// Which block of the grid this is, in the order in which blocks begin: those before it are running
// or done, so waiting for them ends. Every thread of the block calls it.
__device__ unsigned take_ticket(unsigned* tickets) {
    __shared__ unsigned mine;
    if (threadIdx.x == 0) mine = atomicAdd(tickets, 1u);
    __syncthreads();
    return mine;
}

__device__ unsigned read_status(const unsigned* status) { return *(const volatile unsigned*)status; }

__device__ void write_status(unsigned* status, unsigned word) { *(volatile unsigned*)status = word; }

// Sum of `own` over all blocks before this one. The first warp calls it, whole.
__device__ unsigned grid_exclusive(unsigned* status, unsigned block, unsigned own) {
    const unsigned lane = lane_of();
    if (lane == 0) write_status(status + block, (block == 0 ? WHOLE_SUM : OWN_SUM) | own);
    if (block == 0) return 0;
    unsigned before = 0;
    int at = (int)block - 1 - (int)lane;
    while (true) {
        unsigned word;
        do {
            word = at >= 0 ? read_status(status + at) : WHOLE_SUM;
        } while (__any_sync(ALL_LANES, word < OWN_SUM));
        const unsigned whole = __ballot_sync(ALL_LANES, (word & WHOLE_SUM) != 0);
        const unsigned last = whole ? __ffs(whole) - 1 : 31;
        const unsigned part = lane <= last ? word & SUM_BITS : 0;
        before += __shfl_sync(ALL_LANES, warp_inclusive(part), 31);
        if (whole) break;
        at -= 32;
    }
    if (lane == 0) write_status(status + block, WHOLE_SUM | (before + own));
    return before;
}
