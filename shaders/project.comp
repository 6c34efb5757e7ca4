#version 430
// World-space splats to records on the picture, in drawing order, one thread each.
layout(local_size_x = THREADS) in;

#include "camera.glsl"
#include "covariance.glsl"
#include "record.glsl"
#include "projection.glsl"

layout(std430, binding = 0) readonly buffer Means { float means[]; };
layout(std430, binding = 1) readonly buffer Opacities { float opacities[]; };
layout(std430, binding = 2) readonly buffer Shapes { float shapes[]; };    // see shape_kind
layout(std430, binding = 3) readonly buffer Scales { float scales[]; };
layout(std430, binding = 4) readonly buffer Colors { float colors[]; };    // [N, C] or [N, K, 3]
layout(std430, binding = 5) readonly buffer Order { uint order[]; };
layout(std430, binding = 6) writeonly buffer Records { Stored records[]; };
layout(std430, binding = 7) readonly buffer Origins { float origins[]; };  // where SH points

uniform uint count;
uniform vec3 camera_center;
uniform int shape_kind;      // 0: quats and scales, 1: covars, 2: radii
uniform int sh_degree;       // -1: colours are blended as they are
uniform uint coefficients;   // K of the stored colours, in threes
uniform bool has_origins;

uint splat;

float coefficient(uint i) { return colors[splat * coefficients * 3u + i]; }

#include "sh.glsl"

vec3 origin_of(vec3 mean) {
    uint i = splat * 3u;
    return has_origins ? vec3(origins[i], origins[i + 1u], origins[i + 2u]) : mean;
}

vec4 projected_covariance(vec3 p) {
    Rows r = projection_rows(p);
    if (shape_kind == 2) return project_radius(r, p, shapes[splat]);
    if (shape_kind == 1) {
        uint i = splat * 6u;
        return project_covar(r, mat3(
            shapes[i], shapes[i + 1u], shapes[i + 2u],
            shapes[i + 1u], shapes[i + 3u], shapes[i + 4u],
            shapes[i + 2u], shapes[i + 4u], shapes[i + 5u]));
    }
    uint i = splat * 4u, j = splat * 3u;
    return project_quat(
        r, vec4(shapes[i], shapes[i + 1u], shapes[i + 2u], shapes[i + 3u]),
        vec3(scales[j], scales[j + 1u], scales[j + 2u]));
}

void main() {
    uint slot = thread();
    if (slot >= count) return;
    splat = order[slot];
    vec3 mean = vec3(means[splat * 3u], means[splat * 3u + 1u], means[splat * 3u + 2u]);
    vec3 p = (viewmat * vec4(mean, 1.0)).xyz;
    Record r = record_of(p, projected_covariance(p), opacities[splat]);
    r.color.rgb = sh_degree < 0
        ? vec3(coefficient(0u), coefficient(1u), coefficient(2u))
        : sh_color(normalize(origin_of(mean) - camera_center), sh_degree);
    records[slot] = stored(r);
}
