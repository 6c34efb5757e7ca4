#version 330
// One quad per record, as far away as its place in the order of depth: every place has its own
// depth, also where two splats lie equally deep.

#include "quad.glsl"

uniform float count;    // of records
flat out float place;   // from 1 on; a float holds it exactly

void main() {
    gl_Position = quad_corner(gl_InstanceID);
    place = float(gl_InstanceID + 1);
    gl_Position.z = 2.0 * place / (count + 1.0) - 1.0;
}
