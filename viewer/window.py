"""The window: glfw events to ImGui, the picture and the interface to the screen.

The only module that knows glfw. It holds no scene and decides nothing.
"""

import ctypes
import time
from collections.abc import Callable
from typing import Any

# imgui_bundle first: glfw then shares its library, so that both see one window.
from imgui_bundle import imgui

import glfw  # isort: skip
import moderngl
import numpy as np

from viewer import resources
from viewer.core.errors import Unusable
from viewer.core.state import Inputs, Interface, Theme
from viewer.gl import context
from viewer.gl.interface import InterfaceRenderer
from viewer.gl.target import TextureTarget
from viewer.ui import inputs, theme

FIX = "'doctor' tells more; 'render', 'record' and 'bench' need no window"


class Window:
    """A window with an OpenGL context and the interface's ImGui context. Raises Unusable."""

    def __init__(self, title: str, size: tuple[int, int], vsync: bool) -> None:
        self._errors: list[str] = []
        self._handle = self._create(title, size)
        glfw.make_context_current(self._handle)
        self.ctx = context.adopt()
        self._dropped: list[str] = []
        on_drop: Any = self._drop  # glfw hands over names; its annotations say otherwise
        glfw.set_drop_callback(self._handle, on_drop)
        self._imgui = imgui.create_context()
        theme.start(resources.assets() / "fonts" / "Roboto-Regular.ttf")
        address = ctypes.cast(self._handle, ctypes.c_void_p).value
        imgui.backends.glfw_init_for_opengl(address or 0, True)
        self._renderer = InterfaceRenderer(self.ctx)
        self._vsync: bool | None = None
        self._scale = 1.0  # the screen's
        self._wanted, self._applied = Interface(), (0.0, Theme.DARK)
        self._title = title
        self._windowed: tuple[int, int, int, int] | None = None  # where it was before full screen
        self._set_vsync(vsync)

    @property
    def closing(self) -> bool:
        """Whether the user asked to close it."""
        return bool(glfw.window_should_close(self._handle))

    @property
    def minimised(self) -> bool:
        """Whether there is nothing to draw on."""
        hidden = glfw.get_window_attrib(self._handle, glfw.ICONIFIED)
        return bool(hidden) or 0 in glfw.get_framebuffer_size(self._handle)

    @property
    def scale(self) -> float:
        """Points of the interface for one design pixel."""
        return self._scale * self._wanted.scale

    @property
    def size(self) -> tuple[int, int]:
        """Design pixels to make it with next time: what the user set, not that of full screen."""
        held = self._windowed
        width, height = held[2:] if held else glfw.get_window_size(self._handle)
        return (round(width / self._scale), round(height / self._scale))

    @property
    def clipboard(self) -> str:
        """Text in the clipboard; empty where there is none."""
        held: Any = glfw.get_clipboard_string(self._handle)  # bytes, whatever is annotated
        return held.decode(errors="replace") if isinstance(held, bytes) else held or ""

    @clipboard.setter
    def clipboard(self, text: str) -> None:
        glfw.set_clipboard_string(self._handle, text)

    def poll(self, wait: float) -> bool:
        """Take events in, waiting up to `wait` seconds for one; whether waiting was cut short."""
        if wait <= 0:
            glfw.poll_events()
            return False
        start = time.perf_counter()
        glfw.wait_events_timeout(wait)
        return time.perf_counter() - start < 0.95 * wait

    def begin(self) -> Inputs:
        """Begin a frame of the interface; what was done outside of it."""
        self._follow_scale()
        imgui.backends.glfw_new_frame()
        imgui.new_frame()
        return inputs.read()

    def dropped(self) -> str | None:
        """The path dropped on the window since the last call."""
        path = self._dropped[0] if self._dropped else None
        self._dropped.clear()
        return path

    def present(
        self,
        picture: TextureTarget | None,
        over: Callable[[moderngl.Framebuffer], None] | None = None,
        keep: bool = False,
    ) -> np.ndarray | None:
        """Show a picture, or the backdrop, under the interface of this frame.

        over: draws between the two. keep: give what is shown then, [H, W, 3] uint8.
        """
        imgui.render()
        screen = self.ctx.screen
        screen.use()
        width, height = glfw.get_framebuffer_size(self._handle)
        screen.viewport = screen.scissor = (0, 0, width, height)
        self.ctx.enable_only(moderngl.NOTHING)
        if picture is None:
            screen.clear(*theme.rgba(theme.BACKDROP))
        else:
            self.ctx.copy_framebuffer(screen, picture.framebuffer)
        if over is not None:
            over(screen)
        self._renderer.render(imgui.get_draw_data(), screen)
        shown = None
        if keep:
            rows = np.frombuffer(screen.read((0, 0, width, height)), np.uint8).reshape(
                height, width, 3
            )
            shown = rows[::-1].copy()
        glfw.swap_buffers(self._handle)
        return shown

    def follow(self, interface: Interface, title: str) -> None:
        """Be as the state says; nothing is asked of the system that is so already.

        Colours and sizes of the interface change with the next frame.
        """
        self._wanted = interface
        self._set_vsync(interface.vsync)
        if interface.fullscreen != (self._windowed is not None):
            self._switch_full_screen()
        if title != self._title:
            glfw.set_window_title(self._handle, title)
            self._title = title

    def release(self) -> None:
        """Close it."""
        self._renderer.release()
        imgui.backends.glfw_shutdown()
        imgui.destroy_context(self._imgui)
        self.ctx.release()
        glfw.destroy_window(self._handle)
        glfw.terminate()

    def _create(self, title: str, size: tuple[int, int]) -> Any:
        glfw.set_error_callback(self._note)
        if not glfw.init():
            raise Unusable(f"no window can be opened here ({self._reasons()})", FIX)
        for major, minor in context.VERSIONS:
            glfw.default_window_hints()
            glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, major)
            glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, minor)
            glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
            glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
            glfw.window_hint(glfw.SCALE_TO_MONITOR, True)
            glfw.window_hint(glfw.DEPTH_BITS, 0)
            glfw.window_hint(glfw.STENCIL_BITS, 0)
            handle = glfw.create_window(*size, title, None, None)
            if handle:
                return handle
        glfw.terminate()
        raise Unusable(f"no window with OpenGL can be opened here ({self._reasons()})", FIX)

    def _reasons(self) -> str:
        return "; ".join(dict.fromkeys(self._errors)) or "glfw gives no reason"

    def _note(self, _: int, text: str | bytes) -> None:
        self._errors.append(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)

    def _drop(self, _: Any, paths: list[str]) -> None:
        self._dropped[:] = paths

    def _set_vsync(self, vsync: bool) -> None:
        if vsync != self._vsync:
            glfw.swap_interval(int(vsync))
            self._vsync = vsync

    def _follow_scale(self) -> None:
        dense = max(1, glfw.get_framebuffer_size(self._handle)[0])
        points = max(1, glfw.get_window_size(self._handle)[0])
        # Where the system scales windows itself, points are design pixels already.
        scale = glfw.get_window_content_scale(self._handle)[0] * points / dense
        self._scale = min(max(round(scale * 20) / 20, 0.5), 4.0)
        wanted = self.scale, self._wanted.theme
        if wanted != self._applied:
            theme.apply(*wanted)
            self._applied = wanted

    def _switch_full_screen(self) -> None:
        if self._windowed is not None:
            no_monitor: Any = None
            glfw.set_window_monitor(self._handle, no_monitor, *self._windowed, glfw.DONT_CARE)
            self._windowed = None
            return
        x, y = glfw.get_window_pos(self._handle)
        width, height = glfw.get_window_size(self._handle)
        self._windowed = (x, y, width, height)
        monitor = self._monitor_at(x + width // 2, y + height // 2)
        if monitor is None:
            return
        mode = glfw.get_video_mode(monitor)
        glfw.set_window_monitor(
            self._handle, monitor, 0, 0, mode.size.width, mode.size.height, mode.refresh_rate
        )

    def _monitor_at(self, x: int, y: int) -> Any:
        for monitor in glfw.get_monitors():
            left, top = glfw.get_monitor_pos(monitor)
            size = glfw.get_video_mode(monitor).size
            if left <= x < left + size.width and top <= y < top + size.height:
                return monitor
        return glfw.get_primary_monitor()
