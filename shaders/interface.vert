#version 330
// The interface's triangles: points from the top left to clip space.

uniform vec2 size;   // of the display, in the interface's own points

in vec2 position;
in vec2 uv;
in vec4 color;
out vec2 texel;
out vec4 tint;

void main() {
    texel = uv;
    tint = color;
    gl_Position = vec4(position.x / size.x * 2.0 - 1.0, 1.0 - position.y / size.y * 2.0, 0.0, 1.0);
}
