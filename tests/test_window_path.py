"""A camera path made, followed and exported in the real window."""

import pytest

from tests.windows import chord, scene

pytestmark = pytest.mark.window


def with_path(program):
    """A window with two keys a second apart."""
    one = scene(program)
    one.hands("key", "Home", "key", "Insert")
    one.until(lambda now: now["keys"] == [0], "a key")
    one.drag(1, (260, 120), (330, 130))
    chord(one, "shift", "Insert")
    one.until(lambda now: now["keys"] == [0, 1], "a second key")
    return one


def test_a_path_is_followed_until_the_user_moves(program):
    one = with_path(program)
    before = one.catch_up()
    chord(one, "shift", "b")
    begun = one.until(lambda now: now["follow"] and now["playing"], "the way")
    one.until(lambda now: now["position"] != begun["position"], "a step of it")
    assert one.now["distance"] == before["distance"]
    one.drag(1, (260, 120), (300, 120))
    one.until(lambda now: not now["follow"], "the end of it")
    assert one.close() == 0


def test_an_export_goes_on_beside_the_window(program):
    one = with_path(program)
    chord(one, "ctrl", "e")
    shares = []

    def done(now):
        shares.append(now["exporting"])
        return "Exported" in now["notice"]

    one.until(done, "the export")
    assert len({s for s in shares if s}) > 3  # the window drew between its frames
    assert (one.folder / "view4d.mp4").stat().st_size > 1000
    assert one.close() == 0
