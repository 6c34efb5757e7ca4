#version 430
// How often each digit occurs in a tile.
layout(local_size_x = 256) in;

#include "radix.glsl"

shared uint histogram[DIGITS];

void main() {
    uint lane = gl_LocalInvocationID.x, tile = gl_WorkGroupID.x;
    histogram[lane] = 0u;
    barrier();
    uint n = sorted_count();
    for (uint r = 0u; r < ROUNDS; r++) {
        uint i = tile * TILE + r * GROUP + lane;
        if (i >= n) break;
        uint key = keys[position(i)];
        if (key != HIDDEN) atomicAdd(histogram[digit_of(key)], 1u);
    }
    barrier();
    table[tile * DIGITS + lane] = histogram[lane];
}
