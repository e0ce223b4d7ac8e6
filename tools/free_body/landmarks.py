"""Named landmarks on the surface, and a vertex order that gives them SMPL's published indices."""

from __future__ import annotations

import numpy as np
from free_body.labels import mask
from free_body.makehuman import MakeHuman
from free_body.surface import EYE_SIDES, HalfSurface

TOWARDS_TRAGUS = np.array([0.0, 0.0, 0.010])
"""From the centre of the ear to the tragus, which detectors label as the ear, metres."""
OUT_OF_CORNER = np.array([-0.005, 0.0, 0.003])
"""From where the lips' surfaces meet, inside, to the visible corner of the mouth, metres."""
FINGERS = ("thumb", "index", "middle", "ring", "pinky")

# These landmarks are commonly addressed by SMPL's vertex indices; here the same indices have the same locations.
SMPL_NUMBERS = {
    "nose": 332, "right_eye": 6260, "left_eye": 2800, "right_ear": 4071, "left_ear": 583,
    "left_big_toe": 3216, "left_small_toe": 3226, "left_heel": 3387,
    "right_big_toe": 6617, "right_small_toe": 6624, "right_heel": 6787,
    "left_thumb_tip": 2746, "left_index_tip": 2319, "left_middle_tip": 2445, "left_ring_tip": 2556,
    "left_pinky_tip": 2673, "right_thumb_tip": 6191, "right_index_tip": 5782, "right_middle_tip": 5905,
    "right_ring_tip": 6016, "right_pinky_tip": 6133,
}  # fmt: skip


def surface_landmarks(data: MakeHuman, shape: np.ndarray, half: HalfSurface, kept: np.ndarray) -> dict[str, int]:
    """Landmark name -> base-mesh vertex among the kept ones. shape (NUM_VERTICES,3) in A-pose, feet flat, y up."""
    position = shape[kept]
    x, y, z = position.T

    def nearest(point: np.ndarray) -> int:
        return int(kept[np.argmin(np.linalg.norm(position - point, axis=1))])

    def extreme(score: np.ndarray, among: np.ndarray) -> int:
        return int(kept[np.flatnonzero(among)[np.argmax(score[among])]])

    head, ankle, eye, ball = (data.cube(cube, shape) for cube in ("head", "l-ankle", "l-eye", "l-foot-1"))
    eyeball = data.groups["helper-l-eye"]
    lids = shape[half.lids]
    ear = mask(data, kept, "mpfb_ears") & (x > 0.03) & (np.abs(z - head[2]) < 0.08)
    foot = (y < ankle[1]) & (x > 0)
    floor, back = y[foot].min(), z[foot].min()
    heel = foot & (y < floor + 0.03) & (z < back + 0.06)
    out = {
        "nose": extreme(z, (x == 0) & (y > head[1] - 0.02) & (y < eye[1])),
        "head_top": extreme(y, x == 0),
        "left_eye": nearest(shape[eyeball.reshape(EYE_SIDES, -1)[:, 0]].mean(axis=0)),
        "left_eye_inner": nearest(lids[np.argmin(lids[:, 0])]),
        "left_eye_outer": nearest(lids[np.argmax(lids[:, 0])]),
        "left_ear": nearest(position[ear].mean(axis=0) + TOWARDS_TRAGUS),
        "left_mouth": nearest(shape[half.mouth_corner] + OUT_OF_CORNER),
        "left_heel": extreme(-z - 2 * np.abs(y - floor - 0.02), heel),
        "left_heel_sole": extreme(-np.linalg.norm(position - [ankle[0], floor, back + 0.03], axis=1), heel),
        "left_toe_sole": extreme(-np.linalg.norm(position - [ball[0] - 0.01, floor, ball[2]], axis=1), foot),
        "left_big_toe": nearest(data.cube("l-toe-1-3", shape)),
        "left_small_toe": nearest(data.cube("l-toe-5-4", shape)),
    }
    for i, name in enumerate(FINGERS, start=1):
        out[f"left_{name}_tip"] = nearest(data.cube(f"l-finger-{i}-4", shape))
    out.update({"right" + name[4:]: int(data.mirror[v]) for name, v in list(out.items()) if name.startswith("left")})
    return out


def ordered(kept: np.ndarray, marks: dict[str, int]) -> np.ndarray:
    """The kept vertices in their final order: landmarks at SMPL's published indices, the rest in sequence."""
    fixed = {number: marks[name] for name, number in SMPL_NUMBERS.items()}
    if len(set(fixed.values())) != len(fixed):
        raise RuntimeError("two landmarks fell on the same vertex")
    rest = iter([v for v in kept.tolist() if v not in set(fixed.values())])
    return np.array([fixed[i] if i in fixed else next(rest) for i in range(len(kept))])
