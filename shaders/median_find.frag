#version 330
// The bucket in which half of what a pixel shows is reached: four more bits of the median's key.

uniform sampler2D found;        // as median_count.frag reads it
uniform sampler2D buckets[4];
uniform bool first;

out vec4 color;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 before = texelFetch(found, at, 0), counts[4];
    // An array of samplers takes constants alone as its index.
    counts[0] = texelFetch(buckets[0], at, 0);
    counts[1] = texelFetch(buckets[1], at, 0);
    counts[2] = texelFetch(buckets[2], at, 0);
    counts[3] = texelFetch(buckets[3], at, 0);
    if (first) {
        vec4 sum = counts[0] + counts[1] + counts[2] + counts[3];
        before.z = dot(sum, vec4(1.0));
    }
    float shown = 1.0 - exp(-before.z);
    float wanted = -log(1.0 - 0.5 * shown);
    float so_far = before.y;
    uint bucket = 0u, last = 0u;
    for (uint i = 0u; i < 16u; i++) {
        float here = counts[i >> 2u][i & 3u];
        if (here <= 0.0) continue;
        last = i;                           // rounding must not lead beyond what there is
        if (so_far + here >= wanted) break;
        so_far += here;
    }
    color = vec4(before.x * 16.0 + float(last), so_far, before.z, 1.0);
}
