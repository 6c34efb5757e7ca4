#version 430
// How many were sorted, as the arguments of an indirect draw: four corners, so many instances.
layout(local_size_x = 1) in;

layout(std430, binding = 4) readonly buffer Kept { uint kept; };
layout(std430, binding = 5) readonly buffer Alive { uint alive; };
layout(std430, binding = 0) writeonly buffer Draw { uint draw[6]; };   // and the counts, to be read

void main() {
    draw[0] = 4u;
    draw[1] = kept;
    draw[2] = 0u;
    draw[3] = 0u;
    draw[4] = alive;
}
