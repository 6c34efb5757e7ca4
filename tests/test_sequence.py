"""Sequences in archives: they play as folders do; bad ones are refused before they expand."""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import files
from viewer import formats
from viewer.core.errors import Unusable
from viewer.formats import archive, ply

KINDS = {
    "ply": lambda i, folder: a_ply(files.gaussians(i, degree=i % 3), folder),
    "compressed.ply": lambda i, folder: files.random_compressed(i),
    "splat": lambda i, folder: files.splat(i).tobytes(),
    "sog": lambda i, folder: files.zipped(files.sog_parts(i)),
    "spz": lambda i, folder: files.spz(4, i),
}


def a_ply(named: dict, folder: Path) -> bytes:
    ply.write(folder / "one.ply.tmp", named)
    content = (folder / "one.ply.tmp").read_bytes()
    (folder / "one.ply.tmp").unlink()
    return content


def packed(parts: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as opened:
        for name, content in parts.items():
            opened.writestr(name, content)
    return out.getvalue()


def write(path: Path, parts: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    path.write_bytes(packed(parts, packing))
    return path


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_plays_as_its_folder_does(tmp_path, kind, packing):
    parts = {f"take 1/f{i}.{kind}": KINDS[kind](i, tmp_path) for i in (10, 1, 2)}
    extra = {"take 1/notes.txt": b"hello", "__MACOSX/take 1/._f1.ply": b"junk", "take 1/": b""}
    path = write(tmp_path / "a.zip", parts | extra, packing)
    for name, content in parts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (one, report), (two, other) = formats.load(path), formats.load(tmp_path / "take 1")
    assert report.format == other.format == "sequence"
    assert report.frame_names == tuple(f"take 1/f{i}.{kind}" for i in (1, 2, 10))
    assert "3 numbered frames" in report.evidence[0]
    assert (report.count, report.sh_degree) == (10, other.sh_degree)
    for t in (2, 0, 1):
        a, b = one.slice(t), two.slice(t)
        assert len(a) == (1, 2, 10)[t]
        for field in ("means", "quats", "scales", "opacities", "colors"):
            assert torch.equal(getattr(a, field), getattr(b, field))


def test_frames_in_numbered_folders_of_an_archive_play(tmp_path):
    parts = {f"out/{i:04}/point_cloud.ply": KINDS["ply"](i, tmp_path) for i in (3, 4)}
    model = formats.load(write(tmp_path / "a.zip", parts)).model
    assert [len(model.slice(t)) for t in (0, 1)] == [3, 4]


def test_an_archive_of_one_static_model_opens_as_it(tmp_path):
    for kind, make in KINDS.items():
        path = write(tmp_path / f"{kind}.ZIP", {f"deep/scene.{kind}": make(5, tmp_path)})
        model, report = formats.load(path)
        assert len(model.slice(0)) == report.count == 5
        assert not report.moves
        assert report.evidence == (f"an archive of one model, deep/scene.{kind}",)


def test_a_meta_json_beside_frames_does_not_make_them_a_sog(tmp_path):
    parts = {f"f{i}.ply": KINDS["ply"](i, tmp_path) for i in (1, 2)}
    assert formats.load(write(tmp_path / "a.zip", parts | {"meta.json": b"{}"})).report.count == 2
    sog = write(tmp_path / "b.zip", files.sog_parts(7))
    assert formats.load(sog).report.format == "sog"


def test_frames_are_expanded_when_shown_and_nothing_stays_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = write(tmp_path / "a.zip", {f"f{i}.ply": KINDS["ply"](9, tmp_path) for i in range(4)})
    shown = []
    expanded = archive.expanded

    def noted(path, member, head=None):
        shown.append((member.filename, head))
        return expanded(path, member, head)

    monkeypatch.setattr(archive, "expanded", noted)
    model = formats.load(path).model
    assert {name for name, head in shown if head is None} == {"f0.ply", "f1.ply", "f3.ply"}
    model.slice(2)
    assert shown[-1] == ("f2.ply", None)
    before = len(shown)
    model.slice(2)
    assert len(shown) == before
    assert list((tmp_path / "temporary").iterdir()) == []


def sizes_that_lie(content: bytes, size: int) -> bytes:
    """The archive with another expanded size in its directory and in front of its first member."""
    content = bytearray(content)
    for signature, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        at = content.find(signature)
        content[at + place : at + place + 4] = size.to_bytes(4, "little")
    return bytes(content)


def test_bombs_are_refused_before_they_expand(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "expanded", None)  # not reached
    zeros = bytes(8 << 20)
    path = write(tmp_path / "a.zip", {"f1.splat": zeros, "f2.splat": zeros})
    with pytest.raises(Unusable, match=r"f1.splat expands from \d+ to 8388608 bytes, expected at"):
        formats.load(path)
    noise = np.random.default_rng(0).bytes(320)
    whole = packed({"f1.splat": noise, "f2.splat": noise}, zipfile.ZIP_STORED)
    path.write_bytes(sizes_that_lie(whole, 0xF0000000))
    with pytest.raises(Unusable, match=r"f1.splat expands from 320 to 4026531840 bytes"):
        formats.load(path)


def test_files_that_overlap_are_refused(tmp_path):
    noise = np.random.default_rng(0).bytes(3200)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("f1.splat", noise)
        for i in (2, 3):
            info = opened.getinfo("f1.splat")
            twin = zipfile.ZipInfo(f"f{i}.splat")
            for field in ("compress_size", "file_size", "CRC", "header_offset", "compress_type"):
                setattr(twin, field, getattr(info, field))
            opened.filelist.append(twin)
    with pytest.raises(Unusable, match="its files overlap"):
        formats.load(tmp_path / "a.zip")


@pytest.mark.parametrize(
    "name",
    ["/f1.ply", "../f1.ply", "a/../../f1.ply", "C:/f1.ply", "..\\f1.ply", "\\\\host\\f1.ply"],
)
def test_names_outside_the_archive_are_refused(tmp_path, name):
    content = KINDS["ply"](3, tmp_path)
    with pytest.raises(Unusable, match="names a file outside itself"):
        formats.load(write(tmp_path / "a.zip", {name: content, "f2.ply": content}))


def with_flag(content: bytes) -> bytes:
    """The archive, said to be encrypted."""
    at = content.find(b"PK\1\2")
    return content[: at + 8] + b"\1" + content[at + 9 :]


def test_what_is_wrong_with_an_archive_is_one_line(tmp_path):
    good = {f"f{i}.ply": KINDS["ply"](3, tmp_path) for i in (1, 2)}
    short = good | {"f2.ply": good["f2.ply"][:-10]}
    moving = {"a.ply": a_ply(files.ftgs(), tmp_path)}
    mixed = good | {f"f{i}.spz": files.spz(4, 3) for i in (1, 2)}
    kinds = good | {"f2.ply": files.random_compressed(3)}
    runs = {f"run/point_cloud/iteration_{i}/point_cloud.ply": good["f1.ply"] for i in (7, 30)}
    cases = [
        (packed(short), "f2.ply: ends after 2 of the 3 vertices"),
        (packed(kinds), "f2.ply: a frame of the sequence, but not of the kind of the first one"),
        (packed(mixed), "an archive with f1.ply, f2.ply, f1.spz, f2.spz; expected frames of one"),
        (packed(moving), "an archive with a.ply; expected frames of one kind"),
        (packed(runs), "an archive with run/point_cloud/iteration_7/point_cloud.ply, "),
        (packed({"a\nb.txt": b""}), "an archive with a?b.txt; expected frames"),
        (packed({}), "an archive with nothing in it; expected frames"),
        (packed(good)[:-30], "is broken (File is not a zip file)"),
        (with_flag(packed(good)), "f1.ply is encrypted"),
        (packed(good, zipfile.ZIP_LZMA), "f1.ply is packed by method 14, expected 0 or 8"),
        (b"hello", "a text file that begins with b'hello'"),
    ]
    for content, message in cases:
        path = tmp_path / "a.zip"
        path.write_bytes(content)
        with pytest.raises(Unusable) as caught:
            formats.load(path)
        assert str(path) in caught.value.cause
        assert message in caught.value.cause
        assert "view4d-" not in str(caught.value)


def test_a_frame_that_breaks_later_names_itself(tmp_path):
    noise = np.random.default_rng(0)
    parts = {f"f{i}.splat": noise.bytes(32 * 40_000) for i in range(4)}  # longer than a head
    content = packed(parts, zipfile.ZIP_STORED)
    at = content.find(parts["f2.splat"])
    path = tmp_path / "a.zip"
    path.write_bytes(content[:at] + b"\0\0\0\0" + content[at + 4 :])
    model = formats.load(path).model
    with pytest.raises(Unusable) as caught:
        model.slice(2)
    assert caught.value.cause.startswith(f"{path}/f2.splat: is broken (Bad CRC-32")


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_archives_are_refused_in_one_line_or_open(tmp_path, data):
    whole = packed({f"f{i}.splat": files.splat(5, i).tobytes() for i in (1, 2)})
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.zip"
    path.write_bytes(content[: data.draw(st.integers(len(content) - 60, len(content)))])
    opened = attempt(path)
    if isinstance(opened, Unusable):
        assert str(path) in opened.cause
        assert "\n" not in opened.cause


def attempt(path: Path) -> Unusable | None:
    try:
        model, report = formats.load(path)
        for t in report.frame_times:
            assert model.slice(t).means.isfinite().all()
    except Unusable as error:
        return error
    return None
