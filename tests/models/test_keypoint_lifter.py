"""The bundled lifter of 2D keypoints: one network for all joint sets, mirror-symmetric, indifferent to gaps."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.rotations import geodesic_angle
from kinema.models.pose_lifter.keypoint_features import LIFTED_SETS, NUM_POINTS, VOCABULARY, keypoint_features, places
from kinema.models.pose_lifter.lifter import KeypointLifter
from kinema.person import Person
from kinema.skeleton import LIMBS12, SMPL24, joint_set
from kinema.synthetic import procedural_motion

LIMBS = SMPL24.indices(LIMBS12)


@pytest.fixture(scope="module")
def lifter() -> KeypointLifter:
    return KeypointLifter(threads=1)


@pytest.fixture(scope="module")
def walk():
    """Two seconds of a walk: the body, the camera, the truth."""
    body = load_body()
    truth = procedural_motion(body, "rounds", seed=3, fps=30.0)
    return body, truth.camera, truth.people[0].select(np.arange(60))


def detected(walk, name: str, *, metres: float = 0.01, seed: int = 0) -> Person:
    """The person as a detector of set `name` gives it, off by `metres` on each axis of the image."""
    body, camera, person = walk
    points = body.posed_points(name, person.pose, person.betas, person.transl)
    scale = camera.intrinsics[0, 0] / points[..., 2:].mean(axis=1, keepdims=True)
    noise = metres * scale * np.random.default_rng(seed).normal(size=(*points.shape[:2], 2))
    return Person(
        1, person.frames, keypoint_set=name, keypoints=project(points, camera.intrinsics) + noise,
        keypoint_confidence=np.full(points.shape[:2], 0.9),
    )  # fmt: skip


def limb_error(walk, lifted) -> float:
    """Mean distance of the limb joints, mid-hip aligned, metres."""
    body, _, person = walk
    _, joints, _ = Rig.of(body, "blazepose33", person.betas[0]).forward(lifted.rotation, np.zeros((len(person), 3)))
    a, b = joints[:, LIMBS], person.joints[:, LIMBS]
    difference = (a - a[:, 6:8].mean(1, keepdims=True)) - (b - b[:, 6:8].mean(1, keepdims=True))
    return float(np.linalg.norm(difference, axis=-1).mean())


@pytest.mark.parametrize("name", LIFTED_SETS)
def test_a_walk_is_lifted_from_any_set(lifter, walk, name):
    """A limb on the wrong side in depth costs more than 100 mm of a walk seen from all sides, a rest pose 300 mm."""
    lifted = lifter(detected(walk, name), walk[2].frames / 30.0, walk[1])
    assert limb_error(walk, lifted) < 0.08
    assert np.all((lifted.sigma > 0.02) & (lifted.sigma < 3.2))
    truth_up = walk[1].rotation[:, 1]
    assert np.degrees(np.arccos(lifted.up @ truth_up)) < 10


def test_the_same_points_under_two_names_give_the_same_pose(lifter, walk):
    """Halpe's first 17 points are COCO's: a Halpe person of whom only these are seen is a COCO person."""
    halpe = detected(walk, "halpe26")
    coco = Person(
        1, halpe.frames, keypoint_set="coco17", keypoints=halpe.keypoints[:, :17],
        keypoint_confidence=halpe.keypoint_confidence[:, :17],
    )  # fmt: skip
    confidence = halpe.keypoint_confidence.copy()
    confidence[:, 17:] = 0.0
    pixels = halpe.keypoints.copy()
    pixels[:, 17:] = np.nan
    times = halpe.frames / 30.0
    seen = halpe.replace(keypoints=pixels, keypoint_confidence=confidence)
    a, b = lifter(coco, times, walk[1]), lifter(seen, times, walk[1])
    np.testing.assert_array_equal(a.rotation, b.rotation)


def test_where_missing_points_lie_does_not_matter():
    rng = np.random.default_rng(0)
    rays, confidence = rng.normal(size=(4, NUM_POINTS, 2)), rng.uniform(0.2, 1, size=(4, NUM_POINTS))
    confidence[:, ::3] = 0.0
    moved = rays.copy()
    moved[:, ::3] += rng.normal(size=moved[:, ::3].shape)
    a, _ = keypoint_features(rays, confidence.copy(), np)
    b, _ = keypoint_features(moved, confidence.copy(), np)
    # A trace of the torso's missing points is left in the centre, so that it exists without any seen ones.
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_mirror_image_gives_the_mirrored_answer(lifter, walk):
    camera = camera_from_fov(1281, 721, 55.0)  # centred, so that a mirror image is x -> width - 1 - x
    seen = detected(walk, "halpe26")
    mirror = joint_set("halpe26").mirror
    flipped = seen.replace(keypoints=(seen.keypoints * [-1, 1] + [1280, 0])[:, mirror])
    times = seen.frames / 30.0
    plain, other = lifter(seen, times, camera), lifter(flipped, times, camera)
    sign = np.array([-1.0, 1.0, 1.0])
    mirrored = other.rotation[:, SMPL24.mirror] * (sign[:, None] * sign)
    # Both images of a clip are always averaged; only single precision is between the two.
    assert geodesic_angle(plain.rotation, mirrored).max() < 1e-3


def test_a_clip_in_pieces_is_the_clip(lifter, walk, monkeypatch):
    seen = detected(walk, "coco17")
    times = seen.frames / 30.0
    whole = lifter(seen, times, walk[1])
    monkeypatch.setattr("kinema.models.pose_lifter.lifter.PIECE", 17)
    np.testing.assert_allclose(lifter(seen, times, walk[1]).rotation, whole.rotation, atol=1e-5)


def test_one_frame_and_frames_without_anything_seen(lifter, walk):
    seen = detected(walk, "coco17")
    single = lifter(seen.select(np.array([7])), np.array([0.25]), walk[1])
    assert single.rotation.shape == (1, 24, 3, 3)
    pixels = seen.keypoints.copy()
    pixels[20:40] = np.nan
    lifted = lifter(seen.replace(keypoints=pixels), seen.frames / 30.0, walk[1])
    assert np.isfinite(lifted.rotation).all()
    # Less is known where nothing was seen.
    assert lifted.sigma[28:32].mean() > 1.2 * lifted.sigma[:15].mean()


def test_sets_without_limbs_are_refused(lifter, walk):
    person = Person(
        1, np.arange(2), keypoint_set="smpl24", keypoints=np.zeros((2, 24, 2)), keypoint_confidence=np.ones((2, 24))
    )
    assert KeypointLifter.lacking(joint_set("smpl24")) is None
    with pytest.raises(UsageError, match="keypoints"):
        lifter(person.replace(keypoints=None, keypoint_confidence=None), np.arange(2) / 30, walk[1])
    contact = joint_set("coco17")
    few = type(contact)("few", contact.joints[:7])
    assert "left_elbow" in str(KeypointLifter.lacking(few))


def test_the_vocabulary_tells_definitions_apart():
    mine, theirs = places(joint_set("h36m17"))
    names = {joint_set("h36m17").joints[a]: VOCABULARY[b] for a, b in zip(mine, theirs, strict=True)}
    assert names["left_hip"] == "left_hip_lsp"  # wider apart than COCO's
    assert names["left_knee"] == "left_knee"
    assert len(set(VOCABULARY)) == NUM_POINTS
