"""Speed of `open_video` compared with a plain PyAV loop and OpenCV's VideoCapture, in the same run.

    python benchmarks/video_decoding.py [VIDEO ...]

Every reader converts every frame to an RGB (OpenCV: BGR) array. The readers alternate in rounds, so that other load
affects all equally; the best round of each counts. Without VIDEO: the clips of KINEMA_DATA, else a generated 1080p
clip.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA

from kinema.video import VideoWriter, open_video

ROUNDS = 5


def read_kinema(path: Path) -> int:
    return sum(1 for _ in open_video(path))


def read_pyav(path: Path, thread_type: str) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = thread_type
        return sum(1 for frame in container.decode(stream) if frame.to_ndarray(format="rgb24") is not None)


def read_opencv(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count


READERS: dict[str, Callable[[Path], int]] = {
    "kinema": read_kinema,
    "PyAV loop": lambda path: read_pyav(path, "SLICE"),
    "PyAV loop, threads": lambda path: read_pyav(path, "AUTO"),
    "OpenCV": read_opencv,
}


def measure(path: Path) -> dict[str, tuple[float, float]]:
    """Frames per second, and frames per second of CPU time, of each reader: its best rounds."""
    best = dict.fromkeys(READERS, (0.0, 0.0))
    for _ in range(ROUNDS):
        for name, read in READERS.items():
            wall, cpu = time.perf_counter(), time.process_time()
            count = read(path)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = (max(best[name][0], count / wall), max(best[name][1], count / cpu))
    return best


def generated_clip(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 256, (68, 130, 3), np.uint8), (2080, 1088), interpolation=cv2.INTER_CUBIC)
    path = folder / "made_1080p.mp4"
    with VideoWriter(path, 1920, 1080) as out:
        for i in range(150):
            out.write(np.ascontiguousarray(scene[:1080, i : i + 1920]), float(Fraction(i, 30)))
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    videos = parser.parse_args().videos
    with tempfile.TemporaryDirectory() as folder:
        videos = videos or sorted(DATA.glob("videos/*.mp4")) or [generated_clip(Path(folder))]
        print(f"{'frames per second':44}" + "".join(f"{name:>20}" for name in READERS))
        ratios = []
        for path in videos:
            speed = measure(path)
            ratios.append([np.divide(speed["kinema"], speed[name]) for name in READERS])
            print(f"{path.stem[:43]:44}" + "".join(f"{wall:20.0f}" for wall, _ in speed.values()))
        for row, label in enumerate(("wall-clock time", "CPU time")):
            middle = np.median(np.array(ratios)[..., row], axis=0)
            print(f"{'kinema over other, median, ' + label:44}" + "".join(f"{r:19.2f}x" for r in middle))
    return 0


if __name__ == "__main__":
    sys.exit(main())
