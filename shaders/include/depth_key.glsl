// Depth as a whole number: the leading bits of the float, so that steps are relative.

const uint KEY_BITS = 20u;      // 5 of octaves, 15 within one
const uint KEY_SHIFT = 8u;

uniform float nearest;          // world units, above 0: key 0

uint depth_key(float z) {
    uint above = floatBitsToUint(max(z, nearest)) - floatBitsToUint(nearest);
    return min(above >> KEY_SHIFT, (1u << KEY_BITS) - 1u);
}

float key_depth(uint key) {
    return uintBitsToFloat(floatBitsToUint(nearest) + (key << KEY_SHIFT) + (1u << (KEY_SHIFT - 1u)));
}
