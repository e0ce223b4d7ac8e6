"""Speed and memory of the camera's path by the classical method, decoding included.

    python benchmarks/camera_speed.py [CLIP] [--scene orbit] [--seconds 3] [--times 4] [--turns 1]

`kinema stage camera`, which `kinema run` contains, is given CLIP, or a rendered scene of `camera_motion.py` at
1280x720, in a process of its own, after its people were tracked, and so is a clip --times as long, which shows the same
again and again, forwards and backwards, so that there is no cut. Printed: frames per second of wall-clock time and of
CPU time, of the whole command and without its start, which a clip of two frames shows, and the process's largest
memory. To measure two cores, let it have two.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.camera_motion import scene_of

from kinema.body import load_body
from kinema.commands._tables import print_table
from kinema.video import VideoWriter, open_video

MEGABYTE = 1e6 if sys.platform == "darwin" else 1e3
"""Units of the operating system's largest memory."""


def frames_of(clip: Path) -> tuple[float, list[np.ndarray]]:
    video = open_video(clip)
    return video.fps, [frame.image for frame in video]


def to_and_fro(count: int, times: float) -> Iterator[int]:
    """Numbers of so many times as many frames, forwards, backwards and forwards again."""
    there = np.abs((np.arange(round(count * times)) + count - 1) % (2 * count - 2) - (count - 1))
    yield from there.tolist()


def write(images: list[np.ndarray], fps: float, times: float, out: Path) -> int:
    """Write the clip; the number of frames."""
    numbers = list(to_and_fro(len(images), times))
    with VideoWriter(out, images[0].shape[1], images[0].shape[0]) as writer:
        for place, number in enumerate(numbers):
            writer.write(images[number], place / fps)
    return len(numbers)


def track(clip: Path) -> Path:
    """The file of the clip's people, where the camera's path is looked for behind them."""
    tracked = clip.with_suffix(".pkl")
    command = [sys.executable, "-m", "kinema", "stage", "track", str(clip), "--out", str(tracked), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return tracked


def measured(clip: Path, tracked: Path) -> tuple[float, float, float]:
    """Seconds of wall-clock time and of CPU time, and megabytes, of the command."""
    with tempfile.TemporaryDirectory(dir=clip.parent) as out:  # a stage that is finished would not be repeated
        return _measured(
            [sys.executable, "-m", "kinema", "stage", "camera", str(tracked), "--video", str(clip), "--quiet",
             "--out", str(Path(out) / "path.pkl")]
        )  # fmt: skip


def _measured(command: list[str]) -> tuple[float, float, float]:
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    if status:
        raise SystemExit(f"{' '.join(command[2:])} failed")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / MEGABYTE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, metavar="CLIP")
    parser.add_argument("--scene", default="orbit", help="of camera_motion.py, without a CLIP")
    parser.add_argument("--seconds", type=float, default=3.0, help="of the scene")
    parser.add_argument("--times", type=float, default=4.0, help="as long is the longer clip")
    parser.add_argument("--turns", type=int, default=1, help="of which the fastest counts")
    args = parser.parse_args()
    if args.clip is None:
        scene = scene_of(load_body(), args.scene, args.seconds)
        fps, images = scene.motion.fps, list(scene.images())
    else:
        fps, images = frames_of(args.clip)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lengths = (2 / len(images), 1.0, args.times)
        clips = [(folder / f"{number}.mp4", times) for number, times in enumerate(lengths)]
        frames = [write(images, fps, times, clip) for clip, times in clips]
        del images
        tracked = [track(clip) for clip, _ in clips]
        taken = [
            np.min([measured(clip, people) for _ in range(args.turns)], axis=0)
            for (clip, _), people in zip(clips, tracked, strict=True)
        ]
        for count, (wall, cpu, memory) in zip(frames[1:], taken[1:], strict=True):
            more = np.maximum([wall - taken[0][0], cpu - taken[0][1]], 1e-9)
            rows.append(
                [f"{count}", f"{count / wall:.0f}", f"{count / cpu:.0f}", f"{count / more[0]:.0f}",
                 f"{count / more[1]:.0f}", f"{memory:.0f}"]
            )  # fmt: skip
    print_table(
        [
            "frames", "frames/s of wall-clock time", "of CPU time", "without the start: of wall-clock time",
            "of CPU time", "largest memory, MB",
        ],
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
