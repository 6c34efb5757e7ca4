// A pass of the radix sort: 8 bits of 32-bit keys, one group a tile. Keys and positions are carried
// along; HIDDEN keys are left out of the first pass and so of all.

const uint TILE = 4096u;
const uint DIGITS = 256u;
const uint HIDDEN = 0xFFFFFFFFu;

layout(std430, binding = 0) readonly buffer Keys { uint keys[]; };   // as sorted so far
layout(std430, binding = 4) buffer Table { uint table[]; };          // [tiles, DIGITS]
layout(std430, binding = 5) buffer Kept { uint kept; uint groups[3]; };

uniform uint count;     // of keys
uniform int shift;      // the pass's lowest bit; 0 is the first pass

uint sorted_count() { return shift == 0 ? count : kept; }
uint digit_of(uint key) { return (key >> uint(shift)) & (DIGITS - 1u); }
