// Stands in for CUDA's built-ins, so that a kernel's own text runs on the processor: the blocks of a
// grid one after the other, the threads of a block as fibers that give way where they wait for each
// other. Shared memory is static; there is one block at a time.
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

#define __global__
#define __device__ static inline
#define __launch_bounds__(...)
#define __shared__ static

struct float2 { float x, y; };
struct float3 { float x, y, z; };
struct alignas(16) float4 { float x, y, z, w; };
struct int2 { int x, y; };
struct uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct Place { unsigned x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;

inline unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline int min(int a, int b) { return a < b ? a : b; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline unsigned __float_as_uint(float f) { unsigned u; memcpy(&u, &f, 4); return u; }
inline float __uint_as_float(unsigned u) { float f; memcpy(&f, &u, 4); return f; }
inline int __popc(unsigned u) { return __builtin_popcount(u); }
inline int __ffs(unsigned u) { return __builtin_ffs((int)u); }
template <class T> T __ldg(const T* at) { return *at; }
inline unsigned atomicMax(unsigned* at, unsigned value) { unsigned old = *at; if (value > old) *at = value; return old; }
template <class T> T atomicAdd(T* at, T value) { T old = *at; *at += value; return old; }

enum { RUNNING, AT_BLOCK, AT_WARP, DONE };
constexpr unsigned MOST_THREADS = 1024, STACK = 128 * 1024;

// A fiber begins as a context and goes on by jumps, which ask nothing of the kernel.
struct Fiber {
    ucontext_t context;
    jmp_buf place;
    bool begun;
    char* stack;
    int state;
    unsigned turn;                // parity of the next exchange of its warp
    uint32_t given[2];            // what it says in an exchange
};

static Fiber fibers[MOST_THREADS];
static jmp_buf scheduler;
static unsigned current;
static void (*entry)(void**);
static void** arguments;
static unsigned block_votes[2], block_turn;

static void give_way(int state) {
    fibers[current].state = state;
    if (!_setjmp(fibers[current].place)) _longjmp(scheduler, 1);
}

static void fiber_main() {
    entry(arguments);
    give_way(DONE);
}

inline void __syncthreads() { give_way(AT_BLOCK); }

// Counted when the last thread arrives; the other of two counters is cleared for the next call.
inline int __syncthreads_count(int vote) {
    if (vote) block_votes[block_turn]++;
    const unsigned turn = block_turn;
    give_way(AT_BLOCK);
    return block_votes[turn];
}
inline int __syncthreads_and(int vote) { return __syncthreads_count(vote) == (int)blockDim.x; }

// Every lane of the warp says a word and gets to see those of the others.
static const Fiber* exchange(uint32_t word, unsigned& turn) {
    Fiber& self = fibers[current];
    turn = self.turn;
    self.given[turn] = word;
    self.turn ^= 1;
    give_way(AT_WARP);
    return fibers + current / 32 * 32;
}

inline void __syncwarp() { unsigned turn; exchange(0, turn); }

template <class T> T __shfl_sync(unsigned, T value, int lane) {
    static_assert(sizeof(T) == 4, "");
    uint32_t word;
    memcpy(&word, &value, 4);
    unsigned turn;
    const Fiber* warp = exchange(word, turn);
    memcpy(&value, &warp[lane & 31].given[turn], 4);
    return value;
}

template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned step) {
    const unsigned lane = threadIdx.x & 31;
    return __shfl_sync(mask, value, lane >= step ? (int)(lane - step) : (int)lane);
}

inline unsigned __ballot_sync(unsigned, int vote) {
    unsigned turn, found = 0;
    const Fiber* warp = exchange(vote != 0, turn);
    for (unsigned k = 0; k < 32; k++) found |= warp[k].given[turn] << k;
    return found;
}
inline int __any_sync(unsigned mask, int vote) { return __ballot_sync(mask, vote) != 0; }
inline int __all_sync(unsigned mask, int vote) { return __ballot_sync(mask, vote) == 0xFFFFFFFFu; }

inline unsigned __match_any_sync(unsigned, unsigned value) {
    unsigned turn, found = 0;
    const Fiber* warp = exchange(value, turn);
    for (unsigned k = 0; k < 32; k++) found |= (unsigned)(warp[k].given[turn] == value) << k;
    return found;
}

static bool all_at(unsigned from, unsigned to, int state) {
    for (unsigned k = from; k < to; k++) {
        if (fibers[k].state != state) return false;
    }
    return true;
}

static void release(unsigned from, unsigned to) {
    for (unsigned k = from; k < to; k++) fibers[k].state = RUNNING;
}

static void go_on(Fiber& fiber) {
    if (_setjmp(scheduler)) return;
    if (fiber.begun) _longjmp(fiber.place, 1);
    fiber.begun = true;
    setcontext(&fiber.context);
}

static void run_block(unsigned threads) {
    for (unsigned k = 0; k < threads; k++) {
        Fiber& fiber = fibers[k];
        if (!fiber.stack) fiber.stack = (char*)malloc(STACK);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack;
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = nullptr;
        fiber.state = RUNNING;
        fiber.begun = false;
        fiber.turn = 0;
        makecontext(&fiber.context, fiber_main, 0);
    }
    block_votes[0] = block_votes[1] = block_turn = 0;
    while (true) {
        bool moved = false;
        for (unsigned k = 0; k < threads; k++) {
            if (fibers[k].state != RUNNING) continue;
            moved = true;
            current = k;
            threadIdx.x = k;
            go_on(fibers[k]);
        }
        if (moved) continue;
        if (all_at(0, threads, DONE)) return;
        bool released = false;
        for (unsigned warp = 0; warp < threads; warp += 32) {
            if (all_at(warp, warp + 32, AT_WARP)) {
                release(warp, warp + 32);
                released = true;
            }
        }
        if (!released && all_at(0, threads, AT_BLOCK)) {
            block_turn ^= 1;
            block_votes[block_turn] = 0;
            release(0, threads);
            released = true;
        }
        if (!released) {
            fprintf(stderr, "threads of a block wait for each other in different places\n");
            abort();
        }
    }
}

static void run_grid(void (*kernel)(void**), void** args, unsigned blocks, unsigned threads) {
    entry = kernel;
    arguments = args;
    gridDim.x = blocks;
    blockDim.x = threads;
    for (unsigned block = 0; block < blocks; block++) {
        blockIdx.x = block;
        run_block(threads);
    }
}
