#version 330
// The blended layer over a picture on a sphere, opaque: core/decoder.py, Environment.

#include "ray.glsl"

uniform sampler2D layer;
uniform sampler2D environment;
uniform float radius;
out vec4 color;

const float PI = 3.14159265358979;

void main() {
    vec4 c = texelFetch(layer, ivec2(gl_FragCoord.xy), 0);
    vec3 d = ray_direction(), o = ray_origin();
    float along = dot(d, o);
    float inside = along * along - (dot(o, o) - radius * radius);
    vec3 p = o + d * (sqrt(max(inside, 0.0)) - along);
    vec2 uv = vec2(atan(p.y, p.x) / (2.0 * PI) + 0.5, acos(clamp(p.z / radius, -1.0, 1.0)) / PI);
    vec2 inner = vec2(textureSize(environment, 0)) - 2.0;   // without its border of black
    uv = (uv * inner + 1.0) / (inner + 2.0);
    color = vec4(c.rgb + (1.0 - c.a) * texture(environment, uv).rgb, 1.0);
}
