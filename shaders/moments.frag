#version 330
// What a layer measures, as sums for its mean and spread: weight, weighted value, its square.

#include "measured.glsl"

out vec4 color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec2 m = all(lessThan(at, textureSize(layer, 0))) ? measured(at) : vec2(0.0);
    color = vec4(m.y, m.y * m.x, m.y * m.x * m.x, 1.0);
}
