"""The files of NLF's release, which the user downloads from its author."""

from __future__ import annotations

from kinema.models.nlf.facts import TENSORS
from kinema.weights.entry import Entry, Licence, TrainingData

NLF = Licence(
    key="nlf",
    name="NLF: non-commercial research",
    url="https://github.com/isarandi/nlf",
    summary="non-commercial research only",
    research_only=True,
)

DATA = TrainingData(
    "many data sets of people",
    "images with bodies, joints or surfaces from some fifty data sets, most of which are for non-commercial research",
)

_LAST = {"l": "backbone.1.8.0.weight", "s": "backbone.1.7.0.weight"}
"""A tensor that only this size has."""

_RELEASES = "https://github.com/isarandi/nlf/releases"


def _program(size: str) -> Entry:
    return Entry(
        name=f"nlf-{size}",
        group="nlf",
        file=f"nlf_{size}_multi.torchscript",
        what=f"NLF-{size.upper()}: image to any points of the body",
        licence=NLF,
        data=DATA,
        instructions=f"download nlf_{size}_multi*.torchscript, with nlf_data_files.zip beside it ({_RELEASES})",
        holds=tuple(f"crop_model.{name}" for name in (*TENSORS, _LAST[size])),
        companions=("nlf_data_files.zip",),
    )


def _crop(size: str) -> Entry:
    return Entry(
        name=f"nlf-{size}-crop",
        group="nlf",
        file=f"nlf_{size}_crop.pt",
        what="the same network's state dict",
        licence=NLF,
        data=DATA,
        instructions=f"download nlf_{size}_crop*.pt and nlf_data_files.zip ({_RELEASES}) into one folder",
        holds=(*TENSORS, _LAST[size]),
        companions=("nlf_data_files.zip",),
    )


ENTRIES = (_program("l"), _crop("l"), _program("s"), _crop("s"))
