// A pass of the radix sort: 8 bits of 32-bit keys, tiles of TILE keys, one group a tile.
// Positions stand for keys; those of HIDDEN keys are left out of the first pass and so of all.

const uint GROUP = 256u;
const uint ROUNDS = 8u;
const uint TILE = GROUP * ROUNDS;
const uint DIGITS = 256u;
const uint HIDDEN = 0xFFFFFFFFu;

layout(std430, binding = 0) readonly buffer Keys { uint keys[]; };
layout(std430, binding = 1) readonly buffer From { uint from[]; };   // positions, as sorted so far
layout(std430, binding = 3) buffer Table { uint table[]; };          // [tiles, DIGITS]
layout(std430, binding = 4) buffer Kept { uint kept; uint groups[3]; };

uniform uint count;     // of keys
uniform int shift;      // the pass's lowest bit; 0 is the first pass

uint sorted_count() { return shift == 0 ? count : kept; }
uint position(uint i) { return shift == 0 ? i : from[i]; }
uint digit_of(uint key) { return (key >> uint(shift)) & (DIGITS - 1u); }
