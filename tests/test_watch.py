"""Following training: a newer checkpoint is noticed once it is whole, and only then."""

import os
import time

import pytest
import torch

from tests import files
from tests.samples import native4d
from tests.test_prefetch import wait_for
from viewer.apps.desk import Desk, Order
from viewer.apps.watch import Watcher, signature
from viewer.formats import load, ply


class Looks:
    """A look that answers these in turn, and the last one ever after."""

    def __init__(self, *seen):
        self.left, self.after = list(seen), 0

    def __call__(self, path, options):
        if len(self.left) > 1:
            return self.left.pop(0)
        self.after += 1
        return self.left[0]


@pytest.mark.parametrize(
    ("seen", "changes"),
    [
        (("a",), 0),
        (("a", "b", "b"), 1),
        (("a", "b", "c", "d", "d"), 1),  # written in parts: once, when it stands still
        (("a", None, "a"), 0),  # replaced by itself
        (("a", None, "b", "b"), 1),
        ((None, "a", "a"), 0),  # there was nothing before
    ],
)
def test_changes_count_once_they_stand_still(tmp_path, seen, changes):
    looks = Looks(*seen)
    watcher = Watcher(tmp_path, {}, looks, period=0.002)
    wait_for(lambda: looks.after > 3)
    found = [watcher.newer() for _ in range(3)]
    watcher.release()
    assert sum(found) == changes


def test_a_newer_iteration_or_a_newer_file_changes_what_would_be_loaded(tmp_path):
    native4d.save(tmp_path / "chkpnt100.pth", native4d.entries(5))
    first = signature(tmp_path, {})
    assert first is not None
    assert first == signature(tmp_path, {})
    native4d.save(tmp_path / "chkpnt200.pth", native4d.entries(6))
    second = signature(tmp_path, {})
    assert "chkpnt200.pth" in str(second)
    os.utime(tmp_path / "chkpnt200.pth", ns=(1, 1))
    assert signature(tmp_path, {}) not in (first, second)
    (tmp_path / "chkpnt300.pth").write_bytes(b"PK\3\4 half of it")
    assert signature(tmp_path, {}) is None or "chkpnt300" not in str(signature(tmp_path, {}))


def test_a_sequence_that_grows_is_newer(tmp_path):
    for i in (1, 2):
        ply.write(tmp_path / f"frame_{i}.ply", files.gaussians(5))
    before = signature(tmp_path, {})
    ply.write(tmp_path / "frame_3.ply", files.gaussians(5))
    assert signature(tmp_path, {}) != before


def test_the_desk_follows_only_when_told_to(tmp_path, monkeypatch):
    monkeypatch.setattr("viewer.apps.watch.PERIOD", 0.01)
    torch.save({}, tmp_path / "other.pt")
    ply.write(tmp_path / "a.ply", files.gaussians(5))
    desk = Desk(load)
    desk.open(Order(tmp_path / "a.ply"))
    wait_for(lambda: desk.arrived() is not None)
    assert not desk.newer(follow=False)
    assert not desk.newer(follow=True)
    time.sleep(0.05)
    ply.write(tmp_path / "a.ply", files.gaussians(9))
    wait_for(lambda: desk.newer(follow=True))
    assert not desk.newer(follow=True)
    desk.release()
