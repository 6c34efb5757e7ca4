// The same out of data textures, which OpenGL 3.3 has. Needs record.glsl.
#if !STORAGE
uniform sampler2D records;    // three texels each

vec4 texel(sampler2D data, int i) {
    return texelFetch(data, ivec2(i % DATA_WIDTH, i / DATA_WIDTH), 0);
}

Record fetch(int i) {
    vec4 a = texel(records, 3 * i), b = texel(records, 3 * i + 1);
    return Record(a.xy, a.zw, b.xy, b.z, b.w, texel(records, 3 * i + 2));
}

#if FEATURES
uniform sampler2D features;   // two texels each

void fetch_features(int i, out vec3 view_features, out vec3 time_features) {
    view_features = texel(features, 2 * i).xyz;
    time_features = texel(features, 2 * i + 1).xyz;
}
#endif
#endif
