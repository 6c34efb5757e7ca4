#version 430
// Every key of a tile to its place, equal digits in the order they have: a key comes after those of
// its digit in earlier rounds, in earlier words of its round, and in lower bits of its word.
layout(local_size_x = 256) in;

#include "radix.glsl"

layout(std430, binding = 2) writeonly buffer To { uint to[]; };

const uint WORDS = GROUP / 32u;
shared uint places[DIGITS];
shared uint marks[WORDS][DIGITS];   // a bit for each thread, at its digit

void main() {
    uint lane = gl_LocalInvocationID.x, tile = gl_WorkGroupID.x;
    uint word = lane / 32u, bit = 1u << (lane % 32u);
    places[lane] = table[tile * DIGITS + lane];
    for (uint w = 0u; w < WORDS; w++) marks[w][lane] = 0u;
    uint n = sorted_count();
    for (uint r = 0u; r < ROUNDS; r++) {
        barrier();
        uint i = tile * TILE + r * GROUP + lane;
        uint at = i < n ? position(i) : 0u;
        uint key = i < n ? keys[at] : HIDDEN;
        uint digit = digit_of(key);
        if (key != HIDDEN) atomicOr(marks[word][digit], bit);
        barrier();
        if (key != HIDDEN) {
            uint place = places[digit] + uint(bitCount(marks[word][digit] & (bit - 1u)));
            for (uint w = 0u; w < word; w++) place += uint(bitCount(marks[w][digit]));
            to[place] = at;
        }
        barrier();
        uint used = 0u;
        for (uint w = 0u; w < WORDS; w++) {
            used += uint(bitCount(marks[w][lane]));
            marks[w][lane] = 0u;
        }
        places[lane] += used;
    }
}
