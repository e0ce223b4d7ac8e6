"""Rows for the networks that OpenMMLab publishes: an archive each, with the network as `end2end.onnx`.

Their names end in digits of the checkpoint's sha256, not of the archive's. The sha256 of networks and archives are
those published by several independent projects that fetch them.
"""

from __future__ import annotations

from kinema.weights.entry import OPENMMLAB, Entry, TrainingData
from kinema.weights.places import Download

BODY7 = TrainingData(
    "body7",
    "AI Challenger, COCO, CrowdPose, MPII, sub-JHMDB, Halpe and PoseTrack18, several of which are for non-commercial"
    " research",
)
HUMAN_ART = TrainingData(
    "Human-Art, COCO",
    "Human-Art is given on request and for non-commercial use; COCO's images keep their owners' terms",
)
OBJECTS365 = TrainingData(
    "COCO, Objects365", "Objects365 is for academic use only; COCO's images keep their owners' terms"
)
UBODY = TrainingData("COCO-WholeBody, UBody", "COCO-WholeBody's and UBody's labels are for non-commercial research")
COCKTAIL14 = TrainingData(
    "cocktail14", "14 sets of bodies, hands and faces, several of which are for non-commercial research"
)

_BASE = "https://download.openmmlab.com/mmpose/v1/projects"


def openmmlab(
    name: str, what: str, stem: str, data: TrainingData, *, holds: tuple[str, ...], project: str = "rtmposev1",
    sha256: str | None = None, size: int | None = None, about: float = 0, zip_sha256: str | None = None,
    zip_size: int | None = None,
) -> Entry:  # fmt: skip
    """The row of one archive. stem: its name without ".zip"; sha256 and size: of the network in it, zip_sha256 and
    zip_size: of the archive; None if nobody has published them. about: approximate size of the network in millions of
    bytes."""
    return Entry(
        name=name, group=name, file=f"{name}.onnx", what=what, licence=OPENMMLAB, data=data, sha256=sha256, size=size,
        about=round(about * 1e6) or None,
        place=Download(f"{_BASE}/{project}/onnx_sdk/{stem}.zip", zip_sha256, zip_size), member="end2end.onnx",
        holds=holds,
    )  # fmt: skip
