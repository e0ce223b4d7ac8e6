"""2D error and speed of keypoint sources on two views of `balance_single`, whose joints were triangulated.

    python benchmarks/keypoint_sources.py [SOURCE[+DETECTOR][+flip]...] [--time-range A-B]

12 limb joints, in percent of the person's height in the image (mean, 95th percentile over joints and frames), against
the truth projected into the view; the truth's own 1-3 cm and other definitions of the joints are part of it. Speed is
that of tracking, decoding included, over the first source's: the sources take turns on each view in one process.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.truths import BALANCE_VIEWS, balance_truth

from kinema.commands._tables import print_table
from kinema.geometry.camera import project
from kinema.keypoints.detectors import DETECTORS
from kinema.pipeline.options import time_range
from kinema.skeleton import LIMBS12, joint_set
from kinema.tracking import TrackingOptions, track_people
from kinema.video import open_video

DEFAULT = (
    "blazepose", "blazepose+flip", "blazepose-heavy", "blazepose-heavy+flip", "rtmpose", "rtmpose-s-halpe26",
    "rtmpose-s-halpe26+yolox-tiny", "rtmpose-s-halpe26+yolox-tiny+flip",
)  # fmt: skip


def options_of(name: str) -> TrackingOptions:
    source, *more = name.split("+")
    detector = next((word for word in more if word in DETECTORS.names()), None)
    return TrackingOptions(keypoints=source, detector=detector, flip="flip" in more, threads=1, max_persons=1)


def measure(view: str, name: str, span: tuple[float | None, float | None]) -> tuple[np.ndarray, float]:
    """Errors (F, 12) in fractions of the height, and frames a second."""
    truth = balance_truth(view)
    person, camera = truth.people[0], truth.camera
    assert person.joints is not None
    assert camera is not None
    with open_video(DATA / "videos" / f"balance_single_multiview_{view}.mp4", start=span[0], end=span[1]) as video:
        begin = time.perf_counter()
        motion = track_people(video, options_of(name))
        rate = motion.num_frames / (time.perf_counter() - begin)
    # The one who is nearest to the truth: people pass by in the background.
    errors = []
    for found in motion:
        rows = np.abs(truth.times[:, None] - motion.times[found.frames]).argmin(axis=0)
        joints = person.joints[rows][:, [person.names.index(name) for name in LIMBS12]]
        pixels = project(joints, camera.intrinsics, camera.distortion)
        height = np.ptp(pixels[..., 1], axis=1).max()
        seen = found.keypoints[:, joint_set(str(found.keypoint_set)).indices(LIMBS12)]
        errors.append(np.linalg.norm(seen - pixels, axis=-1) / height)
    return min(errors, key=lambda each: float(np.nanmedian(each))), rate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*", default=DEFAULT, metavar="SOURCE[+DETECTOR][+flip]")
    parser.add_argument("--time-range", type=time_range, default=(None, 8.0), help="seconds of the clips (default: -8)")
    args = parser.parse_args()
    require_data(DATA / "gt" / "balance_single")
    errors: dict[tuple[str, str], np.ndarray] = {}
    rates: dict[str, list[float]] = {name: [] for name in args.sources}
    for view in BALANCE_VIEWS:
        for name in args.sources:
            errors[name, view], rate = measure(view, name, args.time_range)
            rates[name].append(rate)
    first = rates[args.sources[0]]
    print_table(
        ["source", *(f"{view} %" for view in BALANCE_VIEWS), *(f"{view} 95th %" for view in BALANCE_VIEWS), "speed"],
        [
            [
                name,
                *(f"{100 * np.nanmean(errors[name, view]):.2f}" for view in BALANCE_VIEWS),
                *(f"{100 * np.nanpercentile(errors[name, view], 95):.2f}" for view in BALANCE_VIEWS),
                f"{np.median(np.array(rates[name]) / first):.2f}",
            ]
            for name in args.sources
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
