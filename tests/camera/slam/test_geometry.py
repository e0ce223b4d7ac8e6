"""Rigid motions, reprojection, distances and the bundle adjustment against the recorded outputs of the original."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.goldens import each_case, recording

torch = pytest.importorskip("torch")

from kinema.camera.slam.adjustment import Damping, Sightings, adjusted  # noqa: E402
from kinema.camera.slam.poses import adjoint, compose, exp, inverse, log, retracted, rotations, turned  # noqa: E402
from kinema.camera.slam.projection import distances, reprojected  # noqa: E402
from kinema.geometry.rotations import quaternion_to_matrix  # noqa: E402

pytestmark = pytest.mark.torch

FILE = "droid/golden.npz"

TOLERANCE = 1e-4
"""Of poses and disparities after an adjustment, as the recording states it; other float32 geometry is as near."""

BETA = 0.3
"""Share of the whole motion in the recorded distances."""

DEFAULT, GLOBAL = Damping(), Damping(1e-5, 1e-2)

RUNS = {
    "full1": (2, 1, DEFAULT), "full2": (2, 2, DEFAULT), "global": (1, 2, GLOBAL), "window": (4, 3, DEFAULT),
    "motion": (2, 2, DEFAULT), "sensor": (2, 2, DEFAULT),
}  # fmt: skip
"""First frame of the window, rounds and damping of the recorded adjustments, as their README has them."""


@pytest.fixture(scope="module")
def golden() -> dict:
    return {key: torch.from_numpy(np.asarray(value)) for key, value in recording(FILE).items()}


def assert_near(found, expected, atol: float = TOLERANCE) -> None:
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=atol, rtol=0)


@pytest.mark.golden
def test_motions(golden):
    small, whole = golden["se3_xi"], golden["se3_exp"]
    assert_near(exp(small), whole, 1e-6)
    assert_near(log(whole), golden["se3_log"], 2e-6)
    assert_near(inverse(whole), golden["se3_inv"], 2e-6)
    assert_near(retracted(small[: len(golden["poses"])], golden["poses"]), golden["se3_retr"], 2e-6)
    # Which of the motions came first is not written down; it is the same one in all rows.
    apart = [float((compose(whole, each[None]) - golden["se3_mul"]).abs().max()) for each in whole]
    assert min(apart) < 2e-6


def test_motions_agree_with_matrices():
    """exp of random motions, pi and nearly nothing included, against the matrix exponential; the adjoint moves a motion
    to the other side of a pose."""
    rng = np.random.default_rng(0)
    small = torch.from_numpy(rng.normal(size=(40, 6)))
    small[:8, 3:] *= 1e-5
    small[8, 3:], small[9, 3:] = torch.tensor([np.pi, 0, 0]), 0.0
    generator = torch.zeros(40, 4, 4, dtype=torch.float64)
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        generator[:, b, a], generator[:, a, b] = small[:, 3 + axis], -small[:, 3 + axis]
    generator[:, :3, 3] = small[:, :3]
    expected, found = torch.linalg.matrix_exp(generator), exp(small)
    assert_near(rotations(found), expected[:, :3, :3], 1e-9)
    assert_near(found[:, :3], expected[:, :3, 3], 1e-9)
    assert_near(rotations(found), quaternion_to_matrix(found[:, 3:].numpy()), 1e-12)
    assert_near(exp(log(found))[:, :3], found[:, :3], 1e-7)
    points = torch.from_numpy(rng.normal(size=(40, 3)))
    assert_near(turned(found[:, 3:], points), torch.einsum("nij,nj->ni", expected[:, :3, :3], points), 1e-9)
    pose = exp(torch.from_numpy(rng.normal(size=(40, 6))))
    before = compose(pose, exp(0.1 * small))
    after = compose(exp(0.1 * torch.einsum("nij,nj->ni", adjoint(pose), small)), pose)
    assert_near(rotations(before), rotations(after), 1e-9)
    assert_near(before[:, :3], after[:, :3], 1e-9)


@pytest.mark.golden
def test_reprojection_and_distances(golden):
    scene = golden["poses"], golden["disps"], golden["intrinsics8"]
    places, valid = reprojected(*scene, golden["edge_i"], golden["edge_j"])
    assert_near(places[::3], golden["reproj"], 1e-3)
    assert_near(valid[::3].float(), golden["reproj_valid"][..., 0])
    count = len(golden["poses"])
    start, end = (each.flatten() for each in torch.meshgrid(*[torch.arange(count)] * 2, indexing="ij"))
    assert_near(distances(*scene, start, end, beta=BETA).view(count, count), golden["distance"], 1e-3)


def sightings(golden) -> Sightings:
    return Sightings(golden["edge_i"], golden["edge_j"], golden["ba_target"], golden["ba_weight"])


def run(golden, first: int, rounds: int, damping: Damping, **more) -> tuple:
    return adjusted(
        golden["ba_poses0"], golden["ba_disps0"], golden["intrinsics8"], sightings(golden), golden["ba_eta"],
        (first, len(golden["ba_poses0"])), rounds=rounds, damping=damping, **more,
    )  # fmt: skip


@pytest.mark.golden
@each_case("name", FILE, r"ba_([a-z]+\d?)_poses")
def test_adjustment(golden, name):
    more = {"motion_only": name == "motion"}
    if name == "sensor":
        more["sensor"] = torch.zeros_like(golden["disps"])
        more["sensor"][:, ::2] = golden["disps"][:, ::2]
    poses, disparities = run(golden, *RUNS[name], **more)
    assert_near(poses, golden[f"ba_{name}_poses"])
    assert_near(disparities, golden[f"ba_{name}_disps"])


@pytest.mark.golden
def test_edges_may_come_in_any_order_and_in_parts(golden):
    seen = sightings(golden)
    order = torch.from_numpy(np.random.default_rng(1).permutation(len(seen.start)))
    halves = torch.cat([order, order])  # each edge twice with half its weight
    mixed = Sightings(seen.start[halves], seen.end[halves], seen.target[halves], seen.weight[halves] / 2)
    expected = run(golden, 2, 1, DEFAULT)
    found = adjusted(
        golden["ba_poses0"], golden["ba_disps0"], golden["intrinsics8"], mixed, golden["ba_eta"],
        (2, len(golden["ba_poses0"])), rounds=1,
    )  # fmt: skip
    for a, b in zip(found, expected, strict=True):
        assert_near(a, b, 2e-5)


def test_a_system_without_a_solution_moves_nothing():
    """Weights of minus infinity cannot come from the operator; NaN may, and must not spread to the poses."""
    poses = torch.zeros(3, 7)
    poses[:, 6] = 1
    disparities = torch.ones(3, 4, 5)
    seen = Sightings(torch.tensor([0, 1]), torch.tensor([1, 2]), torch.zeros(2, 4, 5, 2), -torch.ones(2, 4, 5, 2) * 1e6)
    found, _ = adjusted(
        poses, disparities, torch.tensor([5.0, 5, 2, 2]), seen, torch.ones(3, 4, 5), (1, 3), rounds=1, motion_only=True
    )
    assert torch.equal(found, poses)
