// The quad of a record, along the ellipse's axes, cut where alpha falls to 1/255.
#include "camera.glsl"
#include "record.glsl"
#include "fetch_storage.glsl"
#include "fetch_texture.glsl"

uniform int mode;              // MODE_...

out vec2 offset;               // standard deviations along the two axes; pixels of a dot
flat out vec4 color_opacity;   // RGB, the first three features or what a mode measures; opacity
#if FEATURES
flat out vec3 view_features;
flat out vec3 time_features;
#endif

float cross2(vec2 a, vec2 b) { return a.x * b.y - a.y * b.x; }

// The corner gl_VertexID of record i in clip space, and what the fragments need of it.
vec4 quad_corner(int i) {
    Record r = fetch(i);
    color_opacity = vec4(r.color.rgb, r.opacity);
    if (mode == MODE_DEPTH || mode == MODE_MEDIAN) color_opacity.rgb = r.color.aaa;
    else if (mode == MODE_ALPHA) color_opacity.rgb = vec3(1.0);
#if FEATURES
    fetch_features(i, view_features, time_features);
#endif
    if (r.opacity <= 0.0) {
        offset = vec2(0.0);
        return vec4(2.0, 2.0, 2.0, 1.0);   // outside
    }
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
    // The rasteriser snaps edges to sub-pixel steps: without the pad it drops fragments that lie
    // just above the cut.
    vec2 sigma = vec2(length(r.major), length(r.minor));
    offset = corner * (r.reach + QUAD_PAD / max(sigma, vec2(1e-3)));
    vec2 at = r.center + offset.x * r.major + offset.y * r.minor;
    // It snaps corners and leaves their offsets: here a corner is put on such a step with both.
    vec2 snapped = round(at * SUBPIXELS) / SUBPIXELS, moved = snapped - at;
    float area = max(cross2(r.major, r.minor), 1e-30);
    offset += vec2(cross2(moved, r.minor), cross2(r.major, moved)) / area;
    return clip_from_pixel(snapped);
}
