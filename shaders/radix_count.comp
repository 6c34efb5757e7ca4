#version 430
// How often each digit occurs in a tile.
layout(local_size_x = 256) in;

#include "radix.glsl"

shared uint histogram[DIGITS];

void main() {
    uint lane = gl_LocalInvocationID.x, tile = gl_WorkGroupID.x;
    histogram[lane] = 0u;
    barrier();
    uint end = min((tile + 1u) * TILE, sorted_count());
    for (uint i = tile * TILE + lane; i < end; i += DIGITS) {
        uint key = keys[i];
        if (key != HIDDEN) atomicAdd(histogram[digit_of(key)], 1u);
    }
    barrier();
    table[tile * DIGITS + lane] = histogram[lane];
}
