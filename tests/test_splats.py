"""Splats: shapes are checked with words, shape is a covariance, colour is what a camera sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import scenes
from viewer.core import rotation, sh


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("means", (5, 2), r"means has shape \(5, 2\), expected \(5, 3\)"),
        ("quats", (5, 3), r"quats has shape \(5, 3\), expected \(5, 4\)"),
        ("scales", (4, 3), r"scales has shape \(4, 3\), expected \(5, 3\)"),
        ("opacities", (5, 1), r"opacities has shape \(5, 1\), expected \(5,\)"),
        ("colors", (5,), r"colors has shape \(5,\), expected \[5, C\] or \[5, K, 3\]"),
        ("colors", (5, 7, 3), "7 spherical-harmonic coefficients, expected 1, 4, 9 or 16"),
    ],
)
def test_a_wrong_shape_is_named(name, shape, message):
    with pytest.raises(ValueError, match=message):
        replace(scenes.cloud(5, 0), **{name: torch.zeros(shape)})


def test_shape_is_given_once():
    splats = scenes.cloud(5, 0)
    for changes in (
        {"covars": torch.zeros(5, 6)},
        {"quats": None},
        {"quats": None, "scales": None},
    ):
        with pytest.raises(ValueError, match="quats and scales, or covars"):
            replace(splats, **changes)


def test_covariance_of_quats_and_scales():
    q = torch.tensor([[1.0, 2, 3, 4]]) / 30**0.5
    scales = torch.exp(torch.tensor([[-1.0, -2, -3]]))
    splats = replace(scenes.cloud(1, 0), quats=q, scales=scales)
    want = [[0.061808, -0.059751, -0.027553], [-0.059751, 0.063286, 0.024597],
            [-0.027553, 0.024597, 0.031036]]  # fmt: skip
    torch.testing.assert_close(splats.covariances()[0], torch.tensor(want), atol=1e-6, rtol=0)
    torch.testing.assert_close(scenes.as_covars(splats).covariances(), splats.covariances())


def test_quaternions_and_matrices_are_inverse():
    g = torch.Generator().manual_seed(1)
    q = rotation.normalized(torch.randn(500, 4, generator=g).double())
    q[:4] = torch.eye(4)
    again = rotation.quaternions(rotation.matrices(q))
    torch.testing.assert_close(again, torch.where(q[:, :1] < 0, -q, q), atol=1e-12, rtol=0)
    assert rotation.normalized(torch.zeros(1, 4)).tolist() == [[1, 0, 0, 0]]


def test_basis_at_a_known_direction():
    direction = torch.tensor([[1.0, 2, 2]]).double() / 3
    want = [0.282095, -0.325735, 0.325735, -0.162868, 0.242789, -0.485577, 0.105131, -0.242789,
            -0.182091, 0.043707, 0.428239, -0.372408, -0.193499, -0.186204, -0.321179,
            0.240388]  # fmt: skip
    np.testing.assert_allclose(sh.basis(direction, 3)[0].numpy(), want, atol=6e-7)


def test_basis_is_orthonormal_over_the_sphere():
    n = 200_000
    g = torch.Generator().manual_seed(2)
    directions = torch.nn.functional.normalize(torch.randn(n, 3, generator=g).double(), dim=1)
    values = sh.basis(directions, 3)
    gram = values.T @ values * (4 * torch.pi / n)
    torch.testing.assert_close(gram, torch.eye(16).double(), atol=0.03, rtol=0)


def test_colour_never_goes_below_zero_and_a_lower_degree_is_a_prefix():
    splats = scenes.cloud(200, 3, degree=3)
    center = torch.tensor([0.0, 0.0, -4.0])
    assert splats.seen_from(center).min() == 0
    lower = replace(splats, colors=splats.colors[:, :4])
    torch.testing.assert_close(splats.seen_from(center, 1), lower.seen_from(center))
    assert (splats.sh_degree, lower.sh_degree, scenes.cloud(1, 0).sh_degree) == (3, 1, 0)


def test_constant_harmonics_show_a_colour_from_everywhere():
    rgb = torch.tensor([[0.1, 0.5, 0.9]])
    for direction in torch.eye(3):
        torch.testing.assert_close(sh.colors(sh.constant(rgb), direction.unsqueeze(0)), rgb)
