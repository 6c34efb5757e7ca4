#version 330
// The interface's triangles: vertex colour times texture, not premultiplied.

uniform sampler2D image;

in vec2 texel;
in vec4 tint;
out vec4 color;

void main() {
    color = tint * texture(image, texel);
}
