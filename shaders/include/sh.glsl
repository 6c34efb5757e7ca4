// Spherical-harmonic colour, degree 0 to 3; the constants come from viewer/core/sh.py.
// Needs: float coefficient(uint i), the i-th float of this splat's [K, 3] coefficients.

uniform int sh_output;      // what the sum means: index into sh.Output

vec3 sh_term(uint k) {
    return vec3(coefficient(3u * k), coefficient(3u * k + 1u), coefficient(3u * k + 2u));
}

vec3 sh_color(vec3 d, int degree) {
    vec3 sum = SH_C0 * sh_term(0u);
    if (degree >= 1) {
        sum += SH_C1 * (-d.y * sh_term(1u) + d.z * sh_term(2u) - d.x * sh_term(3u));
    }
    if (degree >= 2) {
        vec3 s = d * d;
        sum += SH_C2_0 * (d.x * d.y * sh_term(4u) - d.y * d.z * sh_term(5u) - d.x * d.z * sh_term(7u))
             + SH_C2_1 * (2.0 * s.z - s.x - s.y) * sh_term(6u)
             + SH_C2_2 * (s.x - s.y) * sh_term(8u);
        if (degree >= 3) {
            sum += SH_C3_0 * (-d.y * (3.0 * s.x - s.y) * sh_term(9u)
                              - d.x * (s.x - 3.0 * s.y) * sh_term(15u))
                 + SH_C3_1 * d.x * d.y * d.z * sh_term(10u)
                 - SH_C3_2 * (4.0 * s.z - s.x - s.y) * (d.y * sh_term(11u) + d.x * sh_term(13u))
                 + SH_C3_3 * d.z * (2.0 * s.z - 3.0 * s.x - 3.0 * s.y) * sh_term(12u)
                 + SH_C3_4 * d.z * (s.x - s.y) * sh_term(14u);
        }
    }
    if (sh_output == 1) return 1.0 / (1.0 + exp(-sum));
    if (sh_output == 2) return clamp(tanh(sum) + 0.5, 0.0, 1.0);
    return max(sum + 0.5, vec3(0.0));
}
