#version 330
// Blended features to colour, by the network of core/decoder.py. It paints empty pixels too: where a
// background is asked for, the colour counts by what covers the pixel.

#include "ray.glsl"

uniform sampler2D base_layer;
uniform sampler2D view_layer;
uniform sampler2D time_layer;
uniform float first[72];        // [6, 12]
uniform float second[18];       // [3, 6]
uniform int activation;         // index into Activation
uniform bool over_background;
out vec4 color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 base = texelFetch(base_layer, at, 0);
    vec3 view = texelFetch(view_layer, at, 0).rgb, time = texelFetch(time_layer, at, 0).rgb;
    vec3 ray = ray_direction(), eye = ray_origin();
    float inputs[12] = float[](
        view.x, view.y, view.z, time.x, time.y, time.z,
        eye.x, eye.y, eye.z, ray.x, ray.y, ray.z);
    vec3 rgb = base.rgb;
    for (int row = 0; row < 6; row++) {
        float sum = 0.0;
        for (int i = 0; i < 12; i++) sum += first[12 * row + i] * inputs[i];
        rgb += max(sum, 0.0) * vec3(second[row], second[6 + row], second[12 + row]);
    }
    if (activation == 0) rgb = 1.0 / (1.0 + exp(-rgb));
    if (activation == 1) rgb = clamp(rgb, 0.0, 1.0);
    float alpha = over_background ? base.a : 1.0;
    color = vec4(rgb * alpha, alpha);
}
