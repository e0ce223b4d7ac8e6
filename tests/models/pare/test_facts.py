"""The parts of PARE's recorded processing that no other test covers: rotated crops, cameras, mirrors, order, inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import ShapeError
from kinema.geometry.camera import project
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_to_axis_angle,
    quaternion_to_matrix,
)
from kinema.models.pare.crops import crop, crop_affine, evaluation_crop, evaluation_points, normalized
from kinema.models.pare.facts import JOINTS14
from kinema.models.pare.weak_camera import crop_translation, seen_translation, weak_camera
from kinema.skeleton import SMPL24, SPIN49
from kinema.visualization.weak_views import drawing_order
from tests.helpers.goldens import cases, thinned
from tests.helpers.pare_samples import picture

golden = pytest.mark.golden
XYZW = [1, 2, 3, 0]


# --- crops -------------------------------------------------------------------------------------------


@golden
def test_turned_crop(processing) -> None:
    """The recorded map of a rotated crop, from the only box that it can belong to."""
    for degrees in cases(processing, r"crop\.affine_rot(\d+)"):
        matrix, back = processing[f"crop.affine_rot{degrees}"], processing[f"crop.affine_rot{degrees}_inv"]
        box = np.r_[back @ [112, 112, 1], 224 * np.linalg.norm(back[:, 0]), 224 * np.linalg.norm(back[:, 1])]
        # The box is known to single precision only.
        np.testing.assert_allclose(crop_affine(box, rotation=degrees), matrix, rtol=2e-6, atol=1e-4)
        assert np.abs(crop_affine(box, rotation=-degrees) - matrix).max() > 0.1


@golden
def test_turned_evaluation_crop(processing) -> None:
    image = picture(int(processing["crop.picture_seed"]))
    persons = list(zip(processing["evalcrop.centers"], processing["evalcrop.scales"], strict=True))
    for degrees in cases(processing, r"evalcrop\.points_rot(\d+)"):
        points = [evaluation_points(processing["evalcrop.points_in"], *each, rotation=degrees) for each in persons]
        expected = processing[f"evalcrop.points_rot{degrees}"]
        # Which of the recorded people was turned is not written down.
        mine = [i for i, found in enumerate(points) if np.array_equal(found, expected)]
        assert mine
        turned = evaluation_crop(image, *persons[mine[0]], rotation=degrees)
        step, expected = thinned(processing, f"evalcrop.rot{degrees}")
        np.testing.assert_allclose(turned[::step, ::step], expected, atol=1e-6)


@given(st.floats(-180, 180), st.floats(60, 200), st.floats(20, 120))
def test_turning_the_box_turns_the_crop_about_its_centre(degrees: float, x: float, side: float) -> None:
    box = np.array([x, 90.0, side, side])
    straight, turned = crop_affine(box), crop_affine(box, rotation=degrees)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = np.random.default_rng(1).uniform(0, 200, (5, 2))
    seen = points @ straight[:, :2].T + straight[:, 2] - 112
    np.testing.assert_allclose(points @ turned[:, :2].T + turned[:, 2] - 112, seen @ turn.T, atol=0.1)


def test_turned_crops_keep_their_content() -> None:
    """A quarter turn swaps rows and columns, a full turn changes nothing; outside the image all is black."""
    image = picture(7)
    straight = crop(image, np.array([160.0, 120.0, 224.0, 224.0]))
    quarter = crop(image, np.array([160.0, 120.0, 224.0, 224.0]), rotation=90)
    # warpAffine works on a grid of 1/32 pixel, and turns about the edge between two pixels.
    np.testing.assert_allclose(quarter[1:], np.rot90(straight)[:-1], atol=1)
    center = np.array([100.0, 140.0])
    round_about = evaluation_crop(image, center, 1.3, rotation=360)
    np.testing.assert_allclose(round_about, evaluation_crop(image, center, 1.3), atol=1e-6)
    corner = evaluation_crop(image, np.array([0.0, 0.0]), 1.0, rotation=45)
    assert corner[112, 30].max() == 0
    with pytest.raises(ShapeError, match="no crop"):
        evaluation_crop(image, np.array([160.0, 120.0]), 0.0, rotation=45)


# --- cameras -----------------------------------------------------------------------------------------


@golden
def test_weak_cameras_and_back(processing) -> None:
    np.testing.assert_allclose(weak_camera(processing["cam.cam_t"]), processing["cam.weak_back"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(weak_camera(crop_translation(processing["cam.pred_cam"])), processing["cam.pred_cam"],
                               rtol=1e-6, atol=1e-9)  # fmt: skip


@golden
def test_perspective_projection(processing) -> None:
    points = np.einsum("nij,nkj->nki", processing["cam.rotation"].astype(float), processing["cam.points"].astype(float))
    points += processing["cam.cam_t"][:, None]
    for found, centre, expected in zip(points, processing["cam.center"], processing["cam.projected"], strict=True):
        seen = project(found, np.array([[5000.0, 0, centre[0]], [0, 5000.0, centre[1]], [0, 0, 1]]))
        np.testing.assert_allclose(seen, expected, atol=1e-3)  # single precision of some thousand pixels


@golden
def test_translation_that_explains_the_keypoints(processing) -> None:
    """SPIN's initialisation of SMPLify, which takes the datasets' 24 joints of the 49."""
    keypoints, points = processing["cam.fit_joints2d"][:, 25:], processing["cam.points"][:, 25:]
    found = seen_translation(points, keypoints[..., :2], keypoints[..., 2])
    np.testing.assert_allclose(found, processing["cam.fit_translation"], rtol=1e-5, atol=1e-5)


@given(st.integers(0, 10_000), st.integers(3, 30))
def test_exact_keypoints_give_the_translation(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(0, 0.5, (2, count, 3))
    translation = np.array([[0.2, -0.1, 40.0], [-0.3, 0.4, 25.0]])
    placed = points + translation[:, None]
    pixels = 5000 * placed[..., :2] / placed[..., 2:] + 112
    np.testing.assert_allclose(seen_translation(points, pixels, np.ones((2, count))), translation, rtol=1e-5, atol=1e-5)
    lies = pixels + 50 * (np.arange(count) == 0)[:, None]
    weight = np.tile(np.arange(count) > 0, (2, 1)).astype(float)
    np.testing.assert_allclose(seen_translation(points, lies, weight), translation, rtol=1e-5, atol=1e-5)


def test_one_keypoint_tells_no_depth() -> None:
    confidence = np.zeros((2, 5))
    confidence[0], confidence[1, 0] = 1, 1
    random = np.random.default_rng(0)
    found = seen_translation(random.normal(0, 1, (2, 5, 3)), random.uniform(0, 224, (2, 5, 2)), confidence)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


# --- rotations and joints ----------------------------------------------------------------------------


@golden
def test_quaternions(processing) -> None:
    recorded = processing["rot.batch_rodrigues"].astype(np.float64)
    ours, theirs = matrix_to_quaternion(recorded), processing["rot.rotmat_to_quat"][:, XYZW]
    sign = np.sign(np.sum(ours * theirs, axis=1, keepdims=True))
    np.testing.assert_allclose(ours * sign, theirs, atol=1e-6)
    given_quaternions = processing["rot.quat"][:, XYZW]  # of any length
    matrices = quaternion_to_matrix(given_quaternions)
    np.testing.assert_allclose(matrices, processing["rot.quat_to_rotmat"], atol=1e-6)
    angles = axis_angle_to_matrix(processing["rot.quat_to_aa"])
    np.testing.assert_allclose(axis_angle_to_matrix(quaternion_to_axis_angle(given_quaternions)), angles, atol=1e-5)
    # The second way from a matrix, by the arc cosine of its trace, is good to four digits near half a turn.
    np.testing.assert_allclose(axis_angle_to_matrix(processing["rot.batch_rot2aa"]), recorded, atol=2e-3)


@golden
def test_mirrored_poses_and_turned_pictures(processing) -> None:
    pose = processing["rot.pose"]
    mirrored = pose.reshape(24, 3)[SMPL24.mirror] * [1, -1, -1]
    np.testing.assert_allclose(mirrored.reshape(72), processing["rot.flip_pose"], atol=1e-12)
    for degrees in cases(processing, r"rot\.rot_aa_(\d+)"):
        turn = axis_angle_to_matrix(np.array([0.0, 0.0, -np.radians(degrees)]))
        root = matrix_to_axis_angle(turn @ axis_angle_to_matrix(pose[:3]))
        expected = axis_angle_to_matrix(processing[f"rot.rot_aa_{degrees}"])
        np.testing.assert_allclose(axis_angle_to_matrix(root), expected, atol=1e-9)


@golden
def test_mirrored_keypoints(processing) -> None:
    datasets = SPIN49.mirror[25:] - 25
    np.testing.assert_array_equal(SPIN49.mirror, processing["joints.flip49"])
    np.testing.assert_array_equal(datasets, processing["joints.flip24"])
    for name, mirror in (("kp49", SPIN49.mirror), ("kp24", datasets)):
        flipped = processing[f"rot.{name}"][mirror] * [-1, 1, 1]
        np.testing.assert_allclose(flipped, processing[f"rot.flip_{name}"], atol=1e-12)


@golden
def test_joints_of_the_evaluation(processing, definition) -> None:
    """The 14 and 17 by name, from Human3.6M's regressor and from the datasets' 24."""
    pose, betas = processing["joints.pose"], processing["joints.betas"]
    vertices = definition.body.vertices(pose, betas, np.zeros((len(pose), 3)), dtype=np.float64)
    assert definition.h36m is not None
    np.testing.assert_allclose(definition.h36m @ vertices, processing["joints.h36m17"], atol=1e-5)
    names = [SPIN49.joints[25:][i] for i in processing["joints.j24_to_j17"]]
    assert names[:12] == [f"{name}_lsp" for name in JOINTS14[:12]]
    assert names[12:] == ["neck_lsp", "head_h36m", "pelvis_mpii", "spine_h36m", "jaw_h36m"]
    # SMPL's two hands are the first joints of SMPL-H's fingers: columns 66-68 and 111-113 of its 156.
    np.testing.assert_array_equal(processing["joints.smplh_to_smpl"], np.r_[0:69, 111:114])


# --- order and inputs --------------------------------------------------------------------------------


@golden
def test_small_people_are_drawn_first(processing) -> None:
    ids = sorted(cases(processing, r"order\.p(\d+)\.frame_ids"))
    for frame, expected in enumerate(processing["order.draw"]):
        present = [id for id in ids if frame in processing[f"order.p{id}.frame_ids"]]
        cameras = [
            processing[f"order.p{id}.orig_cam"][processing[f"order.p{id}.frame_ids"] == frame][0] for id in present
        ]
        order = [present[i] for i in drawing_order(np.array(cameras).reshape(-1, 4))]
        assert order == [int(id) for id in expected if id >= 0]


def test_bodies_without_size_are_not_drawn() -> None:
    assert drawing_order(np.array([[1.0, 0.5, 0, 0], [1.0, 0.0, 0, 0], [0.2, 0.1, 0, 0]])) == [2, 0]
    assert drawing_order(np.zeros((0, 4))) == []


@golden
def test_what_the_evaluation_sees_and_compares_with(pipeline, release_folder, definition) -> None:
    from kinema.body import load_body
    from kinema.models.pare.evaluation import truth_vertices
    from kinema.models.pare.release import PareRelease

    release = PareRelease(release_folder)
    gendered = {"m": load_body(release.body_file("male")), "f": load_body(release.body_file("female"))}
    genders = np.where(pipeline["eval.in.gender_is_female"] == 1, "f", "m")
    pose, shape = pipeline["eval.in.pose"], pipeline["eval.in.shape"]
    for truth, bodies in (("neutral", None), ("gender", gendered)):
        vertices = truth_vertices(definition.body, bodies, pose, shape, genders)
        step, expected = thinned(pipeline, f"eval.{truth}.gt_vertices")
        np.testing.assert_allclose(vertices[:, ::step], expected, atol=1e-5)
    for size, key in ((224, "img"), (480, "disp_img")):
        step, expected = thinned(pipeline, f"eval.{key}")
        for i, (center, scale) in enumerate(zip(pipeline["eval.in.center"], pipeline["eval.in.scale"], strict=True)):
            image = picture(int(pipeline["eval.in.picture_seed0"]) + i)
            ready = normalized(evaluation_crop(image, center, scale, size=size)[None].astype(np.float32))[0]
            np.testing.assert_allclose(ready.transpose(2, 0, 1)[:, ::step, ::step], expected[i], atol=1e-4)
