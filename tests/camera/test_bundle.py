"""Bundle adjustment: derivatives, and that how its equations are kept does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinema.camera import bundle_problem, normal_equations
from kinema.camera.bundle import Solution, Unknowns, adjust
from kinema.camera.normal_equations import inverse_root
from kinema.camera.views import Sightings, Views, jacobians, seen
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle

MIDDLE = np.array([319.5, 179.5])


def scene(cameras: int = 8, points: int = 300, *, bend: float = 0.0) -> tuple[Views, Sightings]:
    """Cameras on a way past a cloud of points, each of which is seen by those near it, and what they see exactly."""
    rng = np.random.default_rng(1)
    turn = axis_angle_to_matrix(rng.normal(scale=0.05, size=(cameras, 3)))
    centre = np.stack([0.4 * np.arange(cameras), *rng.normal(scale=0.05, size=(2, cameras))], axis=1)
    turn[0], centre[0] = np.eye(3), 0.0
    cloud = np.stack(
        [rng.uniform(-2, 0.4 * cameras + 2, points), rng.uniform(-1.5, 1.5, points), rng.uniform(4, 9, points)], axis=1
    )
    homogeneous = np.append(cloud, np.ones((points, 1)), axis=1)
    homogeneous /= np.linalg.norm(homogeneous, axis=1, keepdims=True)
    views = Views(turn, centre, np.full(cameras, np.log(500.0)), homogeneous, MIDDLE, bend)
    camera, point = np.nonzero(np.abs(cloud[:, 0] - centre[:, :1]) < 2.0)
    blank = Sightings(camera, point, np.zeros((len(camera), 2)))
    return views, replace(blank, pixels=seen(views, blank)[1])


def disturbed(views: Views, moves: bool = True) -> Views:
    rng = np.random.default_rng(2)
    turn = axis_angle_to_matrix(np.append(np.zeros((1, 3)), rng.normal(scale=0.01, size=(len(views.centre) - 1, 3)), 0))
    points = views.points + rng.normal(scale=0.01, size=views.points.shape) * [1, 1, 1, moves]
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return replace(views, rotation=turn @ views.rotation, points=points)


def test_jacobians_are_the_derivatives_of_what_is_seen():
    """Central differences err by the square of their step."""
    views, sightings = scene(bend=-0.08)
    found, step = jacobians(views, sightings, seen(views, sightings)[0]), 1e-5

    def difference(change) -> np.ndarray:  # type: ignore[no-untyped-def]
        return (seen(change(step), sightings)[1] - seen(change(-step), sightings)[1]).T / (2 * step)

    for axis in range(3):
        unit = np.eye(3)[axis]
        turned = difference(lambda by, u=unit: replace(views, rotation=axis_angle_to_matrix(by * u) @ views.rotation))
        np.testing.assert_allclose(found.turn[:, axis], turned, rtol=1e-4, atol=1e-3)
        moved = difference(lambda by, u=unit: replace(views, centre=views.centre + by * u))
        np.testing.assert_allclose(found.by_centre[:, axis], moved, rtol=1e-4, atol=1e-3)
    for axis in range(4):
        unit = np.eye(4)[axis]
        moved = difference(lambda by, u=unit: replace(views, points=views.points + by * u))
        along = found.by_point(np.tile(unit[:, None, None], len(sightings.point)))
        np.testing.assert_allclose(along[:, 0], moved, rtol=1e-4, atol=1e-3)
    zoomed = difference(lambda by: replace(views, log_focal=views.log_focal + by))
    np.testing.assert_allclose(found.focal[:, 0], zoomed, rtol=1e-4, atol=1e-3)
    bent = difference(lambda by: replace(views, bend=views.bend + by))
    np.testing.assert_allclose(found.bend[:, 0], bent, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [2, 3])
def test_the_inverse_root(size):
    rng = np.random.default_rng(3)
    slope = rng.normal(size=(50, 5, size))
    matrices, damping = np.swapaxes(slope, 1, 2) @ slope, rng.uniform(0, 1, (size, 50))
    root = inverse_root(matrices.transpose(1, 2, 0), damping).transpose(2, 0, 1)
    whole = matrices + np.eye(size) * damping.T[:, None]
    np.testing.assert_allclose(np.swapaxes(root, 1, 2) @ root, np.linalg.inv(whole), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("focal", ["fixed", "shared", "each"])
def test_cameras_and_points_are_found_again(focal):
    """Sightings are exact, so that what is left is where the steps end: a thousandth of a pixel."""
    views, sightings = scene()
    expected = float(np.log(500.0))
    found = adjust(disturbed(views), sightings, Unknowns(True, focal, expected, 0.1), rounds=40, settled=1e-9)
    assert np.abs(found.residuals).max() < 0.01
    assert np.degrees(geodesic_angle(found.views.rotation, views.rotation)).max() < 0.05


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize(("focal", "bend"), [("fixed", False), ("shared", True), ("each", False)])
def test_long_clips_are_solved_as_short_ones_are(monkeypatch, moves, focal, bend):
    """The same steps, and the same uncertainties, whether the equations are kept as one matrix or by parts."""
    views, sightings = scene(20, 500)
    if not moves:
        views = replace(views, centre=0 * views.centre, points=views.points * [1, 1, 1, 0])
        views = replace(views, points=views.points / np.linalg.norm(views.points, axis=1, keepdims=True))
        sightings = replace(sightings, pixels=seen(views, sightings)[1])
    held = np.arange(20) < 2
    wanted = Unknowns(moves, focal, float(np.log(490.0)), 0.1, held=held, bend=bend)

    def solved() -> Solution:
        return adjust(disturbed(views, moves), sightings, wanted, rounds=4, settled=0.0)

    whole = solved()
    monkeypatch.setattr(normal_equations, "DENSE", 0)
    monkeypatch.setattr(bundle_problem, "FILLED", 0)
    parts = solved()
    assert parts.cost == pytest.approx(whole.cost, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(parts.views.rotation, whole.views.rotation, atol=1e-7)
    np.testing.assert_allclose(parts.views.points, whole.views.points, atol=1e-5)
    column = [int(whole.columns[-1])]
    np.testing.assert_allclose(parts.spread(column), whole.spread(column), rtol=1e-3)
