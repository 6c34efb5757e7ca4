"""What the window remembers, and what a broken file costs: nothing but the memory."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.test_state import report
from viewer.apps.kept import found_again, left
from viewer.core import look, preferences
from viewer.core import playback as clock
from viewer.core import rig as rigs
from viewer.core.folder import MOST, existing, listing
from viewer.core.preferences import (
    MOST_PLACES,
    MOST_RECENTS,
    Place,
    Preferences,
    with_place,
    with_recent,
)
from viewer.core.state import State, opened


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "deep" / "settings.json"
    kept = Preferences(
        ("/a", "/ü b"), (800, 600), False, 60, False, "seconds", "light", 1.5, cube=False,
        ball=True, to_pointer=False, inertia=True,
        places=(("/a", Place("0", 0.5, 0.25, None, (0.1, 0.2))),),
    )  # fmt: skip
    preferences.save(kept, path)
    assert preferences.load(path) == kept
    assert [p.name for p in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "\x00", "[" * 100_000, '{"recents": 3}', '{"size": "x"}']
)
def test_a_broken_file_is_the_defaults(tmp_path, text):
    path = tmp_path / "settings.json"
    path.write_text(text)
    assert preferences.load(path) == Preferences()


def test_bytes_that_are_no_text_are_the_defaults(tmp_path):
    path = tmp_path / "settings.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert preferences.load(path) == Preferences()


def test_a_missing_file_is_the_defaults(tmp_path):
    assert preferences.load(tmp_path / "none.json") == Preferences()


def test_each_entry_that_makes_no_sense_is_its_default_alone(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(
        json.dumps(
            {
                "recents": ["/a", 3, "/a", "/b"], "size": [1, 99999], "vsync": "yes",
                "fps_cap": -1, "panel": False, "units": "fortnights", "theme": "plaid",
                "scale": True, "cube": 1,
                "places": [3, ["/a"], ["/b", {"pose": 1}], [4, {}], ["/c", {
                    "pose": "", "time": 0.5, "markers": [True]}]],
            }
        )
    )  # fmt: skip
    assert preferences.load(path) == Preferences(recents=("/a", "/b"), panel=False)


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    preferences.save(Preferences(), tmp_path / "file" / "settings.json")


def test_recents_are_newest_first_without_doubles_and_few():
    kept = Preferences()
    for i in range(15):
        kept = with_recent(kept, f"/{i}")
    kept = with_recent(kept, "/10")
    assert kept.recents[:3] == ("/10", "/14", "/13")
    assert len(kept.recents) == MOST_RECENTS


def test_a_listing_sorts_folders_and_files_and_leaves_out_hidden_ones(tmp_path):
    for name in ("b", "A", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("z.ply", "C.ply", ".x"):
        (tmp_path / name).write_text("")
    found = listing(str(tmp_path))
    assert (found.folders, found.files, found.trouble) == (("A", "b"), ("C.ply", "z.ply"), "")


def test_a_folder_that_cannot_be_listed_says_why(tmp_path):
    assert listing(str(tmp_path / "none")).trouble == "No such file or directory"


def test_a_huge_folder_is_cut_short_and_says_so(tmp_path):
    for i in range(MOST + 1):
        (tmp_path / str(i)).touch()
    found = listing(str(tmp_path))
    assert len(found.files) == MOST
    assert "only the first" in found.trouble


def test_the_nearest_existing_folder(tmp_path):
    assert existing(str(tmp_path / "a" / "b.ply")) == str(tmp_path)


def test_places_are_newest_first_without_doubles_and_few():
    kept = Preferences()
    for i in range(MOST_PLACES + 5):
        kept = with_place(kept, f"/{i}", Place("", float(i)))
    kept = with_place(kept, "/20", Place("", -1.0))
    assert kept.places[0] == ("/20", Place("", -1.0))
    assert len(dict(kept.places)) == len(kept.places) == MOST_PLACES


def test_a_scene_is_found_again_where_it_was_left():
    start = opened(State(), report())
    moved = replace(start, rig=rigs.orbit(start.rig, 0.3, 0.1))
    p = replace(moved.playback, mark_in=2.0, markers=(3.0, 4.0))
    kept = left(Preferences(), "/a", replace(moved, playback=clock.seek(p, 5.0)))
    again = found_again(kept, "/a", start)
    np.testing.assert_allclose(again.rig.position, moved.rig.position, rtol=1e-6)
    q = again.playback
    assert (q.time, q.mark_in, q.mark_out, q.markers) == (5.0, 2.0, None, (3.0, 4.0))
    assert found_again(kept, "/b", start) == start
    broken = Preferences(places=(("/a", Place("nonsense", 1.0)),))
    assert found_again(broken, "/a", start) == start
    shorter = Preferences(places=(("/a", Place(look.pose(moved.rig), 1.0, 500.0)),))
    assert found_again(shorter, "/a", start).playback == start.playback
