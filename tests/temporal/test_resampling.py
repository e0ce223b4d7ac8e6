"""Values and rotations at other times."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_quaternion,
    geodesic_angle,
    matrix_to_axis_angle,
    quaternion_to_matrix,
)
from kinema.temporal.resampling import (
    resample_axis_angle,
    resample_linear,
    resample_quaternions,
    resample_rotations,
)

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(2, 20), st.sampled_from([(), (3,), (2, 2)]))
def test_linear_is_exact_at_the_frames_and_numpys_between(seed, count, shape):
    rng = np.random.default_rng(seed)
    times, values = np.cumsum(rng.uniform(0.01, 0.5, count)), rng.normal(size=(count, *shape))
    np.testing.assert_array_equal(resample_linear(values, times, times), values)
    grid = np.linspace(times[0] - 0.2, times[-1] + 0.2, 31)
    columns = [np.interp(grid, times, column) for column in values.reshape(count, -1).T]
    np.testing.assert_allclose(resample_linear(values, times, grid).reshape(31, -1), np.stack(columns, 1), atol=1e-12)


def test_one_frame_is_held():
    np.testing.assert_array_equal(resample_linear(np.ones((1, 2)), np.zeros(1), np.arange(3.0)), np.ones((3, 2)))
    np.testing.assert_array_equal(resample_axis_angle(np.ones((1, 6)), np.zeros(1), np.arange(3.0)), np.ones((3, 6)))


@given(seeds, st.integers(2, 8))
def test_rotations_go_evenly_along_the_shortest_arc_in_every_form(seed, count):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.05, 0.5, count))
    pose = rng.normal(size=(count, 6))
    matrices = axis_angle_to_matrix(pose.reshape(count, 2, 3))
    middle = 0.5 * (times[1:] + times[:-1])
    found = resample_rotations(matrices, times, middle)
    for before, after in ((found, matrices[1:]), (matrices[:-1], found)):
        np.testing.assert_allclose(
            geodesic_angle(before, after), geodesic_angle(matrices[:-1], matrices[1:]) / 2, atol=1e-7
        )
    same = axis_angle_to_matrix(resample_axis_angle(pose, times, middle).reshape(-1, 2, 3))
    np.testing.assert_allclose(same, found, atol=1e-9)
    quaternions = axis_angle_to_quaternion(matrix_to_axis_angle(matrices[:, 0]))
    np.testing.assert_allclose(
        quaternion_to_matrix(resample_quaternions(quaternions, times, middle)), found[:, 0], atol=1e-9
    )
    np.testing.assert_allclose(resample_rotations(matrices, times, times), matrices, atol=1e-9)
    beyond = np.array([times[0] - 1, times[-1] + 1])
    np.testing.assert_allclose(resample_rotations(matrices, times, beyond), matrices[[0, -1]], atol=1e-9)
