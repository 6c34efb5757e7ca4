"""The interface in a windowless context, driven by events as a window would send them."""

import time
from dataclasses import dataclass, field, replace

import moderngl
import numpy as np
from imgui_bundle import imgui

from viewer.core.controls import update
from viewer.core.report import Report
from viewer.core.session import NO_SCENE, Session
from viewer.core.state import Actions, FrameStats, Inputs, State
from viewer.gl.interface import InterfaceRenderer
from viewer.resources import assets
from viewer.ui import inputs, theme
from viewer.ui.panels import interface

FONT = assets() / "fonts" / "Roboto-Regular.ttf"


@dataclass
class Headless:
    """One interface and what it has come to: the state, and the actions of the last frame."""

    ctx: moderngl.Context
    size: tuple[int, int] = (1280, 720)
    scale: float = 1.0
    dense: float = 1.0
    state: State = field(default_factory=State)
    report: Report = NO_SCENE
    stats: FrameStats = field(default_factory=FrameStats)
    session: Session = field(default_factory=Session)
    actions: Actions = field(default_factory=Actions)
    inputs: Inputs = field(default_factory=Inputs)
    build_ms: list[float] = field(default_factory=list)
    fbo: moderngl.Framebuffer | None = None
    dt: float = 0.0

    def __post_init__(self):
        self.context = imgui.create_context()
        imgui.set_current_context(self.context)
        theme.start(FONT)
        self.renderer = InterfaceRenderer(self.ctx)
        self.resize(self.size, self.scale)

    def resize(self, size, scale):
        """Another size in points, and another size of the interface."""
        self.drop_target()
        self.size, self.scale = size, scale
        theme.apply(scale)
        pixels = tuple(max(1, round(side * self.dense)) for side in size)
        self.color = self.ctx.texture(pixels, 4)
        self.fbo = self.ctx.framebuffer([self.color])
        io = imgui.get_io()
        io.display_size = imgui.ImVec2(*size)
        io.display_framebuffer_scale = imgui.ImVec2(self.dense, self.dense)

    def frame(self, count=1):
        """Run frames without new events."""
        imgui.set_current_context(self.context)
        for _ in range(count):
            imgui.get_io().delta_time = 1 / 60
            imgui.new_frame()
            self.inputs = inputs.read()
            self.state, asked = update(self.state, self.inputs, self.report, self.dt)
            session = replace(self.session, scale=self.scale, size=self.fbo.size)
            start = time.perf_counter()
            self.state, drawn = interface(self.state, self.report, self.stats, session)
            self.build_ms.append((time.perf_counter() - start) * 1e3)
            self.actions = asked | drawn
            imgui.render()
            self.fbo.use()
            self.fbo.clear(0.18, 0.2, 0.24, 1.0)
            self.renderer.render(imgui.get_draw_data(), self.fbo)
        return self

    def move(self, x, y):
        imgui.get_io().add_mouse_pos_event(x, y)
        return self.frame()

    def button(self, down, which=0):
        imgui.get_io().add_mouse_button_event(which, down)
        return self.frame()

    def click(self, x, y, which=0):
        """Move, press and release; the actions of all three frames together."""
        self.move(x, y)
        self.button(True, which)
        asked = self.actions
        self.button(False, which)
        self.actions = asked | self.actions
        return self

    def drag(self, start, end, which=0, steps=3):
        self.move(*start).button(True, which)
        for i in range(1, steps + 1):
            self.move(*(a + (b - a) * i / steps for a, b in zip(start, end, strict=True)))
        return self.button(False, which)

    def key(self, key, down=None):
        """Press and release, or one of the two."""
        io = imgui.get_io()
        for is_down in (True, False) if down is None else (down,):
            io.add_key_event(key, is_down)
            self.frame()
            if is_down:
                asked = self.actions
        if down is None:
            self.actions = asked | self.actions
        return self

    def type(self, text):
        imgui.get_io().add_input_characters_utf8(text)
        return self.frame(2)

    def picture(self):
        """[H, W, 4] uint8, row 0 on top."""
        raw = self.fbo.read(components=4, alignment=1)
        return np.frombuffer(raw, np.uint8).reshape(*self.fbo.size[::-1], 4)[::-1].copy()

    def drop_target(self):
        """Free what was drawn into."""
        if self.fbo is not None:
            self.ctx.detect_framebuffer(0).use()
            self.fbo.release()
            self.color.release()

    def release(self):
        imgui.set_current_context(self.context)
        self.renderer.release()
        self.drop_target()
        imgui.destroy_context(self.context)
