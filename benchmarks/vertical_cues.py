"""How far the vertical is off that the people show, that lines of the background show, and that of both together.

    python benchmarks/vertical_cues.py [--rendered 6] [--only NAME...] [--cache DIR]

Real clips whose truth tells the vertical, and rendered rooms before cameras that look down by up to 20 degrees and are
rolled by up to 6, everything tracked and fitted. Degrees; in brackets what each states of roll and pitch.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.truths import between, truth_clips

from kinema.body import load_body
from kinema.commands._tables import print_table
from kinema.estimation import fit_body
from kinema.motion import Motion
from kinema.synthetic import procedural_motion, studio_camera
from kinema.synthetic.render import render_clip
from kinema.world import WorldOptions, place_in_world
from kinema.world.seen_lines import vertical_of
from kinema.world.vanishing import BACKGROUND_LINES

SCRIPTS = ("on-the-spot", "demo", "rounds")
SECONDS = 4.0


def rendered(folder: Path, count: int) -> list[tuple[str, Path, np.ndarray]]:
    """Names, clips and true verticals (3,) in the camera's axes."""
    folder.mkdir(parents=True, exist_ok=True)
    body, out = load_body(), []
    for number in range(count):
        rng = np.random.default_rng(number)
        pitch, roll = np.radians(rng.uniform(0, 20)), np.radians(rng.uniform(-6, 6))
        script = SCRIPTS[number % len(SCRIPTS)]
        camera = studio_camera(640, 360, position=(0.0, 1.4 + 4.6 * np.tan(pitch) * 0.7, 0.0), pitch=pitch)
        turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        camera = camera.replace(rotation=turn @ camera.rotation, translation=turn @ camera.translation)
        path = folder / f"{script}_{number}.mp4"
        if not path.is_file():
            motion = procedural_motion(body, script, seed=number, fps=10, camera=camera).slice(None, SECONDS)
            render_clip(motion, body, path, seed=number)
        out.append((f"rendered: {script} {number}", path, camera.rotation[:, 1]))
    return out


def row(name: str, fitted: Motion, true: np.ndarray) -> list[str]:
    """Errors of the people's vertical, of the lines', and of both together."""
    body = load_body()
    data = {key: value for key, value in fitted.data.items() if key != BACKGROUND_LINES}
    people = place_in_world(fitted.replace(data=data), body, WorldOptions(camera="static"))
    both = place_in_world(fitted, body, WorldOptions(camera="static"))
    plumb = vertical_of(fitted, fitted.camera, people.camera.rotation[:, 1])
    cells = [cell(people, true), "nothing", cell(both, true)]
    if plumb is not None:
        roll, pitch = np.minimum(np.degrees(plumb.sigma), 90)
        cells[1] = f"{between(plumb.up, true):.1f} ({roll:.1f}, {pitch:.1f})"
    return [name, *cells]


def cell(motion: Motion, true: np.ndarray) -> str:
    gravity = motion.provenance[-1].arguments["gravity"]
    off = between(motion.camera.rotation[:, 1], true)
    return f"{off:.1f} ({gravity['sigma_roll']:.1f}, {gravity['sigma_pitch']:.1f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rendered", type=int, default=6, help="rendered clips (default: 6)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="clips whose names begin so (balance, rendered, ...)")
    parser.add_argument("--cache", type=Path, default=Path("outputs/vertical_cues"), help="folder of what was tracked")
    args = parser.parse_args()
    kept, how = Kept(args.cache), Chain("default")
    clips = [(known.name, known.clip, known.up) for known in truth_clips() if known.up is not None]
    clips += rendered(args.cache, args.rendered) if args.rendered else []
    clips = [each for each in clips if args.only is None or each[0].startswith(tuple(args.only))]
    rows = []
    for name, clip, true in clips:
        fitted = fit_body(kept.tracked(clip, how), load_body(), how.options().fit)
        rows.append(row(name, fitted, true))
    print_table(["clip", "people", "lines", "both"], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
