"""`kinema run` without overlay: frames per second compared with MediaPipe's Pose, stages, memory, a longer clip.

    python benchmarks/run_speed.py [VIDEO] [--rounds N] [--times N] [--mediapipe-python PATH]

Each run is a separate process with nothing to reuse. MediaPipe (mediapipe==0.10.21, its Pose solution,
model_complexity=1, one person; PATH is a Python that has it, by default the one created by `make .venv-mediapipe`)
alternates with Kinema, so that other load affects both. Frames per second are measured from the call with the video's
name to its return, including loading networks and writing files; imports are excluded there, but included in the ratio
of the whole processes. CPU time is that of all threads; on a busy machine it is more meaningful than wall-clock time.
The longer clip is the same one repeated without re-encoding, measured in two rounds at most: what a run costs once,
such as the body's shape, matters less there. Without VIDEO: football_juggle_single_handheld of KINEMA_DATA (one person,
720p).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA

ROOT = Path(__file__).resolve().parent.parent

# VmHWM is this process's own peak; a child's ru_maxrss starts at that of its parent.
WORKER = """
import json, sys, time
import ai_edge_litert.interpreter, onnxruntime
from kinema.pipeline import RunOptions, run
begin, cpu = time.perf_counter(), time.process_time()
result = run(sys.argv[1], sys.argv[2], RunOptions.of(overlay=False), force=True)
wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
record = result.record
people = sum(person["frames"] for person in record["summary"]["people"])
print(json.dumps([record["summary"]["frames"], people, wall, cpu, peak / 1024, record["seconds"]]))
"""


MEDIAPIPE = """
import json, sys, time
import cv2
import mediapipe as mp
begin, cpu = time.perf_counter(), time.process_time()
capture = cv2.VideoCapture(sys.argv[1])
frames = 0
with mp.solutions.pose.Pose(model_complexity=1) as pose:
    while True:
        ok, image = capture.read()
        if not ok:
            break
        pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        frames += 1
wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([frames, frames, wall, cpu, peak / 1024, {}]))
"""


Measured = tuple[int, int, float, float, float, dict[str, float], float]
"""Frames, frames times people, seconds, CPU seconds, peak MB, seconds by stage, seconds of the whole process."""


def repeated(clip: Path, target: Path, times: int) -> Path:
    """The clip repeated `times` times: the same packets, shifted in time."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        offset = 0
        for _ in range(times):
            source.seek(0)
            end = 0
            for packet in source.demux(video):
                if packet.dts is None:
                    continue
                end = max(end, packet.pts + (packet.duration or 1))
                packet.pts += offset
                packet.dts += offset
                packet.stream = stream
                container.mux(packet)
            offset += end
    return target


def measure(python: str, worker: str, *arguments: Path) -> Measured:
    """One run in its own process."""
    command = [python, "-c", worker, *map(str, arguments)]
    compiled = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
    }  # the first round compiles modules, as an installation does
    begin = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=compiled).stdout
    return (*json.loads(output), time.perf_counter() - begin)


def report(name: str, measured: Measured) -> None:
    frames, people, wall, cpu, peak, seconds, whole = measured
    print(f"{name}: {frames} frames, {people / frames:.2f} people per frame")
    print(f"  {frames / wall:.1f} frames per second; per frame {1000 * wall / frames:.1f} ms,")
    print(f"  {1000 * cpu / frames:.1f} ms of CPU time;")
    print(f"  {whole:.2f} s for the whole process; peak memory {peak:.0f} MB")
    if seconds:
        total = seconds.pop("total")
        print("  " + ", ".join(f"{stage} {100 * s / total:.0f} %" for stage, s in seconds.items()))


def compare(name: str, clip: Path, out: Path, mediapipe: Path, rounds: int) -> float:
    """Measure and report both programs on a clip; returns Kinema's peak memory, MB."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(measure(sys.executable, WORKER, clip, out))
        if mediapipe.is_file():
            theirs.append(measure(str(mediapipe), MEDIAPIPE, clip))
    best = min(ours, key=lambda m: m[2])
    report(f"Kinema, {name}", best)
    if theirs:
        report("MediaPipe's Pose, the same clip", min(theirs, key=lambda m: m[2]))
        pairs = list(zip(ours, theirs, strict=True))
        ratio, cpu, whole = (statistics.median(b[i] / a[i] for a, b in pairs) for i in (2, 3, 6))
        print(f"Kinema over MediaPipe, median of {rounds} rounds: {ratio:.2f} times the frames per second,")
        print(f"  {cpu:.2f} times the frames per second of CPU time, {whole:.2f} times with the imports")
    else:
        print("MediaPipe was not measured: `make .venv-mediapipe` installs it in a separate environment")
    return best[4]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path, default=DATA / "videos" / "football_juggle_single_handheld.mp4")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--mediapipe-python", type=Path, default=ROOT / ".venv-mediapipe" / "bin" / "python")
    args = parser.parse_args()
    if not args.video.is_file():
        print(f"no {args.video}; give a video or set KINEMA_DATA", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        usual = compare(args.video.name, args.video, out, args.mediapipe_python, args.rounds)
        if args.times > 1:
            clip = repeated(args.video, out / "longer.mp4", args.times)
            name = f"the clip repeated {args.times} times"
            peak = compare(name, clip, out, args.mediapipe_python, min(args.rounds, 2))
            print(f"peak memory of the longer clip: {100 * (peak / usual - 1):+.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
