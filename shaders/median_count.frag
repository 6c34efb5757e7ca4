#version 330
// How opaque the splats at a pixel are, counted in 16 buckets of depth that share what is known of
// the median so far: -log(1 - alpha) adds up, so no order matters.

#include "footprint.glsl"
#include "depth_key.glsl"

const float MOST_OPAQUE = 1e-7; // 1 - alpha of a splat that hides all behind it

uniform sampler2D found;        // per pixel: leading bits of the key, opacity before, opacity in all
uniform uint shift;             // bits of the key still unknown after this pass

in vec2 offset;
flat in vec4 color_opacity;     // depth, opacity
layout(location = 0) out vec4 buckets[4];

void main() {
    float alpha = alpha_at(offset, color_opacity.a);
    uint key = depth_key(color_opacity.r);
    uint known = uint(texelFetch(found, ivec2(gl_FragCoord.xy), 0).x);
    if (alpha < MIN_ALPHA || key >> (shift + 4u) != known) discard;
    float opaque = -log(max(1.0 - alpha, MOST_OPAQUE));
    uint bucket = (key >> shift) & 15u;
    for (uint i = 0u; i < 4u; i++) {
        buckets[i] = mix(vec4(0.0), vec4(opaque), equal(uvec4(bucket), i * 4u + uvec4(0u, 1u, 2u, 3u)));
    }
}
