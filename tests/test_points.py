"""Point clouds: radii from spacing, every way of storing colours, discs, maps of instants."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import files
from viewer import formats
from viewer.core.errors import Unusable
from viewer.core.splats import Footprint
from viewer.formats import ply, spacing

GRID = np.stack(np.meshgrid(np.arange(30.0), np.arange(40.0), [0.0]), -1).reshape(-1, 3)
SPLATS = {  # of EasyVolcap
    "x": "f4", "y": "f4", "z": "f4", "red": "u1", "green": "u1", "blue": "u1", "radius": "f4",
    "alpha": "f4",
}  # fmt: skip
TYPES = {"f4": "float", "f8": "double", "u1": "uchar", "u2": "ushort", "i4": "int"}


def write_ply(path: Path, types: dict[str, str], columns: dict, faces: int = 0) -> Path:
    """A binary PLY of columns [N] in types of their own."""
    rows = np.zeros(len(columns["x"]), [(name, "<" + kind) for name, kind in types.items()])
    for name in types:
        rows[name] = columns[name]
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
    lines += [f"property {TYPES[kind]} {name}" for name, kind in types.items()]
    lines += [f"element face {faces}", "property list uchar int vertex_indices"] if faces else []
    path.write_bytes(("\n".join([*lines, "end_header"]) + "\n").encode() + rows.tobytes())
    return path


def xyz(points: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip("xyz", points.T, strict=True))


def discs(n: int = 20, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    named = xyz(rng.normal(size=(n, 3)))
    named |= {name: rng.integers(0, 256, size=n) for name in ("red", "green", "blue")}
    return named | {"radius": rng.random(n) * 0.01 + 0.001, "alpha": rng.random(n)}


def shown(path: Path, **options: str):
    return formats.load(path, options).model.slice(0)


def test_a_point_reaches_half_way_to_its_neighbours():
    order = torch.randperm(len(GRID))
    radii = spacing.of_cloud(torch.from_numpy(GRID).float()[order] * 0.1)
    torch.testing.assert_close(radii.median(), torch.tensor(0.05))
    assert (radii <= 0.5 * 0.1 * 3).all()
    assert (radii - 0.05).abs().quantile(0.8) < 0.03


def test_dense_and_sparse_parts_have_their_own_radii():
    dense = torch.from_numpy(GRID).float() * 0.1
    sparse = torch.from_numpy(GRID).float() * 0.3 + torch.tensor([100.0, 0, 0])
    radii = spacing.of_cloud(torch.cat([dense, sparse]))
    torch.testing.assert_close(radii[: len(dense)].median(), torch.tensor(0.05))
    torch.testing.assert_close(radii[len(dense) :].median(), torch.tensor(0.15))


def test_strays_and_doubles_stay_near_the_usual_radius():
    points = torch.from_numpy(GRID).float()
    stray, double = torch.tensor([[1e4, -1e4, 1e4]]), points[:1]
    radii = spacing.of_cloud(torch.cat([points, stray, double]))
    assert radii[-2] <= 4 * radii.median()
    assert (radii > 0).all()
    assert radii.isfinite().all()


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((1, 3)), np.ones((9, 3)), GRID[:2]])
def test_radii_of_few_points_or_of_the_same_point(points):
    radii = spacing.of_cloud(torch.from_numpy(points).float())
    assert radii.shape == (len(points),)
    assert (radii > 0).all()
    assert radii.isfinite().all()


def test_parts_do_not_show(monkeypatch):
    points = torch.randn(1000, 3)
    whole = spacing.of_cloud(points)
    monkeypatch.setattr(spacing, "CHUNK", 64)
    assert torch.equal(spacing.of_cloud(points), whole)


def test_radii_of_a_map_do_not_bridge_an_edge():
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    depth = torch.where(x < 15, 1.0, 500.0)
    radii = spacing.of_map(torch.stack([x, y, depth], -1), torch.ones_like(x) > 0)
    torch.testing.assert_close(radii, torch.full_like(radii, 0.5))


@pytest.mark.parametrize(
    ("types", "value", "want"),
    [("u1", 51, 0.2), ("u2", 13107, 0.2), ("f4", 0.2, 0.2), ("f8", 51.0, 0.2), ("i4", 51, 0.2)],
)
def test_colours_of_every_type(tmp_path, types, value, want):
    colors = ("red", "green", "blue")
    columns = xyz(GRID) | dict.fromkeys(colors, np.full(len(GRID), value))
    columns["red"] = columns["red"].copy()
    columns["red"][0] = value * 5
    kinds = dict.fromkeys("xyz", "f4") | dict.fromkeys(colors, types)
    splats = shown(write_ply(tmp_path / "a.ply", kinds, columns))
    torch.testing.assert_close(splats.colors[1], torch.full((3,), want))
    torch.testing.assert_close(splats.colors[0], torch.tensor([1.0, want, want]))


def test_intensities_are_greys_and_no_colour_is_grey(tmp_path):
    columns = xyz(GRID) | {"scalar_Intensity": np.linspace(0, 4000, len(GRID))}
    kinds = dict.fromkeys("xyz", "f4") | {"scalar_Intensity": "f4"}
    grey = shown(write_ply(tmp_path / "a.ply", kinds, columns)).colors
    assert grey[0].tolist() == [0, 0, 0]
    assert grey[-1].tolist() == [1, 1, 1]
    torch.testing.assert_close(grey[600], torch.full((3,), 0.5), atol=0.01, rtol=0)
    plain = shown(write_ply(tmp_path / "b.ply", dict.fromkeys("xyz", "f4"), xyz(GRID))).colors
    assert len(plain.unique()) == 1


def test_point_size_is_the_radius_of_every_point(tmp_path):
    path = write_ply(tmp_path / "a.ply", dict.fromkeys("xyz", "f4"), xyz(GRID))
    assert shown(path, point_size="0.25").radii.unique().tolist() == [0.25]
    (setting,) = [s for s in formats.load(path).report.settings if s.name == "point_size"]
    assert (setting.value, setting.origin) == ("0.5", "spacing, the median")


def test_easyvolcap_splats_are_discs_that_end_at_their_radius(tmp_path):
    named = discs()
    model, report = formats.load(write_ply(tmp_path / "frame0000.ply", SPLATS, named))
    splats = model.slice(0)
    assert model.appearance.footprint is Footprint.PARABOLOID
    assert model.appearance.low_pass == 0
    np.testing.assert_allclose(splats.radii, named["radius"], rtol=1e-5)
    np.testing.assert_allclose(splats.opacities, named["alpha"], rtol=1e-5)
    np.testing.assert_allclose(splats.colors[:, 2] * 255, named["blue"], rtol=1e-5)
    assert report.evidence == ("PLY of 20 discs without splats",)


def test_alpha_bytes_are_opacities(tmp_path):
    kinds = dict.fromkeys("xyz", "f4") | {"alpha": "u1"}
    columns = xyz(GRID) | {"alpha": np.full(len(GRID), 51)}
    splats = shown(write_ply(tmp_path / "a.ply", kinds, columns))
    torch.testing.assert_close(splats.opacities[0], torch.tensor(0.2))
    assert splats.appearance.footprint is Footprint.GAUSSIAN


def test_a_mesh_shows_its_vertices_and_says_so(tmp_path):
    path = write_ply(tmp_path / "a.ply", dict.fromkeys("xyz", "f4"), xyz(GRID), faces=7)
    assert any("7 faces are not drawn" in w for w in formats.load(path).report.warnings)


def test_points_that_are_not_finite_are_left_out(tmp_path):
    points = GRID.copy()
    points[3, 1] = np.nan
    path = write_ply(tmp_path / "a.ply", dict.fromkeys("xyz", "f4"), xyz(points))
    model, report = formats.load(path)
    assert model.slice(0).index.tolist() == [i for i in range(len(GRID)) if i != 3]
    assert "1 of 1,200 Gaussians left out" in report.warnings[0]


def test_a_ply_of_splats_is_no_cloud(tmp_path):
    ply.write(tmp_path / "a.ply", files.gaussians(5))
    assert formats.load(tmp_path / "a.ply").report.format == "3dgs-ply"


@pytest.mark.parametrize("kind", ["ply", "npz"])
def test_folders_of_clouds_play(tmp_path, kind):
    for i in (1, 2, 10):
        if kind == "ply":
            write_ply(tmp_path / f"frame{i:04d}.ply", SPLATS, discs(10 + i))
        else:
            np.savez(tmp_path / f"{i}.npz", points=GRID[: 10 + i], colors=GRID[: 10 + i] / 40)
    model, report = formats.load(tmp_path)
    assert report.format == "sequence"
    assert [len(model.slice(t)) for t in (0, 1, 2)] == [11, 12, 20]
    want = Footprint.PARABOLOID if kind == "ply" else Footprint.GAUSSIAN
    assert model.appearance.footprint is want


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


@pytest.mark.parametrize("name", ["points", "xyz", "means3D", "pts3d", "world_points"])
def test_usual_names_of_points(tmp_path, name):
    splats = shown(saved(tmp_path, **{name: GRID, "RGB": np.full((len(GRID), 3), 255, np.uint8)}))
    np.testing.assert_array_equal(splats.means, GRID)
    assert splats.colors.unique().tolist() == [1]


def maps(instants: int = 3) -> np.ndarray:
    """[T, 30, 40, 3] planes that move away."""
    plane = GRID.reshape(40, 30, 3).transpose(1, 0, 2)
    return np.stack([plane + np.array([0, 0, i + 1.0]) for i in range(instants)])


def test_maps_of_instants_are_a_sequence(tmp_path):
    images = np.zeros((3, 30, 40, 3))
    images[2] = 0.5
    model, report = formats.load(saved(tmp_path, pointmaps=maps(), images=images))
    assert report.frame_times == (0, 1, 2)
    assert report.count == 1200
    assert [float(model.slice(t).means[0, 2]) for t in (-1, 0, 0.99, 1, 2, 9)] == [1, 1, 1, 2, 3, 3]
    assert model.slice(2).colors.unique().tolist() == [0.5]
    torch.testing.assert_close(model.slice(0).radii, torch.full((1200,), 0.5))


@pytest.mark.parametrize("form", ["last", "first", "grey", "signed"])
def test_pictures_of_every_form_give_colours(tmp_path, form):
    rng = np.random.default_rng(0)
    rgb = rng.random((3, 30, 40, 3))
    stored = {"last": rgb, "first": np.moveaxis(rgb, -1, 1), "grey": rgb[..., 0],
              "signed": 2 * rgb - 1}[form]  # fmt: skip
    splats = formats.load(saved(tmp_path, pointmaps=maps(), images=stored)).model.slice(1)
    want = rgb[1, ..., :1].repeat(3, -1) if form == "grey" else rgb[1]
    np.testing.assert_allclose(splats.colors, want.reshape(-1, 3), atol=1e-6)


def test_pictures_of_another_size_are_left_out_with_a_warning(tmp_path):
    path = saved(tmp_path, pointmaps=maps(), images=np.zeros((3, 10, 10, 3)))
    assert "colours have shape [3, 10, 10, 3]" in formats.load(path).report.warnings[0]


def test_masks_origins_and_unsure_points_are_left_out(tmp_path):
    conf = np.arange(1200.0).reshape(30, 40)
    mask = np.ones((30, 40), bool)
    mask[29] = False  # the forty surest
    points = maps(1)
    points[0, 28, 39] = 0
    points[0, 28, 38] = np.inf
    path = saved(tmp_path, pts3d=points, conf=conf, mask=mask)
    model, report = formats.load(path, {"unsure": "0.5"})
    kept = model.slice(0).index
    assert int(kept.min()) == 578
    assert int(kept.max()) == 28 * 40 + 37
    assert len(formats.load(path, {"unsure": "0"}).model.slice(0)) == 1158
    for text in ("1 of 1,200 points are not finite", "1 of 1,200 points lie at exactly 0,0,0",
                 "the least confident 50%"):  # fmt: skip
        assert any(text in warning for warning in report.warnings)


def test_tracks_have_colours_of_their_own(tmp_path):
    points = np.stack([GRID, GRID + 1])
    model, report = formats.load(saved(tmp_path, points=points, colors=np.ones((len(GRID), 3))))
    assert report.frame_times == (0, 1)
    np.testing.assert_array_equal(model.slice(1).means, GRID + 1)


@pytest.mark.parametrize("form", ["viewmats", "c2w"])
def test_cameras_beside_the_points(tmp_path, form):
    world_from_cam = np.array([[0, 0, 1, 5], [1, 0, 0, 6], [0, 1, 0, 7], [0, 0, 0, 1.0]])
    poses = np.stack([world_from_cam, np.diag([3.0, 1, 1, 1])])
    matrices = np.linalg.inv(poses) if form == "viewmats" else poses
    K = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
    path = saved(tmp_path, points=GRID, Ks=K, **{form: matrices})
    report = formats.load(path).report
    (camera,) = report.cameras
    np.testing.assert_allclose(camera.camera.center, (5, 6, 7))
    np.testing.assert_allclose(camera.camera.viewmat[2, :3], (1, 0, 0), atol=1e-12)
    assert (camera.camera.width, camera.camera.height) == (64, 48)
    assert camera.time is None
    assert report.warnings == ("1 of 2 cameras in a.npz make no sense, left out",)


def test_cameras_of_instants_know_their_time(tmp_path):
    poses = np.stack([np.eye(4) + np.eye(4, k=3) * i for i in range(3)])
    path = saved(tmp_path, pointmaps=maps(), poses=poses, K=np.diag([50.0, 50, 1]))
    cameras = formats.load(path).report.cameras
    assert [camera.time for camera in cameras] == [0, 1, 2]
    assert cameras[0].camera.width == 40


@pytest.mark.parametrize(
    "arrays",
    [
        {"means3D": GRID[None], "rgb_colors": GRID[None], "log_scales": GRID},
        {"xyz": GRID, "codebook_scale": GRID},
        {"points": GRID[:, :2]},
        {"depth": GRID},
    ],
    ids=["dynamic-3d-gaussians", "compact-3dgs", "flat", "depth"],
)
def test_other_archives_are_no_clouds(tmp_path, arrays):
    path = saved(tmp_path, **arrays)
    assert not any(form.name == "points" and form.sniff(path) for form in formats.formats())


def test_the_garden_has_its_three_cameras(models):
    model, report = formats.load(models / "points_garden_npz")
    assert report.count == len(model.slice(0)) == 138766
    assert len(report.cameras) == 3
    assert (report.cameras[0].camera.width, report.cameras[0].camera.height) == (648, 420)
    assert report.up[2] > 0.9


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_discs_are_refused_in_one_line_or_open(tmp_path, data):
    path = write_ply(tmp_path / "a.ply", SPLATS, discs())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        splats = shown(path)
    except Unusable as error:
        assert str(path) in error.cause  # noqa: PT017  either may happen
        return
    for field in (splats.means, splats.radii, splats.colors, splats.opacities):
        assert field is None or field.isfinite().all()
