"""Draws what Dear ImGui built, with any context: a window's or a windowless one under test.

It follows ImGui's texture protocol (1.92): the library says which textures to make, to update
and to destroy.
"""

import ctypes
from typing import Any

import moderngl
import numpy as np
from imgui_bundle import imgui

from viewer.gl.program import draw_program

VERTEX = "2f 2f 4f1"
# Colour, then alpha: what is drawn on stays opaque. moderngl is annotated for two factors only.
OVER: Any = (
    moderngl.SRC_ALPHA,
    moderngl.ONE_MINUS_SRC_ALPHA,
    moderngl.ONE,
    moderngl.ONE_MINUS_SRC_ALPHA,
)


class InterfaceRenderer:
    """Programs, buffers and font textures of the interface, for the current ImGui context."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self._ctx = ctx
        self._program = draw_program(ctx, "interface", {})
        self._textures: dict[int, moderngl.Texture] = {}
        self._vertices = ctx.buffer(reserve=1 << 16, dynamic=True)
        self._indices = ctx.buffer(reserve=1 << 16, dynamic=True)
        self._triangles = self._vertex_array()
        flags = imgui.BackendFlags_.renderer_has_textures.value
        imgui.get_io().backend_flags |= flags
        limit = int(ctx.info["GL_MAX_TEXTURE_SIZE"])
        platform = imgui.get_platform_io()
        platform.renderer_texture_max_width = platform.renderer_texture_max_height = limit

    def render(self, draw: imgui.ImDrawData, framebuffer: moderngl.Framebuffer) -> None:
        """Draw over what `framebuffer` holds."""
        for texture in imgui.get_platform_io().textures:
            self._follow(texture)
        display, scale = draw.display_size, draw.framebuffer_scale
        width, height = round(display.x * scale.x), round(display.y * scale.y)
        if width <= 0 or height <= 0:
            return
        framebuffer.use()
        framebuffer.viewport = (0, 0, width, height)
        self._ctx.enable_only(moderngl.BLEND)
        self._ctx.blend_func = OVER
        self._program["image"] = 0
        self._program["size"] = (display.x, display.y)
        for commands in draw.cmd_lists:
            self._write(commands)
            for command in commands.cmd_buffer:
                box = command.clip_rect
                left, right = max(0, int(box.x * scale.x)), min(width, round(box.z * scale.x))
                top, bottom = max(0, int(box.y * scale.y)), min(height, round(box.w * scale.y))
                texture = self._textures.get(command.get_tex_id())
                if left >= right or top >= bottom or texture is None:
                    continue
                framebuffer.scissor = (left, height - bottom, right - left, bottom - top)
                texture.use(0)
                self._triangles.render(
                    moderngl.TRIANGLES, vertices=command.elem_count, first=command.idx_offset
                )
        framebuffer.scissor = (0, 0, width, height)

    def release(self) -> None:
        """Free everything, and tell ImGui that its textures are gone."""
        for texture in imgui.get_platform_io().textures:
            self._destroy(texture)
        for held in (self._triangles, self._vertices, self._indices, self._program):
            held.release()

    def _vertex_array(self) -> moderngl.VertexArray:
        layout = [(self._vertices, VERTEX, "position", "uv", "color")]
        return self._ctx.vertex_array(
            self._program, layout, self._indices, index_element_size=imgui.INDEX_SIZE
        )

    def _write(self, commands: imgui.ImDrawList) -> None:
        vertices, indices = commands.vtx_buffer, commands.idx_buffer
        sizes = (vertices.size() * imgui.VERTEX_SIZE, indices.size() * imgui.INDEX_SIZE)
        if sizes[0] > self._vertices.size or sizes[1] > self._indices.size:
            for held in (self._triangles, self._vertices, self._indices):
                held.release()
            self._vertices = self._ctx.buffer(reserve=sizes[0] * 3 // 2, dynamic=True)
            self._indices = self._ctx.buffer(reserve=sizes[1] * 3 // 2, dynamic=True)
            self._triangles = self._vertex_array()
        for buffer, nbytes, address in (
            (self._vertices, sizes[0], vertices.data_address()),
            (self._indices, sizes[1], indices.data_address()),
        ):
            if nbytes:
                buffer.orphan()
                buffer.write((ctypes.c_ubyte * nbytes).from_address(address))

    def _follow(self, texture: imgui.ImTextureData) -> None:
        match texture.status:
            case imgui.ImTextureStatus.want_create:
                made = self._ctx.texture((texture.width, texture.height), 4, _pixels(texture))
                made.filter = moderngl.LINEAR, moderngl.LINEAR
                made.repeat_x = made.repeat_y = False
                self._textures[made.glo] = made
                texture.set_tex_id(made.glo)
                texture.status = imgui.ImTextureStatus.ok
            case imgui.ImTextureStatus.want_updates:
                pixels = _pixels(texture)
                for r in texture.updates:
                    part = np.ascontiguousarray(pixels[r.y : r.y + r.h, r.x : r.x + r.w])
                    self._textures[texture.get_tex_id()].write(part, (r.x, r.y, r.w, r.h))
                texture.status = imgui.ImTextureStatus.ok
            case imgui.ImTextureStatus.want_destroy if texture.unused_frames > 0:
                self._destroy(texture)

    def _destroy(self, texture: imgui.ImTextureData) -> None:
        held = self._textures.pop(texture.get_tex_id(), None)
        if held is not None:
            held.release()
        texture.set_tex_id(0)
        texture.status = imgui.ImTextureStatus.destroyed


def _pixels(texture: imgui.ImTextureData) -> np.ndarray:
    """[H, W, 4] uint8."""
    return np.asarray(texture.get_pixels_array()).reshape(texture.height, texture.width, 4)
