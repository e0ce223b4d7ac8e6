"""`kinema refine`: smooth a motion file with a network or a filter."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_body, add_file, add_reading, add_settings, group_of, output_file
from kinema.options import Setting, in_flags, settings_of
from kinema.terminal import print_lines

if TYPE_CHECKING:
    import numpy as np

    from kinema.body import BodyModel
    from kinema.motion import Motion
    from kinema.person import Person

DESCRIPTION = """\
Refine a motion file of any format that Kinema reads: less jitter, and with a network smaller errors.

filters     whittaker gaussian (gaus1d) savgol butterworth oneeuro oneeuro-causal median, strength set by --strength
networks    smoothnet synsp, weights from --checkpoint (SmoothNet: also the published ones in the weights cache)
            mixer, Kinema's own, for the 3D landmarks that the body was fitted to (keypoints3d), not the body
presets     video2pkl: SmoothNet on the joints, pose and translation adjusted to them, stabiliser
fits        track-fit: one body per track fitted to its points (NLF's vertices, poses or joints) after a robust filter

--representation sets what a network smooths: 3d (joints; the pose follows), smpl (rotations) or 2d (keypoints).
A body in the camera's frame is refined there and placed in the world again; motion capture, which has no camera, is
refined in the world. docs/refinement.md compares the methods.
"""

EXAMPLES = """\
  kinema refine smpl_output.pkl --method smoothnet --window-size 32
  kinema refine smpl_output.pkl --method smoothnet --checkpoint checkpoint_8.pth.tar --representation smpl
  kinema refine smpl_output.pkl --method savgol --strength 0.7 --out smooth.pkl
  kinema refine smpl_output.pkl --method mixer --out landmarks.pkl
  kinema refine smpl_output.pkl --method track-fit --jump 0.5
  kinema refine mocap.bvh --method whittaker --out smooth.pkl
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the public settings of each method, grouped by the kind of method that takes them."""
    add_file(parser)
    parser.add_argument("--method", required=True, metavar="METHOD", help="a filter, network or preset, see above")
    parser.add_argument("--out", type=Path, metavar="OUT", help="file to write (default: FILE with _refined)")
    for setting, heading in _settings():
        add_settings(parser, [dataclasses.replace(setting, group=heading)])
    both = group_of(parser, "both")
    add_body(both)
    add_reading(both)


def _settings() -> list[tuple[Setting, str]]:
    """Every setting of the methods once, with the heading of the methods that take it."""
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
            values = ", ".join([str(setting.default), *(f"{value} for {who}" for who, value in others.items())])
            found[name] = dataclasses.replace(setting, help=f"{setting.help} (default: {values})")
    order = ("networks", "filters", "both")
    headed = [(s, f"{next(iter(kinds[n]))}s" if len(kinds[n]) == 1 else "both") for n, s in found.items()]
    return sorted(headed, key=lambda each: order.index(each[1]) if each[1] in order else len(order))


def run(args: argparse.Namespace) -> int:
    from kinema.body import load_body
    from kinema.body.loading import other_version
    from kinema.commands._tables import print_table
    from kinema.formats import load_motion, motion_file, save_motion
    from kinema.formats.registry import format_by_suffix
    from kinema.refinement import refine
    from kinema.refinement.measures import SMOOTHING
    from kinema.refinement.registry import REFINERS

    given = settings(args)
    REFINERS.find(args.method).make_options(**given)
    file = motion_file(args.file)
    out = output_file(args.out, file.with_name(f"{file.stem}_refined.pkl"), file)
    format_by_suffix(out)  # raises before the work
    motion = load_motion(file, format=args.format, fps=args.fps)
    body = load_body(args.body_model)
    refined = refine(motion, body, args.method, **given)
    older = other_version(refined)
    notes: list[str] = []
    if "pose" in REFINERS.find(args.method).fills:
        refined, notes = placed(motion, refined, body)
    if motion.body_model not in (None, body.name) and args.body_model is None:
        notes.append(
            f"the file's body model is {motion.body_model}, but joints are the {body.name} body's; set `body_model`"
        )
    if older is not None:
        notes.append(older)
    save_motion(refined, out, body=body)
    print_table(
        ["person", "frames", "acceleration before > after", "jitter before > after", "moved"],
        [_row(str(person.id), len(person), person.data.get(SMOOTHING, {})) for person in refined.people],
    )
    print_lines([*(f"note: {in_flags(note, args.flags)}" for note in notes), str(out)])
    return 0


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings given on the command line, by the names of the methods' options."""
    values = {setting.name: getattr(args, setting.name) for setting, _ in _settings()}
    return {name: value for name, value in values.items() if value is not None}


def placed(before: Motion, refined: Motion, body: BodyModel) -> tuple[Motion, list[str]]:
    """`refined` placed in the world again if its body there is gone or no longer the refined one, and notes."""
    import numpy as np

    from kinema.refinement.frames import can_be_placed
    from kinema.world import place_in_world

    def same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
        return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))

    def gone(old: Person, new: Person) -> bool:
        if old.joints_world is None and old.pose_world is None:
            return False
        left = same(new.pose_world, old.pose_world) and same(new.joints_world, old.joints_world)
        moved = not same(new.pose, old.pose) or not same(new.transl, old.transl)
        return (new.joints_world is None and new.pose_world is None) or (left and moved and can_be_placed(before))

    if not any(gone(old, new) for old, new in zip(before.people, refined.people, strict=True)):
        return refined, []
    if any(person.pose is None or person.transl is None for person in refined.people):
        return refined, ["world fields are left out: the file has no body in the camera's frame to place there"]
    return place_in_world(refined, body), []


def _row(id: str, frames: int, measured: dict[str, Any]) -> list[str]:
    if "before" not in measured or not measured["before"]:
        return [id, str(frames), "-", "-", "-"]
    before, after = measured["before"], measured["after"]
    return [
        id,
        str(frames),
        f"{before['acceleration']:.2f} > {after['acceleration']:.2f} m/s2",
        f"{before['jitter']:.0f} > {after['jitter']:.0f} m/s3",
        f"{1000 * measured['moved']:.1f} mm" if "moved" in measured else "-",
    ]
