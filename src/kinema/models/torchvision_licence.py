"""The terms of the checkpoints that torchvision's authors publish."""

from __future__ import annotations

from kinema.weights.entry import Licence

TORCHVISION = Licence(
    key="torchvision",
    name="BSD-3-Clause (code); training data unclear",
    url="https://github.com/pytorch/vision/blob/main/LICENSE",
    summary="published with BSD code; some of the images that it was trained on are for non-commercial research",
    unclear=True,
)
