"""The fit with keypoints of any joint set: its accuracy, what replaces the learned prior, what it rejects."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import BodyModel
from kinema.body import points as body_points
from kinema.body.sizes import BODY_HEIGHT
from kinema.errors import UsageError
from kinema.estimation import FitOptions, fit_body
from kinema.estimation.priors import evidence_rows, landmarks_of, prior_of
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.metrics import mpjpe, pa_mpjpe
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, COCO17, JOINT_SETS, LIMBS12, SMPL24, JointSet, joint_set
from kinema.world.fitted import LIFTED_UP
from tests.helpers.fit_scenes import Scene, make_scene, swinging

SETS = ("coco17", "h36m17", "halpe26", "body25", "blazepose33")
LIMBS = SMPL24.indices(LIMBS12)


def errors(fitted: Person, truth: Person) -> tuple[float, float]:
    """MPJPE and PA-MPJPE of the twelve limb joints, mid-hip aligned, metres."""
    a, b = (p.require("joints")[0][:, LIMBS] for p in (fitted, truth))
    a, b = (x - 0.5 * (x[:, 6:7] + x[:, 7:8]) for x in (a, b))
    return float(np.mean(mpjpe(a, b))), float(np.mean(pa_mpjpe(a, b)))


def turned(degrees: float, frames: int) -> np.ndarray:
    """`swinging` (F,72), turned about the vertical."""
    pose = swinging(frames).reshape(frames, 24, 3)
    turn = axis_angle_to_matrix(np.array([0.0, np.radians(degrees), 0.0]))
    pose[:, 0] = matrix_to_axis_angle(axis_angle_to_matrix(pose[:, 0]) @ turn)
    return pose.reshape(frames, 72)


def fit_one(scene: Scene, body: BodyModel, options: FitOptions | None = None) -> Person:
    (person,) = fit_body(scene.seen, body, options).people
    return person


def with_person(scene: Scene, person: Person) -> Motion:
    return scene.seen.replace(people=(person,))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("degrees", [0, 45, 150, -90])
def test_2d_keypoints_alone_give_the_pose_up_to_the_depth_of_the_limbs(body, name, degrees):
    """2 px of noise, no 3D. Measured: 11 to 13 mm from the side, 27 to 56 mm MPJPE from elsewhere (PA-MPJPE 11 to 43),
    where arms and legs swing along the view; the tolerance leaves a quarter for other noise samples. Placing a
    limb on the wrong side in depth, or seeing the body from behind, costs more than 100 mm.
    """
    scene = make_scene(
        body, frames=45, pixel_noise=2.0, pose=turned(degrees, 45), keypoint_set=name, keypoint3d_set=None
    )
    fitted = fit_one(scene, body)
    placed, aligned = errors(fitted, scene.truth)
    assert placed < (0.025 if degrees == -90 else 0.070)
    assert aligned < (0.025 if degrees == -90 else 0.055)
    assert np.median(fitted.reprojection_error) < 4.0  # 2 px of noise on each axis are 2.5 px of distance
    assert fitted.data["fit_prior"] == "lifted"


@pytest.mark.parametrize("prior", ["learned", "analytic"])
@pytest.mark.parametrize("name", SETS)
def test_arms_far_from_the_stance_are_reached(body, name, prior):
    """Arms stretched up beside the head, from 2D alone: lifted, and from the stance, which "analytic" starts from."""
    pose = swinging(30).reshape(30, 24, 3)
    for side, sign in (("left", 1), ("right", -1)):
        pose[:, SMPL24.index(f"{side}_shoulder"), 2] += sign * np.radians(115)
    pose = pose.reshape(30, 72)
    scene = make_scene(body, frames=30, pixel_noise=2.0, pose=pose, keypoint_set=name, keypoint3d_set=None)
    fitted = fit_one(scene, body, FitOptions(prior=prior))
    # The arms explain the image: hands on the wrong side of the head would be off by 30 px in the mean of all points.
    assert np.median(fitted.reprojection_error) < (6.0 if prior == "learned" else 4.0)
    assert errors(fitted, scene.truth)[0] < 0.12


@pytest.mark.parametrize(
    ("flat", "solid"),
    [("coco17", "h36m17"), ("halpe26", "blazepose33"), ("body25", "smpl24"), ("blazepose33", "coco17"),
     ("h36m17", "body25"), ("coco17", "coco17")],
)  # fmt: skip
def test_2d_and_3d_may_be_of_different_sets(body, flat, solid):
    """The 3D keypoints resolve the depth ambiguity: measured 15 to 30 mm."""
    scene = make_scene(
        body, frames=30, pixel_noise=2.0, depth_noise=0.03, keypoint_set=flat, keypoint3d_set=solid
    )  # fmt: skip
    fitted = fit_one(scene, body)
    assert errors(fitted, scene.truth)[0] < 0.045
    assert fitted.data["fit_prior"] == "analytic"


def test_the_learned_prior_needs_both_of_blazepose33_and_says_nothing_then(body):
    scene = make_scene(body, frames=6)
    assert "fit_prior" not in fit_one(scene, body).data
    assert "fit_prior" not in fit_one(scene, body, FitOptions(prior="analytic")).data
    # What an earlier fit noted goes.
    person = scene.seen.people[0].replace(data={"fit_prior": "standing", "name": "Ann"})
    kept = dict(fit_body(with_person(scene, person), body).people[0].data)
    assert kept.pop(BODY_HEIGHT)["source"] == "assumed"
    assert kept.pop(LIFTED_UP).shape == (6, 3)
    assert kept == {"name": "Ann"}
    posed = scene.truth.replace(**{n: getattr(person, n) for n in ("keypoint_set", "keypoints", "keypoint_confidence")})
    assert prior_of(posed, "estimate") == "estimate"
    assert prior_of(posed, "learned") == "lifted"
    assert prior_of(posed, "analytic") == "standing"
    assert fit_body(with_person(scene, posed), body, FitOptions(prior="estimate")).people[0].data.keys() == {
        BODY_HEIGHT
    }


def test_networks_that_nobody_used_are_not_named(body):
    scene = make_scene(body, frames=4, keypoint_set="coco17", keypoint3d_set=None)
    assert set(fit_body(scene.seen, body).provenance[-1].weights) == {body.name, "keypoint_lifter.onnx"}
    unlearned = fit_body(scene.seen, body, FitOptions(prior="analytic"))
    assert set(unlearned.provenance[-1].weights) == {body.name}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("solid", [None, "h36m17"])
def test_one_frame_gaps_and_nan(body, name, solid):
    scene = make_scene(body, frames=40, pixel_noise=1.0, keypoint_set=name, keypoint3d_set=solid)
    person = scene.seen.people[0]
    single = fit_body(with_person(scene, person.select(np.array([7]))), body).people[0]
    assert single.pose.shape == (1, 72)
    assert errors(single, scene.truth.select(np.array([7])))[0] < 0.1

    rows = np.r_[0:12, 30:40]
    pixels = person.keypoints.copy()
    pixels[3:6] = np.nan
    pixels[:, joint_set(name).index("left_wrist")] = np.nan
    holed = person.replace(keypoints=pixels)
    if solid is not None:
        points = person.keypoints3d.copy()
        points[20:, 2] = points[5] = np.nan
        holed = holed.replace(keypoints3d=points)
    fitted = fit_body(with_person(scene, holed.select(rows)), body).people[0]
    assert np.isfinite(fitted.pose).all()
    assert np.isnan(fitted.reprojection_error[3:6]).all()
    # From 2D alone, in pieces of 0.4 s: of what the lifter finds there, depth is the least certain.
    assert errors(fitted, scene.truth.select(rows))[0] < (0.12 if solid else 0.14)


def test_3d_keypoints_that_are_never_seen_are_none(body):
    scene = make_scene(body, frames=5, keypoint_set="coco17", keypoint3d_set="coco17")
    person = scene.seen.people[0]
    blind = person.replace(keypoints3d=np.full_like(person.keypoints3d, np.nan))
    assert fit_body(with_person(scene, blind), body).people[0].data["fit_prior"] == "lifted"
    # Without ears the head is left as it is; the limbs suffice.
    points = person.keypoints3d.copy()
    points[:, COCO17.indices(("left_ear", "right_ear"))] = np.nan
    earless = person.replace(keypoints3d=points)
    assert "left_ear" not in landmarks_of(earless)[1]
    assert fit_body(with_person(scene, earless), body).people[0].data["fit_prior"] == "analytic"


def test_holes_in_3d_are_taken_from_the_nearest_frame_that_has_all():
    points = np.arange(6.0)[:, None, None] + np.zeros((6, 17, 3))
    points[1, 4] = points[5, 2] = np.nan
    person = Person(1, np.arange(6), keypoint3d_set="coco17", keypoints3d=points)
    assert landmarks_of(person)[0][:, 0, 0].tolist() == [0, 0, 2, 3, 4, 4]
    for row in range(6):
        points[row, row] = np.nan  # no frame has all: point by point
    scattered, joints = landmarks_of(person.replace(keypoints3d=points))
    assert joints is COCO17
    assert np.isfinite(scattered).all()
    assert scattered[0, 0, 0] == 1


def test_keypoints_that_coincide_still_give_a_body(body):
    scene = make_scene(body, frames=5, keypoint_set="coco17", keypoint3d_set=None)
    (person,) = scene.seen.people
    piled = person.replace(keypoints=np.full_like(person.keypoints, 300.0))
    fitted = fit_body(with_person(scene, piled), body).people[0]
    assert np.isfinite(fitted.joints).all()
    rotation = axis_angle_to_matrix(fitted.pose.reshape(5, 24, 3))
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-9)


def seen_only(scene: Scene, names: tuple[str, ...]) -> Person:
    (person,) = scene.seen.people
    joints = joint_set(person.keypoint_set)
    confidence = np.zeros_like(person.keypoint_confidence)
    confidence[:, joints.indices(names)] = 0.9
    return person.replace(keypoint_confidence=confidence)


@pytest.mark.parametrize("name", ["coco17", "halpe26", "body25", "blazepose33"])
def test_a_face_alone_is_refused_in_one_sentence(body, name):
    scene = make_scene(body, frames=4, keypoint_set=name, keypoint3d_set=None)
    face = seen_only(scene, ("nose", "left_eye", "right_eye", "left_ear"))
    kept = joint_set(name).name
    with pytest.raises(
        UsageError, match=rf"person 1 .* {kept} .*there are 4 \(.*nose.*\) and no shoulder, elbow"
    ) as told:
        fit_body(with_person(scene, face), body)
    assert "\n" not in str(told.value)
    few = seen_only(scene, ("nose", "left_eye", "left_shoulder", "right_shoulder", "left_hip"))
    with pytest.raises(UsageError, match=r"there are 5 .* and 6 are needed; missing: left_elbow, .*right_ankle"):
        fit_body(with_person(scene, few), body)


def test_beside_others_who_are_seen_a_face_stays_unfitted(body):
    scene = make_scene(body, frames=4, keypoint_set="coco17", keypoint3d_set=None)
    face = seen_only(scene, ("nose", "left_eye")).replace(id=2)
    whole, left = fit_body(scene.seen.replace(people=(scene.seen.people[0], face)), body).people
    assert whole.pose is not None
    assert left is face


def test_a_set_without_limbs_is_refused(body, monkeypatch):
    face = JointSet("face5", ("nose", "left_eye", "right_eye", "left_ear", "right_ear"))
    monkeypatch.setitem(JOINT_SETS, face.name, face)
    monkeypatch.setitem(body_points.POINT_SETS, face.name, face.joints)
    count = (3, len(face))
    person = Person(
        1, np.arange(3), keypoint_set="face5", keypoints=np.ones((*count, 2)), keypoint_confidence=np.ones(count)
    )
    with pytest.raises(
        UsageError, match=r"keypoints of face5: of its points that the body model defines, there are 5 .* no sho"
    ):
        fit_body(Motion(np.arange(3) / 30, 640, 480, people=(person,)), body)


def test_points_that_the_body_does_not_define_are_ignored(body, monkeypatch):
    """A set with points that no body has, before, between and behind those of COCO."""
    mixed = JointSet("mixed", ("left_antenna", "right_antenna", *COCO17.joints[:9], "tail", *COCO17.joints[9:], "hat"))
    monkeypatch.setitem(JOINT_SETS, mixed.name, mixed)
    monkeypatch.setitem(body_points.POINT_SETS, mixed.name, mixed.joints)
    plain = make_scene(body, frames=10, pixel_noise=1.0, keypoint_set="coco17", keypoint3d_set=None)
    (person,) = plain.seen.people
    columns = mixed.indices(COCO17.joints)
    pixels = np.full((10, len(mixed), 2), 77.0)
    pixels[:, columns] = person.keypoints
    strange = Person(
        1, np.arange(10), keypoint_set="mixed", keypoints=pixels, keypoint_confidence=np.full((10, len(mixed)), 0.9)
    )
    found = fit_body(with_person(plain, strange), body).people[0]
    np.testing.assert_array_equal(found.pose, fit_one(plain, body).pose)


def test_blazepose33_is_explained_by_the_same_points_as_ever(body):
    rows = evidence_rows(body.points("blazepose33"), "blazepose33")
    left_out = [name for name in BLAZEPOSE33.joints if name not in {BLAZEPOSE33.joints[row] for row in rows}]
    assert left_out == [
        "left_eye_inner", "left_eye_outer", "right_eye_inner", "right_eye_outer", "left_mouth", "right_mouth",
        "left_thumb", "right_thumb",
    ]  # fmt: skip
