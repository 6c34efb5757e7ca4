// Spherical-harmonic colour, degree 0 to 3; the constants come from viewer/core/sh.py.
// Needs: float coefficient(unsigned i), the i-th float of this splat's [K, 3] coefficients.
#pragma once

__device__ float sh_channel(const Row& row, unsigned c, float x, float y, float z, int degree) {
    auto term = [&](unsigned k) { return coefficient(row, 3u * k + c); };
    float sum = SH_C0 * term(0);
    if (degree >= 1) sum += SH_C1 * (-y * term(1) + z * term(2) - x * term(3));
    if (degree >= 2) {
        const float xx = x * x, yy = y * y, zz = z * z;
        sum += SH_C2_0 * (x * y * term(4) - y * z * term(5) - x * z * term(7))
             + SH_C2_1 * (2.0f * zz - xx - yy) * term(6) + SH_C2_2 * (xx - yy) * term(8);
        if (degree >= 3) {
            sum += SH_C3_0 * (-y * (3.0f * xx - yy) * term(9) - x * (xx - 3.0f * yy) * term(15))
                 + SH_C3_1 * x * y * z * term(10)
                 - SH_C3_2 * (4.0f * zz - xx - yy) * (y * term(11) + x * term(13))
                 + SH_C3_3 * z * (2.0f * zz - 3.0f * xx - 3.0f * yy) * term(12)
                 + SH_C3_4 * z * (xx - yy) * term(14);
        }
    }
    return sum;
}

__device__ float sh_shown(float sum, int output) {
    if (output == 1) return 1.0f / (1.0f + expf(-sum));
    if (output == 2) return fminf(fmaxf(tanhf(sum) + 0.5f, 0.0f), 1.0f);
    return fmaxf(sum + 0.5f, 0.0f);
}
