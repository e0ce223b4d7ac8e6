"""The free body in torch: forward kinematics and landmarks of batches on the training device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.body import BodyModel
from kinema.body.kinematics import Rig


@dataclass(frozen=True)
class BodyTables:
    """The free body as a torch rig: the contents of `kinema.body.kinematics.Rig`, for any betas.

    Poses are computed in torch rather than by `forward_kinematics`, because samples are generated on the training
    device.
    """

    parents: tuple[int, ...]
    offsets: Tensor  # (24, 3)
    offsets_dbeta: Tensor  # (24, 3, 10)
    point_joint: Tensor  # (K,)
    point_offset: Tensor  # (K, 3)
    point_offset_dbeta: Tensor  # (K, 3, 10)
    child: Tensor  # (10,): betas of the average child, 0 if the body has adults only

    @classmethod
    def of(cls, body: BodyModel, device: str, points: Sequence[tuple[str, str]] | None = None) -> BodyTables:
        """The tables of a body with BlazePose's landmarks, or with other `points`: names of sets and points."""
        rigs = {name: Rig.of(body, name, np.zeros(10)) for name in dict(points or (("blazepose33", ""),))}
        rig = next(iter(rigs.values()))
        rows = [(rig, row) for row in range(len(rig.point_joint))]
        if points is not None:
            rows = [(rigs[name], body.points(name).names.index(point)) for name, point in points]

        def tensor(array: np.ndarray) -> Tensor:
            kind = torch.long if array.dtype.kind in "iu" else torch.float32
            return torch.tensor(array, dtype=kind, device=device)

        def gathered(name: str) -> Tensor:
            return tensor(np.stack([getattr(one, name)[row] for one, row in rows]))

        return cls(
            tuple(int(p) for p in rig.parents), tensor(rig.offsets), tensor(rig.offsets_dbeta),
            gathered("point_joint"), gathered("point_offset"), gathered("point_offset_dbeta"),
            tensor(np.zeros(10) if body.child_betas is None else body.child_betas),
        )  # fmt: skip

    def joints(self, local: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Forward kinematics, pelvis at 0: local (N,24,3,3), betas (N,10) -> global (N,24,3,3), joints (N,24,3)."""
        offsets = self.offsets + torch.einsum("jcb,nb->njc", self.offsets_dbeta, betas)
        rotation = [local[:, 0]]
        position = [torch.zeros_like(local[:, 0, :, 0])]
        for j in range(1, len(self.parents)):
            p = self.parents[j]
            rotation.append(rotation[p] @ local[:, j])
            position.append(position[p] + (rotation[p] @ offsets[:, j, :, None])[..., 0])
        return torch.stack(rotation, 1), torch.stack(position, 1)

    def points(self, rotation: Tensor, joints: Tensor, betas: Tensor) -> Tensor:
        """Landmarks (N,K,3) of posed bodies: global rotations (N,24,3,3), joints (N,24,3), betas (N,10)."""
        offset = self.point_offset + torch.einsum("kcb,nb->nkc", self.point_offset_dbeta, betas)
        rotated = (rotation[:, self.point_joint] @ offset[..., None])[..., 0]
        return joints[:, self.point_joint] + rotated


def rotation_vector_to_matrix(vector: Tensor) -> Tensor:
    """(..., 3) radians -> (..., 3, 3), Rodrigues' formula."""
    angle = vector.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    x, y, z = (vector / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    sine, cosine = torch.sin(angle)[..., None], torch.cos(angle)[..., None]
    return torch.eye(3, device=vector.device) + sine * cross + (1 - cosine) * (cross @ cross)
