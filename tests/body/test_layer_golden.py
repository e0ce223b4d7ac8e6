"""Our layer, on files read by our reader, against what the `smplx` package computes on the same files.

smplx works in float32, which differs from float64 by 5e-7 m at most here; 1e-5 m is the gate.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from kinema.body import BodyModel, load_body
from kinema.body.landmarks import SMPL_NUMBERS
from kinema.geometry.rotations import axis_angle_to_matrix
from tests.helpers.goldens import cases, each_case, thinned

pytestmark = pytest.mark.golden
TOLERANCE = 1e-5
EXTRA_21 = (
    "nose", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
    *(f"{side}_{finger}_tip" for side in ("left", "right") for finger in ("thumb", "index", "middle", "ring", "pinky")),
)  # fmt: skip


each_gender = each_case("gender", "smpl/golden.npz", r"(\w+)\.joints45")


@pytest.fixture(scope="module")
def bodies(maker: ModuleType, golden, tmp_path_factory: pytest.TempPathFactory) -> dict[str, BodyModel]:
    """The recorded genders' bodies."""
    found = {}
    for gender in cases(golden, r"(\w+)\.joints45"):
        path = tmp_path_factory.mktemp("smpl") / f"SMPL_{gender.upper()}.pkl"
        maker.write(path, maker.model(gender))
        found[gender] = load_body(path)
    return found


@each_gender
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_vertices_equal_smplx(bodies, golden, gender, dtype) -> None:
    body = bodies[gender]
    vertices = body.vertices(golden["pose"], golden["betas"], golden["transl"], dtype=dtype)
    assert vertices.dtype == dtype
    step, expected = thinned(golden, f"{gender}.vertices")
    np.testing.assert_allclose(vertices[:, ::step], expected, atol=TOLERANCE)
    np.testing.assert_allclose(vertices.mean(axis=1), golden[f"{gender}.vertices_mean"], atol=TOLERANCE)
    np.testing.assert_allclose(vertices.std(axis=1, ddof=1), golden[f"{gender}.vertices_std"], atol=TOLERANCE)


@each_gender
def test_joints_equal_smplx(bodies, golden, gender) -> None:
    body = bodies[gender]
    joints = body.joints(golden["pose"], golden["betas"], golden["transl"])
    vertices = body.vertices(golden["pose"], golden["betas"], golden["transl"], dtype=np.float64)
    extra = vertices[:, [SMPL_NUMBERS[name] for name in EXTRA_21]]
    found = np.concatenate([joints, extra], axis=1)
    np.testing.assert_allclose(found, golden[f"{gender}.joints45"], atol=TOLERANCE)


def test_rest_shape_and_rotations_equal_smplx(file_body: BodyModel, golden) -> None:
    body = file_body
    shaped = body.shaped(golden["betas"])
    step, expected = thinned(golden, "neutral.v_shaped")
    np.testing.assert_allclose(shaped[:, ::step], expected, atol=TOLERANCE)
    np.testing.assert_allclose(body.rest_joints(golden["betas"]), golden["neutral.rest_joints24"], atol=TOLERANCE)
    rotations = axis_angle_to_matrix(golden["pose"].reshape(-1, 24, 3))
    np.testing.assert_allclose(rotations, golden["neutral.rotmat"], atol=TOLERANCE)


def test_other_regressors_on_our_vertices(file_body: BodyModel, maker: ModuleType, golden) -> None:
    vertices = file_body.vertices(golden["pose"], golden["betas"], golden["transl"], dtype=np.float64)
    for name, rows, seed in (("extra9", 9, 901), ("h36m17", 17, 1701)):
        found = maker.regressor(rows, seed).astype(np.float32) @ vertices
        np.testing.assert_allclose(found, golden[f"neutral.{name}"], atol=TOLERANCE)


def test_matrices_and_axis_angles_give_the_same(file_body: BodyModel, golden) -> None:
    body = file_body
    matrices = axis_angle_to_matrix(golden["pose"].reshape(-1, 24, 3))
    a = body.vertices(golden["pose"], golden["betas"], golden["transl"], dtype=np.float64)
    b = body.vertices(matrices, golden["betas"], golden["transl"], dtype=np.float64)
    np.testing.assert_allclose(a, b, atol=1e-12)
