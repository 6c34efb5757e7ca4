"""What the window remembers, and what a broken file costs: nothing but the memory."""

import json

import pytest

from viewer.core import preferences
from viewer.core.folder import MOST, existing, listing
from viewer.core.preferences import MOST_RECENTS, Preferences, with_recent


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "deep" / "settings.json"
    kept = Preferences(
        ("/a", "/ü b"), (800, 600), False, 60, False, "seconds", "light", 1.5, cube=False,
        ball=True, to_pointer=False, inertia=True,
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
