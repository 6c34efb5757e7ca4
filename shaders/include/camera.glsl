// The camera of a pass: OpenCV axes, pixels with row 0 on top.
uniform mat4 viewmat;       // camera from world
uniform vec2 focal;         // pixels, or pixels a world unit where orthographic
uniform vec2 principal;     // pixels
uniform vec2 size;          // W, H pixels
uniform bool orthographic;

// What x and y at depth z are divided by, to be seen.
float divisor(float z) { return orthographic ? 1.0 : z; }

// Camera space to pixels.
vec2 pixel_of(vec3 p) { return focal * p.xy / divisor(p.z) + principal; }

// Pixels with row 0 on top to clip space: OpenGL's y points up.
vec4 clip_from_pixel(vec2 p) {
    return vec4(2.0 * p.x / size.x - 1.0, 1.0 - 2.0 * p.y / size.y, 0.0, 1.0);
}
