"""Checkpoints are hostile until proven otherwise."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

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
