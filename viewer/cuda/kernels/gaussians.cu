// Gaussians at one time, projected: viewer/core/temporal.py, one thread a row of the ranges alive.
// What can be seen gets a record, the bits of its depth as a key, and a place; places follow the
// order of the rows.
#include "frame.cuh"
#include "scan.cuh"
#include "record.cuh"
#include "rows.cuh"
#include "sh.cuh"

#define BLOCK 256u
#define ROOT_HALF_LOG2E 0.84932180028801904f   // square in halves and bits: see record.cuh

__device__ float dot3(const float* a, const float* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// What x and y at depth z are divided by, to be seen.
__device__ float divisor(const Frame& f, float z) { return f.orthographic ? 1.0f : z; }

// The covariance xx, xy, yy on the picture, before the low-pass, and its determinant. As cross
// products the determinants of needles do not cancel.
struct Covariance { float xx, xy, yy, det; };

__device__ Covariance from_axes(const float* m, const float* n) {
    const float a = m[1] * n[2] - m[2] * n[1], b = m[2] * n[0] - m[0] * n[2];
    const float c = m[0] * n[1] - m[1] * n[0];
    return {dot3(m, m), dot3(m, n), dot3(n, n), a * a + b * b + c * c};
}

__device__ Covariance projected(const Frame& f, const Row& row, const float* p) {
    // Rows of the Jacobian times the camera's rotation. The direction, not the position, is clamped
    // to the frustum, as 3D Gaussian Splatting does.
    const float z = 1.0f / divisor(f, p[2]);
    const float tx = fminf(fmaxf(p[0] * z, f.slope_low[0]), f.slope_high[0]);
    const float ty = fminf(fmaxf(p[1] * z, f.slope_low[1]), f.slope_high[1]);
    const float sx = f.jacobian_focal[0] * z, sy = f.jacobian_focal[1] * z;
    float a[3], b[3];
    for (int k = 0; k < 3; k++) {
        a[k] = sx * (f.viewmat[k] - tx * f.viewmat[8 + k]);
        b[k] = sy * (f.viewmat[4 + k] - ty * f.viewmat[8 + k]);
    }
#if RADII
    const float radius = __uint_as_float(row.geometry[SHAPE_AT]) * f.scale;
#if DISCS
    const float x = sx * radius, y = sy * radius;
    return {x * x, 0.0f, y * y, x * x * y * y};
#else
    for (int k = 0; k < 3; k++) {
        a[k] *= radius;
        b[k] *= radius;
    }
    return from_axes(a, b);
#endif
#elif COVARS
    const float s = f.scale * f.scale;
    const float3 x = three(row.geometry + SHAPE_AT), y = three(row.geometry + SHAPE_AT + 3u);
    const float S[9] = {x.x, x.y, x.z, x.y, y.x, y.y, x.z, y.y, y.z};
    float Sa[3], Sb[3];
    for (int k = 0; k < 3; k++) {
        Sa[k] = s * dot3(S + 3 * k, a);
        Sb[k] = s * dot3(S + 3 * k, b);
    }
    const float xx = dot3(a, Sa), xy = dot3(a, Sb), yy = dot3(b, Sb);
    return {xx, xy, yy, xx * yy - xy * xy};
#else
    float q[4], s[3], m[3], n[3];
    quat_and_scales(f, row, q, s);
    const float w = q[0], x = q[1], y = q[2], v = q[3];
    const float R[9] = {
        1.0f - 2.0f * (y * y + v * v), 2.0f * (x * y - w * v), 2.0f * (x * v + w * y),
        2.0f * (x * y + w * v), 1.0f - 2.0f * (x * x + v * v), 2.0f * (y * v - w * x),
        2.0f * (x * v - w * y), 2.0f * (y * v + w * x), 1.0f - 2.0f * (x * x + y * y)};
    for (int k = 0; k < 3; k++) {
        const float length = s[k] * f.scale;
        m[k] = length * (a[0] * R[k] + a[1] * R[3 + k] + a[2] * R[6 + k]);
        n[k] = length * (b[0] * R[k] + b[1] * R[3 + k] + b[2] * R[6 + k]);
    }
    return from_axes(m, n);
#endif
}

// Of opacity, from the covariance's determinant before and after the low-pass.
__device__ float compensated(const Frame& f, float before, float after) {
    if (f.compensation == 1) return sqrtf(fmaxf(before, 0.0f) / after);
    if (f.compensation == 2) {
        if (before <= EPSILON || after <= EPSILON) return 0.0f;
        return sqrtf(before / (after + EPSILON) + EPSILON);
    }
    return 1.0f;
}

// The splat at p (camera space); false where it touches no pixel.
__device__ bool splat_of(const Frame& f, const Row& row, const float* p, float opacity, Splat& s) {
    const Covariance c = projected(f, row, p);
    const float xx = c.xx + f.low_pass, yy = c.yy + f.low_pass;
    // det(A + k I) = det A + k tr A + k²: keeps thin splats from cancelling to nothing.
    const float det = fmaxf(c.det, 0.0f) + f.low_pass * (c.xx + c.yy) + f.low_pass * f.low_pass;
    bool visible = opacity >= f.least_opacity & det > 0.0f & yy > 0.0f;
    opacity *= compensated(f, c.det, det);
    visible &= opacity >= MIN_ALPHA;
    const float w = divisor(f, p[2]);
    s.x = f.focal[0] * p[0] / w + f.principal[0];
    s.y = f.focal[1] * p[1] / w + f.principal[1];
    s.opacity = opacity;
    s.depth = p[2];
#if DOTS
    const float ex = CENTER_REACH, ey = CENTER_REACH;
    s.p = s.r = 1.0f;
    s.q = 0.0f;
#else
#if DISCS
    const float unit = 1.0f, reach = sqrtf(fmaxf(1.0f - MIN_ALPHA / opacity, 0.0f));
#else
    const float unit = ROOT_HALF_LOG2E, reach = sqrtf(2.0f * logf(fmaxf(opacity / MIN_ALPHA, 1.0f)));
#endif
    const float ex = reach * sqrtf(xx), ey = reach * sqrtf(yy);
    s.p = unit * sqrtf(yy / det);
    s.q = -unit * c.xy / sqrtf(yy * det);
    s.r = unit / sqrtf(yy);
#endif
    return visible & s.x + ex > 0.0f & s.y + ey > 0.0f & s.x - ex < (float)f.width
        & s.y - ey < (float)f.height;
}

__device__ void color_of(const Frame& f, const Row& row, const float* mean, const float* p, float* rgb) {
    if (f.mode == MODE_DEPTH) {
        rgb[0] = rgb[1] = rgb[2] = p[2];
        return;
    }
    if (f.mode == MODE_ALPHA) {
        rgb[0] = rgb[1] = rgb[2] = 1.0f;
        return;
    }
#if HARMONICS
    float d[3], length = 0.0f;
    for (int k = 0; k < 3; k++) {
#if ORIGINS
        d[k] = __uint_as_float(row.geometry[SHAPE_AT + SHAPE_WORDS + k]) - f.camera_center[k];
#elif FIXED_DIRECTIONS
        d[k] = __uint_as_float(row.geometry[k]) - f.camera_center[k];
#else
        d[k] = mean[k] - f.camera_center[k];
#endif
        length += d[k] * d[k];
    }
    length = 1.0f / fmaxf(sqrtf(length), 1e-12f);
    for (unsigned c = 0; c < 3; c++) {
        const float sum = sh_channel(row, c, d[0] * length, d[1] * length, d[2] * length, f.sh_degree);
        rgb[c] = sh_shown(sum, f.sh_output);
    }
#else
    for (unsigned c = 0; c < 3; c++) rgb[c] = coefficient(row, c);
#endif
}

// The stored row of the i-th of this frame.
__device__ unsigned row_of(const Frame& f, unsigned i) {
    unsigned k = 0;
    while (k + 1 < f.range_count && i >= f.range_slot[k + 1]) k++;
    return f.range_first[k] + (i - f.range_slot[k]);
}

extern "C" __global__ void __launch_bounds__(256, HARMONICS ? 4 : 5) gaussians(const Frame* __restrict__ frame) {
    __shared__ unsigned place;
    const Frame& f = *frame;
    const unsigned block = take_ticket(f.counters + TICKET_GAUSSIANS);
    if (block * BLOCK >= f.rows) return;
    const unsigned i = block * BLOCK + threadIdx.x;
    const unsigned stored = row_of(f, min(i, f.rows - 1u));
    // All of it is read and computed, though not all are seen: behind a branch the compiler puts
    // reads off, and a warp, of which some lanes go on nearly always, waits for one after the other.
    const Life life = life_of(f, stored);
    Row row;
    read_words<GEOMETRY>(row.geometry, f.geometry + (size_t)stored * GEOMETRY);
#if EARLY_COLORS
    read_words<COLOR_ROW>(row.colors, f.colors + (size_t)stored * COLOR_ROW);
#endif
    row.dt = f.time - life.center;
#if STILL
    const float window = 1.0f;
#else
    const float fade = row.dt / life.width, window = expf(-0.5f * fade * fade);
#endif
    const float opacity = life.opacity * window;
    const bool alive = i < f.rows & opacity >= MIN_ALPHA & window >= f.cull;
    float mean[3], p[3], power = row.dt;
    for (int k = 0; k < 3; k++) mean[k] = __uint_as_float(row.geometry[k]);
#if MOTION
    for (unsigned m = 0; m < MOTION; m++) {
        for (int k = 0; k < 3; k++) mean[k] += __uint_as_float(row.geometry[3 + 3 * m + k]) * power;
        power *= row.dt;
    }
#endif
    const float* v = f.viewmat;
    for (int k = 0; k < 3; k++) p[k] = dot3(v + 4 * k, mean) + v[4 * k + 3];
    Splat s;
    const bool touches = splat_of(f, row, p, opacity, s);
    const bool visible = alive & p[2] > f.near & p[2] <= f.far & touches;
    unsigned total;
    const unsigned before = block_exclusive<BLOCK>(visible, total);
    const unsigned living = __syncthreads_count(alive);
    if (threadIdx.x < 32) {
        const unsigned earlier = grid_exclusive(f.status_gaussians, block, total);
        if (threadIdx.x == 0) {
            place = earlier;
            atomicAdd(f.counters + ALIVE, living);
            if ((block + 1) * BLOCK >= f.rows) f.counters[VISIBLE] = earlier + total;
        }
    }
    __syncthreads();
    if (!visible) return;
    const unsigned to = place + before;
#if EARLY_COLORS
#elif WHOLE_COLORS
    read_words<COLOR_ROW>(row.colors, f.colors + (size_t)stored * COLOR_ROW);
#else
    row.colors = f.colors + (size_t)stored * COLOR_ROW;
#endif
#if WAVES
    for (unsigned h = 0; h < WAVES; h++) row.waves[h] = cosf(WAVE_RATE * (float)(h + 1) * row.dt);
#endif
    float rgb[3];
    color_of(f, row, mean, p, rgb);
    store_record(f.records, to, s, rgb);
#if EXTRA
    for (unsigned c = 0; c < EXTRA; c++) f.features[(size_t)to * EXTRA + c] = coefficient(row, 3 + c);
#endif
    f.depth_keys[0][to] = __float_as_uint(p[2]);
}
