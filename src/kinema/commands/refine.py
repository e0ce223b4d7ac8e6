"""`kinema refine`: smooth a motion file with a network or a filter."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_body, add_file, add_reading, add_settings, group_of
from kinema.options import Setting, in_flags, settings_of

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.motion import Motion

DESCRIPTION = """\
Refine a motion file of any format that Kinema reads: less shaking, and with a network fewer errors.

filters     whittaker gaussian (gaus1d) savgol butterworth oneeuro oneeuro-causal median, strength by --strength
networks    smoothnet synsp, weights by --checkpoint (SmoothNet: also the published ones from the weights cache)
            mixer, Kinema's own, for the 3D landmarks that the body was fitted to (keypoints3d); the body stays
presets     video2pkl: SmoothNet on the joints, pose and translation brought into agreement with them, stabiliser

--representation says what a network smooths: 3d (joints; the pose follows), smpl (rotations) or 2d (keypoints).
A result in the world is placed there anew. docs/refinement.md says which method is good for what.
"""

EXAMPLES = """\
  kinema refine smpl_output.pkl --method smoothnet --window-size 32
  kinema refine smpl_output.pkl --method smoothnet --checkpoint checkpoint_8.pth.tar --representation smpl
  kinema refine smpl_output.pkl --method savgol --strength 0.7 --out smooth.pkl
  kinema refine smpl_output.pkl --method mixer --out landmarks.pkl
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: of each method's options those that people may set, below the methods that take them."""
    add_file(parser)
    parser.add_argument("--method", required=True, metavar="METHOD", help="a filter, a network or a preset, see above")
    parser.add_argument("--out", type=Path, metavar="OUT", help="file to write (default: FILE with _refined)")
    for setting, heading in _settings():
        add_settings(parser, [dataclasses.replace(setting, group=heading)])
    both = group_of(parser, "both")
    add_body(both)
    add_reading(both)


def _settings() -> list[tuple[Setting, str]]:
    """Every setting of a method once, with the heading that says who takes it."""
    from kinema.refinement.registry import REFINERS

    found: dict[str, Setting] = {}
    kinds: dict[str, set[str]] = {}
    defaults: dict[str, dict[str, Any]] = {}
    for refiner in REFINERS:
        for name, setting in settings_of(refiner.stage.options).items():
            if name == "method":
                continue
            found.setdefault(name, dataclasses.replace(setting, public=None))
            kinds.setdefault(name, set()).add(refiner.kind)
            defaults.setdefault(name, {})[refiner.name] = setting.default
    for name, setting in found.items():
        others = {who: value for who, value in defaults[name].items() if value != setting.default}
        if others:
            told = ", ".join([str(setting.default), *(f"{value} for {who}" for who, value in others.items())])
            found[name] = dataclasses.replace(setting, help=f"{setting.help} (default: {told})")
    order = ("networks", "filters", "both")
    headed = [(s, f"{next(iter(kinds[n]))}s" if len(kinds[n]) == 1 else "both") for n, s in found.items()]
    return sorted(headed, key=lambda each: order.index(each[1]) if each[1] in order else len(order))


def run(args: argparse.Namespace) -> int:
    from kinema.body import load_body
    from kinema.commands._console import print_table
    from kinema.formats import load_motion, motion_file, save_motion
    from kinema.refinement import refine
    from kinema.refinement.measures import SMOOTHING
    from kinema.refinement.registry import REFINERS

    given = settings(args)
    REFINERS.find(args.method).make_options(**given)
    file = motion_file(args.file)
    motion = load_motion(file, format=args.format, fps=args.fps)
    body = load_body(args.body_model)
    refined = refine(motion, body, args.method, **given)
    notes: list[str] = []
    if "pose" in REFINERS.find(args.method).fills:
        refined, notes = placed(motion, refined, body)
    if motion.body_model not in (None, body.name) and args.body_model is None:
        notes.append(f"the file's body is {motion.body_model}; joints are the {body.name} body's (`body_model`)")
    out = args.out or file.with_name(f"{file.stem}_refined.pkl")
    save_motion(refined, out, body=body)
    print_table(
        ["person", "frames", "acceleration before > after", "jitter before > after", "moved"],
        [_row(str(person.id), len(person), person.data.get(SMOOTHING, {})) for person in refined.people],
    )
    for note in notes:
        print(f"note: {in_flags(note, args.flags)}")
    print(out)
    return 0


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line gives, under the names of the methods' options."""
    values = {setting.name: getattr(args, setting.name) for setting, _ in _settings()}
    return {name: value for name, value in values.items() if value is not None}


def placed(before: Motion, refined: Motion, body: BodyModel) -> tuple[Motion, list[str]]:
    """`refined` in the world again where `before` was, and what the user must know."""
    from kinema.world import place_in_world

    in_world = [person for person in before.people if person.joints_world is not None or person.pose_world is not None]
    changed = refined.people != before.people
    if not in_world or not changed:
        return refined, []
    if before.camera is None or all(person.pose is None for person in refined.people):
        return refined, ["the world's fields are left out: the file has no camera to place the motion with"]
    return place_in_world(refined, body), []


def _row(id: str, frames: int, told: dict[str, Any]) -> list[str]:
    if "before" not in told or not told["before"]:
        return [id, str(frames), "-", "-", "-"]
    before, after = told["before"], told["after"]
    return [
        id,
        str(frames),
        f"{before['acceleration']:.2f} > {after['acceleration']:.2f} m/s2",
        f"{before['jitter']:.0f} > {after['jitter']:.0f} m/s3",
        f"{1000 * told['moved']:.1f} mm" if "moved" in told else "-",
    ]
