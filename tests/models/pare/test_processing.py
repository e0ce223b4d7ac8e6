"""Crops, cameras, joints, rotations, smoothing and boxes against the outputs of PARE's code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.body.landmarks import SMPL_VERTICES
from kinema.errors import InputError, ShapeError
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_from_6d, matrix_to_6d, matrix_to_axis_angle
from kinema.models.pare.crops import crop, crop_affine, crop_batches, evaluation_crop, evaluation_points, normalized
from kinema.models.pare.facts import H36M_TO_14, MAP49
from kinema.models.pare.joints import joint_definition
from kinema.models.pare.keypoint_boxes import boxes_from_keypoints
from kinema.models.pare.weak_camera import crop_translation, full_translation, image_camera, image_pixels, place
from kinema.skeleton import SMPL24
from kinema.temporal.filters import one_euro
from tests.helpers.goldens import cases, thinned
from tests.helpers.pare_samples import picture

golden = pytest.mark.golden


@golden
def test_crops(processing) -> None:
    image = picture(int(processing["crop.picture_seed"]))
    assert image.sum() == processing["crop.picture_sum"]
    (step_raw, raw), (step, norm) = thinned(processing, "crop.raw"), thinned(processing, "crop.norm")
    for i, box in enumerate(processing["crop.boxes"]):
        scale = float(processing["crop.scales"][i])
        np.testing.assert_allclose(crop_affine(box, scale=scale), processing["crop.affine"][i], atol=1e-12)
        cut = crop(image, box, scale=scale)
        # OpenCV 4.x agrees to the last grey level; another patch version may round one of them.
        assert np.abs(cut[::step_raw, ::step_raw].astype(int) - raw[i]).max() <= 1
        ready = normalized(cut[None])[0].transpose(2, 0, 1)
        np.testing.assert_allclose(ready[:, ::step, ::step], norm[i], atol=0.02)


@golden
def test_keypoints_in_the_crop(processing) -> None:
    """The affine map of the first box that explains the recorded pairs maps points like pixels."""
    points, moved = processing["crop.kp_in"][:, :2], processing["crop.kp_out"][:, :2]
    errors = []
    for box, scale in zip(processing["crop.boxes"], processing["crop.scales"], strict=True):
        matrix = crop_affine(box, scale=float(scale))
        errors.append(np.abs(points @ matrix[:, :2].T + matrix[:, 2] - moved).max())
    assert min(errors) < 1e-4


@golden
def test_evaluation_crops(processing) -> None:
    image = picture(int(processing["crop.picture_seed"]))
    for i, (center, scale) in enumerate(
        zip(processing["evalcrop.centers"], processing["evalcrop.scales"], strict=True)
    ):
        for size, step in cases(processing, r"evalcrop\.img(\d+)_1in(\d+)"):
            found = evaluation_crop(image, center, scale, size=size)[::step, ::step]
            np.testing.assert_allclose(found, processing[f"evalcrop.img{size}_1in{step}"][i], atol=1e-6)
        points = evaluation_points(processing["evalcrop.points_in"], center, scale)
        np.testing.assert_array_equal(points, processing["evalcrop.points_out"][i])


@golden
def test_cameras(processing) -> None:
    weak, boxes, size = processing["cam.pred_cam"], processing["cam.bbox"], processing["cam.img_wh"]
    np.testing.assert_allclose(image_camera(weak, boxes, *size), processing["cam.orig_cam"], atol=1e-9)
    pixels = image_pixels(processing["cam.joints2d_norm"], boxes)
    np.testing.assert_allclose(pixels, processing["cam.joints2d_orig"], atol=1e-9)
    np.testing.assert_allclose(crop_translation(weak), processing["cam.cam_t"], rtol=1e-6)
    for focal, res in cases(processing, r"cam\.cam_t_f(\d+)_res(\d+)"):
        other = crop_translation(weak, focal=focal, size=res)
        np.testing.assert_allclose(other, processing[f"cam.cam_t_f{focal}_res{res}"], rtol=1e-6)
    side = 200 * processing["cam.full_bbox_scale"]
    full = full_translation(weak, np.column_stack([boxes[:, :2], side, side]), processing["cam.full_focal"], *size)
    np.testing.assert_allclose(full, processing["cam.full_img_cam"], atol=1e-5)


@golden
def test_joints(processing, definition) -> None:
    np.testing.assert_array_equal(processing["joints.map49"], MAP49)
    np.testing.assert_array_equal(processing["joints.h36m_to_j17"][:14], H36M_TO_14)
    np.testing.assert_array_equal(processing["joints.flip24_smpl"], SMPL24.mirror)
    pose, betas = processing["joints.pose"], processing["joints.betas"]
    still = np.zeros((len(pose), 3))
    vertices = definition.body.vertices(pose, betas, still)
    joints = definition.body.joints(pose, betas, still)
    assert definition.definition == "published"
    step, expected = thinned(processing, "joints.vertices")
    np.testing.assert_allclose(vertices[:, ::step], expected, atol=1e-5)
    np.testing.assert_allclose(definition.joints49(vertices, joints), processing["joints.joints49"], atol=1e-5)
    np.testing.assert_allclose(definition.joints14(vertices), processing["joints.j14_pelvis"], atol=1e-5)


@golden
def test_rotations(processing) -> None:
    """Kinema's conversions are exact where PARE's add 1e-8 inside of a norm; 1e-4 covers that near angle 0."""
    matrices = axis_angle_to_matrix(processing["rot.aa"])
    np.testing.assert_allclose(matrices, processing["rot.batch_rodrigues"], atol=1e-5)
    np.testing.assert_allclose(matrices, processing["rot.smplx_rodrigues"], atol=1e-5)
    recorded = processing["rot.batch_rodrigues"].astype(np.float64)
    again = axis_angle_to_matrix(matrix_to_axis_angle(recorded))
    theirs = axis_angle_to_matrix(processing["rot.rotmat_to_aa"])
    # Single precision near half a turn: 1e-7 in a matrix is 3e-4 of angle.
    np.testing.assert_allclose(again, theirs, atol=2e-3)
    assert np.linalg.norm(processing["rot.rotmat_to_aa"], axis=1).max() <= np.pi + 1e-6
    np.testing.assert_allclose(matrix_from_6d(processing["rot.x6"]), processing["rot.rot6d_to_rotmat"], atol=1e-5)
    np.testing.assert_allclose(matrix_to_6d(recorded), processing["rot.rotmat_to_rot6d"], atol=1e-6)


@golden
def test_smoothing(processing) -> None:
    values = processing["euro.x"]
    for case in cases(processing, r"euro\.y(\d*)"):
        min_cutoff, beta, d_cutoff = processing[f"euro.params{case}"]
        expected = processing[f"euro.y{case}"]
        value = values if expected.ndim == values.ndim else values[:, 0]
        time = processing.get(f"euro.t{case}", np.arange(float(len(values))))
        out = one_euro(value, time, min_cutoff=min_cutoff, beta=beta, d_cutoff=d_cutoff, axes=0)
        np.testing.assert_allclose(out, expected, atol=1e-12)


@golden
def test_smoothing_of_rotation_matrices(processing, definition) -> None:
    from kinema.models.pare.options import DemoOptions
    from kinema.models.pare.published_keys import posed, smoothed

    rotations = processing["smooth.rotmat"]
    hat = smoothed(rotations, DemoOptions(parity=True))
    np.testing.assert_allclose(hat, processing["smooth.rotmat_hat"], atol=1e-6)
    vertices, joints = posed(hat, processing["smooth.betas"], definition)
    step, expected = thinned(processing, "smooth.vertices_hat")
    np.testing.assert_allclose(vertices[:, ::step], expected, atol=1e-5)
    np.testing.assert_allclose(joints, processing["smooth.joints3d_hat"], atol=1e-5)
    ours = smoothed(rotations, DemoOptions())
    np.testing.assert_allclose(ours @ ours.swapaxes(-1, -2), np.tile(np.eye(3), (*ours.shape[:2], 1, 1)), atol=1e-9)


@golden
def test_boxes_from_keypoints(processing) -> None:
    boxes, start, stop = boxes_from_keypoints(processing["kpbox.joints2d"])
    np.testing.assert_array_equal([start, stop], processing["kpbox.range"])
    np.testing.assert_allclose(boxes, processing["kpbox.bbox"], atol=1e-9)


def test_boxes_from_nothing() -> None:
    boxes, start, stop = boxes_from_keypoints(np.zeros((5, 21, 3)))
    assert boxes.shape == (0, 4)
    assert (start, stop) == (0, 0)


# --- properties --------------------------------------------------------------------------------------


@given(st.floats(-200, 500), st.floats(-200, 500), st.floats(1, 900))
def test_box_fills_the_crop(x: float, y: float, side: float) -> None:
    matrix = crop_affine(np.array([x, y, side, side]))
    corners = np.array([[x - side / 2, y - side / 2], [x + side / 2, y + side / 2]])
    np.testing.assert_allclose(corners @ matrix[:, :2].T + matrix[:, 2], [[0, 0], [224, 224]], atol=0.02 + 20 / side)


@pytest.mark.parametrize("box", [(5, 5, 0, 10), (5, 5, -3, 3), (np.nan, 5, 10, 10), (1, 1, np.inf, 3)])
def test_impossible_boxes_are_refused(box) -> None:
    with pytest.raises(ShapeError, match="box"):
        crop_affine(np.array(box, dtype=float))


def test_crops_at_the_border_and_of_one_pixel() -> None:
    image = np.full((40, 30, 3), 200, np.uint8)
    assert crop(image, np.array([-500.0, -500.0, 50.0, 50.0])).max() == 0
    edge = crop(image, np.array([0.0, 0.0, 40.0, 40.0]))
    assert edge[:100, :100].max() == 0
    assert edge[150, 150].min() == 200
    one = crop(np.full((1, 1, 3), 90, np.uint8), np.array([0.0, 0.0, 1.0, 1.0]))
    assert one.shape == (224, 224, 3)


def test_batches_are_full_and_in_order() -> None:
    """Seven frames, two people, batches of three: every crop appears once, with its owner."""
    images = [np.full((20, 20, 3), 10 * i, np.uint8) for i in range(7)]
    box = np.array([10.0, 10.0, 8.0, 8.0])
    tracks = {4: (np.array([0, 2, 3, 6]), np.tile(box, (4, 1))), 9: (np.array([2, 5]), np.tile(box, (2, 1)))}
    seen, sizes = [], []
    for batch in crop_batches(iter(images), tracks, batch=3):
        sizes.append(len(batch.crops))
        seen += [
            (int(id), int(row), int(c[112, 112, 0]))
            for id, row, c in zip(batch.track, batch.row, batch.crops, strict=True)
        ]
    assert sizes == [3, 3]
    assert sorted(seen) == [(4, 0, 0), (4, 1, 20), (4, 2, 30), (4, 3, 60), (9, 0, 20), (9, 1, 50)]


@given(st.floats(0.3, 1.5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(100, 1100), st.floats(80, 600))
def test_placed_bodies_are_seen_where_the_crop_sees_them(s, tx, ty, x, side) -> None:
    camera = camera_from_fov(1280, 720)
    weak, box, pelvis = np.array([[s, tx, ty]]), np.array([[x, 300.0, side, side]]), np.array([[0.0, -0.2, 0.03]])
    position, turn = place(weak, box, pelvis, camera)
    seen = box[:, :2] + side / 2 * s * (pelvis[:, :2] + weak[:, 1:])
    np.testing.assert_allclose(project(position, camera.intrinsics), seen, atol=1e-6)
    # Metres become as many pixels as in the crop.
    assert camera.intrinsics[0, 0] / position[0, 2] == pytest.approx(s * side / 2)
    ray = np.array(
        [(x - camera.intrinsics[0, 2]) / camera.intrinsics[0, 0], (300 - 359.5) / camera.intrinsics[1, 1], 1]
    )
    np.testing.assert_allclose(turn[0] @ [0, 0, 1], ray / np.linalg.norm(ray), atol=1e-9)


def test_joints_without_the_release(definition, tmp_path) -> None:
    """The free body takes no regressors; a wrong file is named."""
    from kinema.body import load_body

    own = joint_definition(load_body(), tmp_path / "anything.npy")
    assert own.definition == "kinema"
    pose = np.zeros((2, 72))
    vertices = own.body.vertices(pose, np.zeros(10), np.zeros((2, 3)))
    assert own.joints49(vertices, own.body.joints(pose, np.zeros(10), np.zeros((2, 3)))).shape == (2, 49, 3)
    assert own.joints14(vertices).shape == (2, 14, 3)
    wrong = tmp_path / "wrong.npy"
    np.save(wrong, np.zeros((9, 10)))
    with pytest.raises(InputError, match=f"expected \\(9, {SMPL_VERTICES}\\)"):
        joint_definition(definition.body, wrong)
    with pytest.raises(InputError, match="does not exist"):
        joint_definition(definition.body, tmp_path / "nothing.npy")
