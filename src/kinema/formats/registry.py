"""The table of motion formats, and the two calls that use it: `load_motion` and `save_motion`.

A format is one row here and one module with up to three functions, imported only when it is used:

    recognises(content) -> bool                     content: the opened file, a mapping (see `containers`)
    read(content, path) -> Motion                   with `fps=` where files do not say their rate (`timed`)
    write(motion, path, *, body, vertices) -> Path  first of the files written; with what else the row `takes`

A row says what the format can hold, so that a converter can say what is lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.errors import InputError, ShapeError, UsageError
from kinema.formats.containers import open_container
from kinema.motion import Motion
from kinema.registry import Registry

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.formats.report import WriteReport


@dataclass(frozen=True)
class MotionFormat:
    """One motion format.

    name: what `format=` and messages call it. summary: one line for listings. suffixes: of its files, the
    first being the one that is written. module: the name of the module that has its functions, or any object that
    has them. reads, writes: what it can do. timed: whether its files say the frames' times or rate. lossless:
    whether a Motion comes back from it as it went in. holds: what of a motion it can carry. takes: further options of
    its writer; "report" stands for a `kinema.formats.report.WriteReport` that it fills. keeps: fields of a person,
    "camera" and "rate" that come back from a file that Kinema wrote (of a lossless format: all).
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    module: str | Any
    reads: bool = True
    writes: bool = False
    timed: bool = False
    lossless: bool = False
    holds: str = ""
    takes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    def load(self) -> Any:
        """Where the format's functions are."""
        return import_module(self.module) if isinstance(self.module, str) else self.module


FORMATS: Registry[MotionFormat] = Registry(
    "motion format",
    group="kinema.formats",
    rows=(
        MotionFormat(
            "kinema-pkl",
            "Kinema's own .pkl: PARE's keys and more, plain numpy",
            (".pkl",),
            "kinema.formats.kinema_pkl",
            writes=True,
            timed=True,
            lossless=True,
            holds="everything of a motion that has people",
        ),
        MotionFormat(
            "kinema-npz",
            "Kinema's own .npz: AMASS keys that Blender's SMPL add-ons open, and everything else beside them",
            (".npz",),
            "kinema.formats.kinema_npz",
            writes=True,
            timed=True,
            lossless=True,
            holds="everything; the AMASS keys show the first person",
        ),
        MotionFormat(
            "amass",
            "AMASS .npz (SMPL, SMPL-H or SMPL-X layout), one person in a z-up world",
            (".npz",),
            "kinema.formats.amass",
            writes=True,
            timed=True,
            takes=("report",),
            keeps=("pose_world", "betas", "transl_world"),
            holds="one person's pose, shape and translation in the world, at a constant rate",
        ),
        MotionFormat(
            "pare",
            "PARE's and VIBE's demo output, pose as axis-angle or matrices",
            (".pkl",),
            "kinema.formats.pare",
            writes=True,
            takes=("report",),
            keeps=("pose", "betas", "transl", "boxes"),
            holds="people's pose, shape, boxes and 49 joints in the camera's frame",
        ),
        MotionFormat(
            "video2pkl",
            "the video-to-PKL pipeline's output",
            (".pkl",),
            "kinema.formats.video2pkl",
            holds="people's pose, shape, 49 joints and translation before a crop camera",
        ),
        MotionFormat(
            "wham",
            "WHAM's output",
            (".pkl", ".pth"),
            "kinema.formats.wham",
            holds="people's pose, shape and translation in the camera's frame and in the world",
        ),
        MotionFormat(
            "gvhmr",
            "GVHMR's and GEM's output",
            (".pt",),
            "kinema.formats.gvhmr",
            writes=True,
            takes=("report",),
            keeps=("pose", "betas", "transl", "pose_world", "transl_world", "camera", "rate"),
            holds="one person's SMPL-X body in the camera's frame and in the world, and the camera",
        ),
        MotionFormat(
            "phalp",
            "4DHumans' and PHALP's output",
            (".pkl",),
            "kinema.formats.phalp",
            holds="people's pose, shape, translation and boxes in the camera's frame, and the camera",
        ),
        MotionFormat(
            "romp",
            "ROMP's and BEV's output, of an image or a video",
            (".npz",),
            "kinema.formats.romp",
            holds="people's pose, shape, translation and joints in the camera's frame",
        ),
        MotionFormat(
            "aistpp",
            "AIST++ dance motion",
            (".pkl",),
            "kinema.formats.aistpp",
            timed=True,
            holds="one person's pose and translation in the world",
        ),
        MotionFormat(
            "glamr",
            "GLAMR's output",
            (".pkl",),
            "kinema.formats.glamr",
            holds="people's pose, shape and translation in the camera's frame and in the world, and the camera's way",
        ),
        MotionFormat(
            "bvh",
            "BVH, a skeleton for animation programs, one file for each person",
            (".bvh",),
            "kinema.formats.bvh",
            writes=True,
            timed=True,
            holds="one person's skeleton, rotations and way, at a constant rate",
            takes=("units", "fps", "rotation_order", "report"),
            keeps=("pose_world", "betas", "transl_world", "joints_world"),
        ),
        MotionFormat(
            "glb",
            "GLB (binary glTF), skinned and animated bodies for any viewer or game engine",
            (".glb",),
            "kinema.formats.glb",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's skin, skeleton and motion at true times",
            takes=("report",),
        ),
        MotionFormat(
            "usd",
            "USD (UsdSkel, .usda), skinned and animated bodies",
            (".usda", ".usd"),
            "kinema.formats.usd",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's skin, skeleton and motion at true times",
            takes=("report",),
        ),
        MotionFormat(
            "fbx",
            "FBX, skinned and animated bodies, written by the user's own Blender",
            (".fbx",),
            "kinema.formats.fbx",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's skin, skeleton and motion, at a constant rate",
            takes=("blender", "report"),
        ),
        MotionFormat(
            "trc",
            "TRC, joints as markers in OpenSim's axes, one file for each person",
            (".trc",),
            "kinema.formats.trc",
            reads=False,
            writes=True,
            timed=True,
            holds="one person's joints, at a constant rate",
            takes=("units", "fps", "report"),
        ),
        MotionFormat(
            "c3d",
            "C3D, joints as markers in OpenSim's axes, one file for each person",
            (".c3d",),
            "kinema.formats.c3d",
            reads=False,
            writes=True,
            timed=True,
            holds="one person's joints, at a constant rate",
            takes=("units", "fps", "report"),
        ),
        MotionFormat(
            "csv",
            "CSV, joints and angles of everybody as a table",
            (".csv",),
            "kinema.formats.csv_table",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's joints and joint angles at true times",
            takes=("report",),
        ),
    ),
)
"""Tried in this order; of two that recognise a file, one that is Kinema's own wins."""

_OWN = "kinema-"


def formats() -> tuple[MotionFormat, ...]:
    """Every motion format that Kinema knows. Imports none of them."""
    return FORMATS.rows()


def find_format(name: str) -> MotionFormat:
    """The format called `name`. Raises UsageError that lists the known ones."""
    return FORMATS.find(name)


def infer_format(path: str | Path) -> MotionFormat:
    """The format of the file, found by its contents. Raises InputError where none or several fit."""
    path = Path(path)
    with open_container(path) as content:
        return _recognise(content, path)


def load_motion(path: str | Path, *, format: str | None = None, fps: float | None = None) -> Motion:
    """Read a motion file, Kinema's own or another system's. Nothing in it is executed.

    format: its name in `formats()`; by default it is found by the file's contents. fps: frames a second of a
    file that does not say (most other systems' do not; then 30 are assumed, and the provenance says so).
    Raises InputError (missing, truncated or malformed file, format not recognised or ambiguous),
    UnsafeFileError (the file asks for code to be run), UsageError (unknown `format`, impossible `fps`).
    """
    path = Path(path)
    entry = None if format is None else find_format(format)
    if entry is not None and not entry.reads:
        raise UsageError(f"{entry.name} files can be written, not read")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"the frame rate must be positive, found {fps}; leave it out to take the file's own")
    try:
        with open_container(path) as content:
            if entry is None:
                entry = _recognise(content, path)
            reader = entry.load().read
            return reader(content, path) if entry.timed else reader(content, path, fps=fps)
    except ShapeError as error:
        raise InputError(f"{path}: {error}") from None


def save_motion(
    motion: Motion,
    path: str | Path,
    *,
    format: str | None = None,
    body: BodyModel | None = None,
    vertices: bool = False,
    report: WriteReport | None = None,
    **options: Any,
) -> Path:
    """Write a motion, whole or not at all, and return the path.

    format: its name in `formats()`; by default the suffix chooses (.pkl, .npz). body: the model that the
    poses belong to; by default it is loaded by `motion.body_model`. vertices: also write the posed mesh of
    every frame where the format can hold it (large: 80 kB a frame and person). report: filled with the files
    written and what differs from the motion. options: what the format's row `takes`. Raises UsageError (unknown
    suffix, format or option), OutputError (disk full, folder not writable).
    """
    path = Path(path)
    entry = format_by_suffix(path) if format is None else find_format(format)
    if not entry.writes:
        raise UsageError(f"Kinema reads {entry.name} files but does not write them")
    unknown = [name for name in options if name not in entry.takes]
    if unknown:
        raise UsageError(f"{entry.name} files are written without {unknown[0]}; leave it out")
    if "report" in entry.takes:
        options["report"] = report
    written = entry.load().write(motion, path, body=body, vertices=vertices, **options)
    if report is not None and not report.paths:
        report.paths.append(written)
    return written


def format_by_suffix(path: Path) -> MotionFormat:
    """The format that a new file of this name is written in. Raises UsageError for a suffix that none has."""
    writers = [f for f in FORMATS if f.writes]
    for entry in writers:
        if path.suffix.lower() in entry.suffixes:
            return entry
    known = ", ".join(dict.fromkeys(s for f in writers for s in f.suffixes))
    raise UsageError(f"cannot tell the motion format of {path.name!r} by its suffix; use one of {known}")


def _recognise(content: Mapping[Any, Any], path: Path) -> MotionFormat:
    """The one format that recognises the opened file."""
    found = [f for f in FORMATS if f.reads and f.load().recognises(content)]
    own = [f for f in found if f.name.startswith(_OWN)]
    if len(own) == 1 or len(found) == 1:
        return (own or found)[0]
    if found:
        names = " or ".join(f.name for f in found)
        raise InputError(f"{path} could be a file of {names}; say which with `format`")
    keys = ", ".join(repr(k) for k in list(content)[:8]) or "nothing"
    raise InputError(f"{path} is no motion file that Kinema knows (it holds {keys}); see docs/file-formats.md")
