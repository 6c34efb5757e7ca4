#version 430
// World-space splats to records on the picture, in drawing order, one thread each.
layout(local_size_x = 64) in;

#include "camera.glsl"
#include "covariance.glsl"
#include "record.glsl"

layout(std430, binding = 0) readonly buffer Means { float means[]; };
layout(std430, binding = 1) readonly buffer Opacities { float opacities[]; };
layout(std430, binding = 2) readonly buffer Shapes { float shapes[]; };    // see shape_kind
layout(std430, binding = 3) readonly buffer Scales { float scales[]; };
layout(std430, binding = 4) readonly buffer Colors { float colors[]; };    // [N, C] or [N, K, 3]
layout(std430, binding = 5) readonly buffer Order { uint order[]; };
layout(std430, binding = 6) writeonly buffer Records { Record records[]; };
layout(std430, binding = 7) readonly buffer Origins { float origins[]; };  // where SH points

uniform uint count;
uniform vec3 camera_center;
uniform vec2 jacobian_focal; // pixels
uniform vec2 slope_low;      // bounds of x / z and y / z in the Jacobian
uniform vec2 slope_high;
uniform float low_pass;      // px²
uniform float scale;
uniform int shape_kind;      // 0: quats and scales, 1: covars, 2: radii
uniform bool discs;          // the footprint is a paraboloid
uniform int compensation;    // index into Compensation
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

// Projected covariance (xx, xy, yy) and its determinant.
vec4 projected_covariance(vec3 p) {
    mat3 cam_from_world = mat3(viewmat);
    mat2x3 J = jacobian(p, jacobian_focal, slope_low, slope_high);
    vec3 a = J[0] * cam_from_world, b = J[1] * cam_from_world;   // rows of J W
    if (shape_kind == 2) {
        float r = scale * shapes[splat];
        if (discs) {
            vec2 s = jacobian_focal * r / p.z;
            return vec4(s.x * s.x, 0.0, s.y * s.y, s.x * s.x * s.y * s.y);
        }
        vec3 m = a * r, n = b * r, area = cross(m, n);
        return vec4(dot(m, m), dot(m, n), dot(n, n), dot(area, area));
    }
    if (shape_kind == 1) {
        uint i = splat * 6u;
        mat3 S = mat3(
            shapes[i], shapes[i + 1u], shapes[i + 2u],
            shapes[i + 1u], shapes[i + 3u], shapes[i + 4u],
            shapes[i + 2u], shapes[i + 4u], shapes[i + 5u]) * (scale * scale);
        vec3 cov = vec3(dot(a, S * a), dot(a, S * b), dot(b, S * b));
        return vec4(cov, cov.x * cov.z - cov.y * cov.y);
    }
    uint i = splat * 4u;
    mat3 R = rotation(vec4(shapes[i], shapes[i + 1u], shapes[i + 2u], shapes[i + 3u]));
    vec3 s = scale * vec3(scales[splat * 3u], scales[splat * 3u + 1u], scales[splat * 3u + 2u]);
    vec3 m = (a * R) * s, n = (b * R) * s;
    vec3 area = cross(m, n);
    return vec4(dot(m, m), dot(m, n), dot(n, n), dot(area, area));
}

// Of opacity, from the covariance's determinant before and after the low-pass.
float compensated(float before, float after) {
    if (compensation == 1) return sqrt(max(before, 0.0) / after);
    if (compensation == 2) {
        if (before <= EPSILON || after <= EPSILON) return 0.0;
        return sqrt(before / (after + EPSILON) + EPSILON);
    }
    return 1.0;
}

float reach_of(float opacity) {
    if (discs) return sqrt(max(1.0 - MIN_ALPHA / opacity, 0.0));
    return sqrt(2.0 * log(max(opacity / MIN_ALPHA, 1.0)));
}

void main() {
    uint slot = gl_GlobalInvocationID.x;
    if (slot >= count) return;
    splat = order[slot];
    vec3 mean = vec3(means[splat * 3u], means[splat * 3u + 1u], means[splat * 3u + 2u]);
    vec3 p = (viewmat * vec4(mean, 1.0)).xyz;
    vec4 cov = projected_covariance(p);
    Ellipse e = ellipse(cov.xyz, cov.w, low_pass);
    float opacity = opacities[splat] * compensated(cov.w, e.det);
    float reach = reach_of(opacity);
    vec2 center = focal * p.xy / p.z + principal;
    vec2 extent = reach * sqrt(vec2(e.cov.x, e.cov.z));
    bool visible = opacity >= MIN_ALPHA
        && all(greaterThan(center + extent, vec2(0.0))) && all(lessThan(center - extent, size));
    vec3 rgb = sh_degree < 0
        ? vec3(coefficient(0u), coefficient(1u), coefficient(2u))
        : sh_color(normalize(origin_of(mean) - camera_center), sh_degree);
    records[slot] = Record(center, e.major, e.minor, visible ? opacity : 0.0, reach, vec4(rgb, p.z));
}
