#version 330
// What a layer measures on a scale of colours, over the background, opaque.

#include "measured.glsl"

uniform sampler2D moments;      // their mean in the smallest of its mipmaps
uniform int smallest;
uniform float reach;            // of the scale, standard deviations to either side of the mean
uniform vec3 background;
uniform vec3 scale[6];          // coefficients of a polynomial: core/measure.py

out vec4 color;

void main() {
    vec2 m = measured(ivec2(gl_FragCoord.xy));
    if (mode == MODE_ALPHA) {
        color = vec4(vec3(m.x), 1.0);
        return;
    }
    vec4 sums = texelFetch(moments, ivec2(0), smallest);
    float mean = sums.y / max(sums.x, 1e-12);
    float spread = reach * sqrt(max(sums.z / max(sums.x, 1e-12) - mean * mean, 0.0));
    float low = mode == MODE_OVERDRAW ? 0.0 : max(mean - spread, 0.0);
    float x = clamp((m.x - low) / max(mean + spread - low, 1e-12), 0.0, 1.0);
    vec3 sum = scale[5];
    for (int i = 4; i >= 0; i--) sum = sum * x + scale[i];
    color = vec4(mix(background, clamp(sum, 0.0, 1.0), m.y), 1.0);
}
