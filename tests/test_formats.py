"""Every format: what a model must be, the worked examples, and what real folders hold."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests import files, samples
from viewer import formats
from viewer.core import sh
from viewer.core.errors import BadArgument, Cancelled
from viewer.core.splats import Compensation
from viewer.formats import ply, ply_export, spz, standard, training

NAMES = (
    "3dgs-ply", "splatv", "ftgs-ply", "sequence", "splat", "compressed-ply",
    "sog", "spz", *samples.WRITERS,
)  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    paths = files.write_everything(tmp_path_factory.mktemp("models"))
    for name, write in samples.WRITERS.items():
        paths[name] = write(tmp_path_factory.mktemp(name))
    return paths


def test_all_formats_are_found():
    assert {form.name for form in formats.formats()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_conformance(written, name):
    model, report = formats.load(written[name])
    assert report.format == name
    start, end = report.time_range
    first = model.slice(start)
    for time in (start, (start + end) / 2, end, start - 1, end + 1):
        splats = model.slice(time)
        assert len(splats) <= model.count == report.count
        shapes = (splats.quats, splats.scales, splats.covars, splats.radii)
        given = [field for field in shapes if field is not None]
        for field in (splats.means, splats.opacities, splats.colors, *given):
            assert field.isfinite().all()
            assert field.dtype == torch.float32
        if splats.quats is not None:
            torch.testing.assert_close(splats.quats.norm(dim=1), torch.ones(len(splats)))
            assert (splats.scales > 0).all()
        if splats.covars is not None:
            assert (splats.covars[:, [0, 3, 5]] >= 0).all()
        if splats.radii is not None:
            assert (splats.radii > 0).all()
        assert ((splats.opacities >= 0) & (splats.opacities <= 1)).all()
    again = model.slice(start)
    for one, two in ((first.means, again.means), (first.opacities, again.opacities)):
        assert torch.equal(one, two)
    assert report.evidence
    assert report.memory > 0
    assert {s.name for s in report.settings} >= {"background", "up"}
    assert np.isfinite(report.home.camera(64, 36).viewmat).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_option_can_be_given_and_is_reported(written, name):
    given = {
        "background": "0.5,0.25,1",
        "up": "0,0,1",
        "fps": "12.5",
        "duration": "20",
        "frames": "30",
        "low_pass": "0.2",
        "compensation": "mip",
        "use_velocity": "False",
        "time_range": "0,2",
        **samples.OPTIONS,
    }
    (form,) = [form for form in formats.formats() if form.name == name]
    options = {option.name: given[option.name] for option in form.options}
    model, report = formats.load(written[name], options)
    assert {(s.name, s.value) for s in report.settings} == set(options.items())
    assert {s.origin for s in report.settings} == {"given"}
    assert report.background == model.appearance.background == (0.5, 0.25, 1)
    assert report.up == (0, 0, 1)
    assert report.fps == (12.5 if "fps" in options else 30)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("fps", "fast", "--option fps=fast: expected a number"),
        ("fps", "-1", "expected more than 0"),
        ("fps", "nan", "expected a finite number"),
        ("duration", "2.5", "expected a whole number"),
        ("background", "1,2", "expected R,G,B"),
        ("background", "1,2,3", "outside 0..1"),
        ("up", "0,0,0", "has no direction"),
        ("up", "north", "expected X,Y,Z"),
        (
            "nonsense",
            "1",
            "splatv has no such option, it has duration, time_range, fps, background, up",
        ),
    ],
)
def test_bad_options_are_named(written, option, value, message):
    with pytest.raises(BadArgument, match=message):
        formats.load(written["splatv"], {option: value})


@pytest.mark.parametrize("name", NAMES)
def test_loading_stops_when_progress_says_so(written, name):
    calls = []

    def stop(fraction: float, what: str) -> None:
        calls.append(fraction)
        if len(calls) > 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        formats.load(written[name], progress=stop)


@pytest.mark.parametrize("name", NAMES)
def test_progress_only_grows_and_ends_at_one(written, name):
    seen = []
    formats.load(written[name], progress=lambda fraction, what: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[-1] == 1


def test_spacetime_worked_example(tmp_path):
    ply.write(tmp_path / "one.ply", files.worked_spacetime())
    model, _ = formats.load(tmp_path / "one.ply")
    splats = model.slice(0.7)
    close(splats.means, [[1.195, 1.934, 3.030]])
    close(splats.quats, [[0.93208951, 0.23302238, -0.11651119, 0.25166417]])
    close(splats.opacities, [0.32010954])
    close(splats.colors, [[0.25, 0.5, 0.75]])
    close(
        splats.covariances()[0],
        [
            [0.01901846, -0.00806808, -0.01280844],
            [-0.00806808, 0.04699141, -0.02546828],
            [-0.01280844, -0.02546828, 0.07399013],
        ],
    )


def test_splatv_worked_example(tmp_path):
    words = np.array([int(word, 16) for word in files.WORKED_WORDS.split()], "<u4")
    record = np.frombuffer(words.tobytes(), files.RECORD)
    (tmp_path / "one.splatv").write_bytes(files.splatv(record))
    model, _ = formats.load(tmp_path / "one.splatv")
    splats = model.slice(0.7)
    close(splats.means, [[1.1950825, 1.9339639, 3.0300552]])
    close(splats.opacities, [0.31827039])
    close(splats.colors * 255, [[63, 127, 191]])


def test_ftgs_worked_example(tmp_path):
    named = {name: np.zeros(1) for name in files.ftgs(1)}
    named |= {"time": [0.4], "log_duration": [-2], "opacity": [1], "rot_0": [1]}
    named |= {"velocity_0": [1], "velocity_1": [2], "velocity_2": [-1]}
    ply.write(tmp_path / "a.ply", {name: np.array(v) for name, v in named.items()})
    splats = formats.load(tmp_path / "a.ply").model.slice(0.5)
    close(splats.means, [[0.1, 0.2, -0.1]])
    close(splats.opacities, [0.55640856])


def test_3dgs_worked_example(tmp_path):
    named = files.gaussians(1, degree=3)
    named |= {f"f_dc_{i}": np.array([v]) for i, v in enumerate((0.5, 0.25, -0.25))}
    named |= {f"f_rest_{i}": np.array([0.01 * i]) for i in range(45)}
    named |= dict(zip("xyz", np.array([[1.0], [2.0], [2.0]]), strict=True))
    ply.write(tmp_path / "a.ply", named)
    splats = formats.load(tmp_path / "a.ply").model.slice(0)
    close(splats.seen_from(torch.zeros(3)), [[0.55992, 0.326442, 0.02244]])


def test_compressed_ply_worked_example(tmp_path):
    low, high = [-1, 0, 2, -4, -4, -4], [1, 10, 4, 4, 4, 4]
    row = np.array([low[:3] + high[:3] + low[3:] + high[3:]])
    packed = np.array([[0x801007FF, 0x6BC8012C, 0x801007FF, 0xFF8000FF]])
    harmonics = np.array([[0, 128, 200, 255, 0, 0, 0, 0, 0]])
    (tmp_path / "a.ply").write_bytes(files.compressed(row, packed, harmonics))
    splats = formats.load(tmp_path / "a.ply").model.slice(0)
    close(splats.means, [[0.00048852, 5.00488759, 4.0]])
    close(splats.quats, [[0.26058578, 0.92011287, 0.00069121, -0.29238140]], 1e-6)
    close(splats.scales.log(), [[0.00195, 0.00391, 4.0]], 1e-5)
    close(splats.opacities, [1.0])
    close(splats.colors[0, 0] * 0.28209479 + 0.5, [1.0, 128 / 255, 0.0], 1e-6)
    close(splats.colors[0, 1:, 0], [-4.0, 0.015625, 2.265625], 1e-6)
    close(splats.colors[0, 1, 1:], [4.0, -4.0], 1e-6)


def test_compressed_ply_finds_each_chunks_bounds(tmp_path):
    first = [0, 0, 0, 1, 1, 1, -3, -3, -3, -3, -3, -3]
    rows = np.array([first, [10, 0, 0, 11, 1, 1, -2, -2, -2, -2, -2, -2]])
    (tmp_path / "a.ply").write_bytes(files.compressed(rows, np.zeros((257, 4))))
    splats = formats.load(tmp_path / "a.ply").model.slice(0)
    assert splats.means[:, 0].tolist() == [0.0] * 256 + [10.0]
    close(splats.scales[-1].log(), [-2.0] * 3)


def test_sog_worked_example(tmp_path):
    parts = files.sog_parts(1, bands=0)
    meta = json.loads(parts["meta.json"])
    meta["means"] |= {"mins": [-2.5] * 3, "maxs": [3] * 3}
    pixel = np.full((1, 1, 4), 255, np.uint8)
    for name, values in (("means_l", (0x34, 0x34, 0x34, 255)), ("means_u", (0x12, 0x12, 0x12, 255)),
                         ("quats", (200, 100, 128, 253)), ("sh0", (0, 255, 0, 51))):  # fmt: skip
        pixel[:] = values
        parts[f"{name}.webp"] = files.webp(pixel)
    parts["meta.json"] = json.dumps(meta).encode()
    for name, content in parts.items():
        (tmp_path / name).write_bytes(content)
    for path in (tmp_path, tmp_path / "meta.json"):
        splats = formats.load(path).model.slice(0)
        close(splats.means[0, :1], [-7.2392661], 1e-4)
        close(splats.quats, [[0.40208033, 0.90280864, -0.15251323, 0.00277297]], 1e-6)
        close(splats.opacities, [0.2])
        close(splats.colors[0, 0], [-1.0, 1.0, -1.0])


@pytest.mark.parametrize("bands", [1, 2, 3])
def test_sog_harmonics_come_from_the_palette(tmp_path, bands):
    parts = files.sog_parts(10, bands=bands)
    (tmp_path / "a.sog").write_bytes(files.zipped(parts))
    splats = formats.load(tmp_path / "a.sog").model.slice(0)
    labels = pixels_of(parts["shN_labels.webp"]).reshape(-1, 4)[:10, 0]
    palette = pixels_of(parts["shN_centroids.webp"]).reshape(128, -1, 4)[..., :3]
    higher = {1: 3, 2: 8, 3: 15}[bands]
    want = np.zeros((10, higher, 3), np.float32)
    inside = labels < 128
    want[inside] = np.linspace(-1, 1, 256)[palette[labels[inside]]]
    close(splats.colors[:, 1:], want)


def test_older_sog_gives_ranges_in_place_of_codebooks(tmp_path):
    parts = files.sog_parts(10, bands=0)
    meta = json.loads(parts["meta.json"])
    older = {"means": meta["means"] | {"shape": [10, 3]}, "quats": meta["quats"],
             "scales": {"mins": [-5] * 3, "maxs": [-1] * 3, "files": ["scales.webp"]},
             "sh0": {"mins": [-1, -1, -1, -4], "maxs": [1, 1, 1, 4],
                     "files": ["sh0.webp"]}}  # fmt: skip
    parts["meta.json"] = json.dumps(older).encode()
    (tmp_path / "a.sog").write_bytes(files.zipped(parts))
    splats = formats.load(tmp_path / "a.sog").model.slice(0)
    stored = pixels_of(parts["scales.webp"]).reshape(-1, 4)[:10, :3] / 255
    close(splats.scales.log(), -5 + 4 * stored, 1e-5)
    alpha = pixels_of(parts["sh0.webp"]).reshape(-1, 4)[:10, 3] / 255
    close(splats.opacities, 1 / (1 + np.exp(4 - 8 * alpha)), 1e-5)


def pixels_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


@pytest.mark.parametrize("kind", ["compressed.ply", "splat", "sog", "spz"])
def test_sequences_of_every_kind(tmp_path, kind):
    for i in (1, 2, 10):
        content = {"compressed.ply": files.random_compressed(i), "splat": files.splat(i).tobytes(),
                   "sog": files.zipped(files.sog_parts(i)), "spz": files.spz(3, i),
                   }[kind]  # fmt: skip
        (tmp_path / f"f{i}.{kind}").write_bytes(content)
    model, report = formats.load(tmp_path)
    assert report.format == "sequence"
    assert [len(model.slice(t)) for t in range(3)] == [1, 2, 10]
    assert model.count == 10


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_spz_worked_example(tmp_path, version):
    """One Gaussian at (-1, 2, 3) in our axes, turned about x; harmonics turn with the axes."""
    place = np.array([-1, -2, -3], "<f2").tobytes()
    if version > 1:
        place = b"".join(int(v * 4096).to_bytes(3, "little", signed=True) for v in (-1, -2, -3))
    turn = bytes([204, 128, 128])  # x = 0.6
    if version > 2:  # w = 0.8 is the largest; z and y are 0, x = 0.6 of 1 / sqrt(2)
        turn = (3 << 30 | round(0.6 * 2**0.5 * 511) << 20).to_bytes(4, "little")
    rest = bytes([192] * 9)
    arrays = [place, b"\xe6", bytes([128, 255, 0]), bytes([0x7B, 160, 0]), turn, rest]
    (tmp_path / "a.spz").write_bytes(files.packed_spz(version, 1, 1, arrays))
    splats = formats.load(tmp_path / "a.spz").model.slice(0)
    close(splats.means, [[-1.0, 2.0, 3.0]])
    close(splats.quats, [[0.8, 0.6, 0.0, 0.0]], 8e-3)
    close(splats.scales.log(), [[-2.3125, 0.0, -10.0]], 1e-5)
    close(splats.opacities, [0.90196], 1e-5)
    close(splats.colors[0, 0], [0.01307, 3.33333, -3.33333], 1e-5)
    close(splats.colors[0, 1:, 0], [-0.5, -0.5, 0.5])


def test_spz_turns_harmonics_with_the_axes():
    """Colour along d in the file's axes is colour along (x, -y, -z) in ours."""
    signs = torch.tensor([1.0, *spz.SH_SIGNS]).double()
    d = torch.nn.functional.normalize(torch.randn(50, 3).double(), dim=1)
    ours = sh.basis(d * torch.tensor([1.0, -1.0, -1.0]).double(), 3)
    torch.testing.assert_close(ours * signs, sh.basis(d, 3))


def test_spz_and_compressed_ply_of_one_model_agree(models):
    folder = models / "static_biker_compressed_ply_and_spz"
    one, two = (
        formats.load(folder / name).model.slice(0) for name in ("biker.compressed.ply", "biker.spz")
    )
    some = torch.arange(0, len(two), 1000)
    distance, near = torch.cdist(two.means[some].double(), one.means.double()).min(1)
    assert distance.quantile(0.9) < 5e-4
    assert torch.equal(one.opacities[near].median(), two.opacities[some].median())
    size = one.covariances()[near].flatten(1).norm(dim=1)
    error = (one.covariances()[near] - two.covariances()[some]).flatten(1).norm(dim=1)
    assert (error / size).median() < 0.06  # scales are stored in steps of 1 / 16


def test_splat_worked_example(tmp_path):
    record = files.splat(1)
    record["mean"], record["scale"] = (1, 2, 3), (0.1, 0.2, 0.0)
    record["rgba"], record["quat"] = (255, 0, 51, 204), (255, 128, 128, 128)
    (tmp_path / "a.splat").write_bytes(record.tobytes())
    model, report = formats.load(tmp_path / "a.splat")
    splats = model.slice(0)
    close(splats.means, [[1.0, 2.0, 3.0]])
    close(splats.scales[0, :2], [0.1, 0.2])
    assert 0 < splats.scales[0, 2] < 1e-8
    close(splats.colors, [[1.0, 0.0, 0.2]])
    close(splats.opacities, [0.8])
    assert splats.quats[0, 0] > 0.9999
    assert "absurd sizes" in report.warnings[0]


def test_mip_splatting_worked_example(tmp_path):
    named = files.gaussians(1)
    named |= {f"scale_{i}": np.array([-1.0 - i]) for i in range(3)}
    named |= {"opacity": np.array([0.3]), "filter_3D": np.array([0.05])}
    ply.write(tmp_path / "a.ply", named)
    model = formats.load(tmp_path / "a.ply").model
    splats = model.slice(0)
    close(splats.scales, [[0.371262, 0.144276, 0.070560]])
    close(splats.opacities, [0.376742])
    assert model.appearance.compensation is Compensation.MIP
    assert model.appearance.low_pass == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("comment", "compensation", "low_pass"),
    [
        ("SplatRenderMode: mip", "mip", 0.1),
        ("antialiased 1", "mip", 0.3),
        ("antialiased 0", "none", 0.3),
    ],
)
def test_header_comments_say_how_a_ply_is_drawn(tmp_path, comment, compensation, low_pass):
    ply.write(tmp_path / "a.ply", files.gaussians(3), [comment])
    appearance = formats.load(tmp_path / "a.ply").model.appearance
    assert appearance.compensation.value == compensation
    assert appearance.low_pass == pytest.approx(low_pass)


def test_two_scales_are_flat_gaussians(tmp_path):
    ply.write(tmp_path / "a.ply", files.gaussians(5, scales=2))
    model, report = formats.load(tmp_path / "a.ply")
    scales = model.slice(0).scales
    close(scales[:, 2], scales[:, :2].amax(1) * 1e-4)
    assert any("two scales" in line for line in report.warnings)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_degrees_and_order_of_properties(tmp_path, degree):
    named = files.gaussians(10, degree=degree)
    ply.write(tmp_path / "a.ply", named)
    extra = {"semantic_7": np.ones(10)} | dict(reversed(named.items()))
    ply.write(tmp_path / "b.ply", extra)
    (a, first), (b, _) = formats.load(tmp_path / "a.ply"), formats.load(tmp_path / "b.ply")
    assert first.sh_degree == degree
    for field in ("means", "quats", "scales", "opacities", "colors"):
        assert torch.equal(getattr(a.slice(0), field), getattr(b.slice(0), field))


def test_degree_four_is_cut_to_three_with_a_warning(tmp_path):
    ply.write(tmp_path / "a.ply", files.gaussians(10, degree=4))
    report = formats.load(tmp_path / "a.ply").report
    assert report.sh_degree == 3
    assert any("over degree 3" in line for line in report.warnings)


def test_what_is_not_finite_is_mended_and_counted(tmp_path):
    named = files.gaussians(10)
    named["x"][2] = np.nan
    named["scale_1"][3] = -np.inf
    named["scale_0"][4] = 50
    named["opacity"][5] = np.inf
    named["f_dc_1"][6] = np.nan
    for i in range(4):
        named[f"rot_{i}"][7] = 0
    ply.write(tmp_path / "a.ply", named)
    model, report = formats.load(tmp_path / "a.ply")
    splats = model.slice(0)
    assert splats.index.tolist() == [0, 1, 4, 5, 6, 7, 8, 9]
    assert splats.scales[2, 0] == pytest.approx(math.exp(10))
    assert splats.opacities[3] == 1
    assert splats.quats[5].tolist() == [1, 0, 0, 0]
    text = "\n".join(report.warnings)
    assert "2 of 10 Gaussians left out: not finite are positions of 1, scales of 1" in text
    for line in ("1 Gaussians have absurd sizes", "1 Gaussians have a zero quaternion",
                 "1 Gaussians have colours that are not finite"):  # fmt: skip
        assert line in text


def test_a_model_of_nothing_opens(tmp_path):
    ply.write(tmp_path / "a.ply", files.gaussians(0))
    (tmp_path / "b.splatv").write_bytes(files.splatv(files.splatv_records(0), size=0))
    for name in ("a.ply", "b.splatv"):
        model, report = formats.load(tmp_path / name)
        assert len(model.slice(0.5)) == report.count == 0


def test_splatv_padding_is_no_gaussian(tmp_path):
    records = files.splatv_records(1030)
    (tmp_path / "a.splatv").write_bytes(files.splatv(records, padded=True))
    (tmp_path / "b.splatv").write_bytes(files.splatv(records))
    assert formats.load(tmp_path / "a.splatv").report.count == 1030
    assert formats.load(tmp_path / "b.splatv").report.count == 1030


def test_splatv_keeps_endless_windows_and_drops_bad_rows(tmp_path):
    records = files.splatv_records(10)
    records["width"][3] = np.inf
    records["mean"][4, 1] = np.nan
    (tmp_path / "a.splatv").write_bytes(files.splatv(records))
    model, report = formats.load(tmp_path / "a.splatv")
    assert 3 in model.slice(1e6).index.tolist()
    assert 4 not in model.slice(float(records["center"][4])).index.tolist()
    assert "1 of 10 Gaussians left out" in report.warnings[0]


def test_a_training_run_opens_by_root_by_folder_and_by_file(tmp_path):
    for n in (7000, 30000, 600):
        folder = tmp_path / "run" / "point_cloud" / f"iteration_{n}"
        folder.mkdir(parents=True)
        ply.write(folder / "point_cloud.ply", files.spacetime(n // 100))
    ply.write(tmp_path / "run" / "input.ply", dict.fromkeys("xyz", np.zeros(2)))
    (tmp_path / "run" / "cfg_args").write_text(
        "Namespace(duration=25, white_background=True, device=torch.device('cuda'))"
    )
    (tmp_path / "run" / "cameras.json").write_text(json.dumps([files.camera_entry()] * 3))
    newest = tmp_path / "run" / "point_cloud" / "iteration_30000"
    for path in (tmp_path / "run", newest.parent, newest, newest / "point_cloud.ply", tmp_path):
        model, report = formats.load(path)
        assert model.count == 300
        assert report.background == (1, 1, 1)
        assert report.time_range == (0, 24 / 25)
        assert len(report.cameras) == 1
        assert report.home.position == (0, 0, -3)
    assert "newest of 3 iterations" in formats.load(tmp_path / "run").report.evidence


def test_sequences_play_by_rank_in_natural_order(written):
    model, report = formats.load(written["sequence"])
    assert report.frame_names == ("frame_1.ply", "frame_2.ply", "frame_10.ply")
    assert [len(model.slice(t)) for t in (0, 0.99, 1, 2, 5)] == [21, 21, 22, 30, 30]
    assert report.frame_times == (0, 1, 2)
    assert report.count == 30


def test_nested_frames_open_too(tmp_path):
    for i in (8, 9, 10):
        folder = tmp_path / f"frame{i:06d}" / "point_cloud" / "iteration_50"
        folder.mkdir(parents=True)
        ply.write(folder / "point_cloud.ply", files.gaussians(i))
    model, _ = formats.load(tmp_path)
    assert [len(model.slice(t)) for t in range(3)] == [8, 9, 10]


def test_cameras_are_kept_once_and_mended(tmp_path):
    entries = [files.camera_entry(), files.camera_entry(), files.camera_entry((1, 0, -3), -50.0)]
    entries += [{"id": 3}, files.camera_entry((2, 0, 0), math.nan), "text"]
    (tmp_path / "cameras.json").write_text(json.dumps(entries))
    warnings: list[str] = []
    found = training.cameras(tmp_path, warnings)
    assert len(found) == 2
    assert found[1].camera.K[0, 0] == 50
    assert any("3 of 6 cameras" in line for line in warnings)
    assert any("negative focal length" in line for line in warnings)


@pytest.mark.parametrize("text", ["__import__('os').getcwd()", "Namespace(", "[1]", "", "\0"])
def test_cfg_args_are_never_evaluated(tmp_path, text):
    (tmp_path / "cfg_args").write_text(text)
    warnings: list[str] = []
    found = training.cfg_args(tmp_path, warnings)
    assert found == {}
    assert "getcwd" in text or warnings


def test_real_models_open(models):
    expected = {
        "stg_cook_spinach_splatv": ("splatv", 62_442, ()),
        "stg_coffee_short_splatv": ("splatv", 6_681, ("190 of 6,871", "zero quaternion")),
        "ply_sequence_firework": ("sequence", 4_000, ()),
        "static_inria_ply_sh3_small": ("3dgs-ply", 9_080, ()),
        "static_person_splat": ("splat", 60_634, ()),
        "sog_sequence_monkey": ("sequence", 31_658, ()),
        "static_playbot_sog_v2/2_0": ("sog", 125_000, ()),
        "static_biker_compressed_ply_and_spz/biker.spz": ("spz", 152_746, ()),
        "static_biker_compressed_ply_and_spz/biker.compressed.ply": ("compressed-ply", 152_746, ()),
    }
    for folder, (name, count, warned) in expected.items():
        model, report = formats.load(models / folder)
        assert (report.format, report.count) == (name, count)
        text = "\n".join(report.warnings)
        assert all(line in text for line in warned)
        assert model.slice(report.time_range[1]).means.isfinite().all()


def test_first_view_of_a_capture_is_where_it_was_captured(models):
    home = formats.load(models / "stg_cook_spinach_splatv").report.home
    assert home.position == (0, 0, 0)
    assert home.orientation == (1, 0, 0, 0)
    assert 15 < home.distance < 25


@pytest.mark.parametrize("name", NAMES)
def test_slice_is_written_as_a_ply_that_gives_the_same_picture(tmp_path, written, name):
    model, report = formats.load(written[name])
    splats = model.slice(report.time_range[1] / 2)
    lost = ply_export.write(tmp_path / "a.ply", splats)
    got = formats.load(tmp_path / "a.ply").model.slice(0)
    nearest, also_lost = standard.as_standard(splats)
    assert lost[: len(also_lost)] == also_lost
    seen = torch.tensor([0.1, -0.2, -5.0])
    close(got.means, splats.means, 0)
    close(got.covariances(), nearest.covariances(), 1e-6)
    close(got.opacities, splats.opacities, 1e-6)
    close(got.seen_from(seen), nearest.seen_from(seen), 1e-5)
    assert got.appearance == nearest.appearance
    if not lost:
        assert got.appearance == splats.appearance
        assert nearest is splats


def close(got: torch.Tensor, want: object, tolerance: float = 2e-6) -> None:
    torch.testing.assert_close(
        got, torch.as_tensor(want, dtype=got.dtype), atol=tolerance, rtol=1e-5
    )
