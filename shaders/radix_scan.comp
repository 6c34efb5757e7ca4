#version 430
// From counts to places: what a tile's keys of a digit come after. One group; four threads a digit,
// each over a quarter of the tiles.
layout(local_size_x = 1024) in;

#include "radix.glsl"

const uint PARTS = 4u;
const uint ROWS = 16u, ROW = DIGITS / ROWS;   // digits in rows: few barriers, short loops
shared uint sums[PARTS][DIGITS];
shared uint digits[DIGITS];
shared uint rows[ROWS];

// From the digits' counts to what comes before each; in uniform control flow.
void scan_digits() {
    uint row = gl_LocalInvocationID.x, first = row * ROW;
    if (row < ROWS) {
        uint sum = 0u;
        for (uint d = 0u; d < ROW; d++) sum += digits[first + d];
        rows[row] = sum;
    }
    barrier();
    if (row < ROWS) {
        uint before = 0u;
        for (uint r = 0u; r < row; r++) before += rows[r];
        for (uint d = 0u; d < ROW; d++) {
            uint n = digits[first + d];
            digits[first + d] = before;
            before += n;
        }
    }
    barrier();
}

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
    scan_digits();
    uint place = digits[digit] + before;
    for (uint t = first; t < last; t++) {
        uint n = table[t * DIGITS + digit];
        table[t * DIGITS + digit] = place;
        place += n;
    }
    if (shift == 0 && gl_LocalInvocationID.x == DIGITS - 1u) {   // part 0 of the highest digit
        kept = digits[digit] + total;
        groups[0] = (kept + TILE - 1u) / TILE;
        groups[1] = groups[2] = 1u;
    }
}
