// A splat's alpha at a pixel, `offset` from its centre in standard deviations, or radii of a disc;
// under MIN_ALPHA it is to be skipped.

uniform bool discs;     // alpha falls off as a paraboloid, not as a Gaussian

float alpha_at(vec2 offset, float opacity) {
    float square = dot(offset, offset);
    return discs ? opacity * (1.0 - square) : min(MAX_ALPHA, opacity * exp(-0.5 * square));
}
