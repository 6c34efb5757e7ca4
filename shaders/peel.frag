#version 330
// One layer: of what a pixel has behind the splat peeled last, the depth test keeps the nearest.

#include "footprint.glsl"

// Place of the splat peeled last, and the transmittance behind it; 0: the pixel is finished. What
// the pass does not touch is cleared to that.
uniform sampler2D before;
uniform float least_transmittance;   // a pixel ends in front of the splat that would take it below

in vec2 offset;
flat in float place;
flat in vec4 color_opacity;
layout(location = 0) out vec2 behind;
layout(location = 1) out vec4 color;
#if FEATURES
flat in vec3 view_features;
flat in vec3 time_features;
layout(location = 2) out vec4 view_color;
layout(location = 3) out vec4 time_color;
#else
// MODE_MEDIAN peels twice: for alpha alone, and for where half of that is reached.
uniform bool halving;
uniform sampler2D covered;           // alpha in all
#endif

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    vec2 last = texelFetch(before, pixel, 0).xy;
    if (place <= last.x || last.y <= 0.0) discard;
    float alpha = alpha_at(offset, color_opacity.a);
    if (alpha < MIN_ALPHA) discard;
    float after = last.y * (1.0 - alpha);
    bool ends = mode != MODE_OVERDRAW && after < least_transmittance;
    float weight = ends ? 0.0 : last.y * alpha;
    behind = ends ? vec2(0.0) : vec2(place, after);
    color = vec4(color_opacity.rgb * weight, weight);
#if FEATURES
    view_color = vec4(view_features * weight, weight);
    time_color = vec4(time_features * weight, weight);
#else
    if (mode == MODE_OVERDRAW) {
        behind = vec2(place, 1.0);
        color = vec4(1.0);
    } else if (mode == MODE_MEDIAN) {
        color.rgb = vec3(0.0);
        if (halving) {
            float whole = texelFetch(covered, pixel, 0).a;
            bool found = 1.0 - after >= 0.5 * whole;
            if (found) behind = vec2(0.0);
            color = vec4(found ? color_opacity.rgb * whole : vec3(0.0), 0.0);
        }
    }
#endif
}
