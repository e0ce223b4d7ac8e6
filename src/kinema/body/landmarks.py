"""Finds the landmarks on a user's SMPL-format body, whose mesh topology we may not ship.

On a mesh with SMPL's 6890 vertices, twenty-one landmarks have published vertex indices (nose, eyes, ears,
toes, heels, finger tips). All others are transferred from the free body: its head, hands and feet are
registered to the user's by what both share (the joints and these landmarks), and a landmark becomes the
nearest vertex or, inside the hand, a mean of the surrounding vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from kinema.geometry.alignment import similarity
from kinema.skeleton import SMPL24

if TYPE_CHECKING:
    from kinema.body.model import BodyModel

SMPL_VERTICES = 6890
SMPL_NUMBERS = {
    "nose": 332, "right_eye": 6260, "left_eye": 2800, "right_ear": 4071, "left_ear": 583,
    "left_big_toe": 3216, "left_small_toe": 3226, "left_heel": 3387,
    "right_big_toe": 6617, "right_small_toe": 6624, "right_heel": 6787,
    "left_thumb_tip": 2746, "left_index_tip": 2319, "left_middle_tip": 2445, "left_ring_tip": 2556,
    "left_pinky_tip": 2673, "right_thumb_tip": 6191, "right_index_tip": 5782, "right_middle_tip": 5905,
    "right_ring_tip": 6016, "right_pinky_tip": 6133,
}  # fmt: skip
"""Published vertex indices of SMPL's mesh, as the `smplx` package selects them for its extra joints."""

NEIGHBOURS = 24
"""Number of vertices whose mean is a landmark inside the hand."""


@dataclass(frozen=True)
class _Part:
    """A body part that is registered to another body's by joints, and by landmarks of known index if there are any."""

    own: tuple[str, ...]
    joints: tuple[str, ...]
    numbered: tuple[str, ...]
    carried: tuple[str, ...]
    inside: tuple[str, ...] = ()


def _parts() -> tuple[_Part, ...]:
    face = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
    rims = tuple(f"{side}_{name}" for side in ("left", "right") for name in ("eye_inner", "eye_outer", "mouth"))
    parts = [_Part(("head", "neck"), ("neck", "head"), face, (*rims, "head_top"))]
    for side in ("left", "right"):
        parts.append(
            _Part(
                (f"{side}_wrist", f"{side}_hand"),
                (f"{side}_elbow", f"{side}_wrist", f"{side}_hand"),
                tuple(f"{side}_{finger}_tip" for finger in ("thumb", "index", "middle", "ring", "pinky")),
                (),
                tuple(f"{side}_{finger}" for finger in ("index", "pinky", "thumb")),
            )
        )
        parts.append(
            _Part(
                (f"{side}_ankle", f"{side}_foot"),
                (f"{side}_knee", f"{side}_ankle", f"{side}_foot"),
                tuple(f"{side}_{name}" for name in ("big_toe", "small_toe", "heel")),
                (f"{side}_heel_sole", f"{side}_toe_sole"),
            )
        )
    return tuple(parts)


def find_landmarks(body: BodyModel, free: BodyModel) -> tuple[tuple[str, ...], scipy.sparse.csr_matrix]:
    """Names and vertex weights (P,V) of all the free body's landmarks on another body."""
    if free.landmark_weights is None:
        raise ValueError("the free body carries no landmarks")
    known = dict(zip(free.landmark_names, free.landmark_weights @ free.v_template, strict=True))
    numbers = SMPL_NUMBERS if body.num_vertices == SMPL_VERTICES else {}
    rows = {name: _one_vertex(body, number) for name, number in numbers.items()}
    for part in _parts():
        mine, theirs = [free.J_template[SMPL24.indices(part.joints)]], [body.J_template[SMPL24.indices(part.joints)]]
        shared = [name for name in part.numbered if name in rows]
        if shared:
            mine.append(np.array([known[name] for name in shared]))
            theirs.append(np.array([rows[name] @ body.v_template for name in shared]))
        else:
            mine.append(_extremes(free, part))
            theirs.append(_extremes(body, part))
        controls, targets = np.concatenate(mine), np.concatenate(theirs)
        vertices = _own_vertices(body, part)
        for name in (*part.numbered, *part.carried, *part.inside):
            if name in rows:
                continue
            place = _carried(known[name], controls, targets)
            nearest = vertices[np.argsort(np.linalg.norm(body.v_template[vertices] - place, axis=1), kind="stable")]
            if name in part.inside:
                rows[name] = _mean_at(body, nearest[:NEIGHBOURS], place)
            else:
                rows[name] = _one_vertex(body, int(nearest[0]))
    weights = np.stack([rows[name] for name in free.landmark_names])
    return free.landmark_names, scipy.sparse.csr_matrix(weights)


def _one_vertex(body: BodyModel, number: int) -> np.ndarray:
    row = np.zeros(body.num_vertices)
    row[number] = 1.0
    return row


def _own_vertices(body: BodyModel, part: _Part) -> np.ndarray:
    """Vertices skinned mainly to the part's own joints; all vertices if there are none."""
    own = np.flatnonzero(np.isin(body.weights.argmax(axis=1), SMPL24.indices(part.own)))
    return own if len(own) else np.arange(body.num_vertices)


def _extremes(body: BodyModel, part: _Part) -> np.ndarray:
    """The part's outermost vertices along each axis, (6,3): what meshes without published indices share."""
    place = body.v_template[_own_vertices(body, part)]
    return np.concatenate([place[place.argmin(axis=0)], place[place.argmax(axis=0)]])


def _carried(place: np.ndarray, controls: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Where a position (3,) moves when controls (N,3) move to targets (N,3).

    The best similarity, plus its residuals at the controls weighted by inverse squared distance.
    """
    scale, rotation, shift = similarity(controls, targets)
    left = targets - (scale * controls @ rotation.T + shift)
    share = 1 / (np.sum((controls - place) ** 2, axis=1) + 1e-8)
    return np.asarray(scale * rotation @ place + shift + share @ left / share.sum())


def _mean_at(body: BodyModel, vertices: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Weights (V,) over some vertices, summing to 1 and as even as possible, whose weighted mean is `place`."""
    count = len(vertices)
    system = np.concatenate([body.v_template[vertices], np.ones((count, 1))], axis=1)
    even = np.full(count, 1 / count)
    fixed = np.linalg.lstsq(system.T, np.append(place, 1.0) - system.T @ even, rcond=None)[0]
    row = np.zeros(body.num_vertices)
    row[vertices] = even + fixed
    return row
