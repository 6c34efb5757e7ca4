#version 330
// One quad per record, in drawing order.

#include "quad.glsl"

void main() {
    gl_Position = quad_corner(gl_InstanceID);
}
