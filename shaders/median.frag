#version 330
// The median's depth and alpha, premultiplied.

#include "depth_key.glsl"

uniform sampler2D found;        // a whole key, and the opacity in all

out vec4 color;

void main() {
    vec4 c = texelFetch(found, ivec2(gl_FragCoord.xy), 0);
    float alpha = 1.0 - exp(-c.z);
    color = vec4(vec3(key_depth(uint(c.x)) * alpha), alpha);
}
