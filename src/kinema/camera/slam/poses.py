"""Rigid motions as rows [t, q]: translation and unit quaternion (x, y, z, w), with any leading axes, in torch.

A pose maps the world to a camera. Small motions are rows [tau, phi] of the Lie algebra se(3), translation first.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALL = 1e-6
"""Squared angles below which series are used."""


def identity(count: int, like: Tensor) -> Tensor:
    """(count,7), of the type and on the device of `like`."""
    out = like.new_zeros(count, 7)
    out[:, 6] = 1
    return out


def times(a: Tensor, b: Tensor) -> Tensor:
    """Quaternions (...,4) of the rotation b, then a."""
    va, wa, vb, wb = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = wa * vb + wb * va + torch.linalg.cross(va, vb)
    return torch.cat([vector, wa * wb - (va * vb).sum(-1, keepdim=True)], -1)


def conjugate(q: Tensor) -> Tensor:
    """The inverse rotations (...,4)."""
    return torch.cat([-q[..., :3], q[..., 3:]], -1)


def turned(q: Tensor, points: Tensor) -> Tensor:
    """Points (...,3) turned by quaternions (...,4)."""
    vector, points = torch.broadcast_tensors(q[..., :3], points)
    twice = 2 * torch.linalg.cross(vector, points)
    moved: Tensor = points + q[..., 3:] * twice + torch.linalg.cross(vector, twice)
    return moved


def compose(a: Tensor, b: Tensor) -> Tensor:
    """The motions (...,7): b, then a."""
    return torch.cat([a[..., :3] + turned(a[..., 3:], b[..., :3]), times(a[..., 3:], b[..., 3:])], -1)


def inverse(pose: Tensor) -> Tensor:
    """(...,7)."""
    back = conjugate(pose[..., 3:])
    return torch.cat([-turned(back, pose[..., :3]), back], -1)


def relative(poses: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """The motions (E,7) from the cameras of the rows `start` of poses (N,7) to those of `end`."""
    return compose(poses[end], inverse(poses[start]))


def exp(small: Tensor) -> Tensor:
    """(...,6) -> (...,7): t = tau + (1 - cos a)/a^2 phi x tau + (a - sin a)/a^3 phi x (phi x tau), a the angle."""
    tau, phi = small[..., :3], small[..., 3:]
    square = (phi * phi).sum(-1, keepdim=True)
    near = square < SMALL
    safe = torch.where(near, torch.ones_like(square), square)
    angle = safe.sqrt()
    half = torch.where(near, 0.5 - square / 48, (angle / 2).sin() / angle)
    scalar = torch.where(near, 1 - square / 8, (angle / 2).cos())
    first = torch.where(near, 0.5 - square / 24, (1 - angle.cos()) / safe)
    second = torch.where(near, 1 / 6 - square / 120, (angle - angle.sin()) / (safe * angle))
    once = torch.linalg.cross(phi, tau)
    moved = tau + first * once + second * torch.linalg.cross(phi, once)
    return torch.cat([moved, half * phi, scalar], -1)


def log(pose: Tensor) -> Tensor:
    """(...,7) -> (...,6), the inverse of `exp`, angles in [0, pi]."""
    moved, q = pose[..., :3], pose[..., 3:]
    q = torch.where(q[..., 3:] < 0, -q, q)
    length = q[..., :3].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(length, q[..., 3:])
    near = angle * angle < SMALL
    phi = torch.where(near, 2 * q[..., :3], q[..., :3] * angle / length.clamp(min=1e-12))
    half = angle / 2
    safe = torch.where(near, torch.ones_like(angle), angle)
    factor = torch.where(near, 1 / 12 + angle**2 / 720, (1 - half * half.cos() / half.sin().clamp(min=1e-12)) / safe**2)
    once = torch.linalg.cross(phi, moved)
    return torch.cat([moved - 0.5 * once + factor * torch.linalg.cross(phi, once), phi], -1)


def retracted(small: Tensor, poses: Tensor) -> Tensor:
    """exp(small) applied after poses, quaternions of unit length."""
    out = compose(exp(small), poses)
    return torch.cat([out[..., :3], out[..., 3:] / out[..., 3:].norm(dim=-1, keepdim=True)], -1)


def rotations(poses: Tensor) -> Tensor:
    """The rotation matrices (...,3,3) of poses (...,7)."""
    axes = torch.eye(3, dtype=poses.dtype, device=poses.device)
    return turned(poses[..., None, 3:], axes.expand(*poses.shape[:-1], 3, 3)).transpose(-1, -2)


def adjoint(poses: Tensor) -> Tensor:
    """Adjoints (...,6,6): small motions before a pose as the same ones after it."""
    turn = rotations(poses)
    moved = poses[..., None, :3].expand(turn.shape)
    out = poses.new_zeros(*poses.shape[:-1], 6, 6)
    out[..., :3, :3] = out[..., 3:, 3:] = turn
    out[..., :3, 3:] = torch.linalg.cross(moved, turn.transpose(-1, -2)).transpose(-1, -2)
    return out
