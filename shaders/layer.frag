#version 330
// A peeled layer, to be added to those in front of it: it is weighed by what they let through.

uniform sampler2D layer;
layout(location = 0) out vec4 color;
#if FEATURES
uniform sampler2D view_layer;
uniform sampler2D time_layer;
layout(location = 1) out vec4 view_color;
layout(location = 2) out vec4 time_color;
#endif

void main() {
    ivec2 pixel = ivec2(gl_FragCoord.xy);
    color = texelFetch(layer, pixel, 0);
#if FEATURES
    view_color = texelFetch(view_layer, pixel, 0);
    time_color = texelFetch(time_layer, pixel, 0);
#endif
}
