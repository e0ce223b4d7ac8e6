"""Landmarks: where they lie, how they follow shape and pose, and how they are found on a user's body."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kinema.body import BodyModel, load_body
from kinema.body.points import POINT_SETS, recipe
from kinema.body.writing import write_layout
from kinema.errors import UsageError
from kinema.skeleton import BLAZEPOSE33, COCO17, CONTACT_POINTS, JOINT_SETS, SMPL24, mirrored

SETS = tuple(POINT_SETS)
MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(params=["free", "file"])
def body(request) -> BodyModel:
    if request.param == "free":
        return load_body()
    return request.getfixturevalue("file_body")


@pytest.mark.parametrize("name", SETS)
def test_sets_are_means_of_vertices(body: BodyModel, name: str) -> None:
    points = body.points(name)
    # Of the whole body's 133 points, a body knows the 23 that are neither of the face nor of the fingers.
    assert points.names == (POINT_SETS[name][:23] if name == "wholebody133" else POINT_SETS[name])
    assert points.weights.shape == (len(points.names), body.num_vertices)
    np.testing.assert_allclose(np.asarray(points.weights.sum(axis=1)).ravel(), 1, atol=1e-6)
    assert points.rows.tolist() == list(range(len(points.names)))
    assert points is body.points(name)


@pytest.mark.parametrize("name", SETS)
def test_attachment_equals_the_vertices_at_rest(body: BodyModel, name: str, rng) -> None:
    betas = rng.normal(0, 1.5, (6, 10))
    points = body.points(name)
    held = body.posed_points(name, np.zeros((6, 72)), betas, np.zeros((6, 3)))
    for shape, found in zip(betas, held, strict=True):
        np.testing.assert_allclose(found, points.weights @ body.shaped(shape), atol=1e-9)


@pytest.mark.parametrize("name", ["blazepose33", "openpose25", "contacts"])
def test_points_on_the_skin_stay_near_it_in_motion(free: BodyModel, name: str, rng) -> None:
    """Rigid holding ignores the skin's stretch: millimetres where one joint rules, more about the toes' joint."""
    pose = rng.normal(0, 0.3, (20, 72))
    points = free.points(name)
    on_skin = np.diff(points.weights.indptr) == 1
    held = free.posed_points(name, pose, np.zeros(10), np.zeros((20, 3)))
    vertices = free.vertices(pose, np.zeros(10), np.zeros((20, 3)), dtype=np.float64)
    skin = np.stack([points.weights @ v for v in vertices])
    error = np.linalg.norm(held - skin, axis=-1)[:, on_skin]
    assert error.shape[1] >= 4
    assert error.mean() < 0.004
    assert error.max() < 0.025


@pytest.mark.parametrize("joint", [j for j in BLAZEPOSE33.joints if j in SMPL24])
def test_limb_points_are_the_joints(free: BodyModel, joint: str, rng) -> None:
    pose, transl = rng.normal(0, 0.5, (3, 72)), rng.normal(0, 1, (3, 3))
    points = free.posed_points("blazepose33", pose, np.ones(10), transl)[:, BLAZEPOSE33.index(joint)]
    np.testing.assert_allclose(points, free.joints(pose, np.ones(10), transl)[:, SMPL24.index(joint)], atol=1e-9)


def test_left_and_right_points_mirror_each_other(free: BodyModel) -> None:
    for joint_set in JOINT_SETS.values():
        points = free.points(joint_set.name)
        place = points.weights @ free.v_template
        other = [points.names.index(mirrored(name)) for name in points.names]
        np.testing.assert_allclose(place[other] * MIRROR, place, atol=1e-6)
        np.testing.assert_array_equal(SMPL24.mirror[points.joint[other]], points.joint)


def test_anatomy(free: BodyModel) -> None:
    """Places that anybody can check on a person: centimetres, generous."""
    place = dict(zip(BLAZEPOSE33.joints, free.points("blazepose33").weights @ free.v_template, strict=True))
    inner, eye, outer = (place[f"left_{n}"][0] for n in ("eye_inner", "eye", "eye_outer"))
    assert 0.01 < inner < eye < outer < 0.06
    assert abs(place["left_eye"][1] - place["left_eye_inner"][1]) < 0.01
    assert place["left_eye"][1] > place["nose"][1] > place["left_mouth"][1]
    assert place["nose"][2] == max(p[2] for n, p in place.items() if n not in ("left_big_toe", "right_big_toe"))
    assert 0.015 < place["left_mouth"][0] < 0.04
    assert 0.05 < place["left_ear"][0] < 0.10
    assert place["left_ear"][2] < place["left_eye"][2] - 0.06
    for finger in ("index", "pinky", "thumb"):
        assert 0.02 < np.linalg.norm(place[f"left_{finger}"] - place["left_wrist"]) < 0.13
    assert place["left_index"][2] > place["left_pinky"][2]  # palms down: the index is in front
    assert 0.20 < np.linalg.norm(place["left_big_toe"] - place["left_heel"]) < 0.30
    assert 0.14 < np.linalg.norm(place["left_hip"] - place["right_hip"]) < 0.20


def test_contact_points_lie_on_the_soles(free: BodyModel) -> None:
    points = free.points("contacts")
    assert points.names == CONTACT_POINTS
    place = points.weights @ free.v_template
    assert np.all(place[:, 1] < free.v_template[:, 1].min() + 0.004)
    assert np.all(place[[1, 3], 2] > place[[0, 2], 2] + 0.10)
    joints = [SMPL24.joints[j] for j in points.joint]
    assert joints == ["left_ankle", "left_ankle", "right_ankle", "right_ankle"]


def test_recipes_mirror_and_sum_to_one() -> None:
    for set_name, name in ((set_name, name) for set_name, names in POINT_SETS.items() for name in names):
        parts = recipe(name, set_name)
        assert sum(parts.values()) == pytest.approx(1)
        assert {mirrored(part): share for part, share in recipe(mirrored(name), set_name).items()} == dict(parts)


def test_a_set_may_mean_another_place_by_a_name(free: BodyModel) -> None:
    """Human3.6M's root lies between the hips, its spine and head in a line over it; the neck of Halpe below SMPL's."""

    def places(name: str) -> dict[str, np.ndarray]:
        points = free.points(name)
        return dict(zip(points.names, points.weights @ free.v_template, strict=True))

    h36m, smpl, halpe = places("h36m17"), places("smpl24"), places("halpe26")
    np.testing.assert_allclose(h36m["pelvis"], 0.5 * (h36m["left_hip"] + h36m["right_hip"]), atol=1e-9)
    assert smpl["pelvis"][1] - h36m["pelvis"][1] > 0.05
    assert 1.1 < h36m["left_hip"][0] / smpl["left_hip"][0] < 1.4
    column = [h36m[name][1] for name in ("pelvis", "spine", "thorax", "neck_nose", "head_top")]
    assert column == sorted(column)
    assert 0.02 < smpl["neck"][1] - halpe["neck"][1] < 0.06
    np.testing.assert_array_equal(places("body25")["neck"], smpl["neck"])
    for name in ("coco17", "halpe26", "openpose25", "blazepose33"):
        np.testing.assert_array_equal(places(name)["left_hip"], smpl["left_hip"])


def test_points_whose_landmark_a_body_lacks_are_left_out(free: BodyModel) -> None:
    kept = [i for i, name in enumerate(free.landmark_names) if name != "nose"]
    poorer = dataclasses.replace(
        free, landmark_names=tuple(free.landmark_names[i] for i in kept), landmark_weights=free.landmark_weights[kept]
    )
    points = poorer.points("coco17")
    assert points.names == COCO17.joints[1:]
    assert points.rows.tolist() == list(range(1, 17))
    whole = free.points("coco17")
    np.testing.assert_array_equal(points.offset_template, whole.offset_template[1:])
    assert points.joint.tolist() == whole.joint[1:].tolist()


def test_unknown_set_is_named(free: BodyModel) -> None:
    with pytest.raises(UsageError, match="known: smpl24"):
        free.points("coco133")


def test_landmarks_are_found_again_on_an_unknown_body(free: BodyModel, tmp_path: Path) -> None:
    """The free body as an SMPL file carries no landmarks; those found must be those it was made with."""
    [path] = write_layout(free, "smplx", tmp_path)
    found = load_body(path)
    for name, limit in (("blazepose33", 0.002), ("spin49", 1e-9), ("contacts", 1e-9)):
        here = found.points(name).weights @ found.v_template
        error = np.linalg.norm(here - free.points(name).weights @ free.v_template, axis=1)
        assert error.max() < limit, (name, error.max())


def test_landmarks_follow_another_size_and_shape(free: BodyModel, tmp_path: Path) -> None:
    """A child-sized body of another build: what is found moves with the skin, within a vertex or two."""
    betas = np.array([-2.0, 2.0, 1.0, *[0.0] * 7])
    model = _as_file(tmp_path, free, 0.7 * free.shaped(betas), 0.7 * free.shapedirs, np.arange(free.num_vertices))
    for name in ("blazepose33", "contacts"):
        truth = 0.7 * (free.points(name).weights @ free.shaped(betas))
        error = np.linalg.norm(model.points(name).weights @ model.v_template - truth, axis=1)
        assert error.max() < 0.012, (name, error)


def test_landmarks_without_published_numbers(free: BodyModel, tmp_path: Path) -> None:
    """A mesh of another vertex count: found by joints and extremes alone, within 3 cm."""
    used = np.arange(free.num_vertices)
    spare = np.concatenate([used, used[:10]])  # ten vertices twice: 6900
    model = _as_file(tmp_path, free, free.v_template[spare], free.shapedirs[spare], spare)
    for name in ("blazepose33", "contacts"):
        truth = free.points(name).weights @ free.v_template
        error = np.linalg.norm(model.points(name).weights @ model.v_template - truth, axis=1)
        assert error.max() < 0.03, (name, error)


def _as_file(folder: Path, free: BodyModel, vertices, shapedirs, rows) -> BodyModel:
    regressor = np.zeros((24, len(vertices)))
    regressor[:, : free.num_vertices] = free.J_regressor.toarray()
    path = folder / "model.npz"
    np.savez(
        path, v_template=vertices, shapedirs=shapedirs, J_regressor=regressor, weights=free.weights[rows],
        kintree_table=np.stack([free.parents, np.arange(24)]), f=free.faces,
    )  # fmt: skip
    return load_body(path)
