"""The view cube: which sides it shows, and what clicking and dragging it does."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("imgui_bundle")

from tests.test_state import report, start
from tests.test_ui import SIZE, ui  # noqa: F401  a fixture
from viewer.core import rig as rigs
from viewer.core.rig import Side
from viewer.ui import viewcube

pytestmark = pytest.mark.gl

MIDDLE = (SIZE[0] - 308 - 12 - 12 - 46, 12 + 46)  # left of the settings


@pytest.mark.parametrize("side", Side)
def test_seen_from_a_side_only_that_side_is_seen(side):
    (face,) = viewcube.faces(rigs.from_side(report().home, side))
    assert (face.side, face.facing) == (side, pytest.approx(1.0))
    np.testing.assert_allclose(np.abs(face.corners), 1.0, atol=1e-9)


def test_sides_lie_where_they_are():
    """From the front, a little from the right and above: those sides, right and above."""
    front = rigs.from_side(report().home, Side.FRONT)
    seen = {f.side: np.mean(f.corners, 0) for f in viewcube.faces(rigs.orbit(front, -0.4, -0.4))}
    assert set(seen) == {Side.FRONT, Side.RIGHT, Side.TOP}
    assert seen[Side.RIGHT][0] > abs(seen[Side.FRONT][0])
    assert seen[Side.TOP][1] < 0


def test_a_place_is_in_a_polygon_or_not():
    square = viewcube.SQUARE
    assert viewcube.inside(square, 0.9, -0.9)
    assert viewcube.inside(square[::-1], 0.9, -0.9)
    assert not viewcube.inside(square, 1.1, 0)


def test_a_click_looks_at_the_side_and_a_drag_orbits(ui):  # noqa: F811
    one = ui()
    turned = rigs.orbit(one.state.rig, 0.5, 0.2)
    one.state = replace(one.state, rig=turned, camera_index=1)
    one.frame().click(*MIDDLE)
    assert one.state.rig == rigs.from_side(turned, Side.FRONT)
    assert one.state.camera_index is None
    one.drag(MIDDLE, (MIDDLE[0] + 30, MIDDLE[1]))
    assert one.state.rig != rigs.from_side(turned, Side.FRONT)
    np.testing.assert_allclose(one.state.rig.pivot, turned.pivot, atol=1e-6)


def test_the_name_under_the_cube_changes_the_lens(ui):  # noqa: F811
    one, under = ui(), (MIDDLE[0], MIDDLE[1] + viewcube.SIZE / 2 + viewcube.LENS / 2)
    before = one.state.rig
    assert one.click(*under).state.rig == replace(before, orthographic=True)
    assert one.click(*under).state.rig == before


def test_the_cube_is_hidden_with_the_interface_and_where_it_is_not_wanted(ui):  # noqa: F811
    hidden = ui()
    for shown in (
        replace(start().interface, visible=False),
        replace(start().interface, cube=False),
    ):
        turned = rigs.orbit(hidden.state.rig, 0.5, 0.2)
        hidden.state = replace(hidden.state, rig=turned, interface=shown)
        assert hidden.frame().click(*MIDDLE).state.rig == turned
