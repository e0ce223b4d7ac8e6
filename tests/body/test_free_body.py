"""The body that ships: an average adult in T-pose, closed, symmetrical, with joints that follow every shape."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import BodyModel
from kinema.body.free import FREE_BODY
from kinema.body.landmarks import SMPL_NUMBERS
from kinema.skeleton import SMPL24

MIRROR = np.array([-1.0, 1.0, 1.0])


def test_the_file_is_small_plain_and_licensed() -> None:
    assert FREE_BODY.stat().st_size < 4_000_000
    with np.load(FREE_BODY, allow_pickle=False) as file:
        licence = str(file["licence"])
    assert licence.startswith("CC0-1.0")
    assert "MakeHuman" in licence


def test_an_adult_in_t_pose(free: BodyModel) -> None:
    low, high = free.v_template.min(axis=0), free.v_template.max(axis=0)
    assert 1.60 < high[1] - low[1] < 1.78
    assert 1.01 < (high[0] - low[0]) / (high[1] - low[1]) < 1.05  # arm span by height of adults: ANSUR's 1.02 and 1.03
    joints = dict(zip(SMPL24.joints, free.J_template, strict=True))
    assert joints["left_wrist"][0] > joints["left_elbow"][0] > joints["left_shoulder"][0] > 0.1  # left is +x
    assert np.ptp([joints[f"left_{j}"][1] for j in ("shoulder", "elbow", "wrist")]) < 0.03  # arms level
    for above, below in (("head", "neck"), ("neck", "spine3"), ("spine3", "spine2"), ("spine2", "spine1"),
                         ("spine1", "pelvis"), ("pelvis", "left_hip"), ("left_hip", "left_knee"),
                         ("left_knee", "left_ankle"), ("left_ankle", "left_foot")):  # fmt: skip
        assert joints[above][1] > joints[below][1] + 0.02, (above, below)
    assert joints["left_foot"][2] > joints["left_ankle"][2] + 0.08  # faces +z
    np.testing.assert_allclose(joints["pelvis"], [0, -0.24, 0.03], atol=1e-3)
    assert np.abs(free.J_shapedirs[0]).max() < 0.005  # the shape hardly moves the pelvis, so transl keeps its meaning


@pytest.mark.parametrize(
    ("start", "end", "fraction"),
    [
        ("left_shoulder", "left_elbow", 0.163),
        ("left_elbow", "left_wrist", 0.154),
        ("left_hip", "left_knee", 0.234),
        ("left_knee", "left_ankle", 0.248),
        ("left_hip", "right_hip", 0.107),
    ],
)
def test_the_average_body_has_the_segments_of_real_people(
    free: BodyModel, start: str, end: str, fraction: float
) -> None:
    """Within 5 % of the means of de Leva 1996 and Dumas 2007, as fractions of the stature: they differ by as much.

    Upper arms of OpenSim's models and of markers are longer (0.169), so that the mean of these is taken.
    """
    length = np.linalg.norm(free.J_template[SMPL24.index(end)] - free.J_template[SMPL24.index(start)])
    assert length / np.ptp(free.v_template[:, 1]) == pytest.approx(fraction, rel=0.05)


def test_people_of_one_height_differ_in_their_limbs(free: BodyModel) -> None:
    """Fractions of the stature have the spread that they have among people, 2 to 4 % (ANSUR, within a sex)."""
    shapes = np.random.default_rng(5).standard_normal((200, 10))
    rest, height = free.rest_joints(shapes), np.ptp(free.shaped(shapes)[..., 1], axis=1)
    for start, end in (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("left_knee", "left_ankle")):
        length = np.linalg.norm(rest[:, SMPL24.index(end)] - rest[:, SMPL24.index(start)], axis=-1) / height
        assert 0.015 < np.std(length) / np.mean(length) < 0.05, (start, end)


def test_the_average_body_has_the_mass_of_real_people(free: BodyModel) -> None:
    """A body mass index between 22 and 26 at the density of water: the world's mean is 24.6 (NCD-RisC 2016)."""
    index = 1000 * _volume(free.v_template, free.faces) / np.ptp(free.v_template[:, 1]) ** 2
    assert 22 < index < 26


def test_the_last_beta_leads_to_children(free: BodyModel) -> None:
    """The average child of three is 0.955 m tall (WHO), its head from the mouth up 0.12 of that, an adult's 0.08."""
    assert free.child_betas is not None
    shape = free.shaped(free.child_betas)
    assert np.ptp(shape[:, 1]) == pytest.approx(0.955, abs=0.005)
    mouth = (free.landmark_weights @ shape)[free.landmark_names.index("left_mouth"), 1]
    assert 0.11 < (shape[:, 1].max() - mouth) / np.ptp(shape[:, 1]) < 0.14


def test_betas_are_a_population(free: BodyModel) -> None:
    def height(beta: float) -> float:
        return float(np.ptp(free.shaped(np.array([beta, *[0.0] * 9]))[:, 1]))

    assert 1.45 < height(-2) < 1.58
    assert 1.80 < height(2) < 1.95
    spread = np.sqrt(np.mean(np.sum(free.shapedirs**2, axis=1), axis=0))
    assert np.all(np.diff(spread) < 0)  # the first component moves most
    shapes = np.random.default_rng(3).standard_normal((20, 10))
    for vertices in free.shaped(shapes):
        assert _volume(vertices, free.faces) > 0.03  # cubic metres: not turned inside out


def _volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return float(np.sum(a * np.cross(b, c)) / 6)


def test_the_surface_is_closed_and_faces_outward(free: BodyModel) -> None:
    edges = np.concatenate([free.faces[:, [0, 1]], free.faces[:, [1, 2]], free.faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)  # no edge twice in the same direction
    assert all((b, a) in directed for a, b in directed)  # every edge has its other side
    assert len(np.unique(free.faces)) == free.num_vertices
    assert free.num_vertices - len(edges) // 2 + len(free.faces) == 2  # one sphere: no holes, no spare pieces
    assert 0.04 < _volume(free.v_template, free.faces) < 0.09
    a, b, c = free.v_template[free.faces].transpose(1, 0, 2)
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 1e-9  # no triangle without area


def test_left_and_right_mirror_each_other(free: BodyModel) -> None:
    mirror = free.mirror
    assert mirror is not None
    np.testing.assert_array_equal(mirror[mirror], np.arange(free.num_vertices))
    np.testing.assert_allclose(free.v_template[mirror] * MIRROR, free.v_template, atol=1e-6)
    np.testing.assert_allclose(free.shapedirs[mirror] * MIRROR[:, None], free.shapedirs, atol=1e-6)
    np.testing.assert_allclose(free.weights[mirror][:, SMPL24.mirror], free.weights, atol=1e-6)
    np.testing.assert_allclose(free.J_template[SMPL24.mirror] * MIRROR, free.J_template, atol=1e-6)
    faces = {tuple(sorted(face)) for face in free.faces.tolist()}
    assert {tuple(sorted(face)) for face in mirror[free.faces].tolist()} == faces


def test_weights_and_regressor_are_sparse_means(free: BodyModel) -> None:
    np.testing.assert_allclose(free.weights.sum(axis=1), 1, atol=1e-12)
    assert free.weights.min() >= 0
    assert (free.weights > 0).sum(axis=1).max() <= 4
    assert np.bincount(free.weights.argmax(axis=1), minlength=24).min() > 50  # each joint has skin of its own
    np.testing.assert_allclose(np.asarray(free.J_regressor.sum(axis=1)).ravel(), 1, atol=1e-6)
    assert free.J_regressor.nnz < 24 * 410
    assert np.abs(free.J_regressor).sum(axis=1).max() < 25  # no weights that cancel each other and amplify noise


def test_published_numbers_lie_at_their_places(free: BodyModel) -> None:
    """smplx picks its extra joints by SMPL's numbers; on the free body they are the same places."""
    assert free.landmark_weights is not None
    places = dict(zip(free.landmark_names, free.landmark_weights @ free.v_template, strict=True))
    for name, number in SMPL_NUMBERS.items():
        np.testing.assert_allclose(free.v_template[number], places[name], atol=1e-9)


def test_labels_dress_the_body(free: BodyModel) -> None:
    assert free.labels is not None
    assert free.labels.shape == (free.num_vertices,)
    assert free.labels.max() == len(free.label_names) - 1
    for name in ("skin", "hair", "shirt", "trousers", "shoes", "lips", "brows", "eye_white", "iris"):
        share = np.mean(free.labels == free.label_names.index(name))
        assert share > 0.001, name
    height = {n: free.v_template[free.labels == i, 1].mean() for i, n in enumerate(free.label_names)}
    assert height["hair"] > height["lips"] > height["shirt"] > height["trousers"] > height["shoes"]
    np.testing.assert_array_equal(free.labels[free.mirror], free.labels)


@pytest.mark.parametrize("joint", ["left_elbow", "left_knee", "left_shoulder", "left_hip", "neck"])
def test_bending_keeps_the_volume(free: BodyModel, joint: str) -> None:
    """Linear blending loses some flesh at a bent joint; a collapsed limb would lose much more than 6 %."""
    pose = np.zeros((1, 24, 3))
    axis = {"left_elbow": 1, "left_knee": 0, "left_shoulder": 2, "left_hip": 0, "neck": 1}[joint]
    pose[0, SMPL24.index(joint), axis] = {"left_knee": 1.2, "left_hip": -1.2, "neck": 0.8}.get(joint, -1.2)
    bent = free.vertices(pose.reshape(1, 72), np.zeros(10), np.zeros((1, 3)), dtype=np.float64)[0]
    straight = _volume(free.v_template, free.faces)
    assert abs(_volume(bent, free.faces) / straight - 1) < 0.06
