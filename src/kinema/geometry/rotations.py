"""Rotations on arrays with any leading axes: axis-angle, matrix, quaternion (x, y, z, w), 6D.

Conversions go through `scipy.spatial.transform.Rotation`, which is exact at 0 and at pi, or give what it gives.
Matrices act on column vectors. The 6D form is the first two columns of the matrix, row-major as a (3,2) block (Zhou et
al. 2019, section 4). Inputs are copied: scipy does not accept the read-only arrays of a Motion.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

NO_LENGTH = 1e-9
"""Vectors shorter than this have no direction."""


def axis_angle_to_matrix(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3) radians -> (..., 3, 3)."""
    axis_angle = np.array(axis_angle, dtype=np.float64)
    return np.asarray(Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(*axis_angle.shape[:-1], 3, 3))


def matrix_to_axis_angle(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) -> (..., 3) radians, angle in [0, pi]."""
    matrix = np.array(matrix, dtype=np.float64)
    columns = np.ascontiguousarray(matrix.reshape(-1, 9).T).reshape(3, 3, -1)
    # scipy takes several times as long, and fits spend a tenth of their time here.
    if _are_rotations(columns):
        return _axis_angle(columns).reshape(*matrix.shape[:-2], 3)
    return np.asarray(Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec().reshape(*matrix.shape[:-2], 3))


def _are_rotations(matrix: np.ndarray) -> bool:
    """Whether matrices (3, 3, N) are rotations to rounding, so that scipy would use them as they are."""
    off = np.einsum("ikn,jkn->ijn", matrix, matrix) - np.eye(3)[..., None]
    return bool(np.abs(off).max(initial=0.0) < 1e-12) and bool(np.all(_determinant(matrix) > 0))


def _determinant(matrix: np.ndarray) -> np.ndarray:
    """(N,) of matrices (3, 3, N)."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return np.asarray(a * (e * i - f * h) + b * (f * g - d * i) + c * (d * h - e * g))


def _axis_angle(rotation: np.ndarray) -> np.ndarray:
    """(N, 3) radians of rotations (3, 3, N)."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    # Four times the outer product of the quaternion with itself: its longest row is the one least affected by rounding
    # (Shepperd 1978).
    outer = np.array(
        [
            [1 + a - e - i, b + d, c + g, h - f],
            [b + d, 1 - a + e - i, f + h, c - g],
            [c + g, f + h, 1 - a - e + i, d - b],
            [h - f, c - g, d - b, 1 + a + e + i],
        ]
    )
    row = np.diagonal(outer).argmax(axis=1)
    x, y, z, w = np.take_along_axis(outer, row[None, None], axis=0)[0]
    sine = np.sqrt(x * x + y * y + z * z)
    angle = 2 * np.arctan2(sine, np.abs(w))
    scale = np.divide(np.where(w < 0, -angle, angle), sine, out=np.zeros_like(sine), where=sine > 0)
    return np.stack([scale * x, scale * y, scale * z], axis=-1)


def matrix_to_quaternion(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) -> (..., 4) in the order x, y, z, w, with w >= 0."""
    matrix = np.array(matrix, dtype=np.float64)
    quat = Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_quat(canonical=True)
    return np.asarray(quat.reshape(*matrix.shape[:-2], 4))


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """(..., 4) in the order x, y, z, w (any non-zero length) -> (..., 3, 3)."""
    quaternion = np.array(quaternion, dtype=np.float64)
    return np.asarray(Rotation.from_quat(quaternion.reshape(-1, 4)).as_matrix().reshape(*quaternion.shape[:-1], 3, 3))


def axis_angle_to_quaternion(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3) radians -> (..., 4) in the order x, y, z, w, with w >= 0."""
    axis_angle = np.array(axis_angle, dtype=np.float64)
    quat = Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_quat(canonical=True)
    return np.asarray(quat.reshape(*axis_angle.shape[:-1], 4))


def quaternion_to_axis_angle(quaternion: np.ndarray) -> np.ndarray:
    """(..., 4) in the order x, y, z, w -> (..., 3) radians, angle in [0, pi]."""
    quaternion = np.array(quaternion, dtype=np.float64)
    return np.asarray(Rotation.from_quat(quaternion.reshape(-1, 4)).as_rotvec().reshape(*quaternion.shape[:-1], 3))


def turn_about(axis: str, angle: np.ndarray | float) -> np.ndarray:
    """Rotations by angles (...) radians about the axis "x", "y" or "z" -> (..., 3, 3)."""
    angle = np.array(angle, dtype=np.float64)
    # A column: scipy 1.17 and later take several angles about one axis in no other shape.
    return np.asarray(Rotation.from_euler(axis, angle.reshape(-1, 1)).as_matrix().reshape(*angle.shape, 3, 3))


def turned_root(pose: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Copies of poses (n, 3 J) axis-angle, the root first, with the root turned by rotations (3, 3) or (n, 3, 3)."""
    turned = np.array(pose, dtype=np.float64)
    turned[:, :3] = matrix_to_axis_angle(turn @ axis_angle_to_matrix(turned[:, :3]))
    return turned


def matrix_to_6d(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) -> (..., 6): the first two columns, row-major."""
    matrix = np.asarray(matrix)
    return matrix[..., :2].reshape(*matrix.shape[:-2], 6)


def matrix_from_6d(six: np.ndarray) -> np.ndarray:
    """(..., 6) -> (..., 3, 3) by Gram-Schmidt: first column kept, second made orthogonal to it."""
    six = np.asarray(six)
    columns = six.reshape(*six.shape[:-1], 3, 2)
    first = columns[..., 0] / np.linalg.norm(columns[..., 0], axis=-1, keepdims=True)
    second = columns[..., 1] - np.sum(first * columns[..., 1], axis=-1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def geodesic_angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle in radians, [0, pi], between matrices (..., 3, 3) and (..., 3, 3) -> (...)."""
    relative = np.swapaxes(np.asarray(a), -1, -2) @ np.asarray(b)
    return np.asarray(np.linalg.norm(matrix_to_axis_angle(relative), axis=-1))


def shortest_rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotations (..., 3, 3) of least angle that map directions (..., 3) onto directions (..., 3).

    Lengths do not matter; the identity if either is zero. Opposite directions give half a turn about
    one of the perpendicular axes.
    """
    source, target = _directions(source), _directions(target)
    axis = np.cross(source, target)
    cosine = np.sum(source * target, axis=-1, keepdims=True)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    opposite = (cosine < 0) & (sine < NO_LENGTH)
    if opposite.any():
        across = np.cross(source, np.eye(3)[np.abs(source).argmin(axis=-1)])
        axis = np.where(opposite, across, axis)
        sine = np.where(opposite, np.linalg.norm(across, axis=-1, keepdims=True), sine)
    angle = np.where(opposite, np.pi, np.arctan2(sine, cosine))
    return axis_angle_to_matrix(axis / np.maximum(sine, NO_LENGTH) * angle)


def _directions(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float64)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), NO_LENGTH))


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The proper rotations nearest to matrices (..., 3, 3) in the Frobenius norm (Umeyama 1991, lemma)."""
    return signed_svd(matrix)[0]


def signed_svd(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest proper rotations (..., 3, 3) to matrices, and the singular values (..., 3), descending.

    The last singular value is negative where the nearest orthogonal matrix is a reflection.
    """
    u, values, vt = np.linalg.svd(matrix)
    signs = np.ones_like(values)
    signs[..., -1] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    return (u * signs[..., None, :]) @ vt, values * signs


def continuous_quaternions(quaternion: np.ndarray) -> np.ndarray:
    """Flip signs along the first axis so that neighbours lie in the same hemisphere: (F, ..., 4) -> (F, ..., 4)."""
    quaternion = np.array(quaternion, dtype=np.float64)
    if len(quaternion) > 1:
        dots = np.sum(quaternion[1:] * quaternion[:-1], axis=-1)
        signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
        quaternion[1:] *= signs[..., None]
    return quaternion


def continuous_axis_angle(axis_angle: np.ndarray) -> np.ndarray:
    """The equivalent axis-angles that change least from frame to frame: (F, ..., 3) -> (F, ..., 3).

    An axis-angle of angle a is the same rotation as angle a - 2*pi about the same axis; choosing the one
    nearest to the previous frame avoids the jump at pi that breaks interpolation.
    """
    out = np.array(axis_angle, dtype=np.float64)
    for i in range(1, len(out)):
        before = np.linalg.norm(out[i - 1], axis=-1, keepdims=True)
        angle = np.linalg.norm(out[i], axis=-1, keepdims=True)
        # The identity has no axis and takes the previous frame's (a full turn is the identity, too).
        axis = np.divide(out[i - 1], before, out=np.zeros_like(out[i]), where=before > 1e-9)
        axis = np.divide(out[i], angle, out=axis, where=angle > 1e-9)
        along = np.sum(axis * out[i - 1], axis=-1, keepdims=True)
        out[i] = axis * (angle + 2 * np.pi * np.round((along - angle) / (2 * np.pi)))
    return out


def continuous_pose(pose: np.ndarray) -> np.ndarray:
    """Poses (F, 72) whose axis-angles change least from frame to frame (`continuous_axis_angle`)."""
    return continuous_axis_angle(pose.reshape(-1, 24, 3)).reshape(-1, 72)
