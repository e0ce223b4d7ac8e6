"""Outlines as evidence: signed distances, the contour's derivatives, girths that are found again, poses that follow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.body.kinematics import Rig
from kinema.errors import InputError
from kinema.estimation import FitOptions, fit_body
from kinema.estimation.contour import contours
from kinema.estimation.outline import Outline, outlined_rows, outlines_of
from kinema.estimation.person_fit import SHAPE_OUTLINES
from kinema.estimation.solver import PoseState, moved
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.meshes import corners_of
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.person import OUTLINES, Person
from kinema.skeleton import LIMBS12, SMPL24
from kinema.storage.stored import StoredArray
from kinema.visualization.raster import bounding_box, covered_pixels
from tests.helpers.fit_scenes import HEIGHT, WIDTH, Scene, make_scene

SIZE = (WIDTH, HEIGHT)
ANALYTIC = FitOptions(prior="analytic")
LIMBS = SMPL24.indices(LIMBS12)


def square(left: float, top: float, side: float) -> np.ndarray:
    return np.array([[left, top], [left + side, top], [left + side, top + side], [left, top + side]])


@settings(max_examples=20, deadline=None)
@given(st.floats(300, 600), st.floats(200, 400), st.floats(40, 150), st.floats(0, 2 * np.pi), st.floats(0.3, 1.2))
def test_distances_to_a_disc(x, y, radius, angle, share):
    """A disc of a radius: at `share` of it the distance is that to its rim, within two cells and a fiftieth, which
    is what cells and OpenCV's approximation of distances allow."""
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    disc = np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=-1)
    outline = Outline.of(3, [disc], SIZE)
    assert outline is not None
    assert outline.row == 3
    out = np.array([np.cos(angle), np.sin(angle)])
    distance, slope, known = outline.at(np.array([[x, y] + share * radius * out]))
    assert known[0]
    assert abs(distance[0] - (share - 1) * radius) < 2.0 * outline.step + 0.02 * radius
    assert slope[0] @ out > 0.9


def test_a_hole_is_outside():
    outline = Outline.of(0, [square(100, 100, 200), square(150, 150, 100)], SIZE)
    distance, _, _ = outline.at(np.array([[200.0, 200.0], [125.0, 200.0]]))
    assert distance[0] > 40
    assert distance[1] < -20


def test_a_person_does_not_end_where_the_picture_does():
    """A mask that reaches the left edge: there the nearest outline is the upper or the lower one."""
    outline = Outline.of(0, [square(0, 200, 150) * [1, 1] + [-0.5, 0]], SIZE)
    distance, _, _ = outline.at(np.array([[5.0, 275.0]]))
    assert abs(distance[0] + 75) < 3 * outline.step


@pytest.mark.parametrize("polygons", [[], [np.array([[5.0, 5.0], [5.0, 5.0], [5.0, 5.0]])]])
def test_nothing_has_no_outline_or_a_tiny_one(polygons):
    outline = Outline.of(0, polygons, SIZE)
    assert outline is None or np.isfinite(outline.distance).all()


def test_the_contour_moves_as_its_derivatives_say(body):
    """Against differences of the posed mesh: exact to rounding."""
    rng, camera = np.random.default_rng(0), camera_from_fov(WIDTH, HEIGHT, 60.0)
    local = axis_angle_to_matrix(rng.normal(0, 0.25, (1, 24, 3)))
    local[:, 0] = axis_angle_to_matrix(np.array([np.pi, 0, 0])) @ local[:, 0]
    state, betas = PoseState(local, np.array([[0.2, 0.1, 3.0]])), rng.normal(size=10)
    (seen,) = contours(body, Rig.of(body, "blazepose33", betas), betas, state, camera)
    assert 4.0 < seen.lengths.sum() * seen.metres < 12.0, "metres of contour of a person"
    chosen = np.arange(0, len(seen.pixels), 7)
    by_pose, by_shape = seen.derivatives(chosen, seen.normals[chosen])
    focal, depth = camera.intrinsics[0, 0], state.root[0, 2]

    def placed(shape: np.ndarray, posed: PoseState) -> np.ndarray:
        root = posed.root - body.rest_joints(shape)[0]
        vertices = body.vertices(posed.local, shape, root, dtype=np.float64)[0, seen.vertices[chosen]]
        return np.sum(project(vertices, camera.intrinsics) * seen.normals[chosen], axis=-1) / focal * depth

    before = placed(betas, state)
    for i in range(10):
        change = 1e-5 * np.eye(10)[i]
        np.testing.assert_allclose((placed(betas + change, state) - before) / 1e-5, by_shape[:, i], atol=1e-6)
    step = rng.normal(size=(1, by_pose.shape[1])) * 1e-6
    np.testing.assert_allclose(placed(betas, moved(state, step, 1.0)) - before, by_pose @ step[0], atol=1e-10)


def covered(body, motion: Motion, person: Person, row: int) -> np.ndarray:
    """(H,W) bool: the person's silhouette."""
    vertices = body.vertices(person.pose[row : row + 1], person.betas[row], person.transl[row : row + 1])[0]
    corners = corners_of(project(vertices, motion.camera.intrinsics), body.faces)
    box = bounding_box(corners, motion.width, motion.height)
    mask = np.zeros((motion.height, motion.width), bool)
    mask[box.slices] = covered_pixels(corners, box)
    return mask


def polygons_of(mask: np.ndarray) -> list[list[float]]:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [each[:, 0].astype(float).ravel().tolist() for each in found]


def outlined(body, scene: Scene, frames: list[int]) -> Motion:
    """What is seen, with the true outlines of some frames."""
    contours_ = [polygons_of(covered(body, scene.seen, scene.truth, frame)) for frame in frames]
    person = scene.seen.people[0]
    data = {**person.data, OUTLINES: {"frames": frames, "contours": contours_}}
    return scene.seen.replace(people=(person.replace(data=data),))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def shape_with(weight: float) -> np.ndarray:
    """Betas of somebody heavy (the fifth component is weight)."""
    return np.array([0, 0, 0, 0, weight, 0, 0, 0, 0, 0], dtype=float)


@pytest.mark.parametrize("weight", [-1.5, 2.0])
def test_girths_are_found_and_lengths_are_kept(body, weight):
    """Keypoints alone hardly show weight: the trunk is 6 % too broad or too narrow. Four outlines, whose clothes may be
    loose for all that the fit knows, show half of it at least (54 and 74 % here), and what is not held by keypoints,
    such as where the spine runs, follows the girths."""
    scene = make_scene(body, frames=30, betas=shape_with(weight), pixel_noise=2.0)
    alone = fit_body(scene.seen, body, ANALYTIC).people[0]
    both = fit_body(outlined(body, scene, [4, 10, 16, 22]), body, ANALYTIC).people[0]
    true = body.shaped(shape_with(weight))
    trunk = body.weights[:, SMPL24.index("spine1")] > 0.5

    def girth_error(person: Person) -> float:
        shaped = body.shaped(person.betas[0])[trunk]
        return float(abs(np.ptp(shaped[:, 0]) / np.ptp(true[trunk, 0]) - 1))

    assert girth_error(both) < 0.5 * girth_error(alone)
    ious = [
        overlap(covered(body, scene.seen, each, 13), covered(body, scene.seen, scene.truth, 13))
        for each in (alone, both)
    ]
    assert ious[1] > ious[0]
    assert both.data[SHAPE_OUTLINES] == 4
    assert SHAPE_OUTLINES not in alone.data
    assert OUTLINES not in both.data
    bones = [np.linalg.norm(np.diff(body.rest_joints(each.betas[0])[LIMBS], axis=0), axis=-1) for each in (alone, both)]
    assert np.abs(bones[0] - bones[1]).max() < 0.004  # two of `LENGTH_SIGMA`


def test_outlines_can_be_left_out(body):
    scene = make_scene(body, frames=12, betas=shape_with(2.0))
    alone = fit_body(scene.seen, body, ANALYTIC).people[0]
    left = fit_body(outlined(body, scene, [3, 9]), body, FitOptions(prior="analytic", outlines=False)).people[0]
    np.testing.assert_array_equal(left.betas, alone.betas)
    np.testing.assert_array_equal(left.pose, alone.pose)


def test_a_bag_does_not_count(body):
    """A square of the size of a trunk beside the person moves no part of the surface by more than 1.5 cm."""
    scene = make_scene(body, frames=20)
    motion = outlined(body, scene, [5, 12])
    plain = fit_body(motion, body, ANALYTIC).people[0]
    person = motion.people[0]
    data = dict(person.data[OUTLINES])
    data["contours"] = []
    for frame in data["frames"]:
        mask = covered(body, scene.seen, scene.truth, frame)
        x, y = np.argwhere(mask)[:, ::-1].max(0)[0], int(np.argwhere(mask)[:, 0].mean())
        mask[y - 60 : y + 60, x - 10 : x + 110] = True
        data["contours"].append(polygons_of(mask))
    carrying = motion.replace(people=(person.replace(data={OUTLINES: data}),))
    with_bag = fit_body(carrying, body, ANALYTIC).people[0]
    assert np.abs(body.shaped(with_bag.betas[0]) - body.shaped(plain.betas[0])).max() < 0.015


def test_what_others_hide_says_nothing(body):
    """Somebody in front hides all that is right of the middle of a heavy person. With the box of who hides it, half of
    the outline makes nearly the body that all of it makes; without it, the cut edge counts as one of the body."""
    scene = make_scene(body, frames=20, betas=shape_with(2.0))
    motion = outlined(body, scene, [5, 12])
    person = motion.people[0]
    contours_, hidden = [], []
    for frame in (5, 12):
        mask = covered(body, scene.seen, scene.truth, frame)
        middle = int(np.argwhere(mask)[:, 1].mean())
        mask[:, middle:] = False
        contours_.append(polygons_of(mask))
        hidden.append([[middle - 2.0, 0.0, SIZE[0], SIZE[1]]])
    half = {"frames": [5, 12], "contours": contours_}
    fitted = [
        body.shaped(
            fit_body(motion.replace(people=(person.replace(data={OUTLINES: data}),)), body, ANALYTIC).people[0].betas[0]
        )
        for data in (person.data[OUTLINES], half | {"hidden": hidden}, half)
    ]
    away = [float(np.abs(each - fitted[0]).max()) for each in fitted[1:]]
    assert away[0] < 0.01, "metres"
    assert away[0] < 0.7 * away[1]


def test_in_a_photo_the_pose_follows_the_outline(body):
    """One frame whose keypoints are off by 2 % of the height: the body covers more of the person."""
    scene = make_scene(body, frames=1, pixel_noise=10.0, seed=3)
    true = covered(body, scene.seen, scene.truth, 0)
    alone = covered(body, scene.seen, fit_body(scene.seen, body, ANALYTIC).people[0], 0)
    both = covered(body, scene.seen, fit_body(outlined(body, scene, [0]), body, ANALYTIC).people[0], 0)
    assert overlap(both, true) > overlap(alone, true) + 0.03


def test_masks_in_a_file_are_evidence(body, tmp_path):
    scene = make_scene(body, frames=8, betas=shape_with(2.0))
    masks = np.array([covered(body, scene.seen, scene.truth, row) for row in range(8)])
    np.save(tmp_path / "masks.npy", masks[:, ::2, ::2])
    person = scene.seen.people[0].replace(masks=StoredArray(tmp_path / "masks.npy"))
    assert outlined_rows(person).tolist() == list(range(8))
    (outline,) = outlines_of(person, SIZE, [5])
    edge = np.argwhere(masks[5])[:, ::-1].astype(float)
    lowest = edge[edge[:, 1].argmax()]
    distance, _, _ = outline.at(lowest[None])
    assert abs(distance[0]) < 3.0, "pixels; the masks are half as large as the picture"
    fitted = fit_body(scene.seen.replace(people=(person,)), body, ANALYTIC).people[0]
    assert fitted.data[SHAPE_OUTLINES] == 8
    assert overlap(covered(body, scene.seen, fitted, 4), masks[4]) > 0.9


def test_masks_of_another_video_are_refused(body, tmp_path):
    scene = make_scene(body, frames=4)
    np.save(tmp_path / "masks.npy", np.ones((4, 50, 50), bool))
    person = scene.seen.people[0].replace(masks=StoredArray(tmp_path / "masks.npy"))
    with pytest.raises(InputError, match="another shape"):
        fit_body(scene.seen.replace(people=(person,)), body, ANALYTIC)
