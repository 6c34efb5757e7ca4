"""What the window's interface costs a frame, measured without a window.

Imported by `bench --ui` alone: no other command without a window loads Dear ImGui.
"""

from time import perf_counter

import moderngl
import numpy as np
from imgui_bundle import imgui

from viewer import resources
from viewer.core.report import Report
from viewer.core.session import Session
from viewer.core.state import FrameStats, State, opened
from viewer.gl.interface import InterfaceRenderer
from viewer.gl.target import TextureTarget
from viewer.ui import theme
from viewer.ui.panels import interface

WARMUP, FRAMES = 10, 60


def interface_ms(
    ctx: moderngl.Context, report: Report, stats: FrameStats, size: tuple[int, int]
) -> dict[str, float]:
    """Medians of building all panels and of drawing them, the device waited for."""
    context = imgui.create_context()
    imgui.set_current_context(context)
    theme.start(resources.assets() / "fonts" / "Roboto-Regular.ttf")
    theme.apply(1.0)
    renderer, target = InterfaceRenderer(ctx), TextureTarget(ctx, *size, "f1")
    io = imgui.get_io()
    io.display_size = imgui.ImVec2(*size)
    session = Session(scene=True, frame_times=(16.0,) * 60, size=size)
    state, costs = opened(State(), report), []
    for _ in range(WARMUP + FRAMES):
        io.delta_time = 1 / 60
        start = perf_counter()
        imgui.new_frame()
        state, _ = interface(state, report, stats, session)
        imgui.render()
        built = perf_counter()
        target.framebuffer.use()
        renderer.render(imgui.get_draw_data(), target.framebuffer)
        ctx.finish()
        costs.append((built - start, perf_counter() - built))
    build, draw = np.median(np.array(costs[WARMUP:]) * 1e3, axis=0).tolist()
    renderer.release()
    target.release()
    imgui.destroy_context(context)
    return {"build": build, "draw": draw}
