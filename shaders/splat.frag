#version 430
// A Gaussian's alpha at a pixel, premultiplied.

in vec2 offset;
flat in vec4 color_opacity;
out vec4 color;

void main() {
    float alpha = min(MAX_ALPHA, color_opacity.a * exp(-0.5 * dot(offset, offset)));
    if (alpha < MIN_ALPHA) discard;
    color = vec4(color_opacity.rgb * alpha, alpha);
}
