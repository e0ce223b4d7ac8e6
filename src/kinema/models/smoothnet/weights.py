"""SmoothNet's published checkpoints, one for each window, which the user downloads from the authors."""

from __future__ import annotations

from kinema.models.smoothnet.facts import TENSORS, WINDOWS
from kinema.weights.entry import Entry, Licence, TrainingData

SMOOTHNET = Licence(
    key="smoothnet",
    name="SmoothNet (Apache-2.0 file; the authors ask for non-commercial research use)",
    url="https://github.com/cure-lab/SmoothNet",
    summary="the authors' README restricts code and checkpoints to non-commercial research",
    research_only=True,
)

DATA = TrainingData(
    "Human3.6M or 3DPW",
    "each checkpoint learned from one of Human3.6M, 3DPW and AIST++, all for non-commercial research",
)


def _checkpoint(window: int) -> Entry:
    return Entry(
        name=f"smoothnet-{window}",
        group="smoothnet",
        file=f"smoothnet_{window}.pth.tar",
        what=f"smoothing, {window} frames",
        licence=SMOOTHNET,
        data=DATA,
        instructions=(
            "download the checkpoints that SmoothNet's README links to and add one of its "
            f"data/checkpoints/*/checkpoint_{window}.pth.tar"
        ),
        holds=TENSORS,
    )


ENTRIES = tuple(_checkpoint(window) for window in WINDOWS)
