// A splat's alpha at a pixel, `offset` from its centre in standard deviations, or radii of a disc,
// or pixels of a dot; under MIN_ALPHA it is to be skipped.

uniform bool discs;     // alpha falls off as a paraboloid, not as a Gaussian
uniform int mode;       // MODE_...

float alpha_at(vec2 offset, float opacity) {
    if (mode == MODE_CENTERS) return clamp(CENTER_REACH - length(offset), 0.0, MAX_ALPHA);
    float square = dot(offset, offset);
    return discs ? opacity * (1.0 - square) : min(MAX_ALPHA, opacity * exp(-0.5 * square));
}
