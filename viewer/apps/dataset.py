"""What the window shows of the dataset beside the model: its cameras and their images."""

import moderngl

from viewer.apps.desk import Scene
from viewer.apps.truth import Truth
from viewer.core import frusta
from viewer.core.frusta import Frusta
from viewer.core.session import Session
from viewer.core.state import State
from viewer.gl.lines import Lines

WIDTH = 1.25  # design pixels
COLORS = ((0.98, 0.80, 0.40, 0.75), (0.36, 0.64, 0.98, 1.0))  # of all, and of the one gone to last


class Dataset:
    """Follows the open scene."""

    def __init__(self, ctx: moderngl.Context) -> None:
        self.truth = Truth(ctx)
        self._lines = Lines(ctx)
        self._scene: Scene | None = None
        self._frusta: Frusta | None = None

    def follow(self, scene: Scene | None) -> None:
        """The scene that is open now."""
        if scene is not self._scene:
            self._scene = scene
            self._frusta = frusta.of(scene.report) if scene is not None else None

    def shown(self, state: State) -> Frusta | None:
        """The cameras, where they are wanted."""
        return self._frusta if state.interface.cameras and state.interface.visible else None

    def draw(self, framebuffer: moderngl.Framebuffer, state: State, session: Session) -> None:
        """Its image, and its cameras as lines over the picture; not the one we stand at."""
        self.truth.draw(framebuffer, state, session.size)
        lines = self.shown(state)
        if lines is None:
            return
        camera = state.rig.camera(*session.size)
        own, last = frusta.around(lines, camera), state.camera_index
        hidden, lit = (-1 if i is None else i for i in (own, last))
        width = WIDTH * session.scale
        self._lines.draw(framebuffer, lines, camera, width, COLORS, hidden, lit)

    def release(self) -> None:
        """Free everything on the device."""
        self.truth.release()
        self._lines.release()
