// What a layer says of a pixel, and how much that weighs: see core/measure.py.

uniform sampler2D layer;
uniform int mode;               // MODE_...

vec2 measured(ivec2 at) {
    vec4 c = texelFetch(layer, at, 0);
    if (mode == MODE_ALPHA) return vec2(c.a, 1.0);
    if (mode == MODE_OVERDRAW) return vec2(c.a, min(c.a, 1.0));
    return c.a < MIN_ALPHA ? vec2(0.0) : vec2(c.a / c.r, c.a);
}
