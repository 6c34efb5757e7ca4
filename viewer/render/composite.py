"""From the blended layer to the picture that is shown, saved and recorded.

Features are decoded into colour first, where a model has a decoder; then the layer lies over its
background. Both on the device, or in torch where there is no OpenGL.
"""

from collections.abc import Mapping

import moderngl
import numpy as np
import torch

from viewer.core import measure
from viewer.core.camera import Camera
from viewer.core.decoder import Activation, Decoder, Environment
from viewer.core.settings import Mode
from viewer.core.splats import MIN_ALPHA
from viewer.core.target import TensorTarget
from viewer.gl.program import draw_program
from viewer.gl.target import TextureTarget

Background = tuple[float, float, float]
# The lone triangle needs no camera; these do.
RAY = ("focal", "principal", "height", "camera_center", "world_from_cam", "orthographic")
CONSTANTS: dict[str, float | int] = {
    "MIN_ALPHA": MIN_ALPHA,
    **{f"MODE_{mode.name}": number for number, mode in enumerate(Mode)},
}


class Compositor:
    """Decodes and composites in OpenGL."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._programs: dict[str, tuple[moderngl.Program, moderngl.VertexArray]] = {}
        self._environment: tuple[Environment, moderngl.Texture] | None = None
        self._moments: TextureTarget | None = None

    def decode(
        self,
        features: TextureTarget,
        decoder: Decoder,
        camera: Camera,
        over_background: bool,
        layer: TextureTarget,
    ) -> None:
        """Fill `layer` with the colours of `features`; opaque unless a background is wanted."""
        program, triangle = self._begin("decode", layer)
        for slot, (name, texture) in enumerate(
            zip(("base_layer", "view_layer", "time_layer"), features.layers, strict=True)
        ):
            texture.use(slot)
            program[name] = slot
        program["first"] = decoder.first.flatten().tolist()
        program["second"] = decoder.second.flatten().tolist()
        program["activation"] = list(Activation).index(decoder.activation)
        program["over_background"] = over_background
        _set(program, _ray(camera))
        triangle.render(moderngl.TRIANGLES, vertices=3)

    def over(self, layer: TextureTarget, background: Background, picture: TextureTarget) -> None:
        """Fill `picture` with `layer` over `background` (RGB 0..1), opaque; sizes are equal."""
        program, triangle = self._begin("composite", picture)
        layer.color.use(0)
        program["layer"] = 0
        program["background"] = background
        triangle.render(moderngl.TRIANGLES, vertices=3)

    def over_environment(
        self,
        layer: TextureTarget,
        environment: Environment,
        camera: Camera,
        picture: TextureTarget,
    ) -> None:
        """Fill `picture` with `layer` over what a sphere around the scene shows, opaque."""
        program, triangle = self._begin("environment", picture)
        layer.color.use(0)
        self._texture_of(environment).use(1)
        program["layer"], program["environment"] = 0, 1
        program["radius"] = environment.radius
        _set(program, _ray(camera))
        triangle.render(moderngl.TRIANGLES, vertices=3)

    def inspect(
        self, layer: TextureTarget, mode: Mode, background: Background, picture: TextureTarget
    ) -> None:
        """Fill `picture` with what `layer` measures, as `viewer.core.measure.picture` does."""
        moments = self._moments_of(layer.width, layer.height)
        for name, target in (("moments", moments), ("inspect", picture)):
            program, triangle = self._begin(name, target)
            self._ctx.viewport = (0, 0, target.width, target.height)
            layer.color.use(0)
            program["layer"], program["mode"] = 0, list(Mode).index(mode)
            if name == "inspect":
                moments.color.build_mipmaps()
                moments.color.use(1)
                program["moments"], program["background"] = 1, background
                program["smallest"] = max(moments.width, moments.height).bit_length() - 1
                program["scale"], program["reach"] = measure.SCALE, measure.REACH
            triangle.render(moderngl.TRIANGLES, vertices=3)

    def release(self) -> None:
        """Free programs and textures."""
        if self._moments is not None:
            self._moments.release()
            self._moments = None
        for program, triangle in self._programs.values():
            triangle.release()
            program.release()
        if self._environment is not None:
            self._environment[1].release()
        self._programs, self._environment = {}, None

    def _begin(
        self, fragment: str, target: TextureTarget
    ) -> tuple[moderngl.Program, moderngl.VertexArray]:
        target.framebuffer.use()
        self._ctx.enable_only(moderngl.NOTHING)
        if fragment not in self._programs:
            program = draw_program(self._ctx, "fullscreen", CONSTANTS, fragment=fragment)
            self._programs[fragment] = program, self._ctx.vertex_array(program, [])
        return self._programs[fragment]

    def _moments_of(self, width: int, height: int) -> TextureTarget:
        # Mipmaps of other sizes than powers of two leave rows out.
        width, height = 1 << (width - 1).bit_length(), 1 << (height - 1).bit_length()
        held = self._moments
        if held is None or (held.width, held.height) != (width, height):
            if held is not None:
                held.release()
            self._moments = held = TextureTarget(self._ctx, width, height, "f4")
        return held

    def _texture_of(self, environment: Environment) -> moderngl.Texture:
        held = self._environment
        if held is None or held[0] is not environment:
            if held is not None:
                held[1].release()
            # A border of black, which the trainer's sampling fades to.
            pixels = np.pad(environment.pixels.float().cpu().numpy(), ((0, 0), (1, 1), (1, 1)))
            rows = np.ascontiguousarray(pixels.transpose(1, 2, 0), dtype=np.float32)
            height, width = rows.shape[:2]
            texture = self._ctx.texture((width, height), 3, rows, dtype="f4", alignment=1)
            texture.filter = moderngl.LINEAR, moderngl.LINEAR
            texture.repeat_x = texture.repeat_y = False
            self._environment = held = environment, texture
        return held[1]


def decoded(
    features: TensorTarget, decoder: Decoder, camera: Camera, over_background: bool
) -> TensorTarget:
    """The colours of blended features; opaque unless a background is wanted."""
    alpha = features.image[..., -1:]
    if not over_background:
        alpha = torch.ones_like(alpha)
    rgb = decoder.decode(features.image[..., :-1], camera)
    layer = TensorTarget(features.width, features.height)
    layer.write(torch.cat([rgb * alpha, alpha], -1))
    return layer


def _ray(camera: Camera) -> Mapping[str, object]:
    K, R = camera.K, camera.viewmat[:3, :3]
    values = (
        (float(K[0, 0]), float(K[1, 1])),
        (float(K[0, 2]), float(K[1, 2])),
        float(camera.height),
        tuple(camera.center.tolist()),
        tuple(R.flatten().tolist()),  # columns of the transpose
        camera.orthographic,
    )
    return dict(zip(RAY, values, strict=True))


def _set(program: moderngl.Program, uniforms: Mapping[str, object]) -> None:
    for name, value in uniforms.items():
        program[name] = value
