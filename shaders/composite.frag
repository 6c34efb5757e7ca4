#version 330
// The blended layer over the background, opaque.

uniform sampler2D layer;
uniform vec3 background;
out vec4 color;

void main() {
    vec4 c = texelFetch(layer, ivec2(gl_FragCoord.xy), 0);
    color = vec4(c.rgb + (1.0 - c.a) * background, 1.0);
}
