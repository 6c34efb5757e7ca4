#version 430
// From counts to places: what a tile's keys of a digit come after. One group; four threads a digit,
// each over a quarter of the tiles.
layout(local_size_x = 1024) in;

#include "radix.glsl"

const uint PARTS = 4u;
shared uint sums[PARTS][DIGITS];
const uint ROW = 16u, ROWS = DIGITS / ROW;
shared uint digits[DIGITS];
shared uint rows[ROWS];

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
    uint lane = gl_LocalInvocationID.x;
    if (lane < ROWS) {
        rows[lane] = 0u;
        for (uint d = 0u; d < ROW; d++) rows[lane] += digits[lane * ROW + d];
    }
    barrier();
    if (lane < ROWS) {
        uint place = 0u;
        for (uint row = 0u; row < lane; row++) place += rows[row];
        for (uint d = lane * ROW; d < (lane + 1u) * ROW; d++) {
            uint n = digits[d];
            digits[d] = place;
            place += n;
        }
    }
    barrier();
    uint place = digits[digit] + before;
    for (uint t = first; t < last; t++) {
        uint n = table[t * DIGITS + digit];
        table[t * DIGITS + digit] = place;
        place += n;
    }
    if (shift == 0 && gl_LocalInvocationID.x == DIGITS - 1u) {
        kept = digits[DIGITS - 1u] + total;
        groups[0] = (kept + TILE - 1u) / TILE;
        groups[1] = groups[2] = 1u;
    }
}
