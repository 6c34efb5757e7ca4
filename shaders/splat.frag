#version 330
// A splat at a pixel, premultiplied; in MODE_OVERDRAW one count.

#include "footprint.glsl"

in vec2 offset;
flat in vec4 color_opacity;
#if FEATURES
flat in vec3 view_features;
flat in vec3 time_features;
layout(location = 1) out vec4 view_color;
layout(location = 2) out vec4 time_color;
#endif
layout(location = 0) out vec4 color;

void main() {
    float alpha = alpha_at(offset, color_opacity.a);
    if (alpha < MIN_ALPHA) discard;
    color = mode == MODE_OVERDRAW ? vec4(1.0) : vec4(color_opacity.rgb * alpha, alpha);
#if FEATURES
    view_color = vec4(view_features * alpha, alpha);
    time_color = vec4(time_features * alpha, alpha);
#endif
}
