"""Camera cuts in the real clips, and in clips cut from them: what is found, and how far everything else is from a cut.

    python benchmarks/camera_cuts.py [CLIP...]

One line per clip: the cuts found; the greatest prominence of any other step (a cut has 1.9 or more); and of twelve
pieces each of 12 and 30 frames that are cut out of the clip, in turn, the fraction that is found. Then cuts, dissolves
and fades from each clip to the next: the fraction that is found once and in its place.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import all_videos

from kinema.commands._tables import print_table
from kinema.tracking.cuts import AHEAD, CutFinder, Thumbnail
from kinema.video import Frame, open_video

SIDE = 24
"""Frames on either side of what is made."""


def thumbnails_of(images: Sequence[np.ndarray]) -> list[Thumbnail]:
    return [Thumbnail.of(Frame(i, i / 30, image)) for i, image in enumerate(images)]


def found(thumbnails: Sequence[Thumbnail]) -> tuple[list[int], float]:
    """The cuts, and the greatest prominence of a step that is none."""
    finder, cuts, greatest = CutFinder(), [], 0.0
    for i in range(len(thumbnails)):
        finder.prominence = 0.0
        cut = finder.step(
            [replace(thumbnail, index=k) for k, thumbnail in enumerate(thumbnails[i : i + AHEAD + 1], start=i)]
        )
        if cut is not None:
            cuts.append(cut.first)
        else:
            greatest = max(greatest, finder.prominence)
    return cuts, greatest


def without(thumbnails: Sequence[Thumbnail], first: int, count: int) -> list[Thumbnail]:
    """The thumbnails around a piece that was cut out, at even times."""
    kept = [*thumbnails[max(0, first - SIDE) : first], *thumbnails[first + count : first + count + SIDE]]
    return [replace(thumbnail, time=i / 30, index=i) for i, thumbnail in enumerate(kept)]


def transitions(one: Sequence[np.ndarray], other: Sequence[np.ndarray], rng: np.random.Generator) -> dict[str, bool]:
    """Whether a cut, a dissolve and a fade between two clips are found, each once and at its place."""
    length = int(rng.integers(8, 26))
    share = np.clip((np.arange(2 * SIDE + length) - SIDE) / length, 0, 1)
    dark = np.abs(2 * share - 1)
    made = {
        "cut": [one[i % len(one)] if i < SIDE else other[i % len(other)] for i in range(2 * SIDE)],
        "dissolve": [
            cv2.addWeighted(one[i % len(one)], 1 - s, other[i % len(other)], s, 0) for i, s in enumerate(share)
        ],
        "fade": [
            (d * (one if s < 0.5 else other)[i % len(one if s < 0.5 else other)]).astype(np.uint8)
            for i, (s, d) in enumerate(zip(share, dark, strict=True))
        ],
    }
    right = {}
    for name, images in made.items():
        cuts = found(thumbnails_of(images))[0]
        right[name] = len(cuts) == 1 and SIDE <= cuts[0] <= SIDE + length
    return right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    args = parser.parse_args()
    clips = args.clips or all_videos()
    rng = np.random.default_rng(0)
    rows, kept = [], []
    for clip in clips:
        thumbnails, images = [], []
        with open_video(clip) as video:
            for frame in video:
                thumbnails.append(Thumbnail.of(frame))
                if frame.index >= 10 and len(images) < 80:  # the treadmill's own cut is before
                    images.append(cv2.resize(frame.image, (256, 144), interpolation=cv2.INTER_AREA))
        if not clip.stem.endswith("_original"):
            kept.append(images)
        cuts, greatest = found(thumbnails)
        shares = []
        for count in (12, 30):
            firsts = rng.integers(SIDE, max(SIDE + 1, len(thumbnails) - count - SIDE), 12)
            hits = [
                any(abs(c - SIDE) < 2 for c in found(without(thumbnails, int(first), count))[0]) for first in firsts
            ]
            shares.append(f"{100 * np.mean(hits):.0f} %")
        rows.append([clip.stem, str(len(thumbnails)), ", ".join(map(str, cuts)) or "none", f"{greatest:.2f}", *shares])
    print_table(["clip", "frames", "cuts", "greatest other step", "12 frames cut out", "30 frames"], rows)
    made = [transitions(one, other, rng) for one, other in pairwise([*kept, kept[0]]) for _ in range(2)]
    for name in made[0]:
        print(f"{name}: {100 * np.mean([each[name] for each in made]):.0f} % of {len(made)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
