"""The plane of the feet: the original authors' numbers, known planes, symmetries, bad input."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.body import load_body
from kinema.errors import InputError, ShapeError
from kinema.skeleton import SMPL24
from kinema.world.foot_plane import foot_plane, plane_normal
from tests.helpers.goldens import cases, each_case, recording, smpl_maker

CAMERA_UP = np.array([0.0, -1.0, 0.0])
ANGLE, HEIGHT = np.radians(0.5), 0.006
"""As the recording states them: the draws differ, and a bin is 4 mm wide."""
TOES = [SMPL24.index("left_foot"), SMPL24.index("right_foot")]


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)))


@pytest.mark.golden
@each_case("case", "ground_plane/golden.npz", r"(\w+)_toes_mm")
def test_plane_equals_the_original(case: str) -> None:
    recorded = recording("ground_plane/golden.npz")
    toes = recorded[f"{case}_toes_mm"] / 1000.0
    found = foot_plane(toes, CAMERA_UP)
    assert found.leans == (_angle(recorded[f"{case}_true_up"], CAMERA_UP) > np.radians(60))
    assert _angle(found.up, recorded[f"{case}_up"]) < (1e-4 if found.leans else ANGLE)
    if found.leans:
        assert abs(found.height - recorded[f"{case}_ground_height_mm"] / 1000) < 1e-4
    assert abs(found.height - recorded[f"{case}_ground_height_mm"] / 1000) < HEIGHT
    normal = plane_normal(toes)
    np.testing.assert_allclose(
        normal * np.sign(normal @ recorded[f"{case}_plane_fit_all"]), recorded[f"{case}_plane_fit_all"], atol=1e-4
    )


@pytest.mark.golden
def test_plane_of_fitted_bodies_equals_the_original(tmp_path: Path) -> None:
    recorded, maker = recording("ground_plane/golden.npz"), smpl_maker()
    maker.write(tmp_path / "SMPL_NEUTRAL.pkl", maker.model("neutral"))
    body = load_body(tmp_path / "SMPL_NEUTRAL.pkl")
    joints = body.joints(recorded["fits_pose"], recorded["fits_betas"][0], recorded["fits_trans"])
    nobody = np.full((1, 24, 3), np.nan)
    # Many planes hold equally many of so few toes, so the draws decide. The recording seeded its generator for each
    # case of toes, and went on with it from the last of them.
    draws = random.Random(0)
    foot_plane(recorded[f"{cases(recorded, r'(c.*)_toes_mm')[-1]}_toes_mm"] / 1000, CAMERA_UP, draws=draws)
    found = foot_plane(np.concatenate([joints, nobody])[:, TOES], CAMERA_UP, draws=draws)
    assert _angle(found.up, recorded["fits_up"]) < ANGLE
    assert abs(found.height - recorded["fits_ground_height_mm"] / 1000) < HEIGHT


def _footprints(rng: np.random.Generator, up: np.ndarray, height: float, lifted: float) -> np.ndarray:
    """Toes on a plane, 5 mm of noise, some of them in the air."""
    across = np.linalg.svd(up[None])[2][1:]
    points = rng.uniform(-2, 2, (200, 2)) @ across + height * up + rng.normal(0, 0.005, (200, 1)) * up
    air = rng.random(200) < lifted
    points[air] += rng.uniform(0.05, 0.4, (air.sum(), 1)) * up
    return points


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_known_plane_is_found_among_lifted_feet_and_turns_with_the_world(seed: int) -> None:
    rng = np.random.default_rng(seed)
    up = Rotation.from_rotvec([rng.uniform(-0.6, 0.6), 0, rng.uniform(-0.6, 0.6)]).apply(CAMERA_UP)
    points = _footprints(rng, up, -1.3, 0.4)
    found = foot_plane(points, CAMERA_UP)
    assert _angle(found.up, up) < ANGLE
    # 5 mm of noise spread over bins of 4 mm: the fullest may be two or three bins off the centre.
    assert abs(found.height + 1.3) < 0.015
    turn = Rotation.random(random_state=rng)
    turned = foot_plane(turn.apply(points), turn.apply(CAMERA_UP))
    assert _angle(turned.up, turn.apply(found.up)) < np.radians(0.01)


def test_a_wall_is_not_the_ground() -> None:
    found = foot_plane(_footprints(np.random.default_rng(1), np.array([1.0, 0, 0]), 0.5, 0), CAMERA_UP)
    assert found.leans
    np.testing.assert_array_equal(found.up, CAMERA_UP)


def test_the_same_seed_gives_the_same_plane() -> None:
    points = _footprints(np.random.default_rng(2), CAMERA_UP, -1, 0.5)
    np.testing.assert_array_equal(foot_plane(points, CAMERA_UP).up, foot_plane(points, CAMERA_UP).up)


def test_three_points_are_enough_and_two_are_not() -> None:
    points = np.array([[0.0, 1, 0], [1, 1, 0], [0, 1, 1], [np.nan] * 3])
    found = foot_plane(points, CAMERA_UP)
    np.testing.assert_allclose(found.up, CAMERA_UP, atol=1e-12)
    # The three share one height, which may lie on the edge of a bin of 4 mm.
    assert abs(found.height + 1) <= 0.004
    with pytest.raises(InputError, match="at least three toes that were seen, found 2"):
        foot_plane(points[[0, 1, 3]], CAMERA_UP)


def test_toes_on_a_line_are_refused() -> None:
    with pytest.raises(InputError, match="one line"):
        foot_plane(np.arange(5.0)[:, None] * [1, 0, 0], CAMERA_UP)


def test_wrong_shapes_and_no_direction_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"toes must be \(\.\.\., 3\)"):
        foot_plane(np.zeros((5, 2)), CAMERA_UP)
    with pytest.raises(InputError, match="up must be a direction"):
        foot_plane(np.zeros((5, 3)), np.zeros(3))
