// The ray of a pixel: OpenGL counts rows from below, the camera from above.
uniform vec2 focal;             // pixels, or pixels a world unit where orthographic
uniform vec2 principal;         // pixels
uniform float height;           // pixels
uniform vec3 camera_center;     // world space
uniform mat3 world_from_cam;
uniform bool orthographic;

vec2 on_plane() {   // at depth 1
    return (vec2(gl_FragCoord.x, height - gl_FragCoord.y) - principal) / focal;
}

vec3 ray_direction() {
    return orthographic ? world_from_cam[2] : normalize(world_from_cam * vec3(on_plane(), 1.0));
}

vec3 ray_origin() {
    return orthographic ? camera_center + world_from_cam * vec3(on_plane(), 0.0) : camera_center;
}
