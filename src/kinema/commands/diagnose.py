"""`kinema diagnose`: the contents of a motion file, and its types of motion."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_file, add_json, add_profile, add_reading
from kinema.options import in_flags
from kinema.terminal import print_json, print_lines

if TYPE_CHECKING:
    from kinema.quality.diagnosis import Diagnosis

DESCRIPTION = """\
Show the contents of a motion file: its entries with shapes and ranges, frame rate, camera, people, units, gaps,
assumptions of the reader, and for each person the type of motion along the ground:

STATIONARY  in place               PROGRESSING  from one place to another      LOOPING  in circles
OSCILLATING back and forth         MIXED        none of these

Nothing in the file is executed.
"""

EXAMPLES = """\
  kinema diagnose smpl_output.pkl
  kinema diagnose smpl_output.pkl --plot walk.png
  kinema diagnose wham_output.pkl --fps 25 --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    add_file(parser)
    add_json(parser, "everything")
    parser.add_argument(
        "--plot", metavar="OUT", type=Path,
        help="also plot paths, heights, speeds, contacts and bad frames (.png, .pdf, .svg; needs matplotlib)",
    )  # fmt: skip
    add_profile(parser, "motion types and limits")
    add_reading(parser)


def only_prints(args: argparse.Namespace) -> bool:
    return args.plot is None


def run(args: argparse.Namespace) -> int:
    from kinema.formats import motion_file
    from kinema.quality.diagnosis import diagnose_file

    diagnosis = diagnose_file(motion_file(args.file), profile=args.profile, format=args.format, fps=args.fps)
    if args.json:
        print_json(diagnosis.to_dict())
    else:
        print_lines([in_flags(line, args.flags) for line in lines(diagnosis)])
    if diagnosis.validation.motion is None:
        return 1
    if args.plot is not None:
        from kinema.visualization.diagnosis_plot import plot

        path = plot(diagnosis.validation, args.plot)
        if not args.json:
            print(f"plot: {path}")
    return 0


def lines(diagnosis: Diagnosis) -> list[str]:
    """The diagnosis as lines for a terminal."""
    problems = [
        "  " + ("" if problem.person is None else f"person {problem.person}: ") + problem.sentence
        for problem in diagnosis.validation.problems
    ]
    if diagnosis.validation.motion is None:
        return [f"{diagnosis.path}: no motion could be read", *problems]
    plain = diagnosis.to_dict()
    out = [f"{diagnosis.path}: {diagnosis.format}, {plain['validation']['verdict']}", *problems, *_clip(plain), ""]
    out.append("contents of the file")
    out += [f"  {_entry(entry)}" for entry in diagnosis.contents]
    for person in diagnosis.people:
        out += ["", *_person(person)]
    return out


def _clip(plain: dict[str, Any]) -> list[str]:
    rate = "" if plain["constant_rate"] else ", variable"
    out = [f"  {_count(plain['frames'], 'frame')}, {plain['fps']:g} fps{rate}, {plain['seconds']:.4g} s"]
    if plain["frames"] == 1:
        out = ["  1 frame: a single image has no motion"]
    if any(plain["image_size"]):
        out.append(f"  image size: {plain['image_size'][0]}x{plain['image_size'][1]} pixels")
    camera = plain["camera"]
    if camera is not None:
        moving = {True: "moving", False: "static", None: "motion unknown"}[camera["moving"]]
        world = "pose in the world known" if camera["world"] else "pose in the world unknown"
        out.append(f"  camera: focal length {camera['focal']:g} px ({camera['source']}), {moving}, {world}")
    if plain["body_model"]:
        out.append(f"  body: {plain['body_model']}")
    if plain["stages"]:
        out.append(f"  stages: {', '.join(plain['stages'])}")
    return out + [f"  note: {note}" for note in plain["notes"]]


def _side(height: float) -> str:
    return "above" if height > 0 else "below"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _entry(entry: dict[str, Any]) -> str:
    name = f"{entry['name']:<32}"
    if entry["kind"] != "array":
        length = entry.get("length")
        size = "" if length is None else "1 entry" if length == 1 else f"{length} entries"
        value = entry.get("value", size)
        return f"{name} {entry['kind']} {value}".rstrip()
    text = f"{name} {tuple(entry['shape'])!s:<18} {entry['dtype']:<9}"
    if "least" in entry:
        text += f" {entry['least']:.4g} .. {entry['most']:.4g}"
    return text + (f", {entry['not_finite']} not finite" if "not_finite" in entry else "")


def _person(person: dict[str, Any]) -> list[str]:
    kind = person["motion_type"]
    name = "motion type unknown" if kind is None else kind.get("kind", kind.get("motion_type"))
    out = [f"person {person['id']}: {name}, {person['verdict']}, {person['bad_frames']} bad frames"]
    if person["frames"]:
        gaps = f", {person['missing_frames']} missing in gaps" if person["missing_frames"] else ", no gaps"
        out.append(f"  {_count(person['frames'], 'frame')}, {person['first_frame']} to {person['last_frame']}{gaps}")
    if kind is not None and "extent" in kind:
        out.append(
            f"  ground path: {kind['path']:.2f} m long, {kind['extent']:.2f} m across, ends"
            f" {kind['distance']:.2f} m from its start; {kind['turns']:+.1f} turns, {kind['reversals']} reversals"
        )
    elif kind is not None:
        out.append(
            f"  path {kind['cumulative_path_cm']:.0f} cm, displacement {kind['total_displacement_cm']:.0f} cm,"
            f" correlation of halves {kind['correlation_first_second_half']:.2f}"
        )
    else:
        out.append("  position unknown in any static frame of reference")
    if "skeleton" in person:
        own = "" if person["skeleton"]["own"] else " (of a substitute: the file's own body model is unknown)"
        out.append(f"  leg length {person['skeleton']['leg_metres']:.3f} m{own}")
    if person.get("ground"):
        out.append(f"  the feet are {abs(person['ground']):.2f} m {_side(person['ground'])} the ground (y = 0)")
    for name, field in person["fields"].items():
        text = f"  {name:<20} {tuple(field['shape'])!s:<16}"
        if "least" in field:
            text += f" {field['least']:.4g} .. {field['most']:.4g}"
        elif field.get("share") is not None:
            text += f" {100 * field['share']:.0f} % true"
        missing = f", {field['missing']} missing" if "missing" in field else ""
        out.append(f"{text}{missing}  ({field['unit']})")
    return out
