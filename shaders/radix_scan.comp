#version 430
// From counts to places: what a tile's keys of a digit come after. One group; four threads a digit,
// each over a quarter of the tiles.
layout(local_size_x = 1024) in;

#include "radix.glsl"

const uint PARTS = 4u;
shared uint sums[PARTS][DIGITS];
shared uint digits[DIGITS];

void main() {
    uint digit = gl_LocalInvocationID.x % DIGITS, part = gl_LocalInvocationID.x / DIGITS;
    uint tiles = (sorted_count() + TILE - 1u) / TILE;
    uint each = (tiles + PARTS - 1u) / PARTS;
    uint first = min(part * each, tiles), last = min(first + each, tiles);
    uint sum = 0u;
    for (uint t = first; t < last; t++) sum += table[t * DIGITS + digit];
    sums[part][digit] = sum;
    barrier();
    uint total = 0u, before = 0u;
    for (uint p = 0u; p < PARTS; p++) {
        if (p < part) before += sums[p][digit];
        total += sums[p][digit];
    }
    if (part == 0u) digits[digit] = total;
    barrier();
    for (uint step = 1u; step < DIGITS; step *= 2u) {   // to sums of all digits up to each
        uint lower = digit >= step ? digits[digit - step] : 0u;
        barrier();
        if (part == 0u) digits[digit] += lower;
        barrier();
    }
    uint place = before + digits[digit] - total;
    for (uint t = first; t < last; t++) {
        uint n = table[t * DIGITS + digit];
        table[t * DIGITS + digit] = place;
        place += n;
    }
    if (shift == 0 && gl_LocalInvocationID.x == DIGITS - 1u) {
        kept = digits[DIGITS - 1u];
        groups[0] = (kept + TILE - 1u) / TILE;
        groups[1] = groups[2] = 1u;
    }
}
