#version 430
// One quad per record, along the ellipse's axes, cut where alpha falls to 1/255.

#include "camera.glsl"
#include "record.glsl"

layout(std430, binding = 5) readonly buffer Order { uint order[]; };
layout(std430, binding = 6) readonly buffer Records { Record records[]; };

uniform bool in_order;        // records lie in drawing order, not in slots that `order` names

out vec2 offset;               // standard deviations along the two axes
flat out vec4 color_opacity;   // RGB or the first three features, opacity
#if FEATURES
layout(std430, binding = 4) readonly buffer Features { float features[]; };
uniform ivec2 feature_row;    // numbers a splat has there, and where the last six begin
flat out vec3 view_features;
flat out vec3 time_features;
#endif

void main() {
    uint slot = order[gl_InstanceID];
    Record r = records[in_order ? uint(gl_InstanceID) : slot];
    color_opacity = vec4(r.color.rgb, r.opacity);
#if FEATURES
    uint i = slot * uint(feature_row.x) + uint(feature_row.y);
    view_features = vec3(features[i], features[i + 1u], features[i + 2u]);
    time_features = vec3(features[i + 3u], features[i + 4u], features[i + 5u]);
#endif
    if (r.opacity <= 0.0) {
        offset = vec2(0.0);
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);   // outside
        return;
    }
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
    // The rasteriser snaps edges to sub-pixel steps: without the pad it drops fragments that lie
    // just above the cut.
    vec2 sigma = vec2(length(r.major), length(r.minor));
    offset = corner * (r.reach + QUAD_PAD / max(sigma, vec2(1e-3)));
    gl_Position = clip_from_pixel(r.center + offset.x * r.major + offset.y * r.minor);
}
