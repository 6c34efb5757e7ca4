// A splat on the picture, 48 bytes, written by project.comp, slice.comp or host.py, drawn as a quad.
struct Record {
    vec2 center;    // pixels
    vec2 major;     // half axes of one standard deviation, pixels
    vec2 minor;
    float opacity;  // 0 = not to be drawn
    float reach;    // standard deviations at which alpha falls to 1/255
    vec4 color;     // RGB as blended, depth in camera space
};

const uint HIDDEN = 0xFFFFFFFFu;   // the key of a splat that is not drawn
