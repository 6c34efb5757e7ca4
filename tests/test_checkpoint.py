"""Checkpoints are hostile until proven otherwise."""

import os
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import samples
from viewer import formats
from viewer.core.errors import Unusable
from viewer.formats import checkpoint


class Hostile:
    """Its pickle runs a command when it is loaded by pickle.load."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old form"])
@pytest.mark.parametrize("name", ["a.pth", "chkpnt100.pth", "deform.pth", "a.ckpt", "a.pt"])
def test_a_pickle_that_runs_code_runs_nothing(tmp_path, name, zipped):
    witness = tmp_path / "ran"
    model = tmp_path / name
    held = {"params": torch.zeros(2), "bad": Hostile(witness)}
    torch.save(held, model, _use_new_zipfile_serialization=zipped)
    with pytest.raises(Unusable, match="a checkpoint may hold tensors and numbers only"):
        checkpoint.load(model)
    for path in (model, tmp_path):
        with pytest.raises(Unusable):
            formats.load(path)
    assert not witness.exists()
    torch.load(model, weights_only=False)  # the trap works: it is our reading that is safe
    assert witness.exists()


def test_numpy_scalars_of_training_runs_are_read(tmp_path):
    held = {"lr": np.float64(0.5), "step": np.int64(3), "scale": np.float32(2)}
    torch.save(held, tmp_path / "a.pth")
    assert checkpoint.load(tmp_path / "a.pth") == held
    old = (tmp_path / "a.pth").read_bytes()
    assert b"numpy._core" in old or b"numpy.core" in old


def test_older_numpy_names_are_read(tmp_path):
    """NumPy before 2 wrote numpy.core.multiarray; lengths in a pickle are part of the text."""
    torch.save({"lr": np.float64(0.5)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    content = (tmp_path / "a.pth").read_bytes().replace(b"cnumpy._core.", b"cnumpy.core.")
    (tmp_path / "a.pth").write_bytes(content)
    assert b"numpy.core" in content
    assert checkpoint.load(tmp_path / "a.pth") == {"lr": 0.5}


def test_tensors_tagged_cuda_and_half_precision_are_read(tmp_path):
    torch.save({"a": torch.ones(2, 3, dtype=torch.float16)}, tmp_path / "a.pth")
    held = checkpoint.state(tmp_path / "a.pth")
    got = checkpoint.tensor(held["a"], "a", tmp_path, (2, None))
    assert got.dtype == torch.float32
    assert got.tolist() == [[1, 1, 1]] * 2


def test_a_tensor_larger_than_its_file_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1).expand(10**12)}, tmp_path / "a.pth")
    with pytest.raises(Unusable, match=r"a tensor \[1000000000000\] of 4 bytes"):
        checkpoint.load(tmp_path / "a.pth")


def test_a_compressed_archive_is_refused(tmp_path):
    """Zeros compress a thousand times: such an archive could expand to anything."""
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pth")
    with (
        zipfile.ZipFile(tmp_path / "a.pth") as old,
        zipfile.ZipFile(tmp_path / "b.pth", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(Unusable, match="is compressed, expected a checkpoint"):
        checkpoint.load(tmp_path / "b.pth")


def test_shapes_and_kinds_are_named(tmp_path):
    for held, line in (
        (None, "x is missing, expected a tensor [any, 3]"),
        ("text", "x is a str, expected a tensor [any, 3]"),
        (torch.zeros(4), "x has shape [4], expected [any, 3]"),
        (torch.zeros(4, 2), "x has shape [4, 2], expected [any, 3]"),
    ):
        with pytest.raises(Unusable) as caught:
            checkpoint.tensor(held, "x", tmp_path, (None, 3))
        assert str(caught.value) == f"{tmp_path}: {line}"
    torch.save([1], tmp_path / "a.pth")
    with pytest.raises(Unusable, match="holds a list, expected names and tensors"):
        checkpoint.state(tmp_path / "a.pth")


def test_optimiser_state_stays_on_disk(tmp_path):
    """Reading a little of a large checkpoint does not bring the rest into memory."""
    rss = Path("/proc/self/statm")
    if not rss.exists():
        pytest.skip("needs /proc to measure memory")
    big = {"w": torch.zeros(4), "optimizer": torch.zeros(64 << 20)}
    torch.save(big, tmp_path / "a.pth")
    del big
    before = int(rss.read_text().split()[1])
    held = checkpoint.load(tmp_path / "a.pth")
    checkpoint.tensor(held["w"], "w", tmp_path, (4,))
    grown = (int(rss.read_text().split()[1]) - before) * os.sysconf("SC_PAGE_SIZE")
    assert grown < 32 << 20


def tuple_bomb(depth: int) -> bytes:
    """A pickle of a few bytes whose dictionary key takes 2^depth steps to hash."""
    code = b"\x80\x02]q\x00)q\x01a"
    for i in range(1, depth):
        code += b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) + b"a"
    return code + b"}h" + bytes([depth]) + b"Nsa."


def list_bomb(depth: int) -> bytes:
    """Lists that each name the one below twice: 2^depth ways to the lowest."""
    code = b"\x80\x02]q\x00]q\x01a"
    for i in range(1, depth):
        one, two = bytes([i]), bytes([i + 1])
        code += b"]q" + two + b"h" + one + b"ah" + one + b"aa"
    return code + b"h" + bytes([depth]) + b"a."


def with_pickle(path: Path, code: bytes) -> Path:
    """A checkpoint whose pickle is replaced."""
    torch.save({"a": torch.zeros(1)}, path)
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, code if name.endswith("data.pkl") else content)
    return path


def test_the_tuple_bomb_is_one():
    """Each level doubles the time: the refusal below is not of a harmless file."""
    took = []
    for depth in (14, 18):
        start = time.perf_counter()
        pickle.loads(tuple_bomb(depth))
        took.append(time.perf_counter() - start)
    assert took[1] > 4 * took[0]


@pytest.mark.parametrize("depth", [40, 200])
def test_keys_that_would_be_hashed_for_ever_are_refused_at_once(tmp_path, depth):
    path = with_pickle(tmp_path / "a.pth", tuple_bomb(depth))
    with pytest.raises(Unusable, match="is nested 19 deep"):
        checkpoint.load(path)
    old = tmp_path / "old.pth"
    torch.save({"a": 1}, old, _use_new_zipfile_serialization=False)
    content = old.read_bytes()
    start = content.rindex(b"\x80\x02}q\x00X")
    old.write_bytes(content[:start] + tuple_bomb(depth))
    with pytest.raises(Unusable, match="is nested 19 deep"):
        checkpoint.load(old)


def test_lists_that_share_lists_are_walked_once(tmp_path):
    held = checkpoint.load(with_pickle(tmp_path / "a.pth", list_bomb(200)))
    assert isinstance(held, list)


def test_tuples_of_an_honest_depth_are_read(tmp_path):
    held: object = 1.5
    for _ in range(12):
        held = (held,)
    torch.save(held, tmp_path / "a.pth")
    assert checkpoint.load(tmp_path / "a.pth") == held


def test_many_formats_read_a_checkpoint_once(tmp_path, monkeypatch):
    """One of PyTorch's old form is read whole: four formats that look into it waited four times."""
    opened = samples.WRITERS["native-4dgs"](tmp_path)
    (path,) = (file for file in tmp_path.rglob("chkpnt*.pth"))
    read, torch_load = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: read.append(a[0]) or torch_load(*a, **k))
    formats.load(opened)
    assert read == [path]
    formats.located(opened)  # as what watches a run does, again and again
    assert len(read) == 2  # a file that was trained on is read again


def test_a_broken_checkpoint_is_looked_into_once(tmp_path, monkeypatch):
    torch.save(((torch.zeros(2),), 1), tmp_path / "chkpnt1.pth")
    looked = []
    monkeypatch.setattr(checkpoint, "_checked", lambda path: looked.append(path) or 1 / 0)
    with pytest.raises(Unusable):
        formats.load(tmp_path)
    assert len(looked) == 1
