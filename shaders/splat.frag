#version 430
// A splat's alpha at a pixel, premultiplied.

uniform bool discs;     // alpha falls off as a paraboloid, not as a Gaussian

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
    float square = dot(offset, offset);
    float alpha = discs ? color_opacity.a * (1.0 - square)
                        : min(MAX_ALPHA, color_opacity.a * exp(-0.5 * square));
    if (alpha < MIN_ALPHA) discard;
    color = vec4(color_opacity.rgb * alpha, alpha);
#if FEATURES
    view_color = vec4(view_features * alpha, alpha);
    time_color = vec4(time_features * alpha, alpha);
#endif
}
