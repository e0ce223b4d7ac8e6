"""The table of motion formats.

A format is one row here and one module with up to three functions, imported only when it is used:

    recognises(content) -> bool                     content: the opened file, a mapping (see `containers`)
    read(content, path) -> Motion                   takes `fps=`, `units=` where a file may lack them
    write(motion, path, *, body) -> Path            the first file written; also takes the options in `takes`

A row states what the format can hold, so that a converter can report what is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from kinema.errors import UsageError
from kinema.registry import Registry, resolve


@dataclass(frozen=True)
class MotionFormat:
    """One motion format.

    name: its name in `format=` and messages. summary: one line for listings. suffixes: of its files, the first is
    the one written. module: the module with its functions, by name, or any object that has them. reads, writes:
    what it supports. timed: whether its files store the frame times or the frame rate. lossless: whether a Motion
    survives a round trip unchanged. named: written only if named, because its suffix is ambiguous. holds:
    what a file can store of a motion, in words. takes: further options of its writer; "vertices": with
    posed meshes; "report" stands for a `kinema.formats.report.WriteReport` that it fills. keeps: the fields of a
    person, "camera" and "rate" that can be read back from a file written by Kinema (every one, for a lossless format).
    opener: function path -> mapping that opens its files, itself or as "module:function"; None for pickles, `.npz`
    and torch files, which Kinema opens itself.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    module: str | Any
    reads: bool = True
    writes: bool = False
    timed: bool = False
    lossless: bool = False
    named: bool = False
    holds: str = ""
    takes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    opener: str | Callable[[Path], Mapping[Any, Any]] | None = None

    def load(self) -> Any:
        """The module, or other object, that has the format's functions."""
        return import_module(self.module) if isinstance(self.module, str) else self.module

    def open(self, path: Path) -> Mapping[Any, Any]:
        """The contents of a file, from the format's `opener`. Raises the opener's errors."""
        opener = resolve(self.opener) if isinstance(self.opener, str) else self.opener
        if opener is None:
            raise UsageError(f"the format {self.name} has no `opener`; name one in its row")
        contents: Mapping[Any, Any] = opener(path)
        return contents


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
            takes=("vertices",),
            holds="everything of a motion that has people",
        ),
        MotionFormat(
            "kinema-npz",
            "Kinema's own .npz: AMASS keys that Blender's SMPL add-ons open, plus everything else",
            (".npz",),
            "kinema.formats.kinema_npz",
            writes=True,
            timed=True,
            lossless=True,
            holds="everything; the AMASS keys show the first person",
        ),
        MotionFormat(
            "amass",
            "AMASS .npz, and SMPL, SMPL-H or SMPL-X parameters under smplx's keys; one person",
            (".npz",),
            "kinema.formats.amass",
            writes=True,
            timed=True,
            takes=("fps", "layout", "camera", "report"),
            keeps=("pose_world", "betas", "transl_world", "camera"),
            holds="one person's pose, shape and translation in the world, and the filming camera, at a constant rate",
        ),
        MotionFormat(
            "pare",
            "PARE's and VIBE's demo output, pose as axis-angle or matrices",
            (".pkl",),
            "kinema.formats.pare",
            writes=True,
            takes=("vertices", "report"),
            keeps=("pose", "betas", "transl", "boxes"),
            holds="people's pose, shape, boxes and 49 joints in the camera's frame",
        ),
        MotionFormat(
            "video2pkl",
            "video2pkl's output",
            (".pkl",),
            "kinema.formats.video2pkl",
            holds="people's pose, shape, 49 joints and translation relative to a crop camera",
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
            takes=("fps", "report"),
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
            holds="people's pose, shape and translation in the camera's frame and in the world, and the camera path",
        ),
        MotionFormat(
            "emdb",
            "EMDB's sequences",
            (".pkl",),
            "kinema.formats.emdb",
            timed=True,
            holds="one person's body in the camera's frame and in the world, and the camera path",
        ),
        MotionFormat(
            "3dpw",
            "3DPW's sequences",
            (".pkl",),
            "kinema.formats.threedpw",
            timed=True,
            holds="people's bodies and joints in the camera's frame and in the world, and the camera path",
        ),
        MotionFormat(
            "bodycompress",
            "the NLF video pipeline's BodyCompress files, read by their own library",
            (".xz",),
            "kinema.formats.bodycompress",
            holds="people's vertices and joints in the camera's frame, with uncertainties, and the camera path",
            opener="kinema.formats.bodycompress:open_bodycompress",
        ),
        MotionFormat(
            "bvh",
            "BVH, a skeleton for animation programs, one file for each person",
            (".bvh",),
            "kinema.formats.bvh",
            writes=True,
            timed=True,
            holds="one person's skeleton, rotations and path, at a constant rate; the camera in a .json beside it",
            takes=("units", "fps", "rotation_order", "names", "camera", "report"),
            keeps=("pose_world", "betas", "transl_world", "joints_world"),
            opener="kinema.formats.bvh:open_bvh",
        ),
        MotionFormat(
            "glb",
            "GLB (binary glTF), skinned and animated bodies for any viewer or game engine",
            (".glb",),
            "kinema.formats.glb",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's skin, skeleton and motion, and the filming camera, at true times",
            takes=("names", "camera", "surface", "report"),
        ),
        MotionFormat(
            "usd",
            "USD (UsdSkel, .usda), skinned and animated bodies",
            (".usda", ".usd"),
            "kinema.formats.usd",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's skin, skeleton and motion, and the filming camera, at true times",
            takes=("names", "camera", "surface", "report"),
        ),
        MotionFormat(
            "mesh-npz",
            "surfaces over time as plain arrays, located or of the fitted bodies",
            (".npz",),
            "kinema.formats.mesh_npz",
            reads=False,
            writes=True,
            timed=True,
            named=True,
            holds="everybody's vertices, joints, uncertainties and triangles, at true times",
            takes=("surface", "report"),
        ),
        MotionFormat(
            "ply",
            "a PLY mesh of every person and frame, in a .zip",
            (".zip",),
            "kinema.formats.ply_sequence",
            reads=False,
            writes=True,
            named=True,
            holds="everybody's vertices, uncertainties and triangles, frame by frame",
            takes=("surface", "report"),
        ),
        MotionFormat(
            "fbx",
            "FBX, skinned and animated bodies, written by the user's own Blender",
            (".fbx",),
            "kinema.formats.fbx",
            reads=False,
            writes=True,
            timed=True,
            holds="everybody's skin, skeleton and motion, and the filming camera, at true times",
            takes=("names", "blender", "camera", "report"),
        ),
        MotionFormat(
            "blender",
            "a script that sets up a scene in Blender, bodies before their footage, and a GLB beside it",
            (".py",),
            "kinema.formats.blender_scene",
            reads=False,
            writes=True,
            timed=True,
            named=True,
            holds="everybody's skin, skeleton and motion, the filming camera and its footage",
            takes=("names", "footage", "report"),
        ),
        MotionFormat(
            "trc",
            "TRC, joints as markers in OpenSim's axes, one file for each person",
            (".trc",),
            "kinema.formats.trc",
            writes=True,
            timed=True,
            holds="one person's joints, at a constant rate",
            takes=("units", "fps", "report"),
            keeps=("joints_world",),
            opener="kinema.formats.trc:open_trc",
        ),
        MotionFormat(
            "c3d",
            "C3D, joints as markers in OpenSim's axes, one file for each person",
            (".c3d",),
            "kinema.formats.c3d",
            writes=True,
            timed=True,
            holds="one person's joints, at a constant rate",
            takes=("units", "fps", "report"),
            keeps=("joints_world",),
            opener="kinema.formats.c3d:open_c3d",
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
        MotionFormat(
            "poseflow",
            "AlphaPose's tracked 2D keypoints by image, as PoseFlow writes them",
            (".json",),
            "kinema.formats.poseflow",
            reads=False,
            writes=True,
            named=True,
            holds="everybody's 2D keypoints of COCO and their numbers",
        ),
        MotionFormat(
            "opensvai",
            "OpenSVAI's tracked 2D keypoints, as LightTrack writes them",
            (".json",),
            "kinema.formats.opensvai",
            reads=False,
            writes=True,
            named=True,
            holds="everybody's 15 2D keypoints of PoseTrack, boxes and numbers",
        ),
    ),
)
"""Tried in this order; if several recognise a file, Kinema's own format wins."""


def formats() -> tuple[MotionFormat, ...]:
    """Every motion format that Kinema knows. Imports none of them."""
    return FORMATS.rows()


def format_by_suffix(path: Path) -> MotionFormat:
    """The format to write a file of this name in. Raises UsageError for an unknown suffix and for a folder."""
    writers = [f for f in FORMATS if f.writes and not f.named]
    for entry in writers:
        if path.suffix.lower() in entry.suffixes:
            return entry
    known = ", ".join(dict.fromkeys(s for f in writers for s in f.suffixes))
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it, with one of the suffixes {known}")
    raise UsageError(f"cannot tell the motion format of {path.name!r} by its suffix; use one of {known}")


def check_suffix(path: Path, name: str, suffixes: tuple[str, ...]) -> None:
    """Raise UsageError if a file to write does not end as those of the format called `name` do."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{name} files end in {' or '.join(suffixes)}; rename {path.name} or change `target_format`")
