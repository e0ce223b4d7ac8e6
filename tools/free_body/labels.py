"""Vertex labels: clothing, skin, hair and facial parts, from bones and positions."""

from __future__ import annotations

import cv2
import numpy as np
from free_body.makehuman import MakeHuman
from free_body.surface import EYE_RINGS, EYE_SIDES, HalfSurface

from kinema.skeleton import SMPL24

NAMES = ("skin", "hair", "shirt", "trousers", "shoes", "lips", "brows", "eye_white", "iris")


def labels(
    data: MakeHuman, half: HalfSurface, kept: np.ndarray, vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray
) -> np.ndarray:
    """(V,) uint8 indices into NAMES. kept (V,): base-mesh indices; the rest is of the final T-pose template."""
    out = np.zeros(len(kept), dtype=np.uint8)
    part = weights.argmax(axis=1)

    def of(*names: str) -> np.ndarray:
        return np.isin(part, SMPL24.indices(names))

    x, y, z = np.abs(vertices[:, 0]), vertices[:, 1], vertices[:, 2]
    head, neck = joints[SMPL24.index("head")], joints[SMPL24.index("neck")]
    shoulder, elbow = joints[SMPL24.index("left_shoulder")], joints[SMPL24.index("left_elbow")]
    pelvis, ankle = joints[0], joints[SMPL24.index("left_ankle")]

    trunk = of("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
    legs = of("left_hip", "right_hip", "left_knee", "right_knee", "pelvis")
    out[trunk | of("left_shoulder", "right_shoulder")] = NAMES.index("shirt")
    collar = neck[1] - 0.02 - 0.35 * np.maximum(z - neck[2], 0)  # a neckline that is lower in front
    out[(out == NAMES.index("shirt")) & (y > collar) & (x < 0.09)] = NAMES.index("skin")
    out[(out == NAMES.index("shirt")) & (x > shoulder[0] + 0.62 * (elbow[0] - shoulder[0]))] = NAMES.index("skin")
    out[(legs | trunk) & (y < pelvis[1] + 0.02)] = NAMES.index("trousers")
    out[of("left_ankle", "right_ankle", "left_foot", "right_foot")] = NAMES.index("shoes")
    out[of("left_knee", "right_knee") & (y < ankle[1] + 0.045)] = NAMES.index("shoes")

    skull = of("head", "neck")
    eye = data.groups["helper-l-eye"].reshape(EYE_SIDES, EYE_RINGS)
    both = np.concatenate([eye, data.mirror[eye]])
    pupil = vertices[np.isin(kept, eye[:, 0])].mean(axis=0)
    behind_ear = head[2] + 0.012
    line = pupil[1] + 0.062 - 1.2 * np.maximum(x - 0.05, 0) - 0.9 * np.maximum(behind_ear + 0.06 - z, 0)
    out[skull & (y > np.maximum(line, head[1] - 0.035)) & ~mask(data, kept, "mpfb_ears")] = NAMES.index("hair")
    mouth = vertices[kept == half.mouth_corner][0]
    lips = (y > mouth[1] - 0.014) & (y < mouth[1] + 0.011) & (x < mouth[0] - 0.003)
    out[skull & mask(data, kept, "mpfb_lips") & lips & (z > head[2] + 0.05)] = NAMES.index("lips")
    arch = pupil[1] + 0.0215 + 0.0035 * np.sin(np.clip((x - 0.012) / 0.038, 0, 1) * np.pi)
    brow = (np.abs(y - arch) < 0.0045) & (x > 0.012) & (x < 0.052) & (z > head[2] + 0.05)
    out[skull & brow] = NAMES.index("brows")
    out[np.isin(kept, both)] = NAMES.index("eye_white")
    out[np.isin(kept, both[:, :2])] = NAMES.index("iris")
    return out


def mask(data: MakeHuman, kept: np.ndarray, name: str) -> np.ndarray:
    """(V,) bool: whether a texture mask of the data covers the vertex."""
    texture = cv2.imread(str(data.folder / "textures" / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    uv = data.uv[kept]
    column = np.clip((uv[:, 0] * texture.shape[1]).astype(int), 0, texture.shape[1] - 1)
    row = np.clip(((1 - uv[:, 1]) * texture.shape[0]).astype(int), 0, texture.shape[0] - 1)
    return texture[row, column] > 127
