#version 430
// Every key of a tile to its place, equal digits in the order they have: a key comes after those of
// its digit in earlier tiles, in the runs of earlier lanes, and earlier in its own run.
layout(local_size_x = 32) in;

#include "radix.glsl"

layout(std430, binding = 1) readonly buffer From { uint from[]; };   // the keys' positions
layout(std430, binding = 2) writeonly buffer ToKeys { uint to_keys[]; };
layout(std430, binding = 3) writeonly buffer To { uint to[]; };

const uint LANES = gl_WorkGroupSize.x;
const uint RUN = TILE / LANES;
const uint HALF = DIGITS / 2u;
// Each lane's own: the low 16 bits count a digit, the high ones that HALF above; TILE fits in either.
// The odd stride keeps lanes that each sum a row in different banks.
shared uint counts[HALF][LANES + 1u];
shared uint places[DIGITS];

uint bits_of(uint digit) { return digit / HALF * 16u; }   // where its count starts

void main() {
    uint lane = gl_LocalInvocationID.x, tile = gl_WorkGroupID.x;
    uint first = tile * TILE + lane * RUN, end = min(first + RUN, sorted_count());
    for (uint row = 0u; row < HALF; row++) counts[row][lane] = 0u;
    for (uint i = first; i < end; i++) {
        uint key = keys[i], digit = digit_of(key);
        if (key != HIDDEN) counts[digit % HALF][lane] += 1u << bits_of(digit);
    }
    barrier();
    for (uint row = lane; row < HALF; row += LANES) {   // both halves at once, to those before each lane
        uint before = 0u;
        for (uint l = 0u; l < LANES; l++) {
            uint n = counts[row][l];
            counts[row][l] = before;
            before += n;
        }
    }
    for (uint d = lane; d < DIGITS; d += LANES) places[d] = table[tile * DIGITS + d];
    barrier();
    for (uint i = first; i < end; i++) {
        uint key = keys[i], digit = digit_of(key);
        if (key == HIDDEN) continue;
        uint before = counts[digit % HALF][lane];
        counts[digit % HALF][lane] = before + (1u << bits_of(digit));
        uint place = places[digit] + (before >> bits_of(digit) & 0xFFFFu);
        to[place] = shift == 0 ? i : from[i];
        if (shift != 24) to_keys[place] = key;   // the last pass's keys are not read
    }
}
