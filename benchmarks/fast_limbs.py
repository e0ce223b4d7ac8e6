"""Where fast wrists lose their speed, stage by stage, and what keeping it costs where people are calm.

    python benchmarks/fast_limbs.py [--cache DIR] [--clips NAME...] [--alone]

Rows: the prior's poses, placed where the image has them; the fit without smoothness in time; the fit; the fit smoothed
alike everywhere; the filter by default, which spares fast limbs; what the whole chain gives, placed in the world. The
tracking has no filter of its own. Speed: of the wrists in the image, in the tenth of the frames in which the keypoints
are fastest, as a share of the keypoints' own speed (whose trembling counts as speed, so that 100 % is out of reach).
Both networks: the same along what another network sees, where trembling falls out (`accuracy_parts/agreement.py`),
where the networks' points lie within 5 % and within 3 % of the person's height of each other; --alone leaves these
columns out, for which clips are tracked once more. Off: shares of elbows, wrists, knees and ankles
that are surely seen and lie more than 10 % of the person's height from where they are seen. Acceleration: mean over the
joints and frames, each counted with at most 200 m/s2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.agreement import AGREED, ANOTHER, CLOSE, SAME, agreed_speed
from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.limbs import CLIPS, acceleration, limbs_off, speed_kept
from benchmarks.accuracy_parts.tables import figure

from kinema.body import BodyModel, load_body
from kinema.commands._tables import print_table
from kinema.motion import Motion
from kinema.refinement import FilterOptions, filter_motion

PLAIN = {"filter": "none"}
LOOSE = dict.fromkeys(("rotation_acceleration", "root_acceleration", "depth_acceleration"), 1e4)
FITS = (
    Chain("prior", PLAIN, solver={"iterations": 0}),
    Chain("fit, not smooth", PLAIN, solver=LOOSE),
    Chain("fit", PLAIN),
)
FILTERS = {"alike": FilterOptions(fast_limbs=False), "filter": FilterOptions()}
WHOLE = Chain("default")


def stages(kept: Kept, clip: Path, body: BodyModel) -> Iterator[tuple[str, Motion]]:
    """The results of a clip, by stage."""
    for how in FITS:
        fitted = kept.result(clip, how)
        yield how.name, fitted
    for name, options in FILTERS.items():
        yield name, filter_motion(fitted, body, options)
    yield "world", kept.result(clip, WHOLE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("outputs/accuracy"), help="folder of what was tracked")
    parser.add_argument("--clips", nargs="+", choices=CLIPS, default=CLIPS, metavar="NAME", help="only these")
    parser.add_argument("--alone", action="store_true", help="without another network")
    args = parser.parse_args()
    require_data(DATA / "videos")
    body, kept, rows = load_body(), Kept(args.cache), []
    for clip in args.clips:
        file = DATA / "videos" / f"{clip}.mp4"
        other = kept.tracked(file, ANOTHER) if clip in AGREED and not args.alone else None
        for name, motion in stages(kept, file, body):
            shared = [float("nan") if other is None else agreed_speed(motion, other, body, s)[0] for s in (SAME, CLOSE)]
            off, moved = limbs_off(motion, body), acceleration(motion)
            figures = (figure(speed_kept(motion, body)), *map(figure, shared), figure(off, 1), figure(moved, 1))
            rows.append(["" if rows and name != "prior" else clip, name, *figures])
    measures = ("speed kept %", "both networks %", "both within 3 %", "limbs off, per mille", "acceleration m/s2")
    print_table(["clip", "stage", *measures], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
