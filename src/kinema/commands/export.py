"""`kinema export`: export a motion file to other programs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import add_body, add_file, add_json, add_names, add_reading, output_file
from kinema.errors import InputError, UsageError
from kinema.options import in_flags
from kinema.terminal import print_json, print_lines

if TYPE_CHECKING:
    from kinema.formats.report import WriteReport
    from kinema.motion import Motion

FORMATS = {
    "bvh": ("bvh", "skeleton and motion; Blender, Maya, MotionBuilder, Unreal, retargeting tools"),
    "glb": ("glb", "skinned bodies, skeleton and motion; any viewer, Blender, Unity, Unreal, web"),
    "usd": ("usd", "the same as UsdSkel (.usda); Omniverse, Houdini, Maya, Blender"),
    "fbx": ("fbx", "the same as FBX, through your own Blender"),
    "ply": ("ply", "meshes, one for every person and frame, in a .zip; Blender, MeshLab, Open3D"),
    "mesh": ("mesh-npz", "the same meshes as arrays (.npz)"),
    "blender": ("blender", "a script that sets up a scene in Blender: bodies, camera and the footage behind them"),
    "npz": ("amass", "AMASS in SMPL-X's layout; Blender's SMPL-X add-on, robot retargeting (GMR and others)"),
    "trc": ("trc", "joints as markers; OpenSim"),
    "c3d": ("c3d", "joints as markers; biomechanics"),
    "csv": ("csv", "joints and angles as a table"),
    "pt": ("gvhmr", "GVHMR's layout (torch is not needed)"),
    "pkl": ("pare", "PARE's keys and nothing else"),
}
"""Choice of `--format` -> the format's name in `kinema.formats.formats()`, and its use."""

DESCRIPTION = "Export a motion file of any format that Kinema reads to other programs.\n\n" + "\n".join(
    f"  {name:<9}{about}" for name, (_, about) in FORMATS.items()
)
EXAMPLES = """\
  kinema export smpl_output.pkl --format bvh
  kinema export smpl_output.pkl --format bvh --units cm --person 2 --out walk.bvh
  kinema export smpl_output.pkl --out walk.glb --frame camera
  kinema export smpl_output.pkl --format fbx --names unreal
  kinema export outputs/clip_20260131-142501 --format blender --out scene.py && blender --python scene.py
  kinema export mocap.bvh --format usd
  kinema export outputs/clip_20260131-142501 --format ply --surface located
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_file(parser)
    parser.add_argument(
        "--format",
        dest="target_format",
        choices=tuple(FORMATS),
        help="the format to write, see above (default: told by OUT's suffix)",
    )
    parser.add_argument(
        "--out", metavar="OUT", type=Path, help="file or folder to write to (default: FILE with another suffix)"
    )
    parser.add_argument("--person", metavar="ID", default="all", help="comma-separated track ids, or all (default)")
    parser.add_argument(
        "--frame", choices=("world", "camera"), help="frame of reference (default: world if the motion has one)"
    )
    parser.add_argument(
        "--units", choices=("m", "cm", "mm"), help="units of bvh, trc (default: m) and c3d (default: mm)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        metavar="FPS",
        help="frame rate of bvh, trc, c3d (default: the motion's), npz (30 or a multiple of it), pt (30)",
    )
    parser.add_argument(
        "--rotation-order",
        metavar="ORDER",
        type=str.upper,
        help="rotation order of a bvh: ZXY (default), XYZ, YXZ, ...",
    )
    parser.add_argument(
        "--layout",
        choices=("smplx", "smplh", "smpl"),
        help="body that the reader of an npz poses: SMPL-X (default), SMPL-H, SMPL",
    )
    add_names(parser)
    parser.add_argument(
        "--blender",
        metavar="PATH",
        help="Blender, or a python that has the package bpy, for fbx (default: searched for)",
    )
    parser.add_argument(
        "--no-camera",
        dest="camera",
        action="store_const",
        const=False,
        help="do not export the filming camera (glb, usd, fbx, npz; a .json next to a bvh)",
    )
    parser.add_argument(
        "--surface",
        choices=("located", "fitted"),
        help="surfaces of ply, mesh, usd and glb: as NLF located them (default where it did), or of the fitted bodies",
    )
    parser.add_argument(
        "--video", type=Path, metavar="VIDEO", help="footage for blender's camera (default: the one of the run)"
    )
    add_body(parser)
    add_reading(parser)
    add_json(parser, "files and notes")


def run(args: argparse.Namespace) -> int:
    """Export and print the notes and the files written."""
    from kinema.body import load_body
    from kinema.formats import FORMATS as ALL_FORMATS
    from kinema.formats import load_motion, motion_file, save_motion
    from kinema.formats.converting import reading_notes
    from kinema.formats.report import WriteReport
    from kinema.formats.skeletal import in_frame
    from kinema.pipeline.source_video import source_of_run

    suffixes = {each: ALL_FORMATS.find(entry).suffixes for each, (entry, _) in FORMATS.items()}
    name = args.target_format or told_by(args.out, suffixes)
    entry = ALL_FORMATS.find(FORMATS[name][0])
    options = {
        "units": args.units, "fps": args.rate, "rotation_order": args.rotation_order, "layout": args.layout,
        "names": args.names, "blender": args.blender, "camera": args.camera, "footage": args.video,
        "surface": args.surface,
    }  # fmt: skip
    options = {option: value for option, value in options.items() if value is not None}
    for option in options:
        if option not in entry.takes:
            setting = {"fps": "rate", "footage": "video"}.get(option, option)
            raise UsageError(f"`{setting}` does not apply to {name} files; leave it out")
    if args.video is not None and not args.video.exists():
        raise InputError(f"{args.video} does not exist; check the path")
    source = motion_file(args.file)
    out = output_path(source, name, entry.suffixes, args.out)
    if entry.name == "blender" and args.video is None:
        known = source_of_run(source)
        options |= {} if known is None or not known.path.is_file() else {"footage": known.path}
    motion = load_motion(source, format=args.format, fps=args.fps)
    motion = chosen(motion, args.person)
    if args.frame is not None:
        if entry.name == "pare" and args.frame == "world":
            raise UsageError("PARE's files are in the camera's frame; leave out `frame` or export npz")
        motion = in_frame(motion, args.frame)
    body = None if args.body_model is None else load_body(args.body_model)
    report = WriteReport()
    for note in reading_notes(motion):
        report.notes.add(note)
    save_motion(motion, out, format=entry.name, body=body, report=report, **options)
    print_report(report, args)
    return 0


def chosen(motion: Motion, people: str) -> Motion:
    """The motion with the people selected by --person. Raises UsageError."""
    if people == "all":
        return motion
    try:
        ids = list(dict.fromkeys(int(word) for word in people.split(",")))
    except ValueError:
        raise UsageError(f"`person` must be comma-separated track ids or all, found {people!r}") from None
    return motion.replace(people=tuple(motion.person(id) for id in ids))


def told_by(out: Path | None, suffixes: Mapping[str, tuple[str, ...]]) -> str:
    """The format that the file to write is of, by its suffix; suffixes: of all formats. Raises UsageError."""
    if out is None or not out.suffix or out.is_dir():
        raise UsageError("give `target_format`, or `out` as a file with a format's suffix, such as .glb")
    matching = [name for name, own in suffixes.items() if out.suffix.lower() in own]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"{out.suffix} files are of the formats {' and '.join(matching)}; give `target_format`")
    known = ", ".join(sorted({suffix for own in suffixes.values() for suffix in own}))
    raise UsageError(f"no format's files end in {out.suffix}; `out` may end in {known}")


def output_path(source: Path, name: str, suffixes: tuple[str, ...], given: Path | None) -> Path:
    """The output path: `given`, a file or (without a suffix) a folder, else next to the source; never the source.

    Raises UsageError for a suffix of another format.
    """
    from kinema.formats.registry import check_suffix

    if given is not None and given.suffix and not given.is_dir():
        check_suffix(given, name, suffixes)
        return output_file(given, given, source)
    stem = f"{source.stem}_pare" if name == "pkl" else source.stem
    path = (source.parent if given is None else given) / f"{stem}{suffixes[0]}"
    if path.resolve() == source.resolve():
        path = path.with_name(f"{stem}_{name}{suffixes[0]}")
    return path


def print_report(report: WriteReport, args: argparse.Namespace) -> None:
    """Print what was written: the notes, then the files."""
    notes, paths = [in_flags(note, args.flags) for note in report.notes], [str(path) for path in report.paths]
    if args.json:
        print_json({"files": paths, "notes": notes}, indent=None)
        return
    print_lines([*(f"note: {note}" for note in notes), *paths])
