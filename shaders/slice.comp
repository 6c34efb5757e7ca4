#version 430
// TemporalGaussians at one time, projected: viewer/core/temporal.py, one thread a stored row.
// What can be seen gets a record and its depth as a key; what cannot, the key HIDDEN.
// The rows of its buffers are those of viewer/render/packing.py.
layout(local_size_x = THREADS) in;

#if PACKED
#define WORD uint
#else
#define WORD float
#endif

#include "camera.glsl"
#include "covariance.glsl"
#include "record.glsl"
#include "projection.glsl"

layout(std430, binding = 0) readonly buffer Lives { WORD lives[]; };       // center width opacity
layout(std430, binding = 1) readonly buffer Geometry { WORD geometry[]; };
layout(std430, binding = 2) readonly buffer Colors { WORD colors[]; };
layout(std430, binding = 5) buffer Alive { uint alive; };
layout(std430, binding = 6) writeonly buffer Records { Stored records[]; };
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
uniform float far;
uniform vec3 camera_center;
uniform int sh_degree;

const uint SHAPE_AT = 3u + 3u * MOTION;
const uint COLOR_NUMBERS = COLORS * (1u + RATE + WAVES);
#if PACKED
uniform float width_unit;    // what halves count: model time, world units
uniform float scale_unit;

const uint GEOMETRY = SHAPE_AT + (COVARS == 1 ? 6u : OMEGA == 1 ? 6u : 4u);
const uint COLOR_ROW = (COLOR_NUMBERS + 1u) / 2u;
#else
const uint GEOMETRY = SHAPE_AT + (COVARS == 1 ? 6u : OMEGA == 1 ? 11u : 7u);
const uint COLOR_ROW = COLOR_NUMBERS;
#endif

uint row;
float dt;
#if WAVES
float waves[WAVES];          // cos(2 pi h dt / period)
#endif

#if PACKED
vec2 pair(uint word) { return unpackHalf2x16(word); }

vec3 life() {                // time centre, width, opacity
    vec2 b = pair(lives[row * 2u + 1u]);
    return vec3(uintBitsToFloat(lives[row * 2u]), b.x * width_unit, b.y);
}

vec3 three(uint i) {
    i += row * GEOMETRY;
    return uintBitsToFloat(uvec3(geometry[i], geometry[i + 1u], geometry[i + 2u]));
}

#if !COVARS
vec4 quat() {
    uint i = row * GEOMETRY + SHAPE_AT;
    return vec4(unpackSnorm2x16(geometry[i]), unpackSnorm2x16(geometry[i + 1u]));
}

vec3 scales() {
    uint i = row * GEOMETRY + SHAPE_AT + 2u;
    return vec3(pair(geometry[i]), pair(geometry[i + 1u]).x) * scale_unit;
}

vec4 omega() {
    uint i = row * GEOMETRY + SHAPE_AT + 4u;
    return vec4(pair(geometry[i]), pair(geometry[i + 1u]));
}
#endif

float color_number(uint i) { return pair(colors[row * COLOR_ROW + i / 2u])[i & 1u]; }
#else
vec3 life() { uint i = row * 3u; return vec3(lives[i], lives[i + 1u], lives[i + 2u]); }

vec3 three(uint i) {
    i += row * GEOMETRY;
    return vec3(geometry[i], geometry[i + 1u], geometry[i + 2u]);
}

#if !COVARS
vec4 four(uint i) { return vec4(three(i), geometry[row * GEOMETRY + i + 3u]); }
vec4 quat() { return four(SHAPE_AT); }
vec3 scales() { return three(SHAPE_AT + 4u); }
vec4 omega() { return four(SHAPE_AT + 7u); }
#endif

float color_number(uint i) { return colors[row * COLOR_ROW + i]; }
#endif

// The i-th number of the colour at this time.
float coefficient(uint i) {
    float value = color_number(i);
#if RATE
    value += color_number(i + COLORS) * dt;
#endif
#if WAVES
    for (uint h = 0u; h < uint(WAVES); h++) value += color_number(i + COLORS * (1u + RATE + h)) * waves[h];
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
    vec4 q = quat();
#if OMEGA
    q += omega() * dt;
#endif
    return project_quat(r, q / max(length(q), 1e-12), scales());
#endif
}

void main() {
    uint i = thread();
    if (i >= count) return;
    row = first + i;
    uint to = slot + i;
    keys[to] = HIDDEN;
    vec3 l = life();
    dt = time - l.x;
    float fade = dt / l.y;
    float window = exp(-0.5 * fade * fade);
    float opacity = l.z * window;
    if (opacity < MIN_ALPHA || window < cull) return;
    atomicAdd(alive, 1u);
    vec3 mean = three(0u), origin = mean;
    float power = dt;
    for (uint k = 0u; k < uint(MOTION); k++) {
        mean += three(3u + 3u * k) * power;
        power *= dt;
    }
    vec3 p = (viewmat * vec4(mean, 1.0)).xyz;
    if (!(p.z > near) || p.z > far) return;
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
    records[to] = stored(r);
    keys[to] = floatBitsToUint(p.z);
}
