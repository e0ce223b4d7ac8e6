"""Rotations: group axioms, conversions there and back, the hard angles, continuity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.transform import Rotation

from kinema.geometry import rotations as r

HARD_ANGLES = [0.0, 1e-12, 1e-8, 1e-4, 1.0, np.pi - 1e-4, np.pi - 1e-8, np.pi]

number = st.floats(-1, 1)
axes = hnp.arrays(float, 3, elements=number).filter(lambda v: np.linalg.norm(v) > 0.01)
angles = st.one_of(st.sampled_from(HARD_ANGLES), st.floats(0, np.pi))
batches = st.sampled_from([(), (1,), (4,), (2, 3), (0,)])


@st.composite
def axis_angles(draw, lead=()):
    vectors = np.empty((*lead, 3))
    for i in np.ndindex(*lead):
        axis = draw(axes)
        vectors[i] = axis / np.linalg.norm(axis) * draw(angles)
    return vectors


def matrices(lead=()):
    return axis_angles(lead).map(r.axis_angle_to_matrix)


def assert_rotation(matrix, atol=1e-12):
    np.testing.assert_allclose(
        matrix @ np.swapaxes(matrix, -1, -2), np.broadcast_to(np.eye(3), matrix.shape), atol=atol
    )
    np.testing.assert_allclose(np.linalg.det(matrix), np.ones(matrix.shape[:-2]), atol=atol)


@given(matrices(), matrices(), matrices())
def test_group(a, b, c):
    """Closure, identity, inverse, associativity; the inverse is the negated axis-angle."""
    assert_rotation(a @ b)
    np.testing.assert_allclose((a @ b) @ c, a @ (b @ c), atol=1e-12)
    np.testing.assert_allclose(r.axis_angle_to_matrix(np.zeros(3)) @ a, a, atol=1e-15)
    np.testing.assert_allclose(r.axis_angle_to_matrix(-r.matrix_to_axis_angle(a)) @ a, np.eye(3), atol=1e-7)


@given(batches.flatmap(axis_angles))
def test_every_form_names_the_same_rotation(vectors):
    """Through every pair of forms. Compared as matrices: at pi the axis may change its sign."""
    matrix = r.axis_angle_to_matrix(vectors)
    lead = vectors.shape[:-1]
    assert matrix.shape == (*lead, 3, 3)
    quaternion = r.axis_angle_to_quaternion(vectors)
    six = r.matrix_to_6d(matrix)
    assert quaternion.shape == (*lead, 4)
    assert six.shape == (*lead, 6)
    assert_rotation(matrix)
    for other in (
        r.quaternion_to_matrix(quaternion),
        r.quaternion_to_matrix(-3 * quaternion),
        r.quaternion_to_matrix(r.matrix_to_quaternion(matrix)),
        r.axis_angle_to_matrix(r.matrix_to_axis_angle(matrix)),
        r.axis_angle_to_matrix(r.quaternion_to_axis_angle(quaternion)),
        r.matrix_from_6d(six),
    ):
        np.testing.assert_allclose(other, matrix, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(quaternion, axis=-1), np.ones(lead), atol=1e-12)
    assert (quaternion[..., 3] >= 0).all()


@given(axis_angles((5,)))
def test_axis_angle_comes_back_itself_below_pi(vectors):
    small = vectors * 0.999
    np.testing.assert_allclose(r.matrix_to_axis_angle(r.axis_angle_to_matrix(small)), small, atol=1e-7)
    np.testing.assert_allclose(r.quaternion_to_axis_angle(r.axis_angle_to_quaternion(small)), small, atol=1e-9)


@given(axis_angles((6,)))
def test_axis_angles_are_those_of_scipy(vectors):
    """To rounding, below pi; there, rounding of the matrix may change the axis' sign."""
    matrix = r.axis_angle_to_matrix(vectors * (1 - 1e-9))
    np.testing.assert_allclose(r.matrix_to_axis_angle(matrix), Rotation.from_matrix(matrix).as_rotvec(), atol=1e-14)


def test_what_is_no_rotation_is_treated_as_by_scipy():
    """The nearest rotation of a matrix that is nearly one; a mirror is refused."""
    skewed = r.axis_angle_to_matrix([0.3, -0.2, 0.5]) + 0.01 * np.arange(9).reshape(3, 3)
    np.testing.assert_array_equal(r.matrix_to_axis_angle(skewed), Rotation.from_matrix(skewed).as_rotvec())
    with pytest.raises(ValueError, match="determinant"):
        r.matrix_to_axis_angle(np.diag([1.0, 1.0, -1.0]))


@pytest.mark.parametrize("angle", HARD_ANGLES)
def test_hard_angles(angle):
    """Against Rodrigues' formula written out, also where sin(angle)/angle cancels or the trace is -1."""
    axis = np.array([2.0, -3.0, 6.0]) / 7
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    expected = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix = r.axis_angle_to_matrix(axis * angle)
    np.testing.assert_allclose(matrix, expected, atol=1e-15)
    assert np.linalg.norm(r.matrix_to_axis_angle(matrix)) == pytest.approx(angle, abs=2e-8)
    assert r.geodesic_angle(np.eye(3), matrix) == pytest.approx(angle, abs=2e-8)


def test_conventions():
    """Matrices act on columns; quaternions are x y z w; the 6D form is (3,2) row-major."""
    quarter = r.axis_angle_to_matrix([0, 0, np.pi / 2])
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(r.matrix_to_quaternion(quarter), [0, 0, np.sqrt(0.5), np.sqrt(0.5)], atol=1e-15)
    np.testing.assert_allclose(r.matrix_to_6d(quarter), [0, -1, 1, 0, 0, 0], atol=1e-15)


@given(hnp.arrays(float, (4, 6), elements=st.floats(-2, 2)))
def test_any_6d_vector_becomes_a_rotation(six):
    columns = six.reshape(4, 3, 2)
    cross = np.linalg.norm(np.cross(columns[..., 0], columns[..., 1]), axis=-1)
    if (cross < 1e-3).any():
        return
    matrix = r.matrix_from_6d(six)
    assert_rotation(matrix, atol=1e-9)
    assert (np.sum(matrix[..., 0] * columns[..., 0], axis=-1) > 0).all()


@given(matrices(), matrices(), matrices())
def test_geodesic_angle_is_a_distance(a, b, c):
    assert r.geodesic_angle(a, a) == pytest.approx(0, abs=1e-7)
    assert r.geodesic_angle(a, b) == pytest.approx(r.geodesic_angle(b, a), abs=1e-7)
    assert r.geodesic_angle(c @ a, c @ b) == pytest.approx(r.geodesic_angle(a, b), abs=1e-7)
    assert r.geodesic_angle(a, c) <= r.geodesic_angle(a, b) + r.geodesic_angle(b, c) + 1e-7
    assert 0 <= r.geodesic_angle(a, b) <= np.pi + 1e-12


@given(axis_angles((7, 2)), hnp.arrays(bool, (7, 2)))
def test_continuous_quaternions(vectors, flips):
    quaternions = r.axis_angle_to_quaternion(vectors) * np.where(flips, -1, 1)[..., None]
    before = quaternions.copy()
    smooth = r.continuous_quaternions(quaternions)
    np.testing.assert_array_equal(quaternions, before)
    np.testing.assert_array_equal(smooth[0], quaternions[0])
    np.testing.assert_array_equal(np.abs(smooth), np.abs(quaternions))
    assert (np.sum(smooth[1:] * smooth[:-1], axis=-1) >= 0).all()


def turns(count=400, revolutions=3.3, wobble=0.3):
    """A long turn about an axis that wobbles: the principal axis-angle jumps several times."""
    t = np.linspace(0, 1, count)
    axis = np.stack([wobble * np.sin(5 * t), np.ones(count), wobble * np.cos(7 * t)], axis=-1)
    return axis / np.linalg.norm(axis, axis=-1, keepdims=True) * (revolutions * 2 * np.pi * t)[:, None]


def test_continuous_axis_angle_follows_a_long_turn():
    truth = turns()
    principal = r.matrix_to_axis_angle(r.axis_angle_to_matrix(truth))
    assert np.linalg.norm(np.diff(principal, axis=0), axis=-1).max() > 3
    smooth = r.continuous_axis_angle(principal)
    np.testing.assert_allclose(r.axis_angle_to_matrix(smooth), r.axis_angle_to_matrix(truth), atol=1e-12)
    np.testing.assert_allclose(smooth, truth, atol=1e-6)


def test_continuous_axis_angle_through_a_full_turn():
    """Where the rotation is none at all it has no axis; the path still goes on at 2 pi."""
    angle = np.linspace(0, 4 * np.pi, 9)
    principal = r.matrix_to_axis_angle(r.axis_angle_to_matrix(np.stack([angle, 0 * angle, 0 * angle], axis=-1)))
    smooth = r.continuous_axis_angle(principal)
    np.testing.assert_allclose(np.abs(np.diff(smooth[:, 0])), np.pi / 2, atol=1e-6)


@given(axis_angles((6, 2)))
def test_continuous_axis_angle_keeps_the_rotations(vectors):
    smooth = r.continuous_axis_angle(vectors)
    np.testing.assert_array_equal(smooth[0], vectors[0])
    # Turns of less than 1e-9 radians count as none and are left out.
    np.testing.assert_allclose(r.axis_angle_to_matrix(smooth), r.axis_angle_to_matrix(vectors), atol=3e-9)
    steps = np.linalg.norm(np.diff(smooth, axis=0), axis=-1)
    assert (steps <= np.linalg.norm(vectors[1:] - smooth[:-1], axis=-1) + 1e-9).all()


@pytest.mark.parametrize(
    "function",
    [r.axis_angle_to_matrix, r.axis_angle_to_quaternion, r.continuous_axis_angle, r.continuous_quaternions],
)
def test_read_only_input_is_fine_and_unchanged(function):
    given_array = np.ones((3, 4 if function is r.continuous_quaternions else 3))
    given_array.flags.writeable = False
    out = function(given_array)
    assert out.flags.writeable
    np.testing.assert_array_equal(given_array, 1)


@given(hnp.arrays(float, (4, 3), elements=number), hnp.arrays(float, (4, 3), elements=number))
def test_shortest_rotation_turns_one_direction_onto_the_other(a, b):
    turn = r.shortest_rotation(a, b)
    np.testing.assert_allclose(turn @ np.swapaxes(turn, -1, -2), np.tile(np.eye(3), (4, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turn), 1, atol=1e-9)
    lengths = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    known = (lengths[0] > 1e-3) & (lengths[1] > 1e-3)
    unit = [v[known] / length[known, None] for v, length in zip((a, b), lengths, strict=True)]
    turned = np.squeeze(turn[known] @ unit[0][..., None], -1)
    np.testing.assert_allclose(turned, unit[1], atol=1e-7)
    # No smaller angle does it: it is the angle between the two.
    between = np.arctan2(np.linalg.norm(np.cross(*unit), axis=-1), np.sum(unit[0] * unit[1], axis=-1))
    np.testing.assert_allclose(r.geodesic_angle(turn[known], np.eye(3)), between, atol=1e-7)


@given(axes)
def test_shortest_rotation_between_opposite_directions_is_half_a_turn(axis):
    turn = r.shortest_rotation(axis, -2 * axis)
    np.testing.assert_allclose(turn @ axis, -axis, atol=1e-9)
    np.testing.assert_allclose(r.geodesic_angle(turn, np.eye(3)), np.pi, atol=1e-9)


def test_shortest_rotation_of_same_and_of_missing_directions_is_none():
    a = np.array([[0.3, -2.0, 1.0], [0, 0, 0], [1.0, 0, 0]])
    b = np.array([[0.6, -4.0, 2.0], [1.0, 2, 3], [0, 0, 0]])
    np.testing.assert_allclose(r.shortest_rotation(a, b), np.tile(np.eye(3), (3, 1, 1)), atol=1e-12)
    np.testing.assert_allclose(r.shortest_rotation(np.array([0, 0, 1.0]), np.eye(3))[2], np.eye(3), atol=1e-12)


@given(hnp.arrays(float, (5, 3, 3), elements=number), axes, angles)
def test_nearest_rotation_is_a_rotation_and_none_is_nearer(matrices, axis, angle):
    found = r.nearest_rotation(matrices)
    np.testing.assert_allclose(found @ np.swapaxes(found, -1, -2), np.tile(np.eye(3), (5, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-9)
    other = found @ r.axis_angle_to_matrix(axis / np.linalg.norm(axis) * angle)
    away = [np.linalg.norm(matrices - rotation, axis=(-1, -2)) for rotation in (found, other)]
    assert np.all(away[0] <= away[1] + 1e-9)


@given(hnp.arrays(float, (2, 2, 3), elements=number))
def test_nearest_rotation_to_a_rotation_is_itself(vectors):
    rotation = r.axis_angle_to_matrix(vectors)
    np.testing.assert_allclose(r.nearest_rotation(rotation), rotation, atol=1e-12)
    assert np.all(np.linalg.det(r.nearest_rotation(-rotation)) > 0)
