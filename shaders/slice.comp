#version 430
// TemporalGaussians at one time, projected: viewer/core/temporal.py, one thread a stored row.
// What can be seen gets a record and its depth as a key; what cannot, the key HIDDEN.
layout(local_size_x = THREADS) in;

#include "camera.glsl"
#include "covariance.glsl"
#include "record.glsl"
#include "projection.glsl"

layout(std430, binding = 0) readonly buffer Lives { float lives[]; };       // center width opacity
layout(std430, binding = 1) readonly buffer Geometry { float geometry[]; };
layout(std430, binding = 2) readonly buffer Colors { float colors[]; };
layout(std430, binding = 5) buffer Alive { uint alive; };
layout(std430, binding = 6) writeonly buffer Records { Record records[]; };
layout(std430, binding = 7) writeonly buffer Keys { uint keys[]; };
#if FEATURES
layout(std430, binding = 3) writeonly buffer Features { float features[]; };  // [slots, 6]
#endif

uniform uint first;          // row of this part of the model
uniform uint count;
uniform uint slot;           // where the first one's record goes
uniform float time;          // model time
uniform float cull;          // of the window
uniform float near;          // world units
uniform vec3 camera_center;
uniform int sh_degree;

const uint SHAPE_AT = 3u + 3u * MOTION;
const uint GEOMETRY = SHAPE_AT + (COVARS == 1 ? 6u : OMEGA == 1 ? 11u : 7u);
const uint COLOR_ROW = COLORS * (1u + RATE + WAVES);

uint row;
float dt;
#if WAVES
float waves[WAVES];          // cos(2 pi h dt / period)
#endif

vec3 three(uint i) { i += row * GEOMETRY; return vec3(geometry[i], geometry[i + 1u], geometry[i + 2u]); }
vec4 four(uint i) { i += row * GEOMETRY; return vec4(geometry[i], geometry[i + 1u], geometry[i + 2u], geometry[i + 3u]); }

// The i-th number of the colour at this time.
float coefficient(uint i) {
    uint at = row * COLOR_ROW + i;
    float value = colors[at];
#if RATE
    value += colors[at + COLORS] * dt;
#endif
#if WAVES
    for (uint h = 0u; h < uint(WAVES); h++) value += colors[at + COLORS * (1u + RATE + h)] * waves[h];
#endif
    return value;
}

#include "sh.glsl"

vec4 projected_covariance(vec3 p) {
    Rows r = projection_rows(p);
#if COVARS
    vec3 x = three(SHAPE_AT), y = three(SHAPE_AT + 3u);
    return project_covar(r, mat3(x.x, x.y, x.z, x.y, y.x, y.y, x.z, y.y, y.z));
#else
    vec4 quat = four(SHAPE_AT);
#if OMEGA
    quat += four(SHAPE_AT + 7u) * dt;
#endif
    return project_quat(r, quat / max(length(quat), 1e-12), three(SHAPE_AT + 4u));
#endif
}

void main() {
    uint i = thread();
    if (i >= count) return;
    row = first + i;
    uint to = slot + i;
    keys[to] = HIDDEN;
    dt = time - lives[row * 3u];
    float fade = dt / lives[row * 3u + 1u];
    float window = exp(-0.5 * fade * fade);
    float opacity = lives[row * 3u + 2u] * window;
    if (opacity < MIN_ALPHA || window < cull) return;
    atomicAdd(alive, 1u);
    vec3 mean = three(0u), origin = mean;
    float power = dt;
    for (uint k = 0u; k < uint(MOTION); k++) {
        mean += three(3u + 3u * k) * power;
        power *= dt;
    }
    vec3 p = (viewmat * vec4(mean, 1.0)).xyz;
    if (!(p.z > near)) return;
    Record r = record_of(p, projected_covariance(p), opacity);
    if (r.opacity <= 0.0) return;
#if WAVES
    for (uint h = 0u; h < uint(WAVES); h++) waves[h] = cos(WAVE_RATE * float(h + 1u) * dt);
#endif
#if HARMONICS
    vec3 seen = FIXED_DIRECTIONS == 1 ? origin : mean;
    r.color.rgb = sh_color(normalize(seen - camera_center), sh_degree);
#else
    r.color.rgb = vec3(coefficient(0u), coefficient(1u), coefficient(2u));
#endif
#if FEATURES
    for (uint c = 0u; c < 6u; c++) features[to * 6u + c] = coefficient(3u + c);
#endif
    records[to] = r;
    keys[to] = floatBitsToUint(p.z);
}
