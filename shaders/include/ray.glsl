// The ray of a pixel: OpenGL counts rows from below, the camera from above.
uniform vec2 focal;             // pixels
uniform vec2 principal;         // pixels
uniform float height;           // pixels
uniform vec3 camera_center;     // world space
uniform mat3 world_from_cam;

vec3 ray_direction() {
    vec2 pixel = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
    return normalize(world_from_cam * vec3((pixel - principal) / focal, 1.0));
}
