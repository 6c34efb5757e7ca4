"""Every bad input gives one line: the file, what was found, what was expected."""

import itertools
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import files, samples
from viewer import formats
from viewer.core.errors import Unusable
from viewer.formats import ply
from viewer.formats.source import Match, Source

GOOD = files.gaussians(20)


@pytest.fixture(autouse=True)
def one_thread():
    """Handing tiny tensors to other threads takes longer than the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def without(name: str) -> dict[str, np.ndarray]:
    return {key: column for key, column in GOOD.items() if key != name}


def changed(path: Path, old: bytes, new: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(old, new, 1))


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def good_ply(path: Path) -> Path:
    ply.write(path, GOOD)
    return path


def missing(folder: Path) -> Path:
    return folder / "nothing.ply"


def empty_folder(folder: Path) -> Path:
    return folder


def folder_of_pictures(folder: Path) -> Path:
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


def several_models(folder: Path) -> Path:
    good_ply(folder / "cat.ply")
    good_ply(folder / "dog.ply")
    return folder


def two_kinds(folder: Path) -> Path:
    good_ply(folder / "cat.ply")
    (folder / "dog.splatv").write_bytes(files.splatv(files.splatv_records()))
    return folder


def text_file(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("The quick brown fox\n" * 9)
    return path


def no_bytes(folder: Path) -> Path:
    path = folder / "model.ply"
    path.touch()
    return path


def binary_file(folder: Path) -> Path:
    path = folder / "model.bin"
    path.write_bytes(bytes(range(256)))
    return path


def truncated_ply(folder: Path) -> Path:
    path = good_ply(folder / "a.ply")
    cut(path, path.stat().st_size - 10)
    return path


def ply_without_opacity(folder: Path) -> Path:
    ply.write(folder / "a.ply", without("opacity"))
    return folder / "a.ply"


def too_many_promised(folder: Path) -> Path:
    path = good_ply(folder / "a.ply")
    changed(path, b"vertex 20", b"vertex 90000000000")
    return path


def too_few_promised(folder: Path) -> Path:
    path = good_ply(folder / "a.ply")
    changed(path, b"vertex 20", b"vertex 7")
    return path


def odd_coefficients(folder: Path) -> Path:
    ply.write(folder / "a.ply", GOOD | {"f_rest_9": np.zeros(20)})
    return folder / "a.ply"


def endless_header(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_bytes(b"ply\nformat ascii 1.0\n")
    return path


def nonsense_header(folder: Path) -> Path:
    path = good_ply(folder / "a.ply")
    changed(path, b"property float y", b"property quaternion y")
    return path


def negative_count(folder: Path) -> Path:
    path = good_ply(folder / "a.ply")
    changed(path, b"vertex 20", b"vertex -20")
    return path


def list_property(folder: Path) -> Path:
    path = good_ply(folder / "a.ply")
    changed(path, b"property float nx", b"property list uchar int nx")
    return path


def ascii_short(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_text(as_ascii(GOOD, rows=13))
    return path


def ascii_words(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_text(as_ascii(GOOD).replace(" 0.0 ", " zero ", 1))
    return path


def places_missing(folder: Path) -> Path:
    ply.write(folder / "a.ply", dict.fromkeys("xy", np.zeros(3)))
    return folder / "a.ply"


def bad_frame(folder: Path) -> Path:
    for i in range(3):
        good_ply(folder / f"frame_{i}.ply")
    cut(folder / "frame_2.ply", 900)
    return folder


def full_model(folder: Path) -> Path:
    ply.write(folder / "a.ply", files.spacetime() | {"f_t_0": np.zeros(50)})
    return folder / "a.ply"


def spacetime_without_motion(folder: Path) -> Path:
    ply.write(folder / "a.ply", {k: v for k, v in files.spacetime().items() if k != "motion_4"})
    return folder / "a.ply"


def newer_ftgs(folder: Path) -> Path:
    ply.write(folder / "a.ply", files.ftgs(), ["ftgs_version 2"])
    return folder / "a.ply"


def splatv_bytes(folder: Path, content: bytes) -> Path:
    path = folder / "a.splatv"
    path.write_bytes(content)
    return path


WHOLE = files.splatv(files.splatv_records(30))


def wrong_magic(folder: Path) -> Path:
    return splatv_bytes(folder, b"\x4c" + WHOLE[1:])


def long_json(folder: Path) -> Path:
    return splatv_bytes(folder, WHOLE[:4] + struct.pack("<I", 10**9) + WHOLE[8:])


def cut_record(folder: Path) -> Path:
    return splatv_bytes(folder, WHOLE[:-10])


def cut_rows(folder: Path) -> Path:
    return splatv_bytes(folder, files.splatv(files.splatv_records(30), size=99 << 16))


def short_splatv(folder: Path) -> Path:
    return splatv_bytes(folder, WHOLE[:5])


def broken_json(folder: Path) -> Path:
    return splatv_bytes(folder, WHOLE.replace(b'"type"', b'"tipe"', 1))


def no_splat_chunk(folder: Path) -> Path:
    header = json.dumps([{"type": "magic", "size": 4}]).encode()
    return splatv_bytes(folder, WHOLE[:4] + struct.pack("<I", len(header)) + header + b"1234")


def cut_splat(folder: Path) -> Path:
    path = folder / "a.splat"
    path.write_bytes(files.splat(9).tobytes()[:-1])
    return path


def few_chunks(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_bytes(files.compressed(np.zeros((1, 18)), np.zeros((257, 4))))
    return path


def chunks_without_bounds(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_bytes(files.compressed(np.zeros((1, 6)), np.zeros((7, 4))))
    return path


def cut_harmonics(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_bytes(files.random_compressed(20)[:-9])
    return path


def odd_harmonics(folder: Path) -> Path:
    path = folder / "a.ply"
    path.write_bytes(files.compressed(np.zeros((1, 18)), np.zeros((7, 4)), np.zeros((7, 8))))
    return path


NUMBERS = itertools.count()


def sog_with(**changes: object):
    """A maker of a .sog whose meta.json is changed."""

    def make(folder: Path) -> Path:
        parts = files.sog_parts(20)
        meta = json.loads(parts["meta.json"]) | changes
        parts["meta.json"] = json.dumps(meta).encode()
        (folder / "a.sog").write_bytes(files.zipped(parts))
        return folder / "a.sog"

    make.__name__ = f"sog_with_{'_'.join(changes)}_{next(NUMBERS)}"
    return make


def sog_cut(folder: Path) -> Path:
    (folder / "a.sog").write_bytes(files.zipped(files.sog_parts())[:-30])
    return folder / "a.sog"


def sog_outside(folder: Path) -> Path:
    parts = files.sog_parts(20)
    meta = json.loads(parts["meta.json"])
    meta["quats"] = {"files": ["../quats.webp"]}
    for name, content in (parts | {"meta.json": json.dumps(meta).encode()}).items():
        (folder / name).write_bytes(content)
    return folder / "meta.json"


def spz_of(content: bytes, name: str):
    """A maker of a .spz."""

    def make(folder: Path) -> Path:
        (folder / "a.spz").write_bytes(content)
        return folder / "a.spz"

    make.__name__ = f"spz_{name}"
    return make


BAD = {
    spz_of(b"hello, this is no spz", "text"): "begins with b'hell', expected b'NGSP'",
    spz_of(files.spz(4)[:40], "cut_table"): "its table of streams is cut",
    spz_of(files.spz(4)[:-9], "cut_stream"): "is broken (",
    spz_of(files.spz(2)[:-30], "cut_gzip"): "ends after ",
    spz_of(files.packed_spz(2, 10**6, 0, [b"abc"]), "short"): "ends after 3 of 19000000 bytes",
    spz_of(files.packed_spz(3, 10**9, 0, [b""]), "bomb"): "says 1000000000 Gaussians of degree 0",
    spz_of(files.spz(4)[:10], "stub"): "begins with",
    sog_with(count=10**9): "says it holds 1000000000 Gaussians",
    sog_with(count=-1): "says it holds -1 Gaussians",
    sog_with(count=1000): "image low has fewer pixels than the 1000 Gaussians",
    sog_with(quats={}): "meta.json lacks something (KeyError: 'files')",
    sog_with(sh0={"codebook": [1], "files": ["sh0.webp"]}): "a codebook has shape (1,)",
    sog_with(
        scales={"codebook": [0.0] * 256, "files": ["meta.json"]}
    ): "is broken (cannot identify",
    sog_cut: "is broken (File is not a zip file)",
    sog_outside: "names a file outside its folder ('../quats.webp')",
    cut_splat: "287 bytes, expected a multiple of the 32 of a splat",
    few_chunks: "has 1 chunks for 257 vertices, expected 2",
    chunks_without_bounds: "chunk has no min_scale_x, ",
    cut_harmonics: "ends after 19 of the 20 sh rows",
    odd_harmonics: "sh has 8 properties and 7 rows, expected 9, 24 or 45 and 7",
    missing: "no such file or folder",
    empty_folder: "an empty folder, expected a trained model",
    folder_of_pictures: "a folder with photo.jpg; none of it is a trained model",
    several_models: "a folder with cat.ply, dog.ply; none of it is a trained model",
    two_kinds: "could be 3dgs-ply (",
    text_file: "a text file that begins with b'The quick brown ', expected a trained model",
    no_bytes: "0 bytes, expected a trained model",
    binary_file: "a binary file that begins with",
    truncated_ply: "ends after 19 of the 20 vertices that its header promises",
    ply_without_opacity: "has no property opacity; found x, y, z",
    too_many_promised: "ends after 20 of the 90000000000 vertices",
    too_few_promised: "holds 20 vertices, but its header says 7",
    odd_coefficients: "has 10 f_rest properties, expected 0, 9, 24 or 45",
    endless_header: "the PLY header has no end",
    nonsense_header: "the PLY header has a line 'property quaternion y'",
    negative_count: "the PLY header has a line 'element vertex -20'",
    list_property: "vertex property nx is a list, not a number",
    ascii_short: "ends after 13 of the 20 vertices",
    ascii_words: "vertices from 0 on are not rows of 26 numbers",
    places_missing: "a PLY without splats (no f_dc_0, opacity, scale_0 or rot_0) or points",
    bad_frame: "frame_2.ply: ends after",
    full_model: "has no property f_dc_3",
    spacetime_without_motion: "has no property motion_4",
    newer_ftgs: "ftgs_version is 2, expected 1",
    wrong_magic: "magic is 0x0000674c, expected 0x0000674b",
    long_json: "its JSON header should have 1000000000 bytes, only",
    cut_record: "cut inside a record: 1910 bytes of splats, expected a multiple of 64",
    cut_rows: "cut: 1920 bytes of splats, its header says 6488064",
    short_splatv: "5 bytes, expected at least the 8 of a .splatv header",
    broken_json: "its JSON header is not a list of chunks (KeyError: 'type')",
    no_splat_chunk: "its JSON header lists no chunk of type splat",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_message_names_the_file_and_what_is_wrong(tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(Unusable) as caught:
        formats.load(path)
    assert str(path) in caught.value.cause
    assert BAD[make] in caught.value.cause
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(Path("/proc/self/mem").exists() is False, reason="needs /proc")
def test_a_file_that_cannot_be_read_is_named():
    with pytest.raises(Unusable, match="/proc/self/mem: cannot be read"):
        formats.load(Path("/proc/self/mem"))


def test_two_formats_that_claim_a_path_are_named(tmp_path, monkeypatch):
    known = formats.formats()
    twin = formats.Format(
        "twin", "anything", lambda path: Match(path, ("always",)), lambda source: None
    )
    monkeypatch.setattr(formats, "formats", lambda: (*known, twin))
    with pytest.raises(Unusable, match=r"could be 3dgs-ply \(.*\) and twin \("):
        formats.load(good_ply(tmp_path / "a.ply"))


def test_formats_of_other_packages_are_found(tmp_path, monkeypatch):
    class Point:
        def load(self) -> formats.Format:
            return formats.Format(
                "foreign", "x", lambda p: Match(p, ("",)) if p.suffix == ".x" else None, refuse
            )

    def refuse(source: Source) -> formats.Loaded:
        raise Unusable(f"{source.path}: foreign")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point()])
    (tmp_path / "a.x").touch()
    formats.formats.cache_clear()
    try:
        with pytest.raises(Unusable, match="foreign"):
            formats.load(tmp_path / "a.x")
    finally:
        formats.formats.cache_clear()


def as_ascii(named: dict[str, np.ndarray], rows: int | None = None) -> str:
    lines = ["ply", "format ascii 1.0", "comment by hand", "element vertex 20"]
    lines += [f"property float {name}" for name in named] + ["end_header"]
    table = np.stack(list(named.values()), 1)[:rows]
    return "\n".join(lines + [" ".join(map(repr, map(float, row))) for row in table]) + "\n"


def test_ascii_big_endian_and_double_plys_hold_the_same(tmp_path):
    ply.write(tmp_path / "little.ply", GOOD)
    (tmp_path / "ascii.ply").write_text(as_ascii(GOOD))
    for name, code, order in (("double", "double", "<f8"), ("big", "float", ">f4")):
        kind = "big" if order[0] == ">" else "little"
        header = f"ply\r\nformat binary_{kind}_endian 1.0\r\nelement camera 2\r\n"
        header += f"property int a\r\nproperty uchar b\r\nelement vertex {len(GOOD['x'])}\r\n"
        header += "".join(f"property {code} {name}\r\n" for name in GOOD)
        header += "element face 1\r\nproperty list uchar int vertex_indices\r\nend_header\r\n"
        rows = np.stack(list(GOOD.values()), 1).astype(order).tobytes()
        (tmp_path / f"{name}.ply").write_bytes(
            header.encode() + b"12345" * 2 + rows + b"\1\0\0\0\0"
        )
    want = formats.load(tmp_path / "little.ply").model.slice(0)
    for name in ("ascii", "double", "big"):
        got = formats.load(tmp_path / f"{name}.ply").model.slice(0)
        assert np.array_equal(got.means, want.means), name
        assert np.array_equal(got.colors, want.colors), name


def _ply(named: dict[str, np.ndarray], folder: Path) -> bytes:
    ply.write(folder / "whole", named)
    return (folder / "whole").read_bytes()


SAMPLES = {
    "a.ply": lambda folder: _ply(GOOD, folder),
    "b.ply": lambda folder: _ply(files.spacetime(), folder),
    "c.ftgs.ply": lambda folder: _ply(files.ftgs(), folder),
    "d.ply": lambda folder: as_ascii(GOOD).encode(),
    "e.splatv": lambda folder: WHOLE,
    "i.spz": lambda folder: files.spz(4),
    "j.spz": lambda folder: files.spz(2),
    "h.sog": lambda folder: files.zipped(files.sog_parts(20)),
    "f.splat": lambda folder: files.splat().tobytes(),
    "g.compressed.ply": lambda folder: files.random_compressed(),
}


def test_a_zstd_frame_that_claims_too_much_is_refused_before_memory_is_asked_for(tmp_path):
    """Found by the test below: one byte of a frame's header made 10^15 bytes of it."""
    content = bytearray(files.spz(4))
    content[132] = 192
    (tmp_path / "a.spz").write_bytes(content)
    with pytest.raises(Unusable, match=r"a stream claims [0-9]+ bytes, expected"):
        formats.load(tmp_path / "a.spz")


def test_bounds_of_colours_are_all_there_or_none(tmp_path):
    """Found by the test below: a letter of one bound's name was another."""
    content = files.random_compressed().replace(b"float max_g", b"float max_h", 1)
    (tmp_path / "a.compressed.ply").write_bytes(content)
    with pytest.raises(Unusable, match="chunk has no max_g; found"):
        formats.load(tmp_path / "a.compressed.ply")


SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=500, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(data=st.data())
def test_damaged_files_are_refused_in_one_line_or_open(tmp_path, name, data):
    """Any byte of any format may be anything; nothing but Unusable comes out."""
    content = bytearray(SAMPLES[name](tmp_path))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, min(len(content) - 1, 1500)))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    path = tmp_path / name
    path.write_bytes(content)
    opened = attempt(path)
    if isinstance(opened, Unusable):
        assert str(path) in opened.cause
        assert "\n" not in opened.cause
    else:
        splats = opened.model.slice(opened.report.time_range[0])
        assert splats.means.isfinite().all()
        assert splats.colors.isfinite().all()


@pytest.mark.parametrize("name", samples.WRITERS)
@settings(max_examples=500, deadline=None, suppress_health_check=SLOW_FIXTURE)
@given(data=st.data())
def test_runs_with_a_damaged_file_are_refused_in_one_line_or_open(tmp_path, name, data):
    """As above, for families of several files: one of them is damaged, cut, or gone."""
    whole, run = tmp_path / "whole", tmp_path / "run"
    if not whole.exists():
        whole.mkdir()
        opened = samples.WRITERS[name](whole)
        (tmp_path / "opened").write_text(str(opened.relative_to(whole)))
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(whole, run)
    path = data.draw(st.sampled_from(sorted(p for p in run.rglob("*") if p.is_file())))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    if data.draw(st.integers(0, 19)) == 0:
        path.unlink()
    else:
        path.write_bytes(content)
    opened = attempt(run / (tmp_path / "opened").read_text())
    if isinstance(opened, Unusable):
        assert str(run) in opened.cause
        assert "\n" not in opened.cause
        return
    start, end = opened.report.time_range
    for time in (start, (start + end) / 2):
        splats = opened.model.slice(time)
        for field in (splats.means, splats.opacities, splats.colors):
            assert field.isfinite().all()


def attempt(path: Path) -> formats.Loaded | Unusable:
    try:
        return formats.load(path)
    except Unusable as error:
        return error
