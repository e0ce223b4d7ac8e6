"""The poses of the images between keyframes: a guess on the way between two, and what the operator sees from both."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kinema.camera.slam.graph import FactorGraph
from kinema.camera.slam.keyframes import Keyframes
from kinema.camera.slam.poses import compose, exp, inverse, log
from kinema.models.droid.torch_run import DroidRun

AT_ONCE = 16
"""Images that are filled in together."""

_LOOKS = 6


def between(poses: Tensor, times: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Poses (m,7) at times (m,) on the way between keyframes' poses (n,7) at rising times (n,), and the rows of the
    keyframes before and after; beyond the last one, its pose."""
    before = (torch.searchsorted(times, wanted, right=True) - 1).clamp(min=0)
    after = (before + 1).clamp(max=len(times) - 1)
    step = log(compose(poses[after], inverse(poses[before])))
    share = (wanted - times[before]) / (times[after] - times[before] + 1e-3)
    return compose(exp(step * share[:, None]), poses[before]), before, after


class Filler:
    """Call it with images of a shot, up to `AT_ONCE`, for their poses."""

    def __init__(self, net: DroidRun, frames: Keyframes) -> None:
        self._net, self._frames = net, frames
        self._times = frames.lens.new_tensor(frames.times)

    def __call__(self, numbers: list[int], images: list[np.ndarray]) -> Tensor:
        """Poses (m,7) of the frames `numbers`, from their images (H,W,3) uint8 RGB, in which people are seen."""
        known = self._frames
        wanted = known.lens.new_tensor(numbers)
        guess, before, after = between(known.poses, self._times, wanted)
        used = torch.unique(torch.cat([before, after])).tolist()
        frames = Keyframes(*known.size, known.lens)
        for row in used:
            frames.append(
                known.times[row], known.features[row], known.states[row], known.contexts[row], known.masks[row]
            )
        nothing = known.lens.new_zeros(0)
        for number, image in zip(numbers, images, strict=True):
            frames.append(number, self._net.features(image), nothing, nothing, known.masks[0])
        frames.poses[: len(used)], frames.poses[len(used) :] = known.poses[used], guess
        frames.disparities[: len(used)] = known.disparities[used]
        graph = FactorGraph(self._net, frames)
        for rows in (before, after):
            graph.add((used.index(row), len(used) + number) for number, row in enumerate(rows.tolist()))
        for _ in range(_LOOKS):
            graph.update(first=len(used), last=len(frames), motion_only=True)
        return frames.poses[len(used) :]
