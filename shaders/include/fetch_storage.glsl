// Records and features out of storage buffers, in drawing order. Needs record.glsl.
#if STORAGE
layout(std430, binding = 5) readonly buffer Order { uint order[]; };
layout(std430, binding = 6) readonly buffer Records { Stored records[]; };

uniform bool in_order;        // records lie in drawing order, not in slots that `order` names

Record fetch(int i) { return restored(records[in_order ? uint(i) : order[i]]); }

#if FEATURES
layout(std430, binding = 4) readonly buffer Features { float features[]; };
uniform ivec2 feature_row;    // numbers a splat has there, and where the last six begin

void fetch_features(int i, out vec3 view_features, out vec3 time_features) {
    uint j = order[i] * uint(feature_row.x) + uint(feature_row.y);
    view_features = vec3(features[j], features[j + 1u], features[j + 2u]);
    time_features = vec3(features[j + 3u], features[j + 4u], features[j + 5u]);
}
#endif
#endif
