"""Dense bundle adjustment: poses of a window of frames, and the disparity of every pixel, from where pixels went.

Teed and Deng 2021, section 3.3: Gauss-Newton steps on the weighted distances between where the operator says that
pixels went and where poses and disparities say so. Every disparity is met by one frame's equations only, so that all of
them are eliminated pixel by pixel (Schur complement) and what is left is a system of the poses.

Two things are as in the published program, whose weights were trained with them: damping is added to the diagonal after
the elimination, and the window's first frame is left out where poses are put back into the disparities.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kinema.camera.slam.poses import adjoint, retracted, turned
from kinema.camera.slam.projection import SEEN, moves, rays

LEAST_DISPARITY = 1e-3

_SHARE = 1e-3
"""Factor on the operator's weights."""

_SENSOR = 0.05
"""Weight of a measured disparity."""

_AT_ONCE = 16
"""Edges whose derivatives are in memory together."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """start, end (E,) rows of frames; target (E,h,w,2): where pixels of `start` are in `end`, x and y; weight
    (E,h,w,2)."""

    start: Tensor
    end: Tensor
    target: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Damping:
    """Added to the diagonal of the poses' system: `constant`, and `share` of what is there."""

    share: float = 1e-4
    constant: float = 0.1


@dataclass(frozen=True, eq=False)
class _Edge:
    """Sums of one round: own (E,6,6), pull (E,6) of the later camera's motion, float64; cross (E,6,P) with the
    disparities; C, w (E,P) of the disparities alone; adjoint (E,6,6), float64."""

    own: Tensor
    pull: Tensor
    cross: Tensor
    weight: Tensor
    wish: Tensor
    adjoint: Tensor


def adjusted(
    poses: Tensor,
    disparities: Tensor,
    lens: Tensor,
    seen: Sightings,
    eta: Tensor,
    window: tuple[int, int],
    *,
    rounds: int,
    damping: Damping | None = None,
    motion_only: bool = False,
    sensor: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Poses (N,7) and disparities (N,h,w) after some rounds; frames outside `window`, [first, last), keep their pose.

    lens: fx, fy, cx, cy; eta (N,h,w): damping of disparities; sensor (N,h,w): measured disparities, 0 where there are
    none, which take its place there. Disparities of the window and of frames from which edges start change, unless
    motion_only.
    """
    damping = damping or Damping()
    first, last = window
    free = torch.arange(first, last, device=poses.device)
    kept = torch.unique(torch.cat([free, seen.start]))
    poses, disparities = poses.clone(), disparities.clone()
    for _ in range(rounds):
        edge = _sums(poses, disparities, lens, seen, flat=not motion_only)
        system, wish = _poses_alone(edge, seen, first, last)
        if motion_only:
            poses[first:last] = retracted(_solved(system, wish, damping).to(poses.dtype), poses[first:last])
            continue
        area = edge.weight.shape[1]
        weight, pull = eta[kept].reshape(len(kept), area), disparities.new_zeros(len(kept), area)
        if sensor is not None:
            measured = sensor[kept].reshape(len(kept), area)
            weight = torch.where(measured > 0, _SENSOR, weight)
            off = disparities[kept].reshape(len(kept), area) - measured
            pull = torch.where(measured > 0, -_SENSOR * off, pull)
        place = torch.searchsorted(kept, seen.start)
        weight, pull = weight.index_add(0, place, edge.weight), pull.index_add(0, place, edge.wish)
        groups = _groups(edge, seen, kept, first, last)
        for number, rows, matrix in groups:
            scaled = matrix / weight[number]
            system.index_put_((rows[:, None], rows[None]), -_blocks(scaled, matrix), accumulate=True)
            wish.index_put_((rows,), -(scaled @ pull[number]).double(), accumulate=True)
        step = _solved(system, wish, damping)
        told = step.clone()
        told[0] = 0  # as published: see above
        told = told.to(poses.dtype)
        for number, rows, matrix in groups:
            pull[number] -= torch.einsum("mcp,mc->p", matrix, told[rows])
        poses[first:last] = retracted(step.to(poses.dtype), poses[first:last])
        disparities[kept] += (pull / weight).view(-1, *disparities.shape[1:])
    return poses, disparities.clamp(min=LEAST_DISPARITY)


def _sums(poses: Tensor, disparities: Tensor, lens: Tensor, seen: Sightings, *, flat: bool) -> _Edge:
    """Everything that the equations need of each edge; flat: of disparities, too."""
    motion = moves(poses, seen.start, seen.end)
    ray = rays(disparities.shape[1], disparities.shape[2], lens).view(-1, 3)
    parts = []
    for rows in torch.arange(len(motion), device=poses.device).split(_AT_ONCE):
        parts.append(
            _sums_of(
                motion[rows],
                disparities[seen.start[rows]].flatten(1),
                ray,
                lens,
                seen.target[rows].flatten(1, 2),
                seen.weight[rows].flatten(1, 2),
                flat=flat,
            )
        )
    own, pull, cross, weight, wish = (torch.cat(each) for each in zip(*parts, strict=True))
    return _Edge(own, pull, cross, weight, wish, adjoint(motion.double()))


def _sums_of(
    motion: Tensor, disparity: Tensor, ray: Tensor, lens: Tensor, target: Tensor, weight: Tensor, *, flat: bool
) -> tuple[Tensor, ...]:
    """`own`, `pull`, `cross`, `weight`, `wish` of some edges: motion (E,7), disparity (E,P), ray (P,3), target and
    weight (E,P,2)."""
    point = turned(motion[:, None, 3:], ray) + motion[:, None, :3] * disparity[..., None]
    x, y, z = point.unbind(-1)
    seen = z >= SEEN
    d = torch.where(seen, 1 / torch.where(seen, z, torch.ones_like(z)), torch.zeros_like(z))
    xd, yd, hd = x * d, y * d, disparity * d
    none = torch.zeros_like(d)
    (fx, fy), (cx, cy) = lens[:2], lens[2:]
    across = torch.stack([hd, none, -xd * hd, -xd * yd, 1 + xd * xd, -yd], 1) * fx
    down = torch.stack([none, hd, -yd * hd, -1 - yd * yd, xd * yd, xd], 1) * fy
    jacobian = torch.stack([across, down], 2)  # (E,6,2,P)
    missed = (target - torch.stack([fx * xd + cx, fy * yd + cy], -1)).transpose(1, 2)  # (E,2,P)
    share = torch.where(seen[:, None], _SHARE * weight.transpose(1, 2), 0.0)
    weighed = (jacobian * share[:, None]).flatten(2)
    own = weighed @ jacobian.flatten(2).transpose(1, 2)
    pull = (weighed @ missed.flatten(1)[..., None])[..., 0]
    if not flat:
        empty = disparity.new_zeros(len(motion), 0)
        return own.double(), pull.double(), empty, empty, empty
    tx, ty, tz = (motion[:, axis, None] for axis in range(3))
    depth = torch.stack([fx * (tx - tz * xd) * d, fy * (ty - tz * yd) * d], 1)  # (E,2,P)
    cross = (weighed.view_as(jacobian) * depth[:, None]).sum(2)
    wanted = share * depth
    return own.double(), pull.double(), cross, (wanted * depth).sum(1), (wanted * missed).sum(1)


def _poses_alone(edge: _Edge, seen: Sightings, first: int, last: int) -> tuple[Tensor, Tensor]:
    """The poses' system in blocks (n,n,6,6) and its right side (n,6), float64, before disparities are eliminated.

    The earlier camera's derivatives are the later one's through the adjoint, with the other sign.
    """
    count = last - first
    system, wish = edge.own.new_zeros(count, count, 6, 6), edge.pull.new_zeros(count, 6)
    back = -edge.adjoint.transpose(1, 2)
    mixed = back @ edge.own
    for rows, columns, blocks in (
        (seen.end, seen.end, edge.own),
        (seen.start, seen.end, mixed),
        (seen.end, seen.start, mixed.transpose(1, 2)),
        (seen.start, seen.start, mixed @ back.transpose(1, 2)),
    ):
        inside = (rows >= first) & (rows < last) & (columns >= first) & (columns < last)
        place = (rows[inside] - first, columns[inside] - first)
        system.index_put_(place, blocks[inside], accumulate=True)
    for rows, pull in ((seen.end, edge.pull), (seen.start, (back @ edge.pull[..., None])[..., 0])):
        inside = (rows >= first) & (rows < last)
        wish.index_put_((rows[inside] - first,), pull[inside], accumulate=True)
    return system, wish


def _groups(edge: _Edge, seen: Sightings, kept: Tensor, first: int, last: int) -> list[tuple[int, Tensor, Tensor]]:
    """For each frame of `kept` from which edges start its number there, the free poses (m,) that its disparities are
    met with, rows of the window, and their matrix (m,6,P)."""
    groups = []
    free_end = ((seen.end >= first) & (seen.end < last)).tolist()
    edges: dict[int, list[int]] = {}
    for number, start in enumerate(seen.start.tolist()):
        edges.setdefault(start, []).append(number)
    for number, frame in enumerate(kept.tolist()):
        starting = edges.get(frame, [])
        ending = [each for each in starting if free_end[each]]
        rows, matrix = [seen.end[ending] - first], [edge.cross[ending]]
        if starting and first <= frame < last:
            back = -edge.adjoint[starting].transpose(1, 2).to(edge.cross.dtype)
            rows.append(kept[number : number + 1] - first)
            matrix.append((back @ edge.cross[starting]).sum(0, keepdim=True))
        if sum(len(each) for each in rows):
            groups.append((number, torch.cat(rows), torch.cat(matrix)))
    return groups


def _blocks(a: Tensor, b: Tensor) -> Tensor:
    """The products (m,m,6,6), float64, of all pairs of matrices (m,6,P)."""
    count = len(a)
    product = a.flatten(0, 1) @ b.flatten(0, 1).T
    return product.view(count, 6, count, 6).transpose(1, 2).double()


def _solved(system: Tensor, wish: Tensor, damping: Damping) -> Tensor:
    """The step (n,6), float64; zero where the system has no solution."""
    count = len(wish)
    matrix = system.transpose(1, 2).reshape(6 * count, 6 * count)
    diagonal = matrix.diagonal()
    diagonal += damping.constant + damping.share * diagonal
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed):
        return torch.zeros_like(wish)
    return torch.cholesky_solve(wish.reshape(-1, 1), factor).view(count, 6)
