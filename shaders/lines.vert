#version 330
// Straight lines of the world as quads some pixels wide: one instance a line, cut at `near`.

#include "camera.glsl"

uniform float width;      // pixels
uniform float near;       // distance in front of the camera, world units
uniform int hidden;       // lines of this owner are not drawn
uniform int lit;          // lines of this owner are drawn in `accent`
uniform vec4 tint;
uniform vec4 accent;

in vec3 start;
in vec3 end;
in float owner;
out float across;         // pixels from the middle of the line
flat out vec4 color;

void main() {
    vec3 a = (viewmat * vec4(start, 1.0)).xyz, b = (viewmat * vec4(end, 1.0)).xyz;
    bool shown = int(owner) != hidden && max(a.z, b.z) > near;
    if (a.z < near) a = mix(a, b, (near - a.z) / (b.z - a.z));
    if (b.z < near) b = mix(b, a, (near - b.z) / (a.z - b.z));
    vec2 p = pixel_of(a), q = pixel_of(b);
    vec2 along = q - p;
    vec2 way = dot(along, along) > 1e-8 ? normalize(along) : vec2(1.0, 0.0);
    across = (float(gl_VertexID & 1) * 2.0 - 1.0) * (0.5 * width + 1.0);   // one more, to fade
    vec2 at = gl_VertexID < 2 ? p : q;
    color = int(owner) == lit ? accent : tint;
    gl_Position = shown ? clip_from_pixel(at + across * vec2(-way.y, way.x)) : vec4(2.0, 2.0, 2.0, 1.0);
}
