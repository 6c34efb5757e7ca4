// From a splat in camera space to its record on the picture: shared by project.comp and slice.comp.
// Needs camera.glsl, covariance.glsl and record.glsl.

uniform vec2 jacobian_focal; // pixels
uniform vec2 slope_low;      // bounds of x / z and y / z in the Jacobian
uniform vec2 slope_high;
uniform float low_pass;      // px²
uniform float scale;
uniform bool discs;          // the footprint is a paraboloid
uniform int compensation;    // index into Compensation
uniform float least_opacity; // before compensation
uniform bool centers;        // draw a dot at the mean, of any opacity

// The thread's number: many groups do not fit into one row.
uint thread() {
    return gl_GlobalInvocationID.y * gl_NumWorkGroups.x * uint(THREADS) + gl_GlobalInvocationID.x;
}

// Rows of the Jacobian times the camera's rotation.
struct Rows { vec3 a; vec3 b; };

Rows projection_rows(vec3 p) {
    mat3 cam_from_world = mat3(viewmat);
    mat2x3 J = jacobian(p, jacobian_focal, slope_low, slope_high);
    return Rows(J[0] * cam_from_world, J[1] * cam_from_world);
}

// Each gives the projected covariance (xx, xy, yy) and its determinant. As cross products the
// determinants of needles do not cancel.
vec4 project_axes(vec3 m, vec3 n) {
    vec3 area = cross(m, n);
    return vec4(dot(m, m), dot(m, n), dot(n, n), dot(area, area));
}

vec4 project_quat(Rows r, vec4 quat, vec3 scales) {
    mat3 R = rotation(quat);
    vec3 s = scale * scales;
    return project_axes((r.a * R) * s, (r.b * R) * s);
}

vec4 project_covar(Rows r, mat3 S) {
    S *= scale * scale;
    vec3 cov = vec3(dot(r.a, S * r.a), dot(r.a, S * r.b), dot(r.b, S * r.b));
    return vec4(cov, cov.x * cov.z - cov.y * cov.y);
}

vec4 project_radius(Rows r, vec3 p, float radius) {
    radius *= scale;
    if (discs) {
        vec2 s = jacobian_focal * radius / divisor(p.z);
        return vec4(s.x * s.x, 0.0, s.y * s.y, s.x * s.x * s.y * s.y);
    }
    return project_axes(r.a * radius, r.b * radius);
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

// The record without its colour; opacity 0 where it touches no pixel.
Record record_of(vec3 p, vec4 cov, float opacity) {
    Ellipse e = ellipse(cov.xyz, cov.w, low_pass);
    bool visible = opacity >= least_opacity;
    opacity *= compensated(cov.w, e.det);
    float reach = reach_of(opacity);
    vec2 center = pixel_of(p);
    vec2 extent = reach * sqrt(vec2(e.cov.x, e.cov.z));
    if (centers) {
        e.major = vec2(1.0, 0.0);
        e.minor = vec2(0.0, 1.0);
        reach = CENTER_REACH;
        extent = vec2(reach);
    }
    visible = visible && opacity >= MIN_ALPHA
        && all(greaterThan(center + extent, vec2(0.0))) && all(lessThan(center - extent, size));
    return Record(center, e.major, e.minor, visible ? opacity : 0.0, reach, vec4(0.0, 0.0, 0.0, p.z));
}
