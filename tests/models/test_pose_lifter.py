"""The bundled pose lifter: mirror-symmetric, stable across gaps and frame rates, better than the analytic pose."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from kinema.models.pose_lifter.lifter import KeypointLifter, PoseLifter
from kinema.models.pose_lifter.vertical import Vertical
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from kinema.synthetic import procedural_motion

LIMBS = SMPL24.indices(LIMBS12)


@pytest.fixture(scope="module")
def lifter() -> PoseLifter:
    return PoseLifter(threads=1)


@pytest.fixture(scope="module")
def scene():
    """Two seconds of the procedural walk: truth, and landmarks with 12 mm of noise in the image plane."""
    body = load_body()
    truth = procedural_motion(body, "demo", seed=3, fps=30.0)
    person = truth.people[0].select(np.arange(60))
    points = body.posed_points("blazepose33", person.pose, person.betas, person.transl)
    rng = np.random.default_rng(0)
    hips = points[:, 23:25].mean(axis=1, keepdims=True)
    size = truth.camera.intrinsics[0, 0] / hips[..., 2:]
    pixels = project(points, truth.camera.intrinsics) + 0.012 * size * rng.normal(size=(60, 33, 2))
    seen = Person(
        1, np.arange(60), keypoint_set="blazepose33", keypoints=pixels,
        keypoint_confidence=np.full((60, 33), 0.9), keypoints3d=(points - hips) * [1.0, 1.0, 0.7],
    )  # fmt: skip
    return body, truth.camera, person, seen


def limb_error(body, lifted, person) -> float:
    """Mean distance of the limb joints, mid-hip aligned, metres."""
    _, joints, _ = Rig.of(body, "blazepose33", person.betas[0]).forward(lifted.rotation, np.zeros((len(person), 3)))
    a, b = joints[:, LIMBS], person.joints[:, LIMBS]
    difference = (a - a[:, 6:8].mean(1, keepdims=True)) - (b - b[:, 6:8].mean(1, keepdims=True))
    return float(np.linalg.norm(difference, axis=-1).mean())


def test_a_walk_is_lifted(lifter, scene):
    body, camera, person, seen = scene
    lifted = lifter(seen, person.frames / 30.0, camera)
    # The network was never shown this motion, but improvised ones of the same performer: 32 mm. On rendered windows of
    # captured people its error is about 70 mm.
    assert limb_error(body, lifted, person) < 0.05
    assert np.all((lifted.sigma > 0.02) & (lifted.sigma < 3.2))
    assert np.linalg.norm(lifted.up) == pytest.approx(1.0)
    truth_up = camera.rotation[:, 1]
    assert np.degrees(np.arccos(lifted.up @ truth_up)) < 5


def test_a_mirror_image_gives_the_mirrored_answer(lifter, scene):
    _, _, person, seen = scene
    camera = camera_from_fov(1281, 721, 55.0)  # centred, so that a mirror image is x -> width - 1 - x
    flipped = seen.replace(
        keypoints=(seen.keypoints * [-1, 1] + [1280, 0])[:, BLAZEPOSE33.mirror],
        keypoints3d=(seen.keypoints3d * [-1, 1, 1])[:, BLAZEPOSE33.mirror],
    )
    times = person.frames / 30.0
    plain, other = lifter(seen, times, camera), lifter(flipped, times, camera)
    sign = np.array([-1.0, 1.0, 1.0])
    mirrored = other.rotation[:, SMPL24.mirror] * (sign[:, None] * sign)
    # Both images of a clip are always averaged; only single precision is between the two.
    assert geodesic_angle(plain.rotation, mirrored).max() < 1e-3


def test_the_frame_rate_hardly_matters(lifter, scene):
    _, camera, person, seen = scene
    whole = lifter(seen, person.frames / 30.0, camera)
    half = lifter(seen.select(np.arange(0, 60, 2)), person.frames[::2] / 30.0, camera)
    angle = geodesic_angle(whole.rotation[::2], half.rotation)
    # At 15 frames a second every other frame is interpolated: its noise is another one.
    assert np.degrees(np.median(angle)) < 2.0


def test_gaps_holes_and_single_frames(lifter, scene):
    body, camera, person, seen = scene
    rows = np.r_[0:20, 40:60]
    gap = lifter(seen.select(rows), person.frames[rows] / 30.0, camera)
    assert limb_error(body, gap, person.select(rows)) < 0.12
    pixels = seen.keypoints.copy()
    pixels[10:14] = np.nan
    holes = lifter(seen.replace(keypoints=pixels), person.frames / 30.0, camera)
    assert np.isfinite(holes.rotation).all()
    single = lifter(seen.select(np.array([7])), np.array([7 / 30.0]), camera)
    assert single.rotation.shape == (1, 24, 3, 3)


def test_rotations_are_rotations(lifter, scene):
    _, camera, person, seen = scene
    rotation = lifter(seen, person.frames / 30.0, camera).rotation
    np.testing.assert_allclose(
        rotation @ np.swapaxes(rotation, -1, -2), np.broadcast_to(np.eye(3), rotation.shape), atol=1e-9
    )
    assert np.isfinite(matrix_to_axis_angle(rotation)).all()


def test_keypoints_of_another_set_are_refused(lifter, scene):
    _, camera, person, seen = scene
    other = seen.replace(keypoint3d_set="coco17", keypoints3d=seen.keypoints3d[:, :17])
    with pytest.raises(UsageError, match="the pose lifter takes keypoints of blazepose33, not of coco17"):
        lifter(other, person.frames / 30.0, camera)


def tilted(up: np.ndarray, degrees: float) -> np.ndarray:
    """A vertical turned towards the camera, about its horizontal axis."""
    return axis_angle_to_matrix(np.array([np.radians(degrees), 0.0, 0.0])) @ up


def test_the_person_leans_with_the_vertical(scene):
    """People mostly stand upright: in a camera that is said to look further down they lean further, but by less.

    From 2D alone; with BlazePose's 3D the shipped network lets the vertical change nothing but the vertical.
    """
    _, camera, person, seen = scene
    lifter, times, up = KeypointLifter(threads=1), person.frames / 30.0, camera.rotation[:, 1]
    found = [lifter(seen, times, camera, vertical=Vertical(tilted(up, degrees), 1.0)) for degrees in (-12.0, 0.0, 12.0)]
    # Where the body's own axis points, as an angle about the camera's horizontal axis.
    axes = [each.rotation[:, 0, :, 1].mean(0) for each in found]
    lean = np.degrees([np.arctan2(axis[2], -axis[1]) for axis in axes])
    assert 1 < abs(lean[2] - lean[0]) < 24
    said = np.degrees([np.arctan2(v[2], -v[1]) for v in (tilted(up, d) for d in (-12.0, 0.0, 12.0))])
    assert np.sign(lean[2] - lean[0]) == np.sign(said[2] - said[0])
    assert min(lean[0], lean[2]) - 0.5 < lean[1] < max(lean[0], lean[2]) + 0.5
    for each, degrees in zip(found, (-12.0, 0.0, 12.0), strict=True):
        # A vertical that is sure to a degree is not doubted much, even where the person speaks against it.
        assert np.degrees(np.arccos(each.up @ tilted(up, degrees))) < 4.0


@pytest.mark.parametrize("network", [PoseLifter, KeypointLifter])
def test_a_vertical_counts_by_how_sure_it_is(network, scene):
    _, camera, person, seen = scene
    lifter, times = network(threads=1), person.frames / 30.0
    wrong = tilted(camera.rotation[:, 1], 10.0)
    off = [
        np.degrees(np.arccos(lifter(seen, times, camera, vertical=Vertical(wrong, sigma)).up @ wrong))
        for sigma in (0.5, 3.0, 8.0)
    ]
    assert off[0] < off[1] < off[2]
