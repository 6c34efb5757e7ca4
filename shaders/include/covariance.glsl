// Covariances of splats, in the world and on the picture. Needs camera.glsl.

mat3 rotation(vec4 q) {     // w x y z, unit; columns as in GLSL
    float w = q.x, x = q.y, y = q.z, z = q.w;
    return mat3(
        1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y),
        2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x),
        2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y));
}

// Rows of the Jacobian at p (camera space). The direction, not the position, is clamped to the
// frustum, as 3D Gaussian Splatting does; where orthographic, to none.
mat2x3 jacobian(vec3 p, vec2 focal, vec2 low, vec2 high) {
    float w = divisor(p.z);
    vec2 t = clamp(p.xy / w, low, high);
    return mat2x3(
        vec3(focal.x / w, 0.0, -focal.x * t.x / w),
        vec3(0.0, focal.y / w, -focal.y * t.y / w));
}

// An ellipse as two half axes of one standard deviation, pixels, and det(cov) before and after
// the low-pass. cov is (xx, xy, yy) and det its determinant, both before the low-pass.
struct Ellipse { vec2 major; vec2 minor; vec3 cov; float det; };

Ellipse ellipse(vec3 cov, float det, float low_pass) {
    vec3 c = cov + vec3(low_pass, 0.0, low_pass);
    // det(A + k I) = det A + k tr A + k²: keeps thin splats from cancelling to nothing.
    float d = max(det, 0.0) + low_pass * (cov.x + cov.z) + low_pass * low_pass;
    float mid = 0.5 * (c.x + c.z);
    float major = mid + length(vec2(0.5 * (c.x - c.z), c.y));
    float angle = 0.5 * atan(2.0 * c.y, c.x - c.z);
    vec2 axis = vec2(cos(angle), sin(angle));
    return Ellipse(axis * sqrt(major), vec2(-axis.y, axis.x) * sqrt(d / major), c, d);
}
