#version 330
// A line that fades over a pixel at its edges, not premultiplied.

uniform float width;   // pixels

in float across;
flat in vec4 color;
out vec4 fragment;

void main() {
    fragment = vec4(color.rgb, color.a * clamp(0.5 * width + 0.5 - abs(across), 0.0, 1.0));
}
