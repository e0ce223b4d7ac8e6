"""The keyframes of a clip: what the networks found in each of them, and where it is thought to be."""

from __future__ import annotations

import torch
from torch import Tensor

from kinema.camera.slam.poses import identity

STORED = torch.float16
"""What the networks found is kept in half precision, as by the original: 2.4 MB a keyframe at the working size."""


class Keyframes:
    """Rows 0 to `len` - 1, in order of time.

    times: frame of the clip; features, states, contexts: (128,h,w) of `stored` type; masks: (h,w) bool, True where
    people hide the background. poses (n,7) world to camera and disparities (n,h,w) float32 are estimates, eta (n,h,w)
    the last damping of the disparities. lens: fx, fy, cx, cy in pixels of the features.
    """

    def __init__(self, height: int, width: int, lens: Tensor, *, stored: torch.dtype = STORED) -> None:
        self.lens = lens
        self.times: list[int] = []
        self.features: list[Tensor] = []
        self.states: list[Tensor] = []
        self.contexts: list[Tensor] = []
        self.masks: list[Tensor] = []
        self.stored = stored
        self._poses = identity(16, lens)
        self._disparities = lens.new_ones(16, height, width)
        self._eta = lens.new_full((16, height, width), 1e-6)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the features."""
        return self._disparities.shape[1], self._disparities.shape[2]

    @property
    def poses(self) -> Tensor:
        return self._poses[: len(self)]

    @property
    def disparities(self) -> Tensor:
        return self._disparities[: len(self)]

    @property
    def eta(self) -> Tensor:
        return self._eta[: len(self)]

    def place(self, poses: Tensor, disparities: Tensor) -> None:
        """Replace the estimates of all rows."""
        self.poses[:], self.disparities[:] = poses, disparities

    def append(self, time: int, features: Tensor, state: Tensor, context: Tensor, mask: Tensor) -> None:
        """A keyframe at the identity, of disparity one."""
        if len(self) == len(self._poses):
            self._poses, self._disparities, self._eta = (
                torch.cat([each, each]) for each in (self._poses, self._disparities, self._eta)
            )
        self.times.append(time)
        self.features.append(features.to(self.stored))
        self.states.append(state.to(self.stored))
        self.contexts.append(context.to(self.stored))
        self.masks.append(mask)
        self._poses[len(self) - 1] = identity(1, self.lens)[0]
        self._disparities[len(self) - 1] = 1
        self._eta[len(self) - 1] = 1e-6

    def remove(self, row: int) -> None:
        """Take a keyframe out; those after it move up."""
        for values in (self._poses, self._disparities, self._eta):
            values[row : len(self) - 1] = values[row + 1 : len(self)].clone()
        for each in (self.times, self.features, self.states, self.contexts, self.masks):
            del each[row]

    def normalise(self) -> None:
        """Make the mean disparity one, with the positions in the same unit."""
        mean = self.disparities.mean()
        self.disparities.div_(mean)
        self.poses[:, :3] *= mean
