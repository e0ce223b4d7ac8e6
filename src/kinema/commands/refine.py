"""`kinema refine`: smooth a motion file with a network or a filter."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.errors import UsageError

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
    parser.add_argument("file", metavar="FILE", type=Path, help="a motion file (.pkl, .npz, ...)")
    parser.add_argument("--method", required=True, metavar="METHOD", help="a filter, a network or a preset, see above")
    parser.add_argument("--out", type=Path, metavar="OUT", help="file to write (default: FILE with _refined)")
    network = parser.add_argument_group("networks")
    network.add_argument("--checkpoint", type=Path, metavar="F", help="weights (.pth.tar, .pth, .safetensors, .onnx)")
    network.add_argument("--window-size", type=int, metavar="W", help="frames of a window (default: the checkpoint's)")
    network.add_argument("--representation", choices=("2d", "3d", "smpl"), help="default: the checkpoint's, else 3d")
    network.add_argument("--step", type=int, metavar="N", help="frames between windows (default: 1, the best)")
    network.add_argument("--lag", type=int, metavar="N", help="frames of the future a result may know, as if live")
    network.add_argument(
        "--as-published", action="store_true", default=None, help="run SmoothNet as its authors do, its pull included"
    )
    filters = parser.add_argument_group("filters")
    filters.add_argument("--strength", type=float, metavar="S", help="0 (none) to 1; default 0.5")
    both = parser.add_argument_group("both")
    both.add_argument(
        "--missing", choices=("error", "interpolate"), help="what a value that is not a number is (default: error)"
    )
    both.add_argument("--body-model", metavar="PATH", help="an SMPL file (.pkl or .npz) in place of the free body")
    both.add_argument("--fps", type=float, help="frames a second of a file that does not say (default: 30)")
    both.add_argument("--from", dest="format", metavar="FORMAT", help="the file's format (default: by its contents)")


def run(args: argparse.Namespace) -> int:
    from kinema.body import load_body
    from kinema.commands._console import print_table
    from kinema.formats import load_motion, save_motion
    from kinema.refinement import refine
    from kinema.refinement.measures import SMOOTHING
    from kinema.refinement.registry import REFINERS

    settings = settings_of(args)
    motion = load_motion(args.file, format=args.format, fps=args.fps)
    body = load_body(args.body_model)
    refined = refine(motion, body, args.method, **settings)
    notes: list[str] = []
    if "pose" in REFINERS.find(args.method).fills:
        refined, notes = placed(motion, refined, body)
    if motion.body_model not in (None, body.name) and args.body_model is None:
        notes.append(f"the file's body is {motion.body_model}; joints are the {body.name} body's (--body-model)")
    out = args.out or args.file.with_name(f"{args.file.stem}_refined.pkl")
    save_motion(refined, out, body=body)
    print_table(
        ["person", "frames", "acceleration before > after", "jitter before > after", "moved"],
        [_row(str(person.id), len(person), person.data.get(SMOOTHING, {})) for person in refined.people],
    )
    for note in notes:
        print(f"note: {note}")
    print(out)
    return 0


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line gives, under the names of the method's options. Raises UsageError."""
    from kinema.refinement.registry import REFINERS

    method = REFINERS.find(args.method)
    names = {"filter": ("strength", "missing"), "network": (*_NETWORK, "missing")}[method.kind]
    given = {
        "checkpoint": args.checkpoint, "window": args.window_size, "representation": args.representation,
        "step": args.step, "lag": args.lag, "as_published": args.as_published,
        "strength": args.strength, "missing": args.missing,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    names = _ONLY.get(method.name, names)
    wrong = [name for name in given if name not in names]
    if wrong:
        option = {"window": "--window-size"}.get(wrong[0], f"--{wrong[0].replace('_', '-')}")
        why = "" if method.name in _ONLY else f", which is a {method.kind}"
        raise UsageError(f"{option} is not for --method {method.name}{why}; leave it out")
    return given


_NETWORK = ("checkpoint", "window", "representation", "step", "lag", "as_published")
_ONLY = {
    "video2pkl": ("checkpoint", "window", "representation", "lag", "missing"),
    "mixer": ("checkpoint", "step"),
}
"""Networks that do not take every setting."""


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
