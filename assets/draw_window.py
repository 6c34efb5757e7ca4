"""Draws what the window shows of the demo scene, and its modes side by side, without a window."""

from dataclasses import replace
from pathlib import Path

import moderngl
import numpy as np
from imgui_bundle import imgui
from PIL import Image

from viewer import formats
from viewer.core import path_presets
from viewer.core import playback as clock
from viewer.core.model import Model
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.settings import Mode
from viewer.core.state import State, opened
from viewer.frame import FramePath
from viewer.gl import context
from viewer.gl.interface import InterfaceRenderer
from viewer.gl.target import TextureTarget
from viewer.ui import theme
from viewer.ui.panels import interface

HERE = Path(__file__).parent
SIZE, FRAME = (1280, 720), 62
MODE_SIZE = (340, 255)  # pixels of one of three in a row
SHOWN = (Mode.MEDIAN, Mode.CENTERS, Mode.OVERDRAW)


def main() -> None:
    """Write window.png and modes.png beside this script."""
    ctx = context.headless()
    model, report = formats.load(HERE / "demo.ftgs.ply")
    state = opened(State(), report)
    p = clock.seek(replace(state.playback, playing=False), state.playback.start)
    state = replace(state, playback=clock.step_frames(p, FRAME))
    path = FramePath(ctx)
    _save(_window(ctx, path, model, report, state), "window.png")
    _save(np.concatenate([_mode(path, model, state, mode) for mode in SHOWN], 1), "modes.png")
    path.release()


def _window(
    ctx: moderngl.Context, path: FramePath, model: Model, report: Report, state: State
) -> np.ndarray:
    imgui.set_current_context(imgui.create_context())
    theme.start(HERE / "fonts" / "Roboto-Regular.ttf")
    theme.apply(1.0)
    tour = replace(state.tour, path=path_presets.orbit(state.rig, state.playback, 5.0), shown=True)
    state = replace(state, tour=tour, interface=replace(state.interface, statistics=False))
    renderer, screen = InterfaceRenderer(ctx), TextureTarget(ctx, *SIZE, "f1")
    imgui.get_io().display_size = imgui.ImVec2(*SIZE)
    for _ in range(3):  # sizes settle
        frame = path.render(model, state.rig.camera(*SIZE), state.playback.shown, state.settings)
        assert isinstance(frame.picture, TextureTarget)
        ctx.copy_framebuffer(screen.framebuffer, frame.picture.framebuffer)
        imgui.new_frame()
        interface(state, report, frame.stats, Session(scene=True, size=SIZE))
        imgui.render()
        screen.framebuffer.use()
        renderer.render(imgui.get_draw_data(), screen.framebuffer)
    return screen.read()


def _mode(path: FramePath, model: Model, state: State, mode: Mode) -> np.ndarray:
    camera = state.rig.camera(*MODE_SIZE)
    frame = path.render(model, camera, state.playback.shown, replace(state.settings, mode=mode))
    return frame.picture.read()


def _save(picture: np.ndarray, name: str) -> None:
    Image.fromarray(picture[..., :3]).save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
