// A splat on the picture, written by project.comp, slice.comp or host.py, drawn as a quad.
struct Record {
    vec2 center;    // pixels
    vec2 major;     // half axes of one standard deviation, pixels
    vec2 minor;
    float opacity;  // 0 = not to be drawn
    float reach;    // standard deviations at which alpha falls to 1/255
    vec4 color;     // RGB as blended, depth in camera space
};

const uint HIDDEN = 0xFFFFFFFFu;   // the key of a splat that is not drawn

// As it lies in a storage buffer: 48 bytes, or 32 where the picture is for display.
#if PACKED
struct Stored {
    vec2 center;
    uvec2 axes;             // halves
    uvec2 color_opacity;    // halves
    float reach;
    float depth;
};

Stored stored(Record r) {
    return Stored(
        r.center, uvec2(packHalf2x16(r.major), packHalf2x16(r.minor)),
        uvec2(packHalf2x16(r.color.rg), packHalf2x16(vec2(r.color.b, r.opacity))),
        r.reach, r.color.a);
}

Record restored(Stored s) {
    vec2 rg = unpackHalf2x16(s.color_opacity.x), ba = unpackHalf2x16(s.color_opacity.y);
    return Record(
        s.center, unpackHalf2x16(s.axes.x), unpackHalf2x16(s.axes.y),
        ba.y, s.reach, vec4(rg, ba.x, s.depth));
}
#else
#define Stored Record
Record stored(Record r) { return r; }
Record restored(Record r) { return r; }
#endif
