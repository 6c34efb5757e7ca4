"""OMG4's comp.xz and its FTGS kin: streams, networks, and files that mean harm."""

import io
import lzma
import math
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.samples import omg4 as sample
from tests.samples import omg4_ftgs as ftgs
from tests.test_checkpoint import tuple_bomb
from viewer import formats
from viewer.core.errors import Cancelled, Unusable
from viewer.formats import comp_xz, huffman, omg4, omg4_networks
from viewer.formats.huffman import Code
from viewer.formats.source import silent
from viewer.formats.wrong_fov import WRONG_SLOPE

TINY = {0: (1, 0), 1: (2, 2), sample.End(): (2, 3)}
ABAB = b"\x4b"


# --- Huffman streams


def test_the_worked_stream():
    assert Code(TINY).decode(ABAB, 4, silent).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(("base", "longest"), [(1, 5), (2, 30)])
def test_streams_of_any_code_come_back(base, longest):
    """The longer codes lie beyond the flat table."""
    labels = np.random.default_rng(0).integers(0, 30, 5000)
    table = sample.table_of({label: base**label for label in range(30)})
    assert max(bits for bits, _ in table.values()) == longest
    stream, _ = sample.encoded(labels, table)
    assert Code(table).decode(stream, len(labels), silent).tolist() == labels.tolist()


def test_streams_longer_than_a_chunk_come_back(monkeypatch):
    monkeypatch.setattr(huffman, "CHUNK", 16)
    labels = np.random.default_rng(0).integers(0, 300, 1000)
    stream, table = sample.coded(labels)
    looks = []
    got = Code(table).decode(stream, len(labels), lambda fraction, what: looks.append(fraction))
    assert got.tolist() == labels.tolist()
    assert looks == sorted(looks)
    assert len(looks) == -(-len(stream) // 16)


def test_a_stream_may_be_cut_within_its_end():
    table = {0: (1, 0), sample.End(): (12, 0xFFF)}
    assert Code(table).decode(b"\x0f", 4, silent).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("table", "stream", "message"),
    [
        (TINY, b"\x70", "ends after 1 of 4 symbols"),
        ({0: (2, 0), 1: (2, 1)}, b"\x1f\xff", "ends after 2 of 4 symbols"),
        (TINY, b"", "0 bytes cannot hold 4 symbols"),
        ({}, ABAB, "is empty"),
        ({0: (1, 0), 1: (2, 1)}, ABAB, "is no prefix code"),
        ({0: (1, 2)}, ABAB, "has an entry that is not"),
        ({0: (49, 0)}, ABAB, "has an entry that is not"),
        ({0: "0"}, ABAB, "has an entry that is not"),
        ({-2: (1, 0)}, ABAB, "has a symbol that is no label"),
    ],
)
def test_streams_that_make_no_sense_are_refused(table, stream, message):
    with pytest.raises(ValueError, match=message):
        Code(table).decode(stream, 4, silent)


# --- Networks and time


def test_worked_contraction_and_frequencies():
    points = torch.tensor([[0.3, 0.4, 0], [3, 4, 0]])
    want = torch.tensor([[0.575, 0.6, 0.5], [0.77, 0.86, 0.5]]).double()
    torch.testing.assert_close(omg4_networks.contracted(points), want, rtol=0, atol=1e-7)
    first = omg4_networks.frequencies(torch.tensor([[0.77]]).double())[0, :4]
    want = torch.tensor([0.66131187, -0.75011107, -0.99211470, 0.12533323])
    torch.testing.assert_close(first, want, rtol=0, atol=2e-7)


def test_what_is_decoded_equals_upstreams(golden):
    path = golden / "omg4-a" / "model" / "comp.xz"
    expected = np.load(golden / "omg4-a" / "expected.npz")
    stored, app = omg4.parameters(comp_xz.read(path, silent), path, silent)
    for name, got in {
        "scaling": stored.scales, "rotation": stored.quats, "rotation_r": stored.quats_r,
        "scaling_t": stored.scale_t, "t": stored.center, "app": app,
    }.items():  # fmt: skip
        assert np.array_equal(got.numpy(), expected[f"decoded_{name}"].astype(np.float32)), name


def test_opacity_changes_within_a_life_and_only_the_window_ends_it(tmp_path):
    """The networks may make a Gaussian opaque at any time, so no opacity may bound its life."""
    held = sample.content(200)
    held["MLP_opacity"][:] = 0
    model, _ = formats.load(sample.save(tmp_path / "comp.xz", held), {"time_duration": "0,2"})
    for time in (0.3, 1.5):
        splats = model.slice(time)
        assert 0 < len(splats) < 200
        windows = splats.opacities / 0.5
        assert ((windows >= 0.05) & (windows <= 1)).all()
    held = sample.content(200)
    model, _ = formats.load(sample.save(tmp_path / "comp.xz", held), {"time_duration": "0,2"})
    one, two = model.slice(0.8), model.slice(0.9)
    common = sorted(set(one.index.tolist()) & set(two.index.tolist()))[0]
    colors = [s.colors[s.index == common][0] for s in (one, two)]
    assert not torch.allclose(*colors, atol=1e-3)


def test_harmonics_point_to_the_stored_position(tmp_path):
    held = sample.content()
    splats = formats.load(sample.save(tmp_path / "comp.xz", held)).model.slice(1)
    assert torch.equal(splats.sh_origins, held["xyz"].float()[splats.index])
    assert not torch.equal(splats.sh_origins, splats.means)


def test_worked_linear_motion(tmp_path):
    held = ftgs.content(1)
    held |= {"means": np.array([[0, 1, 2]], np.float32), "times": np.array([[3]], np.float32)}
    for name, values in (("velocities", (0.5, -1, 0.2)), ("durations", (math.log(0.4),))):
        held[f"{name}_code"] = [np.full((sample.BOOK, 1), v, np.float32) for v in values]
    held["MLP_opacity"][:] = 0
    splats = formats.load(sample.save(tmp_path / "a.xz", held)).model.slice(3.2)
    torch.testing.assert_close(splats.means, torch.tensor([[0.1, 0.8, 2.04]]))
    assert float(splats.opacities[0]) == pytest.approx(0.5 * 0.8824969)
    assert splats.sh_degree == 3


# --- Files and folders


def test_a_run_opens_from_its_folder_and_its_file_before_its_stages(tmp_path):
    file = sample.write(tmp_path) / "comp.xz"
    torch.save(((0,) * 19, 30000), tmp_path / "chkpnt30000.pth")
    for path in (tmp_path, file):
        assert formats.load(path).report.path == str(file)
    ftgs.write(tmp_path)
    assert formats.load(tmp_path / "scene.xz").report.format == "omg4-ftgs"
    assert formats.load(tmp_path).report.format == "omg4"


@pytest.mark.parametrize("content", [b"text", pickle.dumps({"scale_code": 1}), b""])
def test_other_xz_files_are_not_claimed(tmp_path, content):
    (tmp_path / "a.xz").write_bytes(lzma.compress(content))
    with pytest.raises(Unusable, match="expected a trained model"):
        formats.load(tmp_path / "a.xz")


def test_what_the_files_do_not_say_is_asked_for(tmp_path):
    sample.write(tmp_path)
    _, report = formats.load(tmp_path)
    assert any("time_duration=START,END" in warning for warning in report.warnings)
    model, report = formats.load(tmp_path, {"time_duration": "0,10"})
    assert not report.warnings
    assert report.time_range == pytest.approx((0, 10 - 1 / 30))
    assert model.appearance.jacobian.slope == WRONG_SLOPE
    model, _ = formats.load(tmp_path, {"time_duration": "0,10", "projection": "true"})
    assert model.appearance.jacobian is None


def test_rows_that_make_no_sense_are_mended_or_left_out(tmp_path):
    held = sample.content()
    held["xyz"][0, 1] = math.inf
    held["t"][:] = 1
    held["app_code"][0][:] = math.nan
    held["rotation_r_code"][0][:] = 0
    held["rotation_r_code"][1][:] = 0
    model, report = formats.load(sample.save(tmp_path / "comp.xz", held), {"time_duration": "0,2"})
    splats = model.slice(1)
    assert sorted(splats.index.tolist()) == list(range(1, 24))
    for field in (splats.means, splats.covars, splats.opacities, splats.colors):
        assert field.isfinite().all()
    assert any("positions of 1" in warning for warning in report.warnings)


@pytest.mark.parametrize("kind", [sample, ftgs])
def test_no_gaussians_are_an_empty_scene(tmp_path, kind):
    model, _ = formats.load(sample.save(tmp_path / "comp.xz", kind.content(0)))
    assert len(model.slice(1)) == 0


def changed(name: str, change: Callable) -> dict:
    held = sample.content()
    held[name] = change(held[name])
    return held


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("MLP_cont", lambda m: m[:-1], r"MLP_cont has shape \[9215\], expected \[9216\]"),
        ("MLP_sh", lambda m: None, "MLP_sh is missing"),
        ("t", lambda t: t[1:], r"t has shape \[23, 1\], expected \[24, 1\]"),
        ("xyz", lambda x: x[:, :2], r"xyz has shape \[24, 2\], expected \[any, 3\]"),
        ("app_code", lambda c: c[1:], "app_code, app_index, app_htable are not lists of one"),
        ("scale_code", lambda c: [b[:0] for b in c], r"label \d, expected under 0"),
        ("scale_code", lambda c: [c[0], c[1], c[2].repeat(2, 1)], r"of \[1, 1, 2\], expected 3"),
        ("scale_index", lambda s: [b"", *s[1:]], r"scale_index\[0\]: its Huffman code 0 bytes"),
        ("scale_htable", lambda t: [3, *t[1:]], r"scale_index\[0\] is not a Huffman stream"),
    ],
)
def test_wrong_parts_are_named(tmp_path, name, change, message):
    path = sample.save(tmp_path / "comp.xz", changed(name, change))
    with pytest.raises(Unusable, match=message) as error:
        formats.load(path)
    assert str(path) in error.value.cause


def test_loading_stops_between_symbols(tmp_path):
    def stop(fraction: float, what: str) -> None:
        if what == "decoding":
            raise Cancelled

    with pytest.raises(Cancelled):
        formats.load(sample.write(tmp_path), progress=stop)


# --- Files that mean harm


# A pickle that is taken for a comp.xz; what follows it is unpickled too.
SMALLEST = sample.pickled({"rotation_r_code": 1, "MLP_cont": 1}, protocol=2)
NAMED = (b"numpy\nndarray\n", b"numpy\ndtype\n", b"dahuffman.huffmancodec\n_EndOfFileSymbol\n")


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function: Callable, *args: object) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple:
        return self.call


def written(tmp_path: Path, inside: object) -> Path:
    """A comp.xz that is good but for one thing more inside."""
    return sample.save(tmp_path / "comp.xz", sample.content() | {"more": inside})


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, f"{os.system.__module__}.system"),
        (eval, "builtins.eval"),
        (exec, "builtins.exec"),
        (getattr, "builtins.getattr"),
        (shutil.rmtree, "shutil.rmtree"),
        (torch.load, "torch.serialization.load"),
        (np.load, "numpy.load"),
    ],
)
def test_no_function_of_a_file_is_called(tmp_path, monkeypatch, function, name):
    """Neither the one it names, whatever that is, nor another one that would leave a trace."""
    called = []
    monkeypatch.setattr(os, "system", lambda *args: called.append(args))
    mark = tmp_path / "ran"
    path = written(tmp_path, [Call(function, f"touch {mark}"), Call(open, str(mark), "w")])
    with pytest.raises(Unusable, match=f"asks for {name}, and it may hold arrays") as error:
        formats.load(path)
    assert str(path) in error.value.cause
    assert not called
    assert not mark.exists()


def test_the_harm_is_real(tmp_path):
    """What the test above writes does run where it is unpickled as usual."""
    mark = tmp_path / "ran"
    path = sample.save(tmp_path / "a.xz", Call(os.system, f"touch {mark}"))
    pickle.loads(lzma.decompress(path.read_bytes()))
    assert mark.exists()


def test_no_module_of_a_file_is_imported(tmp_path):
    sys.modules.pop("antigravity", None)
    evil = SMALLEST[:-1] + b"cantigravity\nfly_away\n."
    (tmp_path / "comp.xz").write_bytes(lzma.compress(evil))
    with pytest.raises(Unusable, match=r"asks for antigravity\.fly_away"):
        formats.load(tmp_path / "comp.xz")
    assert "antigravity" not in sys.modules


def test_a_tensor_inside_is_no_way_around(tmp_path):
    """The numbers of a tensor are a file of their own, and a pickle again."""
    mark = tmp_path / "ran"
    inner = io.BytesIO()
    torch.save(Call(os.system, f"touch {mark}"), inner, _use_new_zipfile_serialization=False)
    path = written(tmp_path, Call(torch.storage._load_from_bytes, inner.getvalue()))
    with pytest.raises(Unusable, match="a tensor that is not plain numbers"):
        formats.load(path)
    assert not mark.exists()


def test_nothing_that_a_file_does_to_names_lasts(tmp_path):
    """A pickle may set attributes of what it names; the next file must not notice."""
    for i, name in enumerate(NAMED):
        state = b"(N}X\x05\x00\x00\x00_makeccollections\nOrderedDict\nst"  # (None, {"_make": it})
        evil = SMALLEST[:-1] + b"0c" + name + state + b"b."
        (tmp_path / f"{i}.xz").write_bytes(lzma.compress(evil))
        with pytest.raises(Unusable):
            formats.load(tmp_path / f"{i}.xz")
        assert formats.load(sample.save(tmp_path / "good.xz", sample.content())).report.count == 24


def test_arrays_that_claim_more_than_they_hold_are_refused(tmp_path):
    wide = torch.zeros(1).expand(10**12)
    path = written(tmp_path, wide)
    with pytest.raises(Unusable, match="that is longer than its numbers"):
        formats.load(path)
    objects = np.array([1, "text"], object)
    with pytest.raises(Unusable, match="an array of type 'O8'"):
        formats.load(written(tmp_path, objects))


def test_a_pickle_may_not_ask_for_all_memory(tmp_path):
    """Remembering something under a high number makes the unpickler's memory as long."""
    evil = SMALLEST[:-1] + b"r\xff\xff\xff\x7f."
    (tmp_path / "comp.xz").write_bytes(lzma.compress(evil))
    with pytest.raises(Unusable, match="it remembers number 2147483647"):
        formats.load(tmp_path / "comp.xz")


def test_a_stream_that_expands_beyond_reason_is_refused(tmp_path):
    content = sample.pickled(sample.content() | {"more": bytes(50 << 20)})
    (tmp_path / "comp.xz").write_bytes(lzma.compress(content, preset=1))
    with pytest.raises(Unusable, match="bytes expand beyond 64 times that"):
        comp_xz.read(tmp_path / "comp.xz", silent)


@pytest.mark.parametrize("kind", [sample, ftgs])
def test_cut_and_damaged_streams_are_named(tmp_path, kind):
    path = sample.save(tmp_path / "comp.xz", kind.content())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unusable, match=r"comp\.xz: its xz stream is cut after \d+ bytes"):
        formats.load(path)
    path.write_bytes(whole[:100] + b"\0" * 100 + whole[200:])
    with pytest.raises(Unusable, match=r"comp\.xz: a damaged xz stream"):
        formats.load(path)


PICKLES = {kind.NAME: sample.pickled(kind.content(6)) for kind in (sample, ftgs)}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:invalid escape sequence")
@pytest.mark.parametrize("name", PICKLES)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_pickles_are_refused_in_one_line_or_open(tmp_path, name, data):
    """The xz stream is sound, so that damage reaches what is inside."""
    content = bytearray(PICKLES[name])
    networks = content.index(b"MLP_cont")  # beyond it there is little but numbers
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, networks + 200))] = data.draw(st.integers(0, 255))
    path = tmp_path / "comp.xz"
    path.write_bytes(lzma.compress(content, preset=0))
    opened = attempt(path)
    if isinstance(opened, Unusable):
        assert str(path) in opened.cause
        assert "\n" not in opened.cause
        return
    model, report = opened
    splats = model.slice(sum(report.time_range) / 2)
    for field in (splats.means, splats.opacities, splats.colors):
        assert field.isfinite().all()


def attempt(path: Path) -> formats.Loaded | Unusable:
    try:
        return formats.load(path)
    except Unusable as error:
        return error


def test_a_pickle_that_would_be_hashed_for_ever_is_refused_at_once(tmp_path):
    path = tmp_path / "comp.xz"
    path.write_bytes(lzma.compress(tuple_bomb(40)))
    with pytest.raises(Unusable, match="is nested 19 deep"):
        comp_xz.read(path, silent)
